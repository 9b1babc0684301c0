"""Settings that play no part in a run, such as the coefficient of a term its loss has not."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from xc.train.config import TrainConfig


@dataclass(frozen=True)
class Need:
    """What a setting cannot do without."""

    met: Callable[[TrainConfig], bool]
    """Whether a run has it."""
    lacking: str
    """How a run without it is called; a template of the configuration `c`."""
    remedy: str
    """What to ask for as well, or instead."""


_SELECTED = Need(
    lambda c: c.sparsity in ("batch_topk", "topk"),
    "with --sparsity {c.sparsity}",
    "use --sparsity batch_topk or topk",
)
_PENALISED = Need(
    lambda c: c.sparsity in ("l1", "jumprelu"),
    "with --sparsity {c.sparsity}",
    "use --sparsity l1 or jumprelu",
)
_JUMPS = Need(
    lambda c: c.sparsity == "jumprelu",
    "with --sparsity {c.sparsity}",
    "use --sparsity jumprelu",
)
_COMPARED = Need(
    lambda c: c.sparsity != "none" or c.auxk_coeff > 0,
    "with --sparsity {c.sparsity}",
    "use another sparsity",
)
_FALLS = Need(lambda c: c.k_anneal_steps > 0, "without --k-anneal-steps", "give that too")
_STARTS = Need(lambda c: c.k_start is not None, "without --k-start", "give that too")
_PREFIXED = Need(lambda c: bool(c.matryoshka), "without --matryoshka", "give that too")
_SHARES = Need(lambda c: c.shared_fraction > 0, "without --shared-fraction", "give that too")
_REVIVES = Need(lambda c: c.auxk_coeff > 0, "without --auxk-coeff above 0", "give that too")

NEEDS: Mapping[str, tuple[Need, ...]] = MappingProxyType(
    {
        "code_norm": (_COMPARED,),
        "k": (_SELECTED,),
        "k_start": (_SELECTED, _FALLS),
        "k_anneal_steps": (_SELECTED, _STARTS),
        "l1_coeff": (_PENALISED,),
        "l1_warmup": (_PENALISED,),
        "jumprelu_threshold": (_JUMPS,),
        "jumprelu_bandwidth": (_JUMPS,),
        "tanh_scale": (_JUMPS,),
        "matryoshka_reduction": (_PREFIXED,),
        "shared_penalty": (_SHARES, _PENALISED),
        "auxk_k": (_REVIVES,),
    }
)
"""Settings that need others."""

_OFF = (None, 0)
"""Values that ask for nothing: they contradict nothing either."""


def idle(config: TrainConfig) -> dict[str, Need]:
    """Settings that play no part in this run, each with the first thing that it lacks."""
    lacked = {
        name: next((need for need in needs if not need.met(config)), None)
        for name, needs in NEEDS.items()
    }
    return {
        name: need
        for name, need in lacked.items()
        if need is not None and getattr(config, name) not in _OFF
    }


def reason(name: str, need: Need, config: TrainConfig) -> str:
    """One line: `--k plays no part with --sparsity l1; leave it out, or use --sparsity …`."""
    option = "--" + name.replace("_", "-")
    lacking = need.lacking.format(c=config)
    return f"{option} plays no part {lacking}; leave it out, or {need.remedy}"
