"""The token part of a store: from a corpus to sequences, splits and rows."""

import importlib.metadata
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from xc.harvest.batching import running_order
from xc.harvest.corpus import Corpus
from xc.harvest.request import TextRequest
from xc.harvest.splits import as_documents, assign_splits
from xc.harvest.text_tokenizer import TextTokenizer
from xc.harvest.windows import Window, take_windows
from xc.store_schema import Progress, RequestError, StorePlan

RECORDED = ("xcdiff", "numpy", "tokenizers", "torch", "transformers", "zarr")
"""Distributions whose versions the store records."""


def plan_text(
    request: TextRequest, corpus: Corpus, tokenizer: TextTokenizer, progress: Progress
) -> StorePlan:
    """Tokenise as much of a corpus as is wanted, and lay out sequences and rows.

    Raises:
        RequestError: if the corpus holds no text.
    """
    windows = take_windows(
        corpus.documents(),
        tokenizer,
        tokens=request.tokens,
        seq_len=request.seq_len,
        progress=progress,
    )
    if not windows:
        raise RequestError(
            f"data set '{corpus.name}': no rows left; it holds no text beside special tokens"
        )
    return _lay_out(as_documents(windows), request, corpus, tokenizer)


def _lay_out(
    windows: Sequence[Window], request: TextRequest, corpus: Corpus, tokenizer: TextTokenizer
) -> StorePlan:
    documents = np.asarray([w.document for w in windows], dtype=np.int64)
    split = assign_splits(documents, fraction=request.heldout_fraction, seed=request.seed)
    order = running_order(np.asarray([len(w.token_ids) for w in windows]), split)
    run = [windows[i] for i in order]
    keep = np.concatenate([w.keep for w in run])
    return StorePlan(
        token_ids=np.concatenate([w.token_ids for w in run]),
        token_offsets=np.cumsum([0, *(len(w.token_ids) for w in run)], dtype=np.int64),
        document=documents[order],
        split=split[order],
        keep=keep,
        vocabulary=tokenizer.vocabulary(),
        corpus={"name": corpus.name, "fingerprint": corpus.fingerprint},
        tokenizer=tokenizer.to_mapping(),
        filter=_filter(keep, tokenizer),
        config=request.to_mapping(),
        versions=_versions(),
        shard_rows=request.shard_rows,
        chunk_rows=request.chunk_rows,
    )


def _filter(keep: np.ndarray, tokenizer: TextTokenizer) -> dict[str, Any]:
    return {
        "left_out": "beginning-of-sequence tokens and other special token ids",
        "special_ids": list(tokenizer.special_ids),
        "tokens_run": len(keep),
        "tokens_left_out": int(len(keep) - np.count_nonzero(keep)),
    }


def _versions() -> dict[str, str]:
    found = {name: importlib.metadata.version(name) for name in RECORDED}
    return {"python": ".".join(map(str, sys.version_info[:3])), **found}
