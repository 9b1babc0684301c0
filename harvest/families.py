"""Where each model family keeps its decoder blocks: one row of a table per layout."""

from dataclasses import dataclass

from torch import nn

from xc.store_schema import RequestError


@dataclass(frozen=True)
class Family:
    """Model types that share one module layout."""

    blocks: str
    """Path of the list of decoder blocks, from the causal language model down."""
    model_types: tuple[str, ...]
    """Values of `model_type` in `config.json`."""


FAMILIES: tuple[Family, ...] = (
    Family(
        "transformer.h",
        (
            "gpt2",
            "gpt_neo",
            "gptj",
            "gpt_bigcode",
            "codegen",
            "bloom",
            "falcon",
            "ctrl",
            "openai-gpt",
        ),
    ),
    Family("gpt_neox.layers", ("gpt_neox",)),
    Family("gpt_neox_japanese.layers", ("gpt_neox_japanese",)),
    Family(
        "model.layers",
        (
            "llama",
            "mistral",
            "mixtral",
            "gemma",
            "gemma2",
            "gemma3_text",
            "qwen2",
            "qwen2_moe",
            "qwen3",
            "qwen3_moe",
            "phi",
            "phi3",
            "olmo",
            "olmo2",
            "olmo3",
            "olmoe",
            "stablelm",
            "starcoder2",
            "cohere",
            "cohere2",
            "granite",
            "glm",
            "glm4",
            "smollm3",
            "persimmon",
            "nemotron",
            "helium",
            "deepseek_v2",
            "deepseek_v3",
            "gpt_oss",
            "xglm",
            "llama4",
            "llama4_text",
        ),
    ),
    Family("model.decoder.layers", ("opt",)),
    Family("transformer.blocks", ("mpt",)),
    Family("biogpt.layers", ("biogpt",)),
    Family("model.language_model.layers", ("gemma3",)),
)

BOS_IS_EOS = ("gpt2", "gpt_neo", "gptj", "gpt_neox")
"""Model types trained with their end-of-text token before every document: where the tokenizer names
no beginning-of-sequence token, a sequence starts with that one."""


def find_blocks(model: nn.Module, *, model_type: str, override: str | None) -> tuple[str, int]:
    """Path of the decoder blocks inside a causal language model, and their number.

    A model type that the table does not know is tried against every layout in it.

    Args:
        model: the causal language model, weights not needed.
        model_type: as in its configuration.
        override: path that the user gave, which wins over the table.

    Raises:
        RequestError: if there is no list of blocks at the path, or none can be found.
    """
    if override is not None:
        return override, len(blocks_at(model, override))
    candidates = [f.blocks for f in FAMILIES if model_type in f.model_types]
    for path in candidates or [f.blocks for f in FAMILIES]:
        blocks = module_at(model, path)
        if isinstance(blocks, nn.ModuleList) and len(blocks) > 0:
            return path, len(blocks)
    raise RequestError(
        f"no decoder blocks found in {type(model).__name__} (model type '{model_type}'); "
        "give their module path with --blocks, for instance --blocks model.layers"
    )


def module_at(model: nn.Module, path: str) -> nn.Module | None:
    """The submodule at a dotted path, or None."""
    try:
        return model.get_submodule(path)
    except AttributeError:
        return None


def blocks_at(model: nn.Module, path: str) -> nn.ModuleList:
    """The decoder blocks of a model at a path that `find_blocks` gave.

    Raises:
        RequestError: if they are not there.
    """
    blocks = module_at(model, path)
    if not isinstance(blocks, nn.ModuleList) or len(blocks) == 0:
        raise RequestError(_no_blocks(model, path))
    return blocks


def _no_blocks(model: nn.Module, path: str) -> str:
    lists = [name for name, m in model.named_modules() if isinstance(m, nn.ModuleList)]
    return (
        f"--blocks {path}: {type(model).__name__} has no list of modules there; "
        f"lists it has: {', '.join(lists) or 'none'}"
    )
