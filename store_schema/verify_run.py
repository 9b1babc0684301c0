"""Whether a run's files can be read and belong together."""

from pathlib import Path
from typing import Any

from xc.store_schema.activation_store import ActivationStore
from xc.store_schema.checkpoint import Checkpoint
from xc.store_schema.errors import RequestError, SchemaError
from xc.store_schema.grown import WHAT_TO_DO, grown_since, joined
from xc.store_schema.latent_table import LatentTable
from xc.store_schema.problem import Problem, noting
from xc.store_schema.progress import Progress, Silent
from xc.store_schema.run_layout import RunLayout
from xc.store_schema.verify_evaluation import check_evaluation
from xc.store_schema.verify_files import check_lines, check_settings
from xc.store_schema.verify_table import check_table


def verify_run(
    path: str | Path, progress: Progress | None = None, *, store: ActivationStore | None = None
) -> list[Problem]:
    """List everything that is wrong with a run, by file; nothing if it is whole.

    Args:
        path: the run's folder.
        progress: told of every part of the latent table.
        store: the store it was trained on, if its fingerprint should be compared too.

    Raises:
        RequestError: if there is no such folder.
    """
    run, progress = RunLayout(Path(path)), progress or Silent()
    if not run.root.is_dir():
        raise RequestError(f"{path}: expected the folder of a run, found none")
    problems: list[Problem] = []
    expected: dict[str, Any] = {}
    d_sae = None
    with noting(problems, run.root, run.checkpoint):
        checkpoint = Checkpoint.load(run.checkpoint)
        d_sae = checkpoint.d_sae
        expected = {"d_sae": d_sae, "checkpoint": checkpoint.fingerprint}
        if checkpoint.store_fingerprint is not None:
            expected["store"] = checkpoint.store_fingerprint
        _check_store(run, checkpoint, store)
    problems += check_table(run.latents, run.root, progress, expected=expected)
    if store is not None:
        with noting(problems, run.root, run.latents):
            _check_coverage(LatentTable.open(run.latents), store)
    for file, check in ((run.config, check_settings), (run.metrics, check_lines)):
        with noting(problems, run.root, file):
            check(file)
    return problems + check_evaluation(run, d_sae)


def _check_store(run: RunLayout, checkpoint: Checkpoint, store: ActivationStore | None) -> None:
    if store is None or checkpoint.store_fingerprint is None:
        return  # an imported one may have been trained anywhere
    found = store.fingerprint_of([s.key for s in checkpoint.sources])
    if found != checkpoint.store_fingerprint:
        grown = grown_since(run, store)
        why = f": {grown}; {WHAT_TO_DO}" if grown else ""
        raise SchemaError(f"was trained on other activations than those of {store.path}{why}")


def _check_coverage(table: LatentTable, store: ActivationStore) -> None:
    found, expected = joined(table.ranges), joined(store.splits["heldout"])
    if found != expected:
        raise SchemaError(f"covers rows {found}; held out are {expected}")
