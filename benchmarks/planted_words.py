"""Language models whose losses are known: what a reconstruction costs the model, for planted.py.

A model of one block that does nothing. A word is one of 8 stems with one of 8 endings, and its
embedding the sum of their directions. Behind a word comes, four times of five, one other word that
goes with it, and the unembedding knows which: the logit of a word is β⟨LN(x), LN(the word that it
goes with)⟩, so that every loss can be written down.

A's dictionary has a latent for each stem and each ending, B's lacks the endings. B's model is
another: other directions, the same words.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from dictionary_runs import Dictionary, write_run
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast
from transformers.utils.logging import disable_progress_bar

from xc.cli.evaluating import run_evaluate
from xc.cli.harvesting import run_harvest
from xc.cli.pipeline_file import Pipeline
from xc.evaluate import Evaluation
from xc.store_schema import ActivationStore, RunLayout, Silent

STEMS, WIDTH, BETA = 8, 24, 0.4
WORDS = STEMS**2
FOLLOWS = 0.8
"""How often the word that goes with one comes behind it."""
TOKENS, SEQUENCE = 16_384, 64
EPSILON = 1e-5
"""Of the layer norm."""


@dataclass(frozen=True)
class Language:
    """What is planted."""

    parts: tuple[np.ndarray, np.ndarray]
    """Directions of stems and endings in A and in B [part, d_model]."""
    partner: np.ndarray
    """The word that goes with each one, int [word]."""
    words: np.ndarray
    """Text, int [token]."""

    @classmethod
    def draw(cls) -> "Language":
        rng = np.random.default_rng(6)
        parts = rng.normal(size=(2, 2 * STEMS, WIDTH))
        partner, words = rng.permutation(WORDS), [0]
        for follows, other in zip(
            rng.random(TOKENS), rng.integers(WORDS, size=TOKENS), strict=True
        ):
            words.append(int(partner[words[-1]] if follows < FOLLOWS else other))
        return cls((parts[0], parts[1]), partner, np.array(words[1:]))

    def embedding(self, source: int) -> np.ndarray:
        """[word, d_model]."""
        return codes_of(np.arange(WORDS)) @ self.parts[source]

    def unembedding(self, source: int) -> np.ndarray:
        """[word, d_model]: of a word, that of the one it goes with."""
        out = np.empty((WORDS, WIDTH))
        out[self.partner] = BETA * layer_norm(self.embedding(source))
        return out


def codes_of(words: np.ndarray) -> np.ndarray:
    """Stem and ending of each word, one-hot [word, part]."""
    stem, ending = np.divmod(words, STEMS)
    return np.concatenate([np.eye(STEMS)[stem], np.eye(STEMS)[ending]], axis=1)


def layer_norm(x: np.ndarray) -> np.ndarray:
    """Each row less its mean, over its standard deviation."""
    apart = x - x.mean(axis=-1, keepdims=True)
    return np.asarray(apart / np.sqrt(x.var(axis=-1, keepdims=True) + EPSILON))


def measure_words(root: Path) -> tuple[dict[str, float], Evaluation]:
    """The truth, by key of summary.json, and what `xc evaluate --ce` says."""
    disable_progress_bar()
    language = Language.draw()
    folders = [_save_model(root / f"words-{m}", language, m) for m in (0, 1)]
    text = root / "words.txt"
    text.write_text(" ".join(f"w{i}" for i in language.words), encoding="utf-8")
    harvest = {
        "models": [str(folder) for folder in folders], "layers": ["1,1"], "dataset": str(text),
        "tokens": TOKENS, "seq_len": SEQUENCE, "device": "cpu", "codec": "fp32",
        "heldout_fraction": 0.25,
    }  # fmt: skip
    pipeline = Pipeline(
        path=root / "pipeline.yaml", store=root / "words.zarr", run=root / "run",
        sections={"harvest": harvest},
    )  # fmt: skip
    run_harvest(pipeline, {}, models=None, progress=Silent())
    store = ActivationStore.open(pipeline.store)
    scales = tuple(np.sqrt(WIDTH) / store.statistics(s.key).mean_norm for s in store.sources)
    write_run(RunLayout(pipeline.run), _dictionary(language, store), store, scales)
    flags = {"ce": True, "report": False, "bootstrap": 0, "groups": 0, "examples": 0}
    done = run_evaluate(pipeline, flags, store=pipeline.store, run=pipeline.run, progress=Silent())
    return truth(language, _heldout(store)), done


def _save_model(folder: Path, language: Language, source: int) -> Path:
    config = GPT2Config(
        vocab_size=WORDS, n_positions=SEQUENCE, n_embd=WIDTH, n_layer=1, n_head=2,
        tie_word_embeddings=False, layer_norm_epsilon=EPSILON, bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    model = GPT2LMHeadModel(config).eval()
    given = {
        "transformer.wte.weight": language.embedding(source),
        "lm_head.weight": language.unembedding(source),
        "transformer.ln_f.weight": np.ones(WIDTH),
    }
    with torch.no_grad():
        for name, weight in model.named_parameters():
            value = torch.from_numpy(given[name]) if name in given else torch.zeros_like(weight)
            weight.copy_(value)
    model.save_pretrained(folder)
    tokenizer = Tokenizer(models.WordLevel({f"w{i}": i for i in range(WORDS)}, unk_token="w0"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(folder)
    return folder


def _dictionary(language: Language, store: ActivationStore) -> Dictionary:
    """All parts in A, stems alone in B, whose bias is the mean ending."""
    a, b = language.parts
    stems = np.where(np.arange(2 * STEMS)[:, None] < STEMS, b, 0)
    codes = codes_of(np.asarray(store.rows.token_id[:]))
    bias = (np.zeros(WIDTH), b[STEMS:].mean(axis=0))
    return Dictionary((a, stems), codes, np.arange(2 * STEMS), bias)


def _heldout(store: ActivationStore) -> list[np.ndarray]:
    """Words of each sequence that is held out."""
    offsets = store.sequences.row_offsets
    sequence = np.flatnonzero(np.asarray(store.sequences.split[:]) == 1)
    return [np.asarray(store.rows.token_id[offsets[i] : offsets[i + 1]]) for i in sequence]


def truth(language: Language, sequences: list[np.ndarray]) -> dict[str, float]:
    """Losses in nats over all predicted words, dense, in float64."""
    out: dict[str, float] = {}
    for source, letter in enumerate("ab"):
        kept = np.arange(2 * STEMS) < (2 * STEMS if source == 0 else STEMS)
        lacking = np.where(kept[:, None], 0, language.parts[source])[STEMS:].mean(axis=0)
        embedding = language.embedding(source)
        rebuilt = codes_of(np.arange(WORDS)) * kept @ language.parts[source] + lacking
        ways = {"clean": embedding, "spliced": rebuilt, "zero": np.zeros_like(embedding)}
        unembedding = language.unembedding(source)
        found = {way: _loss(layer_norm(x) @ unembedding.T, sequences) for way, x in ways.items()}
        clean, spliced, zero = found.values()
        out |= {f"ce_{way}_{letter}": loss for way, loss in found.items()}
        out[f"ce_delta_{letter}"] = spliced - clean
        out[f"ce_recovered_{letter}"] = 1 - (spliced - clean) / (zero - clean)
        out[f"ce_replaced_{letter}"] = 1.0
    return out


def _loss(logits: np.ndarray, sequences: list[np.ndarray]) -> float:
    """Mean −ln p of each word but the first of its sequence; logits [word, next word]."""
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    losses = [-log_p[words[:-1], words[1:]] for words in sequences]
    return float(np.concatenate(losses).mean())
