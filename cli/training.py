"""Training as the command line does it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xc.cli.blame import built, option_of
from xc.cli.idle_options import idle_in_file, refuse_idle
from xc.cli.opening import open_store
from xc.cli.pipeline_file import Pipeline
from xc.store_schema import ActivationStore, Progress, RunLayout
from xc.store_schema.places import Place
from xc.train import TrainConfig, TrainReport, train
from xc.train.distributed import speaks


def run_train(
    pipeline: Pipeline,
    flags: Mapping[str, Any],
    *,
    store: str | Place,
    run: Path,
    progress: Progress,
) -> TrainReport:
    """Train one run from a store.

    Raises:
        RequestError: if the request is wrong; also if a flag would play no part.
    """
    config = train_config(pipeline, flags)
    refuse_idle(flags, [config])
    for line in idle_in_file(pipeline, [config]):
        progress.note(line)
    opened = open_store(store)
    note_sources([config], opened, progress)
    return train(config, store=opened, run=RunLayout(run), progress=progress)


def note_sources(
    configs: Sequence[TrainConfig], store: ActivationStore, progress: Progress
) -> None:
    """Say which sources are taken where a store holds several tuples and none was chosen."""
    tuples = [",".join(keys) for keys in store.tuples]
    if len(tuples) > 1 and speaks() and not all(config.sources for config in configs):
        progress.note(
            f"trains on {tuples[0]}, which {store.path} names first; to choose, --sources: "
            f"{'; '.join(tuples[1:])}"
        )


def train_config(
    pipeline: Pipeline, flags: Mapping[str, Any], chosen: Mapping[str, Any] | None = None
) -> TrainConfig:
    """Flags over the file over the preset over the defaults; a preset by flag beats the file.

    Args:
        pipeline: the file.
        flags: of the command line; those that are None were not given.
        chosen: values over all of them, None among them, as a sweep gives them.

    Raises:
        RequestError: if a value is wrong.
    """
    file, where, swept = pipeline.sections.get("train", {}), pipeline.where("train"), chosen or {}
    given = {name: value for name, value in flags.items() if value is not None}
    return built(
        lambda over: TrainConfig.resolve(over, beneath=file, where=where),
        {**given, **swept},
        where=where,
        shown=lambda name: name if name in swept else option_of(name),
    )
