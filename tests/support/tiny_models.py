"""Causal language models of every supported family with a handful of random weights."""

from typing import Any

import torch
from torch import nn
from transformers import AutoModelForCausalLM
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

N_LAYERS = 3
WIDTH = 32
VOCABULARY = 97

_NO_IDS = {"bos_token_id": None, "eos_token_id": None, "pad_token_id": None}
_GPT = {"n_layer": N_LAYERS, "n_embd": WIDTH, "n_head": 4, "n_positions": 64}
_LLAMA = {
    "num_hidden_layers": N_LAYERS,
    "hidden_size": WIDTH,
    "intermediate_size": 48,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
}
_SLIDING = {**_LLAMA, "head_dim": 8, "sliding_window": 6}
_PHI = {**_LLAMA, "num_key_value_heads": 4}
_MOE = {**_LLAMA, "num_local_experts": 4, "num_experts_per_tok": 2}

SETTINGS: dict[str, dict[str, Any]] = {
    "gpt2": _GPT,
    "gptj": {**_GPT, "rotary_dim": 4},
    "gpt_bigcode": _GPT,
    "codegen": {**_GPT, "rotary_dim": 4},
    "openai-gpt": _GPT,
    "gpt_neo": {
        "num_layers": N_LAYERS,
        "hidden_size": WIDTH,
        "num_heads": 4,
        "max_position_embeddings": 64,
        "window_size": 6,
        "attention_types": [[["global", "local", "global"], 1]],
    },
    "bloom": {"n_layer": N_LAYERS, "hidden_size": WIDTH, "n_head": 4},
    "falcon": {"num_hidden_layers": N_LAYERS, "hidden_size": WIDTH, "num_attention_heads": 4},
    "gpt_neox": {**_LLAMA, "num_key_value_heads": None},
    "opt": {
        "num_hidden_layers": N_LAYERS,
        "hidden_size": WIDTH,
        "word_embed_proj_dim": 16,
        "ffn_dim": 48,
        "num_attention_heads": 4,
        "max_position_embeddings": 64,
        "pad_token_id": 1,
    },
    "mpt": {"n_layers": N_LAYERS, "d_model": WIDTH, "n_heads": 4, "max_seq_len": 64},
    "biogpt": _PHI,
    "llama": _LLAMA,
    "mistral": _SLIDING,
    "mixtral": _MOE,
    "gemma": {**_LLAMA, "head_dim": 8},
    "gemma2": _SLIDING,
    "gemma3_text": _SLIDING,
    "qwen2": _LLAMA,
    "qwen3": {**_LLAMA, "head_dim": 8},
    "phi": _PHI,
    "phi3": {**_PHI, "pad_token_id": 0},
    "olmo": _LLAMA,
    "olmo2": _LLAMA,
    "stablelm": _PHI,
    "starcoder2": _LLAMA,
    "cohere": _LLAMA,
    "granite": _LLAMA,
}
"""Settings that make each family tiny, by model type."""


def tiny_config(model_type: str, **changes: Any) -> Any:
    """Configuration of a tiny model of a family."""
    settings = {"vocab_size": VOCABULARY, **_NO_IDS, **SETTINGS[model_type], **changes}
    return CONFIG_MAPPING[model_type](**{k: v for k, v in settings.items() if v is not None})


def tiny_model(model_type: str, *, seed: int = 0, **changes: Any) -> nn.Module:
    """A tiny model with random weights, larger than usual so that every block matters."""
    config = tiny_config(model_type, **changes)
    torch.manual_seed(seed)
    model: nn.Module = AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model
