"""What a training run is asked to do: every number of a recipe, with its unit and its origin."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from xc.store_schema import RequestError, RowFilter, from_mapping, suggestion
from xc.store_schema.row_filter import split_names
from xc.train.config_checks import SPARSITIES, check_config
from xc.train.number_lists import listed_floats, listed_integers
from xc.train.presets import PRESETS, base_values

__all__ = ["SPARSITIES", "TrainConfig"]

_SIZES = ("d_sae", "expansion_factor")
_NUMBER_LISTS = {
    "source_weights": listed_floats,
    "exclusive": listed_floats,
    "matryoshka": listed_integers,
}


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """A training run, every value explicit. `TrainConfig.resolve` builds one from a preset.

    The plain default is BatchTopK with the settings that short and long runs both bear; the recipes
    of the literature are presets.
    """

    preset: str | None = None
    """Recipe that unset values come from: kissane, becker, minder-l1, minder-batchtopk,
    anthropic-shared, dfc; none: the plain default of the chosen sparsity."""
    sources: tuple[str, ...] = ()
    """Sources of the store to train on, A first, such as gpt2@6,distilgpt2@3; none: the first tuple
    that was harvested."""
    keep: tuple[str, ...] = ()
    """Rows to train and to be measured on, by role (user, assistant, template, neither) or part of
    the corpus (corpus:NAME); roles add up, parts add up, both together narrow; none: all rows."""
    drop_sinks: bool = True
    """Leave out rows that are attention sinks of any of the sources (flagged by the harvest: norm
    above a multiple of the median)."""
    sparsity: str = "batch_topk"
    """batch_topk (k latents per token on average), topk (the k largest of every token), l1 (penalty
    on activation times decoder norm), jumprelu (a threshold per latent, learnt; tanh penalty), none
    (ReLU alone)."""
    code_norm: str = "crosscoder"
    """The weight s of a latent in its rank v = f·s and in the penalty: crosscoder (Σ‖d‖ over
    sources), sae (√Σ‖d‖², that of one stacked decoder), mixed (sae + 0.1·crosscoder), none (1),
    decoupled (batch_topk: each source ranks by its own ‖d‖ and has its own threshold)."""
    d_sae: int | None = None
    """Number of latents; none: expansion_factor times the widest source."""
    expansion_factor: float | None = None
    """Latents per dimension of the widest source; none: 8, unless d_sae is given."""
    k: int = 64
    """Latents kept per token (topk), on average over a batch (batch_topk)."""
    k_start: int | None = None
    """k of the first step, from which it falls linearly to k over k_anneal_steps; none: k."""
    k_anneal_steps: int = 0
    """Steps over which k falls from k_start to k."""
    l1_coeff: float = 2.0
    """λ, the weight in the loss of the mean over tokens of Σ f·s (l1) or Σ tanh(c·f·s) (jumprelu);
    Kissane: 2."""
    l1_warmup: float = 0.05
    """Fraction of all steps over which λ rises linearly from 0; Kissane: 0.05."""
    jumprelu_threshold: float = 0.1
    """θ of every latent at the start (jumprelu); Anthropic: 0.1."""
    jumprelu_bandwidth: float = 2.0
    """Width of the band around θ whose pre-activations pass a gradient to θ (jumprelu); Anthropic:
    2."""
    tanh_scale: float = 4.0
    """c, how soon the tanh penalty saturates (jumprelu); Anthropic: 4."""
    matryoshka: tuple[int, ...] = ()
    """Prefixes of the dictionary that must reconstruct alone, in latents, ascending, such as
    256,1024; the whole dictionary is always the last; none: only the whole."""
    matryoshka_reduction: str = "mean"
    """Reconstruction errors of prefixes are averaged (mean) or added up (sum)."""
    source_weights: tuple[float, ...] = ()
    """Weight of each source's reconstruction error, A first; none: ones."""
    shared_fraction: float = 0.0
    """Part of the dictionary that is designated shared: one decoder row for all sources (of equal
    width) and a reduced penalty."""
    shared_penalty: float = 0.15
    """Penalty of designated shared latents relative to that of the others; Anthropic: 0.1 to
    0.2."""
    exclusive: tuple[float, ...] = ()
    """Part of the dictionary that reads from and writes to one source alone, for each source, A
    first, such as 0.05,0.05; none: no exclusive latents."""
    reconstruction: str = "squared"
    """Reconstruction error, averaged over tokens: squared (sum over sources and dimensions of the
    squared error; Kissane), norm (mean over sources of the error's length; Minder), mse (mean over
    sources of its square)."""
    auxk_coeff: float = 1 / 32
    """α, the weight of the dead-latent loss; 0 turns it off, as plain l1, jumprelu and none do."""
    auxk_k: int | None = None
    """Most dead latents per token in the dead-latent loss; none: half the widest source."""
    dead_after_tokens: int | None = None
    """Tokens without firing after which a latent counts as dead; none: a twentieth of the tokens
    of the run, at most 10 million."""
    normalisation: str = "mean_norm"
    """One scale per source: mean_norm (√d / mean length; Kissane), rms (√d / root mean squared
    length), none."""
    centre: bool = False
    """Subtract each source's mean before scaling."""
    init_norm: float = 0.08
    """Length of every decoder row at the start, per source."""
    init_encoder: str = "transpose"
    """Encoder at the start: transpose (of the decoder) or independent (rows of the same length)."""
    init_same: bool = False
    """Start all sources (of equal width) from the same decoder rows."""
    init_decoder_bias: str = "geometric_median"
    """Decoder bias at the start: zero, or geometric_median or mean (of the first batch, per
    source)."""
    lr: float | None = None
    """Learning rate of Adam; none: 4e-4·√(16384 / d_sae)."""
    lr_warmup_steps: int = 0
    """Steps over which the learning rate rises linearly from 0."""
    lr_decay: float = 0.2
    """Fraction of all steps, at the end, over which the learning rate falls linearly to 0."""
    clip_norm: float | None = 1.0
    """Largest global norm of the gradient; none: no clipping."""
    tokens: int = 10_000_000
    """Tokens to train on; beyond the store's rows they are seen again, in another order."""
    batch_size: int = 1024
    """Tokens per step."""
    grad_accumulation: int = 1
    """Parts that a batch is computed in, one after the other, to save memory."""
    window_mb: int | None = None
    """MiB of activations that are shuffled together; where there are more, a second window is read
    ahead. None: all of them, if they take at most a quarter of the memory and 16 GiB, else two
    windows share that."""
    window_reads: int = 8
    """Most times that rows are read for once that they are trained on, where there are several
    windows: the more, the more texts are in a window. No more often than it takes to mix them."""
    seed: int = 0
    """Seed of the start; the same gives the same bytes with the same number of threads
    (OMP_NUM_THREADS)."""
    shuffle_seed: int = 0
    """Seed of the order of rows, apart from `seed`: runs of several seeds can share reading."""
    device: str = "auto"
    """cpu, cuda, cuda:1, …; auto: a CUDA device if there is one."""
    resume: bool = True
    """Continue what the run folder holds; false: start again from step 0 and replace it."""
    until_fve: float | None = None
    """Stop early once the validation fve of every source reaches this: the learning rate then
    decays as at the end of a full run; none: train on all tokens."""
    log_every: int = 50
    """Steps between lines of metrics.jsonl."""
    validate_every: int = 250
    """Steps between validations on a fixed slice of held-out rows, at the inference threshold."""
    validation_rows: int = 4096
    """Held-out rows of that slice."""
    save_every: int = 1000
    """Steps between saved states; the last two are kept."""
    track: tuple[str, ...] = ()
    """Live trackers beside metrics.jsonl: tensorboard, wandb (each if installed)."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "sources", _listed(self.sources))
        object.__setattr__(self, "keep", split_names(self.keep))
        object.__setattr__(self, "track", _listed(self.track))
        for name, read in _NUMBER_LISTS.items():
            object.__setattr__(self, name, read(name, self.__dict__[name]))
        check_config(self)

    @classmethod
    def resolve(
        cls,
        values: Mapping[str, Any],
        *,
        beneath: Mapping[str, Any] | None = None,
        where: str = "train",
    ) -> "TrainConfig":
        """Explicit `values` over those of a file over those of their preset over the defaults.

        Args:
            values: only what was asked for; `preset` names the base.
            beneath: values of a file. A preset among `values` also wins over what it sets there,
                and either of d_sae and expansion_factor over the other.
            where: the place of the values, for messages.

        Raises:
            RequestError: on an unknown key or preset, or a value out of range.
        """
        given = {**_left_of(beneath or {}, values, where=where), **values}
        sparsity = given.get("sparsity")  # of whatever kind: a file may say anything
        base = base_values(
            _known_preset(given.get("preset"), where),
            sparsity if isinstance(sparsity, str) else None,
        )
        return from_mapping(cls, {**_without_rivals(base, given), **given}, where=where)

    @property
    def row_filter(self) -> RowFilter:
        """Which rows of the store take part."""
        return RowFilter(self.keep, self.drop_sinks)

    @property
    def steps(self) -> int:
        """Whole batches in `tokens`."""
        return self.tokens // self.batch_size


def _listed(sources: str | Iterable[str]) -> tuple[str, ...]:
    listed = [sources] if isinstance(sources, str) else sources
    return tuple(key.strip() for text in listed for key in text.split(",") if key.strip())


def _left_of(file: Mapping[str, Any], flags: Mapping[str, Any], *, where: str) -> dict[str, Any]:
    """The values of a file that stand beneath flags."""
    preset = _known_preset(flags.get("preset"), where)
    covering = PRESETS[preset] if preset is not None else {}
    left = _without_rivals(file, {**covering, **flags})
    return {k: v for k, v in left.items() if k not in covering}


def _known_preset(name: Any, where: str) -> str | None:
    if name is not None and str(name) not in PRESETS:
        raise RequestError(f"{where}: no preset '{name}'{suggestion(str(name), PRESETS)}")
    return None if name is None else str(name)


def _without_rivals(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """`lower` without its way of giving the size, if `upper` gives the size."""
    sized = any(upper.get(name) is not None for name in _SIZES)
    return {k: v for k, v in lower.items() if not (sized and k in _SIZES)}
