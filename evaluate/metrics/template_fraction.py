"""Share of a latent's firing that is on tokens of a chat template."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums
from xc.evaluate.row_block import RowBlock
from xc.store_schema.plan import TEMPLATE


def partial(block: RowBlock) -> Sums:
    """Firing rows of each latent, those among them on template tokens, and template tokens."""
    template = block.labels["role"] == TEMPLATE
    latents = block.latents
    on_template = latents.latent[np.repeat(template, latents.per_row)]
    return {
        "fired": latents.counts,
        "on_template": np.bincount(on_template, minlength=latents.d_sae).astype(np.float64),
        "rows": np.array([float(np.count_nonzero(template))]),
    }


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """Firing on template tokens over firing; NaN for dead latents, or without such tokens."""
    fired = sums["fired"]
    known = (fired > 0) & (sums["rows"] > 0)
    return np.divide(sums["on_template"], fired, out=np.full_like(fired, np.nan), where=known)


METRIC = Metric(
    name="template_fraction",
    scope=Scope.LATENT,
    reads=Pass.LATENTS,
    partial=partial,
    finish=finish,
    bounds=(0.0, 1.0),
    summary="Share of a latent's firing rows that are tokens of a chat template.",
    formula="#{template rows : f_j > 0} / #{rows : f_j > 0}, held-out rows.",
    source="Minder et al., A.13 and figure 12, on the tokens that their code calls ctrl.",
    meaning=(
        "Near 1 the latent is about the form of a chat (turns, roles), not about what is said. "
        "Minder et al. find 40 % of chat-only latents above one half."
    ),
    misleads=(
        "To be read against the share of template tokens among all rows (`rows_role_template` over "
        "`rows`): short turns have many of them. Minder et al.'s shares are of chat text alone and "
        "of v > 1e-3 (v = f·Σ‖d‖); here it is all measured rows and "
        "f > 0. Where a corpus has parts, `--keep corpus:CHAT` measures the rows of one of them."
    ),
    undefined="the latent is dead, or no measured row is a token of a chat template",
)
