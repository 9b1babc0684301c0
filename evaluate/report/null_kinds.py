"""What null controls are called in the report, and what each asks."""

from xc.evaluate.nulls.conditions import IDENTICAL, PERMUTED, PLANTED, SEEDS

TITLES = {
    IDENTICAL: "A against A",
    PERMUTED: "B permuted",
    SEEDS: "Other seeds",
    PLANTED: "Planted truth",
}
QUESTIONS = {
    IDENTICAL: "How many latents are exclusive where nothing is?",
    PERMUTED: "How many latents are shared where nothing is?",
    SEEDS: "Which latents are found again by other seeds?",
    PLANTED: "What does this recipe find, and make up, where the truth is known?",
}
