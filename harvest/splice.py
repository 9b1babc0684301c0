"""Spliced forward passes: what a model loses when a site's activations are replaced.

Per sequence, the next-token cross-entropy of the clean model, of the model whose rows at the site
are replaced by a reconstruction, and of the model whose site is zero at every position. Positions
that are no rows (BOS above all), and rows that are not to be replaced, keep their own activation in
the splice. After Kissane et al., loss recovered; here the sums are over all predicted tokens before
any division.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from xc.harvest.config import DEFAULT_BATCH, HarvestConfig
from xc.harvest.devices import automatic_dtype, dtype_name, pick_device, pick_dtype
from xc.harvest.forward import first_tensor
from xc.harvest.loading import check_loading, load
from xc.harvest.memory import Halving
from xc.harvest.models import Model, describe_model
from xc.harvest.own_bos import beginning
from xc.harvest.references import ModelRef
from xc.harvest.rows import Batch, StoredText
from xc.harvest.sites import Site, resolve_site, site_label
from xc.harvest.text_tokenizer import own_beginning
from xc.store_schema import ActivationStore, NumericalError, Progress, RequestError, Source
from xc.store_schema.plan import SPLIT_NAMES

Reconstruct = Callable[[int, int], np.ndarray]
"""From a range of rows of the store to their reconstruction at one source, float32 [n, d_model]."""

Choose = Callable[[int, int], np.ndarray]
"""From a range of rows of the store to whether each is replaced, bool [n]."""

Replace = Callable[[Tensor], Tensor]
"""From activations [sequence, position, d_model] to those that go on instead."""

_COLUMNS = ("number", "predicted", "replaced", "clean", "spliced", "zero-ablated")
"""What is found of each sequence of a batch."""


@dataclass(frozen=True)
class SplicedLoss:
    """Next-token cross-entropies in nats, summed per sequence (float64), natural order of rows."""

    sequence: np.ndarray
    """int64 [n], number of each sequence in the store."""
    predicted: np.ndarray
    """int64 [n], tokens predicted in each sequence."""
    replaced: np.ndarray
    """int64 [n], positions whose activation the splice replaces."""
    clean: np.ndarray
    """float64 [n]."""
    spliced: np.ndarray
    """float64 [n]."""
    zero: np.ndarray
    """float64 [n]."""

    def mean(self, which: np.ndarray) -> float:
        """Cross-entropy per predicted token of one of the three."""
        return float(which.sum() / self.predicted.sum())

    @property
    def recovered(self) -> float:
        """1 − (CE_spliced − CE_clean) / (CE_zero − CE_clean)."""
        clean = self.mean(self.clean)
        return 1 - (self.mean(self.spliced) - clean) / (self.mean(self.zero) - clean)


def spliced_loss(
    config: HarvestConfig,
    *,
    model: ModelRef,
    store: ActivationStore,
    key: str,
    reconstruct: Reconstruct,
    split: str,
    progress: Progress,
    choose: Choose | None = None,
) -> SplicedLoss:
    """Measure what a reconstruction of one source costs its model.

    Args:
        config: batch size, device, dtype and blocks, as in the harvest.
        model: the model of the source.
        store: the rows.
        key: the source.
        reconstruct: gives the rows' replacements.
        split: which sequences are run.
        progress: told of every row.
        choose: which rows are replaced; None: those that the store's mask keeps.

    Raises:
        RequestError: if the model is not the one that was harvested.
        NumericalError: if a loss is NaN or infinite.
        XcError: if memory does not suffice.
    """
    device = pick_device(config.device)
    check_loading(config)
    described = describe_model(
        model, blocks=config.blocks, trust_remote_code=config.trust_remote_code
    )
    _check_same(described, store.source(key), store)
    place = resolve_site(site_label(key), described.stack)
    loaded = load(config, described, {key: place}, device)
    site = LoadedSite(loaded.module, place, loaded.device)
    seq_len = int(store.attributes["config"]["seq_len"])
    at_once = config.batch_size or DEFAULT_BATCH  # the head's logits take most of the memory
    adapt = beginning(store.attributes, own_beginning(described), described)
    text = StoredText(store, budget=at_once * seq_len, adapt=adapt)
    chosen = choose if choose is not None else _by_mask(store)
    step = partial(batch_losses, site, reconstruct=reconstruct, choose=chosen)
    return _measure(step, text, _batches(text, store, split), key=key, progress=progress)


def spliced_dtype(config: HarvestConfig, model: Callable[[], ModelRef]) -> str:
    """Type in which `spliced_loss` runs a model: `bfloat16`, never `auto`.

    Args:
        config: as given to `spliced_loss`.
        model: gives the model; called only where the type depends on it.

    Raises:
        RequestError: if the device or the model that decides is not to be had.
    """
    if config.dtype != "auto":
        return config.dtype
    device = pick_device(config.device)
    return dtype_name(automatic_dtype(device) or _own_dtype(config, model(), device))


def _own_dtype(config: HarvestConfig, model: ModelRef, device: torch.device) -> torch.dtype:
    described = describe_model(
        model, blocks=config.blocks, trust_remote_code=config.trust_remote_code
    )
    return pick_dtype(config.dtype, described, device)


def _check_same(model: Model, source: Source, store: ActivationStore) -> None:
    """See that a model is the one that a source was harvested from, down to its weights.

    Raises:
        RequestError: if it is not.
    """
    named = f"{model.ref.reference} is not the model that {store.path} holds as {source.key}"
    if model.files.config_hash != source.model_config_hash:
        raise RequestError(f"{named}: its configuration is another; name the one harvested")
    if source.revision is not None and model.files.revision != source.revision:
        raise RequestError(
            f"{named}: its weights are of revision {model.files.revision}, harvested was "
            f"{source.revision}; name that one, or harvest again"
        )


def _by_mask(store: ActivationStore) -> Choose:
    return lambda start, stop: np.asarray(store.rows.mask[start:stop], dtype=bool)


@dataclass(frozen=True)
class LoadedSite:
    """A place in a loaded model where activations can be replaced."""

    module: nn.Module
    """The whole model."""
    site: Site
    device: torch.device

    @contextmanager
    def replaced(self, replace: Replace) -> Iterator[None]:
        """Inside the context the site's activations are what `replace` makes of them."""

        def before(block: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if args:
                return (replace(args[0]), *args[1:]), kwargs
            return args, {**kwargs, "hidden_states": replace(kwargs["hidden_states"])}

        def after(block: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
            new = replace(first_tensor(output))
            return type(output)([new, *output[1:]]) if isinstance(output, tuple | list) else new

        hooked = self.module.get_submodule(self.site.path)
        if self.site.before:
            handle = hooked.register_forward_pre_hook(before, with_kwargs=True)
        else:
            handle = hooked.register_forward_hook(after)
        try:
            yield
        finally:
            handle.remove()


def _batches(text: StoredText, store: ActivationStore, split: str) -> list[int]:
    """Batches of a split; a batch never lies in two."""
    of_split = store.sequences.split == SPLIT_NAMES.index(split)
    return [i for i in range(len(text)) if of_split[text.sequences_of(i)[0]]]


def _measure(
    step: Callable[[Batch], np.ndarray],
    text: StoredText,
    batches: list[int],
    *,
    key: str,
    progress: Progress,
) -> SplicedLoss:
    found: list[np.ndarray] = [np.zeros((0, len(_COLUMNS)))]
    progress.start(f"{key}, spliced", sum(_n_rows(text, i) for i in batches), "rows")
    halving = Halving(key, progress)
    for index in batches:
        for batch, losses in halving.run(text.batch(index), step):
            _check_finite(losses, batch, key)
            found.append(losses)
            progress.advance(len(batch.flat))
    progress.finish()
    sequence, predicted, replaced, *sums = np.concatenate(found).T
    counts = (column.astype(np.int64) for column in (sequence, predicted, replaced))
    return SplicedLoss(*counts, *(np.ascontiguousarray(column) for column in sums))


def _n_rows(text: StoredText, index: int) -> int:
    start, stop = text.rows_of(index)
    return stop - start


def _check_finite(losses: np.ndarray, batch: Batch, key: str) -> None:
    bad = np.argwhere(~np.isfinite(losses))
    if len(bad):
        line, column = bad[0]
        raise NumericalError(
            f"{key}: the {_COLUMNS[column]} loss of sequence {batch.first_sequence + line} is not "
            "finite; try --dtype float32"
        )


@torch.inference_mode()
def batch_losses(
    site: LoadedSite, batch: Batch, *, reconstruct: Reconstruct, choose: Choose
) -> np.ndarray:
    """Per sequence of a batch its number, tokens predicted, positions replaced, and the clean,
    spliced and zero-ablated losses: float64 [sequence, 6]."""
    rows = batch.row_start, batch.row_stop
    chosen = choose(*rows)
    replacement = torch.from_numpy(reconstruct(*rows)[chosen]).to(site.device)
    places = batch.flat[chosen]
    flat = torch.from_numpy(places).to(site.device)
    ids = torch.from_numpy(batch.token_ids).to(site.device)
    lengths = torch.from_numpy(batch.lengths).to(site.device)

    def splice(hidden: Tensor) -> Tensor:
        spliced = hidden.reshape(-1, hidden.shape[-1]).clone()
        at = flat.to(spliced.device)  # of a model that is spread out, on another device
        spliced[at] = replacement.to(spliced)
        return spliced.reshape(hidden.shape)

    losses = [_loss(site, ids, lengths, replace) for replace in (_keep, splice, torch.zeros_like)]
    n = len(batch.lengths)
    number = batch.first_sequence + np.arange(n)
    replaced = np.bincount(places // batch.token_ids.shape[1], minlength=n)
    return np.column_stack([number, batch.lengths - 1, replaced, *losses])


def _keep(hidden: Tensor) -> Tensor:
    return hidden


def _loss(site: LoadedSite, ids: Tensor, lengths: Tensor, replace: Replace) -> np.ndarray:
    """Sum of next-token cross-entropies of each sequence, float64 [n]."""
    with site.replaced(replace):
        logits = site.module(input_ids=ids, use_cache=False).logits[:, :-1]
    per_token = torch.stack(
        [
            nn.functional.cross_entropy(line.float(), targets, reduction="none")
            for line, targets in zip(logits, ids[:, 1:], strict=True)
        ]
    ).double()
    real = torch.arange(1, ids.shape[1], device=ids.device) < lengths[:, None]
    sums: np.ndarray = torch.where(real, per_token, 0.0).sum(dim=1).cpu().numpy()
    return sums
