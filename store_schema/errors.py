"""The errors of xc as a tree; each knows the exit status that the command line returns.

XcError (1)                 something failed underway
├── RequestError (2)        the request was wrong: found, expected, what to do
│   └── SchemaError (2)     what lies on disk is not what SPEC.md says
├── DamageError (1)         bytes on disk are damaged: which file, how to mend it
└── NumericalError (1)      a NaN or an infinity, with the place where it arose
"""


class XcError(Exception):
    """Something failed underway. The message says what failed, what is safe, and how to go on."""

    exit_status = 1


class RequestError(XcError):
    """The request was wrong. The message is one line: found, expected, what to do."""

    exit_status = 2


class SchemaError(RequestError):
    """An artefact on disk does not keep a promise of SPEC.md."""


class DamageError(XcError):
    """Stored bytes are missing, truncated or fail their checksum."""


class NumericalError(XcError):
    """A value is NaN or infinite where a finite one is needed."""
