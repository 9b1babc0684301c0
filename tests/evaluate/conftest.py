"""A planted store and run, evaluated once for all tests that only look."""

from collections.abc import Callable
from pathlib import Path

import planted
import pytest
from measured import Case
from twinned import with_twins

from xc.evaluate import Evaluation
from xc.store_schema import Checkpoint

MakeCase = Callable[..., Case]


@pytest.fixture
def make_case(tmp_path: Path) -> MakeCase:
    """Builds a case in the test's folder: `make_case(widths=(16, 16), n_sequences=60)`."""
    return lambda **wish: build_case(tmp_path, **wish)


@pytest.fixture(scope="session")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """The case that no test changes."""
    return build_case(tmp_path_factory.mktemp("case"), n_sequences=150)


@pytest.fixture(scope="session")
def evaluation(case: Case) -> Evaluation:
    """Its evaluation."""
    return case.evaluate()


@pytest.fixture(scope="module")
def own_case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Another one like it, with twins, for a file of tests that change it."""
    return build_case(tmp_path_factory.mktemp("own_case"), n_sequences=150, mend=with_twins)


def build_case(
    root: Path,
    *,
    widths: tuple[int, ...] = (16, 16),
    n_sequences: int = 60,
    noise: float = 0.2,
    mend: Callable[[Checkpoint], Checkpoint] = lambda checkpoint: checkpoint,
) -> Case:
    plan = planted.make_plan(n_sequences=n_sequences)
    truth = planted.make_truth(plan.n_rows, widths=widths)
    store = planted.write_store(root / "acts.zarr", truth, plan, noise=noise)
    checkpoint = mend(planted.true_crosscoder(truth, store))
    return Case(truth, store, checkpoint, planted.write_run(root / "run", checkpoint, store))
