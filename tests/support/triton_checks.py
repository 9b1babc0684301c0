"""Checks of the pass in Triton's kernels against the dense one, run in a process of their own.

    python triton_checks.py cpu|cuda|compiled

`cpu` is Triton's interpreter, which it takes only where TRITON_INTERPRET=1 was set before its
import; `cuda` is a card; `compiled` makes every kernel for cards that need not be there. Prints a
JSON object: the traceback of each check by name, or null where it passed.
"""

import json
import sys
import traceback
from collections.abc import Callable
from functools import partial

import torch
from triton_cases import (
    CASES,
    SPARSITIES,
    a_latent_that_is_not_a_number,
    all_dead,
    dead_latents,
    ties,
)
from triton_compiled import COMPILED
from triton_narrow_checks import narrow_bounds, narrow_pass, narrow_set, narrow_too_few
from triton_pass_checks import (
    a_row_that_is_not_a_number,
    chosen,
    compare,
    empty_batch,
    refuses,
    same_bits,
    selected_set,
    several_blocks,
    tried_out,
)
from triton_step_checks import in_parts, steps

Check = Callable[[str], None]
"""Device -> None, or an error."""

CHECKS: dict[str, Check] = {
    **{
        f"{name}: {case}": partial(compare, case=CASES[case], name=name)
        for name in SPARSITIES
        for case in CASES
        if name == "batch_topk" or "θ" not in case
    },
    **{
        f"sources {widths} wide": partial(compare, case=ties, name="batch_topk", widths=widths)
        for widths in ((9,), (3, 3), (3, 4, 5))
    },
    "one row": partial(compare, case=CASES["random"], name="batch_topk", n=1),
    **{f"{name}: several blocks": partial(several_blocks, name=name) for name in SPARSITIES},
    **{f"{name}: empty batch": partial(empty_batch, name=name) for name in SPARSITIES},
    **{
        f"{name}: steps, {title}": partial(steps, name=name, case=case)
        for name in SPARSITIES
        for title, case in (("some dead", dead_latents), ("all dead", all_dead))
    },
    "in parts": in_parts,
    "selected set": selected_set,
    "same bits": same_bits,
    "a row that is not a number": a_row_that_is_not_a_number,
    "narrow: bounds": narrow_bounds,
    "narrow: random": partial(narrow_set, case=CASES["random"]),
    "narrow: ties": partial(narrow_set, case=ties),
    "narrow: NaN": partial(narrow_set, case=a_latent_that_is_not_a_number),
    "narrow: too few": narrow_too_few,
    "narrow: whole pass": narrow_pass,
    "refuses": refuses,
    "chosen": chosen,
    "tried out": tried_out,
}


def outcome(check: Callable[[], None]) -> str | None:
    """None, or what went wrong."""
    try:
        check()
    except Exception:
        return traceback.format_exc()
    return None


def main(how: str) -> None:
    torch.set_num_threads(1)
    checks = COMPILED if how == "compiled" else {n: partial(c, how) for n, c in CHECKS.items()}
    print(json.dumps({name: outcome(check) for name, check in checks.items()}))


if __name__ == "__main__":
    main(sys.argv[1])
