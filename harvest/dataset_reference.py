"""Data set references as typed: `REF[:WEIGHT]`, and what may follow a name.

A file or folder: its path, `?column=COL` behind it. A Hub data set:
`OWNER/NAME[@REVISION][?config=C&split=S&column=COL]`. An embedded corpus: `zoo:NAME`. A preset:
`mix:NAME`. A path that exists as it stands is never taken apart. In YAML a mapping with the keys
name, config, split, column, revision and weight says the same.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from xc.store_schema import RequestError
from xc.store_schema.settings import refuse_unknown

OPTIONS = ("config", "split", "column")
KEYS = ("name", "revision", *OPTIONS, "weight")
ZOO, MIX = "zoo:", "mix:"

_WEIGHT = re.compile(r":((?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE]([+-]?[0-9]+))?)$")
_LONGEST, _LARGEST_EXPONENT = 100, 100
"""Weights are exact fractions: of 1e10000000 one takes 14 s to work out, and of more far longer."""
_QUERY = re.compile(r"\?([^?]*=[^?]*)$")


@dataclass(frozen=True)
class DatasetReference:
    """One data set as it was asked for."""

    name: str
    """A path, a Hub id, `zoo:NAME` or `mix:NAME`."""
    revision: str | None = None
    """Of a Hub data set: branch, tag or commit; default: the newest commit of its main branch."""
    config: str | None = None
    """Of a Hub data set with several."""
    split: str | None = None
    """Of a Hub data set; default: train."""
    column: str | None = None
    """The column with text or messages; default: --text-column, or the first known one."""
    weight: Fraction | None = None
    """Share of the rows relative to the others; None if none was given."""

    @property
    def path(self) -> Path:
        """The name as a path."""
        return Path(self.name).expanduser()

    @property
    def is_local(self) -> bool:
        """Whether there is such a file or folder."""
        try:
            return bool(self.name) and self.path.exists()
        except (OSError, ValueError):  # too long for a path, or no path at all
            return False

    def refuse(self, *fields: str, reason: str) -> None:
        """Refuse what means nothing for this kind of data set.

        Raises:
            RequestError: if one of these fields was given.
        """
        for field in fields:
            if (value := getattr(self, field)) is not None:
                raise RequestError(f"data set '{self.name}': {field} '{value}' given, but {reason}")


def parse_reference(text: str) -> DatasetReference:
    """A reference of the command line.

    Raises:
        RequestError: if a weight is no positive number, or an option is unknown.
    """
    whole = DatasetReference(text)
    if whole.is_local or not text:
        return whole
    weight = _WEIGHT.search(text)
    if weight is None:
        found = _parse_name(text)
        if not found.is_local:
            _refuse_weight(text)
        return found
    if len(weight[1]) > _LONGEST or abs(int(weight[2] or 0)) > _LARGEST_EXPONENT:
        raise RequestError(
            f"data set '{text:.80}': weight {weight[1]:.40} is out of all proportion; expected a "
            f"number from 1e-{_LARGEST_EXPONENT} to 1e{_LARGEST_EXPONENT}, in at most {_LONGEST} "
            "characters"
        )
    share = Fraction(weight[1])
    if share == 0:
        raise RequestError(f"data set '{text}': weight 0; give one above 0, or leave it out")
    return replace(_parse_name(text[: weight.start()]), weight=share)


def parse_references(texts: Sequence[str]) -> tuple[DatasetReference, ...]:
    """References that belong together.

    Raises:
        RequestError: if there are none, or some have weights and others do not.
    """
    references = tuple(parse_reference(text) for text in texts)
    if not references or not all(r.name for r in references):
        raise RequestError("no data set given; for instance --dataset zoo:stdlib")
    bare = [r.name for r in references if r.weight is None]
    if bare and len(bare) < len(references):
        raise RequestError(
            f"data set '{bare[0]}' has no weight, others have one; give all a weight "
            f"({bare[0]}:0.5), or none for equal shares"
        )
    return references


def reference_text(value: Any) -> str:
    """A reference of a YAML file, a text or a mapping, as it is typed on a command line.

    Raises:
        RequestError: if it is neither, has no name, or an unknown key.
    """
    if isinstance(value, str):
        return value
    if not isinstance(value, Mapping):
        raise RequestError(f"data set {value!r}: expected a text, or a mapping with a name")
    refuse_unknown(map(str, value), KEYS, where="data set")
    given = {str(key): str(v) for key, v in value.items() if v is not None}
    if not given.get("name"):
        raise RequestError(
            f"data set {dict(value)}: no name; expected for instance name: zoo:stdlib"
        )
    text = given["name"]
    if "revision" in given:
        text += f"@{given['revision']}"
    if options := {key: given[key] for key in OPTIONS if key in given}:
        text += f"?{urlencode(options)}"
    if "weight" in given:
        text += f":{given['weight']}"
        if not _WEIGHT.search(text):
            raise RequestError(
                f"data set '{given['name']}': weight {given['weight']}; expected a number above 0"
            )
    return text


def _refuse_weight(text: str) -> None:
    """Refuse what stands in a weight's place, of a name that is there without it, and is none.

    Raises:
        RequestError: saying what a weight looks like.
    """
    name, _, behind = text.rpartition(":")
    own_colon = text.startswith((ZOO, MIX))  # and a folder of that name may lie here
    if name.startswith((ZOO, MIX)) or (not own_colon and DatasetReference(name).is_local):
        raise RequestError(
            f"data set '{text}': weight '{behind}' is not a positive number; expected for "
            f"instance {name}:0.5"
        )


def _parse_name(text: str) -> DatasetReference:
    query = None if DatasetReference(text).is_local else _QUERY.search(text)
    name = text if query is None else text[: query.start()]
    options = {} if query is None else dict(parse_qsl(query[1], keep_blank_values=True))
    refuse_unknown(options, OPTIONS, where=f"data set '{text}'")
    for key, value in options.items():
        if not value:
            raise RequestError(f"data set '{text}': {key} is empty; expected {key}=VALUE")
    revision = None
    if not DatasetReference(name).is_local and not name.startswith((ZOO, MIX, ".", "/", "~")):
        name, at, after = name.partition("@")
        if at and not after:
            raise RequestError(f"data set '{text}': no revision behind the @; leave the @ out")
        revision = after or None
    return DatasetReference(name, revision=revision, **options)
