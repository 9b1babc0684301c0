"""A Hugging Face Hub on loopback: data sets out of a folder, by the real protocol.

Answers what `huggingface_hub` and `datasets` ask: the description of a data set, its files, their
bytes. Folders are `<root>/<owner>/<name>/<files>`; all of one data set are at one commit.
"""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from loopback_hub import Handler, LoopbackHub, commit_of, sha1

__all__ = ["TinyHub", "commit_of"]

DATE = "2024-01-01T00:00:00.000Z"


class TinyHub(LoopbackHub):
    """A server that runs while in use; `url` is its address, `asked` the paths it was asked for."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, _Handler)


class _Handler(Handler):
    def post(self) -> None:
        text, kind = self.text(), self.headers.get("Content-Type", "")
        wanted = json.loads(text)["paths"] if "json" in kind else parse_qs(text).get("paths", [])
        self.answer(body=True, wanted=wanted)

    def answer(self, *, body: bool, wanted: list[str] | None = None) -> None:
        parts = self.asked_for()
        name = "/".join(parts[2:4]) if parts[0] == "api" else "/".join(parts[1:3])
        if len(parts) < 3:
            self.send(200, b"", "text/html", body=body)
        elif not self.hub.holds(name):
            self.missing("RepoNotFound", body=body)
        elif parts[0] == "api":
            self._api(name, parts[4:], wanted, body=body)
        else:
            self.file(name, "/".join(parts[5:]), body=body)

    def _api(self, name: str, rest: list[str], wanted: list[str] | None, *, body: bool) -> None:
        if not rest or rest[0] == "revision":
            if rest[1:] and rest[1] not in ("main", commit_of(name)):
                self.missing("RevisionNotFound", body=body)
                return
            dated = {"lastModified": DATE, "createdAt": DATE, "gated": False, "disabled": False}
            self.json({**self.hub.about(name), **dated}, body=body)
        elif rest[0] == "tree":
            below = "/".join(rest[2:])
            files = [f for f in self.hub.files(name) if f.startswith(below)]
            self.json([self._entry(name, f) for f in files], body=body)
        elif rest[0] == "paths-info":
            self.json(self._paths(name, wanted or []), body=body)
        else:
            self.missing(body=body)

    def _paths(self, name: str, wanted: list[str]) -> list[dict[str, Any]]:
        found = []
        for path in wanted:
            place = self.hub.root / name / path
            if place.is_file():
                found.append(self._entry(name, path))
            elif place.is_dir():
                found.append({"type": "directory", "oid": commit_of(path), "size": 0, "path": path})
        return found

    def _entry(self, name: str, path: str) -> dict[str, Any]:
        data = (self.hub.root / name / path).read_bytes()
        return {"type": "file", "oid": sha1(data), "size": len(data), "path": path}
