"""Building, loading and saving the embedded GPT-2 models."""

import contextlib
import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel

from xc.zoo.tokens import BOS, EOS, PAD, SPECIAL_TOKENS


def new_model(
    *, vocab_size: int, context: int, n_layers: int, d_model: int, n_heads: int, seed: int
) -> GPT2LMHeadModel:
    """A GPT-2 with fresh weights, tied embeddings and no dropout."""
    torch.manual_seed(seed)
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=vocab_size,
            n_positions=context,
            n_embd=d_model,
            n_layer=n_layers,
            n_head=n_heads,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            bos_token_id=SPECIAL_TOKENS.index(BOS),
            eos_token_id=SPECIAL_TOKENS.index(EOS),
            pad_token_id=SPECIAL_TOKENS.index(PAD),
        )
    )


def load_model(folder: Path) -> GPT2LMHeadModel:
    """The model of a folder in float32, from its files alone."""
    model: Any = GPT2LMHeadModel.from_pretrained(folder, local_files_only=True)
    return model.float()


def save_model(model: GPT2LMHeadModel, folder: Path) -> None:
    """Write the weights in float16, and a config that names no path."""
    weights = GPT2LMHeadModel(model.config)
    weights.load_state_dict(model.state_dict())
    weights.half().save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config.pop("_name_or_path", None)
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def hidden_states(model: GPT2LMHeadModel, inputs: Tensor) -> Tensor:
    """Last hidden states after the final norm, [window, position, d_model].

    In bfloat16 where that is fast. Windows are padded on the right only, and attention is causal,
    so nothing has to be masked; the mask of ones says so.
    """
    with mixed_precision(inputs.device):
        output: Tensor = model.transformer(
            inputs, attention_mask=torch.ones_like(inputs), use_cache=False
        ).last_hidden_state
    return output


def logits(model: GPT2LMHeadModel, hidden: Tensor) -> Tensor:
    """Scores of the next token; hidden [row, d_model] -> [row, token]."""
    with mixed_precision(hidden.device):
        scores: Tensor = model.lm_head(hidden)
    return scores


def mixed_precision(device: torch.device) -> contextlib.AbstractContextManager[object]:
    """Autocast to bfloat16, which both processors and graphics cards have."""
    return torch.autocast(device.type, torch.bfloat16)
