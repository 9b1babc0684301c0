"""The link of a cluster's dashboard, as it is printed: it opens pages that are drawn."""

import re
from urllib.parse import urljoin
from urllib.request import urlopen

from distributed import LocalCluster

from xc.evaluate.scheduler import announce
from xc.store_schema import Silent


class Told(Silent):
    """Remembers notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def get(address: str) -> str:
    with urlopen(address, timeout=60) as answer:
        assert answer.status == 200
        return str(answer.read().decode())


def test_the_link_opens_the_dashboard() -> None:
    told = Told()
    with LocalCluster(
        n_workers=0, processes=False, protocol="tcp", dashboard_address="127.0.0.1:0"
    ) as running:
        announce(running.scheduler_address, told)
        (note,) = told.notes
        link = note.removeprefix("dashboard: ")
        page = get(link)
        assert "<title>Dask" in page
        assert "needs bokeh" not in page
        script = re.search(r'<script src="([^"]*bokeh\.min\.js[^"]*)"', page)
        assert script is not None
        assert "Bokeh" in get(urljoin(link, script[1]))
