"""What a run was trained with stands in its config.yaml; the same gives the same bytes."""

from typing import Any

import pytest
import torch
import yaml
from training import short, tree

from xc.store_schema import ActivationStore, RunLayout, Silent
from xc.train import train
from xc.train.ran_with import ran_with

CPU = torch.device("cpu")


class Stop(Silent):
    left = 12

    def advance(self, amount: int, **figures: float) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def noted(run: RunLayout) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(run.config.read_text())["ran_with"]
    return found


def test_tells_device_threads_and_versions_and_no_machine() -> None:
    found = ran_with(CPU, processes=2)
    assert list(found)[:4] == ["device", "instructions", "threads", "processes"]
    assert (found["device"], found["threads"], found["processes"]) == ("cpu", 1, 2)
    assert found["torch"] == torch.__version__
    assert yaml.safe_load(yaml.safe_dump(found)) == found


def test_a_run_that_goes_on_with_more_threads_says_both(
    store: ActivationStore, run: RunLayout
) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(short(), store=store, run=run, progress=Stop())
    assert noted(run) == [ran_with(CPU)]
    torch.set_num_threads(2)
    train(short(), store=store, run=run, progress=Silent())
    assert [of["threads"] for of in noted(run)] == [1, 2]
    done = tree(run.root)
    torch.set_num_threads(3)  # it is done: nothing is trained with these
    train(short(), store=store, run=run, progress=Silent())
    assert tree(run.root) == done


def test_what_is_begun_anew_forgets_what_it_ran_with(
    store: ActivationStore, run: RunLayout
) -> None:
    train(short(), store=store, run=run, progress=Silent())
    torch.set_num_threads(2)
    train(short(resume=False), store=store, run=run, progress=Silent())
    assert [of["threads"] for of in noted(run)] == [2]


def test_a_run_of_an_older_version_is_left_as_it_is(store: ActivationStore, run: RunLayout) -> None:
    train(short(), store=store, run=run, progress=Silent())
    values = yaml.safe_load(run.config.read_text())
    del values["ran_with"]
    run.config.write_text(yaml.safe_dump(values, sort_keys=False))
    before = tree(run.root)
    train(short(), store=store, run=run, progress=Silent())
    assert tree(run.root) == before


def test_two_threads_give_the_same_bytes_each_time(store: ActivationStore, run: RunLayout) -> None:
    torch.set_num_threads(2)
    values = {"d_sae": 256, "batch_size": 256, "tokens": 10 * 256, "dead_after_tokens": 512}
    trees = []
    for name in ("a", "b"):
        each = RunLayout(run.root / name)
        train(short(**values), store=store, run=each, progress=Silent())
        trees.append(tree(each.root))
    assert trees[0] == trees[1]
