"""A Hugging Face Hub on loopback for models: repositories out of a folder, and uploads into it.

Answers what `huggingface_hub` asks: what a repository holds, the bytes of its files, and a commit
of small files in one request. Folders are `<root>/<owner>/<name>/<files>`.
"""

import base64
import json
from pathlib import Path
from typing import Any

from loopback_hub import Handler, LoopbackHub, commit_of

__all__ = ["TinyModelHub", "commit_of"]


class TinyModelHub(LoopbackHub):
    """A server that runs while in use; `url` is its address."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, _Handler)


class _Handler(Handler):
    def answer(self, *, body: bool) -> None:
        parts = self.asked_for()
        api = parts[:2] == ["api", "models"]
        name = "/".join(parts[2:4] if api else parts[:2])
        if not self.hub.holds(name):
            self.missing("RepoNotFound", body=body)
        elif api:
            self.json(self.hub.about(name))
        else:
            self.file(name, "/".join(parts[4:]), body=body)

    def post(self) -> None:
        text, parts = self.text(), self.asked_for()
        if parts[:3] == ["api", "repos", "create"]:
            asked = json.loads(text)
            name = f"{asked.get('organization', 'me')}/{asked['name']}"
            (self.hub.root / name).mkdir(parents=True, exist_ok=True)
            self.json({"url": f"{self.hub.url}/{name}", "id": name})
        elif parts[-1] == "validate-yaml":
            self.json({"errors": [], "warnings": []})
        elif "preupload" in parts:
            more = {"uploadMode": "regular", "shouldIgnore": False}
            self.json({"files": [{**f, **more} for f in json.loads(text)["files"]]})
        elif "commit" in parts:
            name = "/".join(parts[2:4])
            for line in text.splitlines():
                self._commit(name, json.loads(line))
            url = f"{self.hub.url}/{name}/commit/{commit_of(name)}"
            self.json({"commitUrl": url, "commitOid": commit_of(name), "hookOutput": ""})
        else:
            self.missing(body=True)

    def _commit(self, name: str, line: dict[str, Any]) -> None:
        if line["key"] == "file":
            place = self.hub.root / name / line["value"]["path"]
            place.write_bytes(base64.b64decode(line["value"]["content"]))
