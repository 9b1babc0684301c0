"""The figures of the report, in the order of the page: one file each, this table of all."""

from xc.evaluate.report.figure import Figure
from xc.evaluate.report.figures import (
    cosines,
    decoder_norms,
    density,
    norm_profiles,
    nu_curves,
    nu_ranks,
    scaling,
    training,
)

FIGURES: tuple[Figure, ...] = (
    decoder_norms.FIGURE,
    norm_profiles.FIGURE,
    cosines.FIGURE,
    scaling.FIGURE,
    nu_curves.FIGURE,
    nu_ranks.FIGURE,
    density.FIGURE,
    training.FIGURE,
)
