"""Something wrong with an artefact, as `xc verify` lists it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from xc.store_schema.errors import XcError
from xc.store_schema.places import Place, relative


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, and where."""

    file: str
    """The file or array, relative to the artefact."""
    what: str
    """What was found, and what was expected."""

    def __str__(self) -> str:
        return f"{self.file}: {self.what}"

    def within(self, folder: str) -> "Problem":
        """The same, seen from further up."""
        return Problem(folder if self.file == "." else f"{folder}/{self.file}", self.what)


@contextmanager
def noting(problems: list[Problem], root: Place, file: Place) -> Iterator[None]:
    """Note an error of xc as a problem of `file`, and go on behind the block.

    An error that begins with the name of a file inside of `file` is one of that.
    """
    try:
        yield
    except XcError as error:
        rest = str(error).removeprefix(str(file))
        problem = Problem(relative(file, root), rest.lstrip(": "))
        inner, colon, what = rest.partition(": ")
        if inner.startswith("/") and colon and " " not in inner and rest != str(error):
            inner = inner.strip("/")
            name = inner if problem.file == "." else f"{problem.file}/{inner}"
            problem = Problem(name, what)
        problems.append(problem)
