"""What `xc evaluate` can be told: an evaluation's settings, and how models are run for ce_*."""

from dataclasses import dataclass, fields, replace

from xc.evaluate import METRICS, EvaluateConfig
from xc.evaluate.selection import select
from xc.evaluate.spliced_metrics import SPLICED


@dataclass(frozen=True)
class EvaluateOptions(EvaluateConfig):
    """Options of the command, and keys of the section `evaluate` of a pipeline.yaml."""

    ce: bool = False
    """Run each source's model over the held-out text, as it is, with the reconstruction spliced in
    and with zeros: ce_recovered and its kin. What was measured is kept; naming a ce_* key in
    --metrics asks for it too."""
    models: tuple[str, ...] = ()
    """For ce: where models lie that the store names by their folder alone, as given to xc harvest
    (several with commas). Default: what the store names, or the models of pipeline.yaml."""
    device: str | None = None
    """For ce: where the models run, cpu, cuda, cuda:1, … Default: that of the harvest, else auto (a
    GPU if there is one)."""
    dtype: str | None = None
    """For ce: type in which the models run, as in xc harvest; what is kept of another is taken
    again."""
    batch_size: int | None = None
    """For ce: sequences run at once; halved when a GPU's memory runs out. Default: that of the
    harvest, else 16."""
    blocks: str | None = None
    """For ce: module path of the decoder blocks, for a model whose family is unknown."""
    trust_remote_code: bool = False
    """For ce: run model code that comes with the weights, a stranger's program."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "models", _words(self.models))

    def evaluation(self) -> EvaluateConfig:
        """The settings of the evaluation itself; `ce` adds its numbers to those asked for."""
        own = {f.name: vars(self)[f.name] for f in fields(EvaluateConfig)}
        config = EvaluateConfig(**own)
        if not self.ce or not config.metrics:
            return config
        return replace(config, metrics=(*config.metrics, *(m.name for m in SPLICED)))

    def wants_ce(self, n_sources: int) -> bool:
        """Whether models are to be run.

        Raises:
            RequestError: on an unknown metric.
        """
        chosen = select((*METRICS, *SPLICED), self.metrics, n_sources)
        return self.ce or (bool(self.metrics) and any(m in SPLICED for m in chosen))


def _words(values: tuple[str, ...] | str) -> tuple[str, ...]:
    """References, whether listed or written in one string with commas."""
    listed = [values] if isinstance(values, str) else values
    return tuple(word.strip() for text in listed for word in text.split(",") if word.strip())
