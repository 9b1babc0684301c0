"""Guards speak once, where something is wrong, and a run that goes on does not repeat them."""

import json
from dataclasses import replace

import pytest
from training import short

from xc.store_schema import ActivationStore, RunLayout, Silent
from xc.train import train
from xc.train.guards import GUARDS, Guards, Outlook, settled_from

WELL = Outlook(
    step=500,
    settled_from=100,
    dead_fraction=0.1,
    l0=11,
    batch_l0=10,
    fve=(0.8, 0.7),
    best_fve=(0.82, 0.7),
    lr=1e-3,
    usual_lr=1e-3,
)


def warned(now: Outlook, guards: Guards | None = None) -> set[str]:
    return set((guards or Guards()).look(now))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, set()),
        ({"dead_fraction": 0.5}, set()),
        ({"dead_fraction": 0.51}, {"warning/dead_latents"}),
        ({"dead_fraction": 0.51, "step": 99}, set()),
        ({"l0": 12.6}, {"warning/l0_drift"}),
        ({"l0": 7.4}, {"warning/l0_drift"}),
        ({"l0": 7.6}, set()),
        ({"l0": 99, "step": 99}, set()),
        ({"l0": 99, "batch_l0": None}, set()),
        ({"fve": (0.78, 0.7)}, set()),
        ({"fve": (0.82, 0.64)}, {"warning/fve_fell"}),
        ({"fve": (-9.0, 0.7), "best_fve": (), "step": 99}, set()),
        ({"fve": (-9.0, 0.7), "best_fve": ()}, {"warning/fve_negative"}),
        ({"fve": (0.0, 0.7), "best_fve": (0.0, 0.7)}, set()),
    ],
)
def test_each_speaks_of_what_it_guards(change: dict[str, object], expected: set[str]) -> None:
    assert warned(replace(WELL, **change)) == expected  # type: ignore[arg-type]


def test_a_run_settles_after_its_start_and_after_k_stopped_falling() -> None:
    assert settled_from(steps=500, k_anneal_steps=0) == 100
    assert settled_from(steps=20_000, k_anneal_steps=5000) == 7000
    assert settled_from(steps=24, k_anneal_steps=10) == 24


def test_a_guard_speaks_once_and_a_curve_remembers_it() -> None:
    guards, bad = Guards(), replace(WELL, dead_fraction=0.9)
    said = guards.look(bad)
    assert "90% of the latents are dead at step 500; try a lower lr" in said["warning/dead_latents"]
    assert warned(bad, guards) == set()
    assert warned(bad, Guards([{"step": 1}, {"step": 2, **said}])) == set()


def test_the_best_fve_is_the_best_of_every_source() -> None:
    lines = [{"val/fve_a": 0.5, "val/fve_b": 0.1, "val/fve": 1}, {"val/fve_a": 0.4, "val/fve_b": 2}]
    guards = Guards(lines)
    assert guards.best_fve == (0.5, 2)
    guards.look(replace(WELL, fve=(0.6, 0.3)))
    assert guards.best_fve == (0.6, 2)


def test_a_negative_fve_tells_on_which_side_the_learning_rate_is() -> None:
    bad = replace(WELL, fve=(0.1, -0.84), best_fve=())
    low, high = GUARDS["fve_negative"](replace(bad, lr=5e-5)), GUARDS["fve_negative"](bad)
    assert low is not None
    assert "fve is -0.840 (source B) at step 500, worse than the mean row" in low
    assert "lr 5e-05 is low for so few steps" in low
    assert "(a plain run of this size takes 0.001): try a higher one, or more tokens" in low
    assert high is not None
    assert "try a lower lr than 0.001 (a plain run of this size takes 0.001)" in high


def test_a_preset_of_long_runs_is_warned_of_in_a_short_one(
    store: ActivationStore, run: RunLayout
) -> None:
    notes = Notes()
    preset = {"preset": "kissane", "k": 64, "auxk_coeff": 0.0}
    train(short(**preset), store=store, run=run, progress=notes)
    assert [n for n in notes.notes if "lr 5e-05 is low for so few steps" in n]


def test_every_warning_says_what_to_do() -> None:
    bad = replace(WELL, dead_fraction=1.0, l0=99, fve=(0, -1))
    for guard in GUARDS.values():
        text = guard(bad)
        assert text is not None
        assert "; " in text
        assert "lr" in text or "try" in text


class Notes(Silent):
    """Keeps what is said; may stop at a step."""

    def __init__(self, stop: int | None = None) -> None:
        self.notes: list[str] = []
        self.left = stop

    def note(self, text: str) -> None:
        self.notes.append(text)

    def advance(self, amount: int, **figures: float) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt


DYING = {
    "dead_after_tokens": 64, "k": 1, "d_sae": 200, "auxk_coeff": 0.0, "tokens": 120 * 64,
    "validate_every": 4,
}  # fmt: skip


def test_a_dying_dictionary_is_told_once_on_screen_and_in_the_run(
    store: ActivationStore, run: RunLayout, tmp_path: object
) -> None:
    notes = Notes()
    train(short(**DYING), store=store, run=run, progress=notes)
    said = [n for n in notes.notes if n.startswith("warning:")]
    assert len(said) == 1
    lines = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    kept = [line["warning/dead_latents"] for line in lines if "warning/dead_latents" in line]
    assert [f"warning: {text}" for text in kept] == said


def test_a_run_that_goes_on_does_not_warn_again(store: ActivationStore, run: RunLayout) -> None:
    first, second = Notes(stop=110), Notes()
    with pytest.raises(KeyboardInterrupt):
        train(short(**DYING), store=store, run=run, progress=first)
    train(short(**DYING), store=store, run=run, progress=second)
    assert sum(n.startswith("warning:") for n in first.notes) == 1
    assert sum(n.startswith("warning:") for n in second.notes) == 0
