"""`xc evaluate --scheduler` as typed: threads, processes, and a cluster of two processes of this
machine."""

import shutil

import planted
import pyarrow.parquet as pq
import pytest
from distributed import Client, LocalCluster
from twinned import with_twins
from typer.testing import CliRunner

from xc.cli.main import build_app
from xc.evaluate.graph import BlockGroups
from xc.store_schema import RunLayout

SETTINGS = ("--block-rows", "16", "--tile-rows", "16", "--bootstrap", "50", "--no-report")
"""Blocks so small that there is work for two."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunLayout:
    root = tmp_path_factory.mktemp("cluster")
    plan = planted.make_plan(n_sequences=60)
    truth = planted.make_truth(plan.n_rows)
    store = planted.write_store(root / "acts.zarr", truth, plan, noise=0.2)
    checkpoint = with_twins(planted.true_crosscoder(truth, store))
    return planted.write_run(root / "run", checkpoint, store)


@pytest.fixture(scope="module")
def expected(run: RunLayout) -> dict[str, bytes]:
    """What threads write."""
    found, _ = evaluated(run, "threads")
    for table in (run.latents_parquet, run.examples, run.twins, run.nu_curves):
        assert pq.read_metadata(table).num_rows > 0
    assert {"summary.json", "provenance.json"} <= found.keys()
    return found


def evaluated(run: RunLayout, scheduler: str) -> tuple[dict[str, bytes], str]:
    """Type the command; its files, and what it said."""
    shutil.rmtree(run.evaluation, ignore_errors=True)
    words = ["--run", str(run.root), "--store", str(run.root.parent / "acts.zarr"), *SETTINGS]
    typed = ["evaluate", *words, "--scheduler", scheduler]
    done = CliRunner().invoke(build_app(["evaluate"]), typed)
    assert done.exit_code == 0, done.output
    return files(run), done.output


def files(run: RunLayout) -> dict[str, bytes]:
    """All that was written beside the settings, of which the scheduler is one."""
    found = (path for path in run.evaluation.rglob("*") if path.is_file())
    return {
        str(path.relative_to(run.evaluation)): path.read_bytes()
        for path in found
        if path != run.evaluation_config
    }


@pytest.mark.slow
def test_processes_give_the_bytes_of_threads(
    run: RunLayout, expected: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a block was read in the process that was to hand it on")

    monkeypatch.setattr(BlockGroups, "__call__", refuse)
    found, _ = evaluated(run, "processes")
    assert found == expected


@pytest.mark.slow
def test_a_cluster_gives_the_bytes_of_threads(run: RunLayout, expected: dict[str, bytes]) -> None:
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, protocol="tcp",
            dashboard_address=":0",
        ) as running,
        Client(running.scheduler_address, set_as_default=False) as watching,
    ):  # fmt: skip
        watching.get_task_stream()  # from now on the scheduler writes down who did what
        found, said = evaluated(run, running.scheduler_address)
        ran = watching.get_task_stream()
    assert found == expected
    assert len({task["worker"] for task in ran}) == 2
    assert "dashboard" in said
