"""Triton's kernels compiled for cards that need not be there."""

from collections.abc import Callable
from functools import partial

TYPES = {
    "counts": "*i32", "sure": "*i32", "likely": "*i32", "first": "*i64", "latents": "*i64",
    "index": "*i64", "narrow": "*bf16", "d_sae": "i32", "width": "i32",
}  # fmt: skip
"""Of kernels' arguments; all others point to float32."""
BLOCKS = {"BLOCK": 1024, "PAIRS": 16, "COLUMNS": 128, "ROUNDING": 2.0**-8}
KERNELS = (
    "count_reaching", "list_reaching", "narrow_rows", "count_bounded", "list_bounded", "sum_rows",
    "sum_each", "dot_rows",
)  # fmt: skip


def compile_kernel(capability: str, *, name: str) -> None:
    """For a card that need not be there, down to its machine code."""
    import triton  # noqa: PLC0415
    from triton.backends.compiler import GPUTarget  # noqa: PLC0415
    from triton.compiler import ASTSource  # noqa: PLC0415

    from xc.train.gpu import kernels  # noqa: PLC0415

    kernel = getattr(kernels, name)
    blocks = {a: BLOCKS[a] for a in kernel.arg_names if a in BLOCKS}
    types = {a: TYPES.get(a, "*fp32") for a in kernel.arg_names}
    types |= dict.fromkeys(blocks, "constexpr")
    if name.endswith("bounded"):
        types["pre"] = "*bf16"
    made = triton.compile(
        ASTSource(kernel, types, blocks),
        target=GPUTarget("cuda", int(capability), 32),
        options={"enable_fp_fusion": True},
    )
    assert made.asm["cubin"]


COMPILED: dict[str, Callable[[], None]] = {
    f"{name} for {capability}": partial(compile_kernel, capability, name=name)
    for name in KERNELS
    for capability in ("80", "90")
}
