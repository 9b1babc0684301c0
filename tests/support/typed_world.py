"""A folder to type `xc` in: a text, a pipeline.yaml, and a cache with two tiny models."""

import os
import random
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import hub_cache
from transformers import GPT2LMHeadModel

XC = str(Path(sys.executable).parent / "xc")

PIPELINE = """
harvest: {dataset: text.txt, tokens: 6000, seq_len: 32, shard_rows: 2048, chunk_rows: 256}
train: {tokens: 40000, batch_size: 256, d_sae: 64, k: 8, lr: 0.003, save_every: 10, log_every: 5}
"""


@dataclass(frozen=True)
class World:
    """Where commands are typed."""

    folder: Path
    models: dict[str, GPT2LMHeadModel]
    environment: dict[str, str]
    commits: dict[str, str]

    def xc(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Type a command and wait for its end."""
        return subprocess.run(
            [XC, *words], cwd=self.folder, env=self.environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Type a command and do not wait."""
        quiet = subprocess.DEVNULL
        return subprocess.Popen(
            [XC, *words], cwd=self.folder, env=self.environment, stdout=quiet, stderr=quiet
        )


def make_world(folder: Path) -> World:
    """Lay everything out in an empty folder."""
    text = _text()
    (folder / "text.txt").write_text(text)
    (folder / "pipeline.yaml").write_text(PIPELINE)
    tokenizer = hub_cache.make_tokenizer([text])
    models = {
        "gpt2": hub_cache.make_gpt2(12, len(tokenizer), seed=1),
        "distilgpt2": hub_cache.make_gpt2(6, len(tokenizer), seed=2),
    }
    cache = folder / "hf"
    commits = {
        name: hub_cache.put_in_cache(cache, name, m, tokenizer) for name, m in models.items()
    }
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("HF_")},
        "HF_HOME": str(cache),
        "HF_HUB_OFFLINE": "1",
    }
    return World(folder, models, environment, commits)


def _text() -> str:
    draw = random.Random(0)
    stems = ("alpha", "beta", "gamma", "delta")
    words = [f"{stem}{end}" for stem in stems for end in ("", "ing", "ed")]
    lines = (" ".join(draw.choices(words, k=draw.randint(3, 60))) for _ in range(600))
    return "\n\n".join(lines)
