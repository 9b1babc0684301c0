"""The page in a real browser: hostile text stays text, our script runs, nothing is requested."""

import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import browse, needs_browser
from PIL import Image

from xc.evaluate.report import write_report

pytestmark = needs_browser

SCRIPT = "<script>document.title='pwned'</script>"
IMAGE = '"><img src=x onerror="document.title=\'pwned\'">'


@pytest.fixture(scope="module")
def report(make_run: Callable[..., Any]) -> Path:
    tokens = (SCRIPT, IMAGE, "\u202eabc", "\x00", " def")
    evaluation = make_run(d_sae=60, tokens=tokens, names=(SCRIPT + "@1", IMAGE + "@2"))
    return write_report(evaluation, run=evaluation.run)


@pytest.fixture
def served(report: Path) -> Iterator[tuple[str, list[str]]]:
    """The page's address on this machine, and the list of requested paths."""
    requests: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(report.read_bytes())

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/report.html", requests
        server.shutdown()
        thread.join()


def test_hostile_text_is_text_and_nothing_else_is_requested(
    served: tuple[str, list[str]], tmp_path: Path
) -> None:
    url, requests = served
    dom = browse(url, tmp_path, "--dump-dom")
    assert requests == ["/report.html"]
    title = dom.partition("<title>")[2].partition("</title>")[0]
    assert title.endswith("crosscoder report")
    assert "<img" not in dom
    assert "&lt;script&gt;document.title='pwned'&lt;/script&gt;" in dom
    assert '<button type="button">' in dom  # the one script that the policy allows has run


def test_a_picture_of_the_page_is_not_blank(report: Path, tmp_path: Path) -> None:
    picture = tmp_path / "page.png"
    browse(report.as_uri(), tmp_path, "--window-size=1100,2400", f"--screenshot={picture}")
    with Image.open(picture) as image:
        colours = image.convert("RGB").resize((110, 240)).getcolors(110 * 240)
    assert colours is not None
    assert len(colours) > 50
