from hypothesis import given
from hypothesis import strategies as st

from xc.evaluate.report.context import pieces, shade
from xc.evaluate.report.examples import Example


def example(tokens: tuple[str, ...], activations: tuple[float, ...], center: int) -> Example:
    return Example(0, 0, 0, 0, activations[center], tokens, activations, center)


def test_quiet_neighbours_are_joined_and_the_peak_is_marked() -> None:
    shown = pieces(example(("a", " b", "c", "d"), (0, 0, 4, 2), 2), peak=4)
    assert [(p.text, p.shade, p.peak) for p in shown] == [
        ("a b", 0, False),
        ("c", 9, True),
        ("d", 4, False),
    ]
    assert [p.title for p in shown] == ["", "4.00", "2.00"]


@given(st.floats(allow_nan=True), st.floats(allow_nan=True))
def test_a_shade_is_a_digit(activation: float, peak: float) -> None:
    assert 0 <= shade(activation, peak=peak) <= 9


def test_shades_grow_with_the_activation() -> None:
    shades = [shade(f / 100, peak=1) for f in range(101)]
    assert shades == sorted(shades)
    assert shades[0] == 0
    assert shades[1] == 1
    assert shades[-1] == 9
