"""A run's paths are those that other people's scripts rely on."""

from pathlib import Path

from xc.store_schema import RunLayout

CONTRACT = {
    "config": "config.yaml",
    "checkpoint": "checkpoint",
    "state": "state",
    "metrics": "metrics.jsonl",
    "latents": "latents",
    "evaluation": "evaluation",
    "summary": "evaluation/summary.json",
    "latents_parquet": "evaluation/latents.parquet",
    "examples": "evaluation/examples.parquet",
    "evaluation_config": "evaluation/config.yaml",
    "report": "evaluation/report.html",
    "figures": "evaluation/figures",
}


def test_names() -> None:
    run = RunLayout(Path("runs/default"))
    properties = {n for n, v in vars(RunLayout).items() if isinstance(v, property)}
    assert properties >= CONTRACT.keys()
    for name, path in CONTRACT.items():
        assert getattr(run, name) == Path("runs/default") / path


def test_nothing_is_made(tmp_path: Path) -> None:
    assert not RunLayout(tmp_path / "run").latents.exists()
    assert not (tmp_path / "run").exists()
