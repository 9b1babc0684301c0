"""All spellings of a site mean one layer."""

import pytest

from xc.harvest.sites import Stack, hooked_module, resolve_site
from xc.store_schema import RequestError

GPT2 = Stack("gpt2", "transformer.h", 12)


@pytest.mark.parametrize("layer", range(13))
def test_spellings_agree(layer):
    spellings = [str(layer), f" {layer} "]
    if layer < 12:
        spellings += [f"blocks.{layer}.hook_resid_pre", f"hidden_states[{layer}]"]
    if layer > 0:
        below = layer - 1
        spellings += [f"blocks.{below}.hook_resid_post", f"transformer.h.{below}", f"h.{below}"]
    assert {resolve_site(s, GPT2) for s in spellings} == {layer}


def test_what_is_hooked():
    assert hooked_module(0, GPT2) == "input of transformer.h.0"
    assert hooked_module(6, GPT2) == "input of transformer.h.6"
    assert hooked_module(12, GPT2) == "output of transformer.h.11"


@pytest.mark.parametrize(
    ("spelling", "message"),
    [
        ("13", "0 .* to 12"),
        ("-1", "out of range"),
        ("hidden_states[12]", "after the final norm"),
        ("hidden_states[-1]", "after the final norm"),
        ("hidden_states[-2]", "out of range"),
        ("hidden_states[13]", "out of range"),
        ("blocks.12.hook_resid_pre", "numbered 0 to 11"),
        ("blocks.12.hook_resid_post", "numbered 0 to 11"),
        ("transformer.h.12", "numbered 0 to 11"),
        ("model.layers.3", "transformer.h.L"),
        ("transformer.h.3.attn", "expected"),
        ("middle", "expected"),
        ("", "expected"),
        ("1.5", "expected"),
    ],
)
def test_refused(spelling, message):
    with pytest.raises(RequestError, match=message):
        resolve_site(spelling, GPT2)
