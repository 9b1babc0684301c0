"""A store of many sources on one screen: what is not shown is counted."""

import planted
from typer.testing import CliRunner

from xc.cli.inspect_store import MOST, store_lines
from xc.cli.main import build_app
from xc.store_schema import ActivationStore
from xc.store_schema.describe import describe


def test_lists_that_are_cut_say_how_much_more_there_is(planted_store: ActivationStore) -> None:
    about = describe(planted_store.path)
    about["sources"] *= 4
    parts = [{"name": "x" * 90, "rows": 1, "documents": 1, "fingerprint": "f"}] * 9
    about["corpus"] = {"parts": parts}
    pairs = {"a" * 60 + f"|{i}": {"cka": 0.5, "svcca": 0.5, "rows": 1} for i in range(10)}
    about |= {"comparisons": pairs, "segments": [{"rows": 1000}] * 7}
    about["provenance"] = {"commands": [f"xc harvest {i}" for i in range(9)]}
    lines = store_lines(about)
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 80
    cut = [line for line in lines if line.endswith(" more (--json)")]
    more = [int(line.split("… ")[-1].split()[0]) for line in cut]
    # In the order of the screen: harvests, parts of the text, sources, their norms, pairs.
    assert more == [7 - MOST, 9 - MOST, 8 - MOST, 8 - MOST, 10 - MOST]
    told = [line.removeprefix("command").strip() for line in lines if line.startswith("command")]
    assert told == ["… 7 earlier (--json)", "xc harvest 7", "xc harvest 8"]


def test_what_fits_is_not_counted(planted_store: ActivationStore) -> None:
    words = ["inspect", str(planted_store.path)]
    said = CliRunner().invoke(build_app(words), words).stdout
    assert all(key in said for key in planted.KEYS)
    assert "more (--json)" not in said
