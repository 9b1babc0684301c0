"""Keys and columns of the contract that this evaluation cannot fill, and why."""

from xc.evaluate.letters import letter

_SPLICED = "needs forward passes of the models with the reconstruction spliced in"
_COMPARED = "no metric compares the activations of the sources with each other"
_TEMPLATE = "the store tells of no token whether it belongs to a chat template"

TEMPLATE_COLUMN = "template_fraction"

_PER_SOURCE = ("ce_clean", "ce_spliced", "ce_zero", "ce_delta", "ce_recovered")
_PER_PAIR = ("cka", "svcca")


def not_measured(n_sources: int) -> dict[str, str]:
    """Why, by key of summary.json (or column of latents.parquet)."""
    pairs = [(p, q) for p in range(n_sources) for q in range(p + 1, n_sources)]
    suffixes = [""] if n_sources == 2 else [f"_{letter(p)}_{letter(q)}" for p, q in pairs]
    compared = {f"{name}{suffix}": _COMPARED for suffix in suffixes for name in _PER_PAIR}
    spliced = {f"{name}_{letter(m)}": _SPLICED for m in range(n_sources) for name in _PER_SOURCE}
    return {**compared, **spliced, TEMPLATE_COLUMN: _TEMPLATE}
