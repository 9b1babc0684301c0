"""The crosscoder as a torch module: N sources of any widths, one latent code.

    f = φ(Σ_m x^m W_enc^m + b_enc)          x̂^m = f W_dec^m + b_dec^m

Inside, the sources lie side by side, so that a step needs one matrix product each way and a
latent's weights are one row: W_enc and W_dec are [latent, d_model of all sources].
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from xc.store_schema import Checkpoint, CheckpointSource, RunLayout
from xc.store_schema.code_norms import DEFAULT, PER_SOURCE
from xc.train.activation_fns import ACTIVATION_FNS, ActivationFn
from xc.train.code_norms import CODE_NORMS
from xc.train.in_words import check_latents, check_rows, described
from xc.train.partition import Partition
from xc.train.tensors import as_tensor

Rows = Sequence[np.ndarray | Tensor]
"""One array [row, d_model] per source, A first."""


class Crosscoder(nn.Module):
    """N encoders and decoders around shared latents."""

    threshold: Tensor
    scale: Tensor
    mean: Tensor
    column_scale: Tensor
    log_threshold: nn.Parameter | None

    def __init__(
        self,
        sources: Sequence[CheckpointSource],
        d_sae: int,
        *,
        activation_fn: dict[str, Any],
        scale: Sequence[float] | None = None,
        mean: Sequence[np.ndarray] | None = None,
        folded: bool = False,
        store_fingerprint: str | None = None,
        partition: Sequence[Mapping[str, Any]] = (),
        centre_rows: Sequence[bool] = (),
    ) -> None:
        """Make a crosscoder of zeros; `initial.initialise` or `from_checkpoint` fills it.

        Args:
            sources: what each encoder and decoder belongs to, A first.
            d_sae: number of latents.
            activation_fn: `name` (of `ACTIVATION_FNS`), its parameters, and `code_norm` where
                that is not `crosscoder`.
            scale: factor per source that activations were or are multiplied by.
            mean: per source [d_model], subtracted before; none: zeros.
            folded: whether scale and mean are in the weights already.
            store_fingerprint: of the activations it is trained on.
            partition: groups of latents as a checkpoint keeps them; (): all are plain.
            centre_rows: per source, whether each row's own mean is subtracted first; (): nowhere.
        """
        super().__init__()
        self.sources = tuple(sources)
        self.activation_fn = dict(activation_fn)
        self.folded = folded
        self.store_fingerprint = store_fingerprint
        self.centred = mean is not None
        self.centre_rows = tuple(centre_rows)
        self.partition = Partition.of(partition, self.columns)
        width = sum(self.widths)
        self.W_enc = nn.Parameter(torch.zeros(d_sae, width))
        self.b_enc = nn.Parameter(torch.zeros(d_sae))
        self.W_dec = nn.Parameter(torch.zeros(d_sae, width))
        self.b_dec = nn.Parameter(torch.zeros(width))
        self.register_buffer("threshold", torch.zeros(self._threshold_shape(d_sae)))
        learns = self.activation.learns_threshold
        self.log_threshold = nn.Parameter(torch.zeros(d_sae)) if learns else None
        scales = [1.0] * len(self.sources) if scale is None else list(scale)
        self.register_buffer("scale", torch.tensor(scales, dtype=torch.float64))
        columns = np.repeat(scales, self.widths)
        column_scale = torch.tensor(columns, dtype=torch.float32)
        self.register_buffer("column_scale", column_scale, persistent=False)
        means = np.zeros(width) if mean is None else np.concatenate(list(mean))
        self.register_buffer("mean", torch.tensor(means, dtype=torch.float32))

    @property
    def widths(self) -> tuple[int, ...]:
        """d_model of each source."""
        return tuple(s.d_model for s in self.sources)

    @property
    def columns(self) -> tuple[slice, ...]:
        """Where each source lies among the columns of the weights."""
        borders = np.concatenate([[0], np.cumsum(self.widths)]).tolist()
        return tuple(slice(a, b) for a, b in pairwise(borders))

    @property
    def centred_columns(self) -> tuple[slice, ...]:
        """Columns of the sources whose rows lose their own mean."""
        flags = self.centre_rows or (False,) * len(self.sources)
        return tuple(c for c, centre in zip(self.columns, flags, strict=True) if centre)

    @property
    def d_sae(self) -> int:
        """Number of latents."""
        return len(self.b_enc)

    @property
    def activation(self) -> ActivationFn:
        """The activation function's row in the table."""
        return ACTIVATION_FNS[self.activation_fn["name"]]

    @property
    def code_norm(self) -> str:
        """How decoder norms become the weight s, a name of `CODE_NORMS`."""
        return str(self.activation_fn.get("code_norm", DEFAULT))

    @property
    def decoupled(self) -> bool:
        """Whether each source has its own weights, selection and θ."""
        return self.code_norm == PER_SOURCE

    @property
    def k(self) -> int:
        """Latents per row; 0 where the activation function counts none."""
        return int(self.activation_fn.get("k", 0))

    def _threshold_shape(self, d_sae: int) -> tuple[int, ...]:
        if self.activation.learns_threshold:
            return (d_sae,)
        return (len(self.sources),) if self.decoupled else ()

    @torch.no_grad()
    def set_threshold(self, value: float | np.ndarray | Tensor) -> None:
        """Put θ, and what it is learnt as, at a value: one number, or one for each θ."""
        given = value if isinstance(value, Tensor) else torch.tensor(value)
        self.threshold.copy_(given)
        if self.log_threshold is not None:
            tiny = torch.finfo(self.threshold.dtype).tiny
            self.log_threshold.copy_(self.threshold.clamp_min(tiny).log())

    def decoder_norms(self) -> Tensor:
        """‖d_j^m‖ as normalised in training, [latent, source]."""
        parts = [self.W_dec[:, c].norm(dim=1) for c in self.columns]
        norms: Tensor = torch.stack(parts, dim=1)
        return norms * self.scale.to(norms.dtype) if self.folded else norms

    def code_weights(self) -> Tensor:
        """s, the factor between f and the value v that is ranked: [latent]; [latent, source] if
        decoupled."""
        return CODE_NORMS[self.code_norm](self.decoder_norms())

    def join(self, xs: Rows) -> Tensor:
        """Raw activations as one [row, d_model of all sources], normalised unless folded.

        Raises:
            RequestError: if they are not one [row, d_model] per source, of equally many rows.
        """
        check_rows(xs, self.sources)
        like = self.b_dec
        tensors = (as_tensor(x) if isinstance(x, np.ndarray) else x for x in xs)
        parts = [x.to(device=like.device, dtype=like.dtype) for x in tensors]
        return self.normalise(torch.cat(parts, dim=1))

    def normalise(self, joined: Tensor) -> Tensor:
        """(x − mean)·scale per source on [row, d_model of all sources], rows centred before where
        they are to be; new storage."""
        if self.folded:
            return joined
        x = joined - self.mean
        for columns in self.centred_columns:
            x[:, columns] -= joined[:, columns].mean(dim=1, keepdim=True)
        return x * self.column_scale

    def split(self, joined: Tensor) -> tuple[Tensor, ...]:
        """Views [row, d_model] per source of [row, d_model of all sources]."""
        return tuple(joined[:, c] for c in self.columns)

    def pre_activations(self, x: Tensor) -> Tensor:
        """x W_enc + b_enc [row, latent] for normalised, joined x."""
        return nn.functional.linear(x, self.W_enc, self.b_enc)

    def encode_joined(self, x: Tensor) -> Tensor:
        """Latents [row, latent] of normalised, joined x, by the rule of inference."""
        f = torch.relu_(self.pre_activations(x))
        return self.activation.infer(f, self.code_weights(), self.threshold, self.k)

    def decode_joined(self, f: Tensor) -> Tensor:
        """Reconstruction [row, d_model of all sources] in the space the weights act on."""
        if self.decoupled:
            return self.b_dec + self.written(self.gated(f))
        return torch.addmm(self.b_dec, f, self.W_dec)

    def gated(self, f: Tensor) -> tuple[Tensor, ...]:
        """What each source decodes of the latents f, by its own θ (`decoupled`)."""
        zero, theta = f.new_zeros(()), self.threshold.to(f.dtype)
        weights = self.code_weights().unbind(dim=1)
        return tuple(torch.where(f * w > t, f, zero) for w, t in zip(weights, theta, strict=True))

    def written(self, parts: Sequence[Tensor], latents: slice = slice(None)) -> Tensor:
        """Σ_j f_j d_j [row, d_model of all sources], without bias, over some of the latents.

        Args:
            parts: f [row, latent], one for all sources or one per source.
            latents: which of them.
        """
        if len(parts) == 1:
            return parts[0][:, latents] @ self.W_dec[latents]
        each = zip(parts, self.columns, strict=True)
        return torch.cat([f[:, latents] @ self.W_dec[latents, c] for f, c in each], dim=1)

    def encode(self, xs: Rows) -> Tensor:
        """Latents f [row, latent] of raw activations, one [row, d_model] per source.

        Raises:
            RequestError: if they are of other shapes.
        """
        return self.encode_joined(self.join(xs))

    def decode(self, f: Tensor) -> tuple[Tensor, ...]:
        """Reconstructions [row, d_model] per source, in the space the weights act on.

        That is the space of raw activations for a folded crosscoder (`from_pretrained`), of
        normalised ones otherwise.

        Raises:
            RequestError: if f is not [row, latent].
        """
        check_latents(f, self.d_sae)
        return self.split(self.decode_joined(f))

    def forward(self, xs: Rows) -> tuple[Tensor, ...]:
        """Reconstruct every source."""
        return self.decode(self.encode(xs))

    def extra_repr(self) -> str:
        """What `print` says of it."""
        return described(self)

    def to_checkpoint(self) -> Checkpoint:
        """The same as NumPy arrays."""
        W_enc, W_dec, b_dec, mean = (
            t.detach().cpu().numpy() for t in (self.W_enc, self.W_dec, self.b_dec, self.mean)
        )
        has_threshold = self.activation.uses_threshold or self.activation.learns_threshold
        return Checkpoint(
            sources=self.sources,
            activation_fn=dict(self.activation_fn),
            W_enc=tuple(np.ascontiguousarray(W_enc[:, c].T) for c in self.columns),
            b_enc=self.b_enc.detach().cpu().numpy().copy(),
            W_dec=tuple(np.ascontiguousarray(W_dec[:, c]) for c in self.columns),
            b_dec=tuple(b_dec[c].copy() for c in self.columns),
            threshold=self.threshold.detach().cpu().numpy() if has_threshold else None,
            scale=tuple(self.scale.tolist()),
            mean=tuple(mean[c].copy() for c in self.columns) if self.centred else None,
            folded=self.folded,
            store_fingerprint=self.store_fingerprint,
            partition=self.partition.entries(),
            centre_rows=self.centre_rows,
        )

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint) -> "Crosscoder":
        """The torch module of a checkpoint, folded if that is."""
        self = cls(
            checkpoint.sources,
            checkpoint.d_sae,
            activation_fn=checkpoint.activation_fn,
            scale=checkpoint.scale,
            mean=checkpoint.mean,
            folded=checkpoint.folded,
            store_fingerprint=checkpoint.store_fingerprint,
            partition=checkpoint.partition,
            centre_rows=checkpoint.centre_rows,
        )
        with torch.no_grad():
            self.W_enc.copy_(torch.from_numpy(np.concatenate(checkpoint.W_enc).T))
            self.b_enc.copy_(torch.from_numpy(checkpoint.b_enc))
            self.W_dec.copy_(torch.from_numpy(np.concatenate(checkpoint.W_dec, axis=1)))
            self.b_dec.copy_(torch.from_numpy(np.concatenate(checkpoint.b_dec)))
        self.set_threshold(0.0 if checkpoint.threshold is None else checkpoint.threshold)
        return self

    @classmethod
    def from_pretrained(
        cls,
        reference: str | Path,
        *,
        device: str = "cpu",
        layout: str | None = None,
        file: str | None = None,
        sources: Sequence[str] = (),
        models: Sequence[str] = (),
        scale: Sequence[float] = (),
        centre_rows: bool | None = None,
    ) -> "Crosscoder":
        """A published crosscoder, folded: it eats raw activations and reconstructs them.

        Args:
            reference: a run, a checkpoint folder, other people's files, or OWNER/NAME on the Hub
                (with @REVISION if need be); see `xc.train.formats` for what is read.
            device: where its tensors go.
            layout: format of other people's files; None: told by names of files and tensors.
            file: the weights, where there are several.
            sources: keys such as `gpt2@6`, where the files do not name models and layers.
            models: models, where only those are missing.
            scale: factor per source, where the files do not hold it.
            centre_rows: whether rows lose their own mean; None: as TransformerLens had it.

        Raises:
            RequestError: if there is no crosscoder at `reference`, or something is missing.
            SchemaError: if what is there cannot be read.
        """
        from xc.train.pretrained import checkpoint_of  # noqa: PLC0415  (loads the Hub's client)

        checkpoint = checkpoint_of(
            reference, layout=layout, file=file, sources=sources, models=models, scale=scale,
            centre_rows=centre_rows,
        )  # fmt: skip
        folded = cls.from_checkpoint(checkpoint.fold())
        return folded.requires_grad_(False).eval().to(device)

    def save_pretrained(self, folder: str | Path, *, run: str | Path | None = None) -> Path:
        """Write it with a model card, for `from_pretrained` to read.

        Args:
            folder: not there yet, empty, or an older one of this kind, which is replaced.
            run: the run that it comes from; the card then tells data, training and metrics.

        Raises:
            RequestError: if the folder holds something else.
        """
        from xc.train.publishing import save  # noqa: PLC0415  (loads the Hub's client)

        layout = None if run is None else RunLayout(Path(run))
        return save(self.to_checkpoint(), Path(folder), run=layout)

    def push_to_hub(
        self, repository: str, *, run: str | Path | None = None, private: bool = False
    ) -> str:
        """Upload it with a model card to OWNER/NAME on the Hub; returns the address.

        Args:
            repository: is made where there is none.
            run: the run that it comes from; the card then tells data, training and metrics.
            private: whether a repository that is made is.

        Raises:
            XcError: if the Hub cannot be reached, or refuses.
        """
        from xc.train.publishing import push  # noqa: PLC0415  (loads the Hub's client)

        with TemporaryDirectory() as aside:
            return push(
                self.save_pretrained(Path(aside) / "it", run=run), repository, private=private
            )
