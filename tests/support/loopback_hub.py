"""What Hubs on loopback have in common: a server that runs while in use, and its answers."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote, urlparse


def sha1(data: bytes) -> str:
    """As a Hub names commits and files."""
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def commit_of(name: str) -> str:
    """The commit that a repository is at."""
    return sha1(name.encode())


class LoopbackHub:
    """Serves the folders `<root>/<owner>/<name>`; `url` is its address, `asked` the paths asked
    for."""

    def __init__(self, root: Path, handler: type["Handler"]) -> None:
        self.root = root
        self.asked: list[str] = []
        bound = type("Bound", (handler,), {"hub": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), bound)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def running(self) -> Iterator[Self]:
        """Serve for as long as this lasts."""
        serve = self._server.serve_forever
        thread = threading.Thread(target=serve, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def holds(self, name: str) -> bool:
        """Whether there is such a repository."""
        return (self.root / name).is_dir()

    def files(self, name: str) -> list[str]:
        """Files of a repository, from its folder."""
        found = sorted(p for p in (self.root / name).rglob("*") if p.is_file())
        return [p.relative_to(self.root / name).as_posix() for p in found]

    def about(self, name: str) -> dict[str, Any]:
        """What it says of a repository."""
        return {
            "_id": "1", "id": name, "sha": commit_of(name), "private": False, "tags": [],
            "downloads": 0, "likes": 0,
            "siblings": [{"rfilename": file} for file in self.files(name)],
        }  # fmt: skip


class Handler(BaseHTTPRequestHandler):
    """Requests for descriptions and files; kinds of Hubs add the rest."""

    hub: LoopbackHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def do_POST(self) -> None:
        self.post()

    def post(self) -> None:
        """Answer a POST."""
        raise NotImplementedError

    def answer(self, *, body: bool) -> None:
        """Answer a HEAD or GET."""
        raise NotImplementedError

    def asked_for(self) -> list[str]:
        """The parts of the path."""
        path = unquote(urlparse(self.path).path)
        self.hub.asked.append(path)
        return path.strip("/").split("/")

    def text(self) -> str:
        """What was posted."""
        return self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()

    def file(self, name: str, path: str, *, body: bool) -> None:
        """The bytes of a file, or those of its bytes that are asked for."""
        place = self.hub.root / name / path
        if not place.is_file():
            self.missing("EntryNotFound", body=body)
            return
        data = place.read_bytes()
        extra = {
            "X-Repo-Commit": commit_of(name),
            "ETag": f'"{sha1(data)}"',
            "Accept-Ranges": "bytes",
        }
        status, start, stop = 200, 0, len(data)
        if asked := self.headers.get("Range"):
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start, stop = int(first), min(int(last) + 1 if last else len(data), len(data))
            status, extra["Content-Range"] = 206, f"bytes {start}-{stop - 1}/{len(data)}"
        self.send(status, data[start:stop], "application/octet-stream", body=body, **extra)

    def missing(self, code: str = "", *, body: bool) -> None:
        """404, with the word that the client tells kinds by."""
        extra = {"X-Error-Code": code} if code else {}
        self.send(404, b"", "text/html", body=body, **extra)

    def json(self, value: Any, *, body: bool = True) -> None:
        """A value."""
        self.send(200, json.dumps(value).encode(), "application/json", body=body)

    def send(self, status: int, data: bytes, kind: str, *, body: bool, **extra: str) -> None:
        """Headers, and the bytes unless only those are wanted."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for key, value in extra.items():
            self.send_header(key, value)
        self.end_headers()
        if body:
            self.wfile.write(data)
