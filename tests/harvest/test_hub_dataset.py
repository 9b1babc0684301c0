"""Data sets of the Hub, by `datasets` itself, from a loopback server: pinned, streamed, refused."""

import json

import huggingface_hub
import pyarrow
import pyarrow.parquet
import pytest
from tiny_hub import TinyHub, commit_of

from xc.harvest import hub_dataset
from xc.harvest.dataset_reference import parse_reference
from xc.harvest.document import Message
from xc.store_schema import RequestError, XcError

datasets = pytest.importorskip("datasets")

PLAIN, CHATS, TABLE, BROKEN = "some/plain", "some/chats", "some/table", "some/broken"
CARD = """---
configs:
- config_name: en
  data_files:
  - {split: train, path: en.jsonl}
  - {split: test, path: en-test.jsonl}
- config_name: de
  data_files: de.jsonl
---
"""


def as_lines(records):
    return "".join(json.dumps(r) + "\n" for r in records)


def chat(text):
    return {"messages": [{"role": "user", "content": text}]}


def make_files(root):
    for name in (PLAIN, CHATS, TABLE, BROKEN):
        (root / name).mkdir(parents=True)
    (root / PLAIN / "train.jsonl").write_text(
        as_lines({"id": i, "text": f"t{i}"} for i in range(5))
    )
    (root / CHATS / "README.md").write_text(CARD)
    for name in ("en", "en-test", "de"):
        (root / CHATS / f"{name}.jsonl").write_text(as_lines([chat(name), chat("two")]))
    table = pyarrow.table({"text": [f"t{i}" for i in range(50)], "other": ["x"] * 50})
    pyarrow.parquet.write_table(table, root / TABLE / "train.parquet", row_group_size=10)
    (root / BROKEN / "train.jsonl").write_text(as_lines([{"text": "one"}]) + '{"text": \n')


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """A Hub on loopback, and the two libraries pointed at it."""
    root = tmp_path_factory.mktemp("hub")
    make_files(root)
    server = TinyHub(root)
    with server.running(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
        patch.setattr(huggingface_hub.constants, "ENDPOINT", server.url)
        template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
        patch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        patch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(root / "cache"))
        patch.setattr(datasets.config, "HF_ENDPOINT", server.url)
        patch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", str(root / "data"))
        huggingface_hub.HfFileSystem.clear_instance_cache()
        yield server
    huggingface_hub.HfFileSystem.clear_instance_cache()


def opened(text, text_column=None):
    return hub_dataset.open_dataset(parse_reference(text), text_column)


def test_streamed_at_its_commit(hub):
    corpus = opened(PLAIN)
    assert corpus.name == PLAIN
    assert corpus.fingerprint == f"{PLAIN}@{commit_of(PLAIN)}?split=train"
    assert corpus.details == {"revision": commit_of(PLAIN), "split": "train"}
    assert list(corpus.documents()) == ["t0", "t1", "t2", "t3", "t4"]
    assert list(corpus.documents()) == ["t0", "t1", "t2", "t3", "t4"]


def test_a_branch_is_pinned_to_its_commit(hub):
    assert opened(f"{PLAIN}@main").fingerprint == opened(PLAIN).fingerprint


def test_a_commit_needs_no_network_to_be_opened(hub):
    hub.asked.clear()
    corpus = opened(f"{PLAIN}@{commit_of(PLAIN)}")
    assert hub.asked == []
    assert corpus.fingerprint == opened(PLAIN).fingerprint


def test_configuration_and_split(hub):
    corpus = opened(f"{CHATS}?config=en&split=test")
    assert corpus.fingerprint == f"{CHATS}@{commit_of(CHATS)}?config=en&split=test"
    assert list(corpus.documents()) == [(Message("user", "en-test"),), (Message("user", "two"),)]
    german = next(iter(opened(f"{CHATS}?config=de").documents()))
    assert german == (Message("user", "de"),)


def test_parquet_and_its_columns(hub):
    assert list(opened(TABLE).documents())[-1] == "t49"
    assert set(opened(TABLE, "other").documents()) == {"x"}
    corpus = opened(f"{TABLE}?column=other", "text")
    assert set(corpus.documents()) == {"x"}
    assert corpus.fingerprint.endswith("?split=train&column=other")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            CHATS,
            r"available configs: \['en', 'de'\]; for instance --dataset 'some/chats\?config=en",
        ),
        (f"{CHATS}?config=fr", r"'fr' not found. Available: \['en', 'de'\]"),
        (
            f"{CHATS}?config=en&split=val",
            r"splits: \['train', 'test'\]; .* 'some/chats\?split=train",
        ),
        (f"{PLAIN}@v9", r"Revision Not Found"),
        ("some/none", "not to be had from the Hugging Face Hub"),
        (f"{PLAIN}?column=body", r"record 1: no column 'body'"),
    ],
)
def test_refused_in_one_line(hub, text, message):
    with pytest.raises(RequestError, match=message) as caught:
        list(opened(text).documents())
    assert "\n" not in str(caught.value)


def test_reading_that_breaks_off(hub):
    with pytest.raises(
        XcError, match=rf"'{BROKEN}': reading breaks off behind record \d"
    ) as caught:
        list(opened(BROKEN).documents())
    assert not isinstance(caught.value, RequestError)
    assert "\n" not in str(caught.value)


def test_unreachable(monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(RequestError, match="cannot be reached; give a file or folder"):
        opened(PLAIN)


def test_not_installed(monkeypatch):
    monkeypatch.setattr(hub_dataset.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(RequestError, match=r"xcdiff\[hub\]"):
        opened(PLAIN)
