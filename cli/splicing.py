"""Spliced passes for an evaluation: the harvester runs the models, the evaluator keeps the sums."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xc.cli.evaluate_options import EvaluateOptions
from xc.cli.pipeline_file import Pipeline
from xc.evaluate.checks import SPLIT, check_inputs
from xc.evaluate.reader import Reader
from xc.evaluate.spliced import DERIVED, is_derived
from xc.evaluate.spliced_precision import Precision, words
from xc.evaluate.spliced_rows import SplicedRows
from xc.evaluate.spliced_sums import COLUMNS, SplicedSums, kept_spliced, save_spliced
from xc.store_schema import (
    ActivationStore,
    Progress,
    RequestError,
    RunLayout,
    Source,
    from_mapping,
)

if TYPE_CHECKING:
    from xc.harvest import HarvestConfig, ModelRef

_LOADING = (
    "attn_implementation",
    "batch_size",
    "blocks",
    "device",
    "device_map",
    "dtype",
    "trust_remote_code",
)
"""Settings of the harvest that hold for spliced passes too, unless the evaluation has its own."""


def measure_spliced(
    options: EvaluateOptions,
    pipeline: Pipeline,
    *,
    run: RunLayout,
    store: ActivationStore,
    progress: Progress,
) -> dict[int, str]:
    """Run the models of all sources whose losses are not kept yet; one file is written for each.

    Losses that are kept of another precision than is asked for are stale; they stay until others
    are there.

    Returns:
        Why a model could not be run, by number of the source.

    Raises:
        RequestError: if there is no source that anything is known of afterwards, or none that
            can be run in the precision that is asked for.
    """
    work = _Work(options, pipeline, Reader(store.path, run.root, options.tile_rows), run, progress)
    check_inputs(work.reader)
    kept = kept_spliced(work.reader, run, progress)
    missing = [
        source
        for source in range(len(work.reader.keys))
        if source not in kept or work.is_stale(source, kept[source])
    ]
    if missing:
        work.check()
    refused = {source: why for source in missing if (why := work.attempt(source)) is not None}
    if len(refused) == len(work.reader.keys):
        told = "; ".join(f"{work.reader.keys[source]}: {why}" for source, why in refused.items())
        raise RequestError(f"{run.root}: no source can be spliced into its model: {told}")
    for source, why in refused.items():
        progress.note(f"{work.reader.keys[source]} is not spliced into its model: {why}")
    return refused


@dataclass(frozen=True)
class _Work:
    """What all sources of a run have in common."""

    options: EvaluateOptions
    pipeline: Pipeline
    reader: Reader
    run: RunLayout
    progress: Progress

    def check(self) -> None:
        """See that the models that are given are of the run."""
        from xc.cli.spliced_models import check_given  # noqa: PLC0415  (an evaluation needs no torch)

        store = self.reader.store
        check_given(self.options.models, [store.source(key) for key in self.reader.keys])

    def attempt(self, source: int) -> str | None:
        """Measure a source; why not, if it cannot be."""
        if is_derived(self.reader, source):
            return DERIVED
        try:
            self._measure(source, self.reader.store.source(self.reader.keys[source]))
        except RequestError as error:
            return str(error)
        return None

    def is_stale(self, number: int, kept: SplicedSums) -> bool:
        """Whether what is kept of a source is of another precision than is asked for; it is told.

        Raises:
            RequestError: if the settings are wrong.
        """
        source = self.reader.store.source(self.reader.keys[number])
        config = self._config(source)
        try:
            asked = self._precision(config, source)
        except RequestError:  # model or device is not here, so that it could not be run either
            return False
        if kept.precision == asked:
            return False
        self.progress.note(
            f"{source.key}: kept losses are of a model in {words(kept.precision)}, asked for is "
            f"{asked}; they are taken again"
        )
        return True

    def _measure(self, number: int, source: Source) -> None:
        from xc.harvest import spliced_loss  # noqa: PLC0415  (as above)

        rows = SplicedRows(self.reader, number)
        config = self._config(source)
        found = spliced_loss(
            config,
            model=self._model(source),
            store=self.reader.store,
            key=source.key,
            reconstruct=rows.reconstruct,
            choose=rows.chosen,
            split=SPLIT,
            progress=self.progress,
        )
        columns = {name: vars(found)[name] for name in COLUMNS}
        told = {"model": source.model, "revision": source.revision}
        precision = self._precision(config, source)
        save_spliced(self.run, self.reader, number, columns, precision=precision, **told)

    def _precision(self, config: "HarvestConfig", source: Source) -> Precision:
        from xc.harvest import spliced_dtype  # noqa: PLC0415  (as above)

        dtype = spliced_dtype(config, lambda: self._model(source))
        return Precision(dtype, config.quantize, config.attn_implementation)

    def _model(self, source: Source) -> "ModelRef":
        from xc.cli.spliced_models import model_of  # noqa: PLC0415  (as above)

        usual = self.pipeline.sections.get("harvest", {}).get("models", ())
        return model_of(source, given=self.options.models, usual=_words(usual))

    def _config(self, source: Source) -> "HarvestConfig":
        from xc.harvest import HarvestConfig  # noqa: PLC0415  (as above)

        return from_mapping(HarvestConfig, self._settings(source), where="evaluate")

    def _settings(self, source: Source) -> Mapping[str, Any]:
        """How a model is run: as told, else as in the harvest; quantised if it was then."""
        harvested = self.pipeline.sections.get("harvest", {})
        told = {name: harvested[name] for name in _LOADING if name in harvested}
        own = {name: vars(self.options).get(name) for name in _LOADING}
        bits = source.dtype.partition(" from ")[2] or None
        given = {name: value for name, value in own.items() if value not in (None, False)}
        return {**told, **given, "layers": (source.key.rpartition("@")[2],), "quantize": bits}


def _words(value: Any) -> list[str]:
    """A list from YAML, or words in one string."""
    return value.split() if isinstance(value, str) else [str(v) for v in value]
