"""`xc demo`: harvest, train and evaluate the embedded pair at its middle layers."""

from pathlib import Path

from rich.console import Console

from xc.cli.next_steps import after_evaluating, print_next
from xc.cli.pipeline_file import Pipeline
from xc.cli.pipeline_run import run_pipeline
from xc.cli.results import print_evaluation
from xc.store_schema import Progress

HARVEST = {
    "models": ["zoo:base", "zoo:distilled"],
    "layers": ["2,1"],
    "dataset": "zoo:stdlib",
    "tokens": 400_000,
    "batch_size": 32,
    "device": "cpu",
}
TRAIN = {
    "sparsity": "batch_topk",
    "d_sae": 1024,
    "k": 32,
    "tokens": 600_000,
    "until_fve": 0.95,
    "device": "cpu",
}


def run_demo(folder: Path, *, progress: Progress, console: Console) -> None:
    """Run it, print the headline numbers, and name the report."""
    pipeline = Pipeline(
        path=folder / "the demonstration",
        store=folder / "acts.zarr",
        run=folder / "run",
        sections={"harvest": HARVEST, "train": TRAIN},
    )
    for done in run_pipeline(pipeline, progress=progress):
        print_evaluation(console, done)
    print_next(console, after_evaluating(pipeline.run, [pipeline.run]))
