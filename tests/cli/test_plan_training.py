"""What a training run will take, by arithmetic."""

from xc.cli.plan_training import (
    OverRows,
    Times,
    over_rows,
    plan_evaluation,
    plan_training,
    size_of,
)
from xc.evaluate import EvaluateConfig
from xc.harvest.probe import Watch
from xc.train import TrainConfig

TIMES = Times(0.5, 2.0, 1000.0, 7.0, 100.0, 5.0, 1234)


def test_sizes_and_times():
    config = TrainConfig.resolve({"expansion_factor": 8, "k": 10, "tokens": 1024 * 500})
    assert size_of(config, [64, 32]) == 512
    plan = plan_training(config, [64, 32], rows=2000, store_rows=20_000, taken=0, times=TIMES)
    weights = 4 * (2 * 96 * 512 + 512 + 96)
    assert plan.details["checkpoint"] == weights
    assert plan.details["states"] == 2 * 3 * weights
    assert plan.details["latent_table"] == 2000 * 10 * 7
    assert plan.seconds == 500 * 0.5 + (500 / 250 + 500 / 1000) * 2 + 2
    unmeasured = plan_training(config, [64, 32], rows=2000, store_rows=20_000, taken=0, times=None)
    assert unmeasured.seconds is None
    assert unmeasured.bytes == plan.bytes


def test_an_evaluation():
    config = EvaluateConfig()
    plan = plan_evaluation(config, 512, [64, 32], rows=2000, threads=2, taken=100, times=TIMES)
    assert (plan.bytes, plan.seconds) == (1234, 25.0)
    more = plan_evaluation(config, 512, [64, 32], rows=2000, threads=8, taken=100, times=None)
    assert more.memory > plan.memory


def test_only_what_counts_rows_grows_with_them():
    moments = iter([0.0, 2.0, 2.0, 2.0, 9.0, 9.0, 9.0, 10.0, 10.0])
    watch = Watch(lambda: next(moments), seconds=float("inf"))
    for title, total, unit in [
        ("measuring", 800, "rows"),
        ("finding values", 142, "metrics"),
        ("finding examples", 800, "rows"),
    ]:
        watch.start(title, total, unit)
        watch.advance(total)
        watch.finish()
    assert over_rows(watch.bars) == OverRows(800, 3.0)


def test_without_a_bar_nothing_grows():
    assert over_rows([]) == OverRows(1, 0)
