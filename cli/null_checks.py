"""What can be refused of null controls is refused before the first of them is trained."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from xc.cli.null_config import NullConfig
from xc.cli.null_folders import refuse_foreign
from xc.cli.null_planted import planted_config, planted_world
from xc.cli.null_subject import Subject
from xc.evaluate.nulls.conditions import IDENTICAL, PERMUTED, PLANTED, SEEDS
from xc.evaluate.nulls.permuted_store import check_permutable
from xc.store_schema import RequestError
from xc.train.settle import device_of, settle


def check_controls(subject: Subject, asked: NullConfig) -> None:
    """Check the device, the folders, and every kind that is asked for.

    Raises:
        RequestError: naming the kind, if one cannot be made.
    """
    device_of(subject.config.device)
    for kind in asked.kind:
        try:
            refuse_foreign(subject.run.nulls / kind)
            _CHECKS[kind](subject, asked)
        except RequestError as error:
            raise RequestError(f"null control {kind}: {error}; nothing was trained") from error


def _identical(subject: Subject, _: NullConfig) -> None:
    a = subject.keys[0]
    settle(replace(subject.config, sources=(a, a)), subject.store)


def _permuted(subject: Subject, asked: NullConfig) -> None:
    check_permutable(
        subject.store, subject.keys,
        row_filter=subject.config.row_filter, rows=asked.rows, seed=asked.seed,
    )  # fmt: skip


def _seeds(subject: Subject, _: NullConfig) -> None:
    settle(subject.config, subject.store)


def _planted(subject: Subject, asked: NullConfig) -> None:
    widths = [source.d_model for source in subject.checkpoint.sources]
    world = planted_world(subject.config, widths)
    planted_config(subject.config, widths, world, tokens=asked.tokens)
    penalised = subject.config.sparsity in ("l1", "jumprelu")
    if penalised and not subject.evaluation.summary.get("l0"):
        raise RequestError(
            "l0 of the run, which sets the weight of its penalty, was not measured; run "
            "`xc evaluate` with all metrics first"
        )


_CHECKS: Mapping[str, Callable[[Subject, NullConfig], None]] = {
    IDENTICAL: _identical,
    PERMUTED: _permuted,
    SEEDS: _seeds,
    PLANTED: _planted,
}
