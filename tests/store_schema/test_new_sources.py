"""Sources that come into a store: new ones, known ones, and keys that are not taken."""

import dataclasses
from pathlib import Path

import pytest
from folders import contents

from xc.store_schema import (
    ActivationStore,
    RequestError,
    SchemaError,
    Source,
    StoreWriter,
    new_sources,
)


def gamma() -> Source:
    return Source("gamma@0", "gamma", None, 0, "residual", "none", 8, "float32", "0")


def test_commands_are_recorded_once(unfinished: StoreWriter) -> None:
    def commands(typed: str, key: str) -> list[str]:
        source = dataclasses.replace(gamma(), key=key)
        unfinished.add_sources([source], codec="bf16", tuples=[], command=typed)
        return list(unfinished.attributes["provenance"].get("commands", []))

    before = commands("", "gamma@0")
    assert commands("xc harvest gamma", "gamma@1") == [*before, "xc harvest gamma"]
    assert commands("xc harvest gamma", "gamma@2") == [*before, "xc harvest gamma"]


def test_adding_what_is_there_changes_no_byte(store_path: Path) -> None:
    before = contents(store_path)
    store = ActivationStore.open(store_path)
    StoreWriter.open(store_path).add_sources(store.sources, codec="bf16", tuples=store.tuples)
    assert contents(store_path) == before
    assert ActivationStore.open(store_path).complete


def test_the_same_source_twice_is_stored_once(unfinished: StoreWriter) -> None:
    writer = unfinished
    writer.add_sources([gamma(), gamma()], codec="bf16", tuples=[("gamma@0", "gamma@0")])
    assert [s["key"] for s in writer.attributes["sources"]] == ["alpha@1", "beta@2", "gamma@0"]
    assert writer.attributes["tuples"][-1] == ["gamma@0", "gamma@0"]


def test_a_source_harvested_otherwise_is_refused(store_path: Path) -> None:
    store = ActivationStore.open(store_path)
    other = dataclasses.replace(store.source("alpha@1"), revision="abc")
    with pytest.raises(RequestError, match="holds alpha@1 with revision None; asked for 'abc'"):
        StoreWriter.open(store_path).add_sources([other], codec="bf16", tuples=[])


@pytest.mark.parametrize("key", ["a/b@1", "..", "", "a\\b@1"])
def test_a_key_that_is_no_folder_name_is_refused(unfinished: StoreWriter, key: str) -> None:
    with pytest.raises(SchemaError, match="not the name of a folder"):
        unfinished.add_sources([dataclasses.replace(gamma(), key=key)], codec="bf16", tuples=[])


def test_a_key_that_makes_pairs_ambiguous_is_refused_in_new_stores_and_read_in_old_ones(
    unfinished: StoreWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, source = unfinished, dataclasses.replace(gamma(), key="a|b@1")

    def add() -> None:
        writer.add_sources([source], codec="bf16", tuples=[("alpha@1", "a|b@1")])

    with pytest.raises(RequestError, match=r"'a\|b@1' holds '\|', .*; rename the model's folder"):
        add()
    assert "a|b@1" not in writer.keys
    with monkeypatch.context() as patch:
        patch.setattr(new_sources, "check_new_key", lambda key: None)
        add()
    add()  # it is there
    assert StoreWriter.open(writer.path).missing("a|b@1") == [0, 1, 2]
    opened = ActivationStore.open(writer.path, allow_incomplete=True)
    assert opened.source("a|b@1").d_model == source.d_model
