import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xc.evaluate.report.numbers import (
    NOISE,
    NONE,
    Format,
    any_size,
    in_form,
    interval,
    number,
    one,
    percent,
    three,
    two,
    whole,
)


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf, True, "0.5", [1]])
def test_what_is_no_number_is_a_dash(value: object) -> None:
    assert number(value, three) == NONE


@pytest.mark.parametrize(
    ("value", "style", "text"),
    [
        (0.8714, three, "0.871"),
        (-0.02, three, "−0.020"),
        (0.00004, three, "4.0e−05"),
        (0, three, "0.000"),
        (31.87, one, "31.9"),
        (16384, whole, "16,384"),
        (0.0433, percent, "4.33 %"),
        (0.00002, percent, "2e−03 %"),
        (0.0, percent, "0.00 %"),
        (9.8291, two, "9.83"),
        (1234.0, any_size, "1,234"),
        (1234.567, any_size, "1235"),
        (5.64, any_size, "5.640"),
        (0.00012345, any_size, "0.0001234"),
        (0.9994, three, "0.999"),
        (0.9995, three, "0.9995"),
        (-0.99996, three, "−0.99996"),
        (1.0, three, "1.000"),
        (1 - NOISE / 10, three, "1.000"),
        (1.0004, three, "1.000"),
        (0.99996, percent, "99.996 %"),
        (0.99996, any_size, "0.99996"),
    ],
)
def test_styles(value: float, style: object, text: str) -> None:
    assert number(value, style) == text  # type: ignore[arg-type]


@given(st.floats(min_value=0.9, max_value=1 - 2 * NOISE), st.sampled_from((three, any_size)))
def test_what_is_below_one_reads_so_and_is_near(value: float, style: Format) -> None:
    text = number(value, style)
    assert float(text) < 1
    assert abs(float(text) - value) <= 0.5 * 10 ** -(len(text) - 2) * (1 + 1e-6)
    assert float(number(value, percent).removesuffix(" %")) < 100


@pytest.mark.parametrize("form", [".3f", ".1f", ".1%", ",.0f", ",d"])
def test_a_form_is_kept_where_nothing_would_read_as_one(form: str) -> None:
    for value in (0, 1, 2, 31, 12345):
        assert in_form(value, form) == format(value, form)


def test_a_form_of_significant_digits_keeps_what_is_below_one() -> None:
    values = (0.99996, 0.9999, 1.0, 0.5)
    assert [in_form(v, ".4g") for v in values] == ["0.99996", "0.9999", "1", "0.5"]


def test_interval() -> None:
    assert interval([0.041, 0.052], percent) == "4.10 to 5.20 %"
    assert interval([0.8661, 0.8759], three) == "0.866 to 0.876"
    assert interval([-0.1, 0.2], three) == "−0.100 to 0.200"


@pytest.mark.parametrize("bounds", [None, [], [1.0], [None, 1.0], "0.1", [math.nan, 1.0]])
def test_no_interval(bounds: object) -> None:
    assert interval(bounds, three) == ""
