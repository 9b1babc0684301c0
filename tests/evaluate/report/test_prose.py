"""Code within sentences: an element where it is between backticks, and text whatever it holds."""

import pytest

from xc.evaluate.report.prose import plain, prose, typed

HOSTILE = "`<script>x</script>` & <img src=x>"


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("as `n_shared` counts", "as <code>n_shared</code> counts"),
        ("`a`, `b`", "<code>a</code>, <code>b</code>"),
        ("one ` alone", "one ` alone"),
        (HOSTILE, "<code>&lt;script&gt;x&lt;/script&gt;</code> &amp; &lt;img src=x&gt;"),
        ("`\u202e`", "<code>⟨U+202E⟩</code>"),
        (
            "run `xc null RUN --seed 4`",
            'run <code>xc null RUN <span class="unbroken">--seed 4</span></code>',
        ),
    ],
)
def test_code_is_an_element_and_all_else_text(text: str, html: str) -> None:
    assert prose(text) == html


def test_hints_have_no_backticks() -> None:
    assert plain(HOSTILE) == "<script>x</script> & <img src=x>"


def test_no_line_ends_within_an_option() -> None:
    assert typed("xc null RUN --kind identical,seeds --seeds <2>") == (
        'xc null RUN <span class="unbroken">--kind identical,seeds</span> '
        '<span class="unbroken">--seeds &lt;2&gt;</span>'
    )
