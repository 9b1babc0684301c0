"""Rows, latents and decoders in memory for the evaluator's tests, and dense float64 oracles."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from itertools import pairwise

import numpy as np
from activation_oracles import COMPARISONS, all_comparisons, compare
from alignment_oracles import ALIGNMENTS
from scaling_oracles import STATISTICS

from xc.evaluate.decoder import Decoder
from xc.evaluate.facts import Facts
from xc.evaluate.finishing import finish_all
from xc.evaluate.graph import combine_totals, tile_totals
from xc.evaluate.latent_rows import LatentRows
from xc.evaluate.metrics import METRICS
from xc.evaluate.row_block import RowBlock


@dataclass(frozen=True, eq=False)
class World:
    """Everything that metrics read, dense."""

    f: np.ndarray
    """float32 [row, latent]."""
    x: tuple[np.ndarray, ...]
    """Per source float32 [row, d_model], normalised."""
    W: tuple[np.ndarray, ...]
    """Per source float32 [latent, d_model]."""
    b: tuple[np.ndarray, ...]
    sequence: np.ndarray
    centre: tuple[np.ndarray, ...]
    scale: tuple[float, ...]
    role: np.ndarray
    """uint8 [row], of which 3 is a token of a chat template."""
    encoders: tuple[np.ndarray, ...] = ()
    """Per source float32 [d_model, latent]."""

    @property
    def n_rows(self) -> int:
        return len(self.f)

    @property
    def decoder(self) -> Decoder:
        means = tuple(np.zeros_like(b) for b in self.b)
        return Decoder(self.W, self.b, self.scale, means, encoders=self.encoders)

    def permuted(self, order: np.ndarray) -> "World":
        return replace(
            self, f=self.f[:, order], W=tuple(w[order] for w in self.W),
            encoders=tuple(w[:, order] for w in self.encoders),
        )  # fmt: skip

    def swapped(self) -> "World":
        return replace(
            self, x=self.x[::-1], W=self.W[::-1], b=self.b[::-1],
            centre=self.centre[::-1], scale=self.scale[::-1], encoders=self.encoders[::-1],
        )  # fmt: skip

    def block(self, start: int, stop: int) -> RowBlock:
        rows = slice(start, stop)
        latents = latent_rows(self.f[rows])
        return RowBlock(
            start, stop, self.sequence[rows], latents, self.decoder,
            lambda: tuple(x[rows] for x in self.x), self.centre,
            {"role": self.role[rows], "corpus": self.role[rows] % 2},
        )  # fmt: skip

    def facts(self, *, borders: Sequence[int] = (), order: Sequence[int] | None = None) -> Facts:
        """All values, the rows cut at `borders`, the tiles combined in `order`."""
        cuts = [0, *sorted(borders), self.n_rows]
        tiles = [self.block(a, b) for a, b in pairwise(cuts)]
        totals = [tile_totals(METRICS, tile) for tile in tiles]
        totals = totals if order is None else [totals[i] for i in order]
        combined = reduce(lambda a, b: combine_totals(METRICS, a, b), totals)
        return finish_all(METRICS, combined, Facts(self.decoder))


def latent_rows(f: np.ndarray) -> LatentRows:
    """Compress dense latents by row."""
    indptr = np.concatenate([[0], np.cumsum((f > 0).sum(axis=1))])
    latent = np.nonzero(f)[1].astype(np.int32)
    return LatentRows(indptr, latent, f[f > 0], f.shape[1])


def make_world(
    n_rows: int = 90,
    d_sae: int = 24,
    *,
    widths: tuple[int, ...] = (6, 6),
    active: float = 0.2,
    zero_rows: bool = True,
    seed: int = 0,
) -> World:
    """Random rows; some latents dead, some decoder rows zero, some equal in both sources."""
    rng = np.random.default_rng(seed)
    f = np.where(rng.random((n_rows, d_sae)) < active, rng.gamma(2.0, 1.0, (n_rows, d_sae)), 0)
    f[:, rng.random(d_sae) < 0.1] = 0
    W = [rng.normal(size=(d_sae, w)).astype(np.float32) for w in widths]
    if zero_rows:
        for w in W:
            w[rng.random(d_sae) < 0.15] = 0
    if len(set(widths)) == 1:
        alike = rng.random(d_sae) < 0.3
        for w in W[1:]:
            w[alike] = W[0][alike]
    b = tuple(rng.normal(size=w).astype(np.float32) for w in widths)
    f = f.astype(np.float32)
    x = tuple(
        (f @ w + c + rng.normal(size=(n_rows, w.shape[1]))).astype(np.float32)
        for w, c in zip(W, b, strict=True)
    )
    centre = tuple(rng.normal(size=w) for w in widths)
    sequence = np.sort(rng.integers(0, max(n_rows // 7, 1), n_rows))
    scale = tuple(float(s) for s in rng.uniform(0.5, 2.0, len(widths)))
    role = rng.integers(0, 4, n_rows).astype(np.uint8)
    encoders = tuple(w.T + rng.normal(size=w.T.shape).astype(np.float32) for w in W)
    return World(f, x, tuple(W), b, sequence, centre, scale, role, encoders)


@dataclass(frozen=True)
class Dense:
    """The world in float64 and what the oracles share; written without the evaluator's code."""

    world: World

    @property
    def f(self) -> np.ndarray:
        return self.world.f.astype(np.float64)

    def x(self, m: int) -> np.ndarray:
        return self.world.x[m].astype(np.float64)

    def d(self, m: int) -> np.ndarray:
        return self.world.W[m].astype(np.float64)

    def b(self, m: int) -> np.ndarray:
        return self.world.b[m].astype(np.float64)

    def xhat(self, m: int) -> np.ndarray:
        return self.f @ self.d(m) + self.b(m)

    def e(self, m: int) -> np.ndarray:
        return self.x(m) - self.xhat(m)

    @property
    def n(self) -> int:
        return len(self.world.W)

    @property
    def pairs(self) -> list[tuple[int, int]]:
        return [(p, q) for p in range(self.n) for q in range(p + 1, self.n)]

    @property
    def alive(self) -> np.ndarray:
        return (self.world.f > 0).any(axis=0)

    def norms(self) -> np.ndarray:
        return np.stack([np.sqrt((self.d(m) ** 2).sum(axis=1)) for m in range(self.n)], axis=1)

    def target(self, kind: str, m: int, j: int) -> np.ndarray:
        """y of latent scaling, [row, d_model]."""
        own = np.outer(self.f[:, j], self.d(m)[j])
        targets = {
            "error": self.e(m) + own,
            "reconstruction": self.xhat(m),
            "activation": self.x(m),
            "activation_no_bias": self.x(m) - self.b(m),
        }
        return targets[kind]

    def beta(self, kind: str, j: int, m: int, t: int) -> float:
        """One least-squares fit of y on the rank-one regressor f·d, flattened."""
        regressor = np.outer(self.f[:, j], self.d(t)[j])
        if self.d(m).shape[1] != self.d(t).shape[1] or not regressor.any():
            return float("nan")
        y = self.target(kind, m, j)
        return float(np.linalg.lstsq(regressor.reshape(-1, 1), y.ravel(), rcond=None)[0][0])

    def alone(self, t: int) -> bool:
        widths = [w.shape[1] for w in self.world.W]
        return widths.count(widths[t]) < 2

    def betas(self, kind: str) -> np.ndarray:
        d_sae = self.f.shape[1]
        cells = [
            [
                [np.nan if self.alone(t) else self.beta(kind, j, m, t) for t in range(self.n)]
                for m in range(self.n)
            ]
            for j in range(d_sae)
        ]
        return np.array(cells).reshape(d_sae, self.n, self.n)

    def nus(self, kind: str) -> np.ndarray:
        b = self.betas(kind)
        with np.errstate(all="ignore"):
            sides = [
                np.stack([b[:, p, q] / b[:, q, q], b[:, q, p] / b[:, p, p]], axis=1)
                for p, q in self.pairs
            ]
        nus = np.stack(sides, axis=1)
        return np.where(np.isfinite(nus), nus, np.nan)

    def improvements(self, kind: str) -> np.ndarray:
        betas = self.betas(kind)
        out = np.full_like(betas, np.nan)
        for j, m, t in np.argwhere(~np.isnan(betas)):
            y = self.target(kind, m, j)
            after = y - betas[j, m, t] * np.outer(self.f[:, j], self.d(t)[j])
            if (y**2).sum() > 0:
                out[j, m, t] = 1 - (after**2).sum() / (y**2).sum()
        return out

    def own(self, kind: str) -> np.ndarray:
        d_sae = self.f.shape[1]
        return np.array([[self.beta(kind, j, m, m) for m in range(self.n)] for j in range(d_sae)])

    def variance(self, m: int) -> float:
        return float(((self.x(m) - self.x(m).mean(axis=0)) ** 2).sum())

    def error(self, m: int) -> float:
        return float((self.e(m) ** 2).sum())

    def per_row(self, percent: int) -> int:
        counts = sorted((self.f > 0).sum(axis=1))
        return int(counts[-(-percent * len(counts) // 100) - 1])

    def quantile(self, percent: int) -> np.ndarray:
        """Per latent, of activations moved to the middle of their sixteenth of an octave."""
        mantissa, exponent = np.frexp(self.f)
        middle = np.ldexp((np.floor(mantissa * 32) + 0.5) / 32, exponent)
        columns = [np.sort(c[f > 0]) for c, f in zip(middle.T, self.f.T, strict=True)]
        return np.array([c[-(-percent * len(c) // 100) - 1] if len(c) else np.nan for c in columns])

    def likeness(self, m: int) -> float:
        x, xhat = self.x(m), self.xhat(m)
        norms = np.linalg.norm(x, axis=1) * np.linalg.norm(xhat, axis=1)
        return float(((x * xhat).sum(axis=1)[norms > 0] / norms[norms > 0]).mean())

    def kissane(self, *sources: int) -> float:
        error = sum((self.e(m) ** 2).sum(axis=1) for m in sources)
        spread = sum(((self.x(m) - self.world.centre[m]) ** 2).sum(axis=1) for m in sources)
        return float((1 - error / spread).mean())

    def minder(self, *sources: int) -> float:
        if len(self.f) < 2:
            return float("nan")
        error = sum(self.e(m).var(axis=0, ddof=1).sum() for m in sources)
        return float(1 - error / sum(self.x(m).var(axis=0, ddof=1).sum() for m in sources))

    def template_fraction(self) -> np.ndarray:
        fires, template = self.f > 0, self.world.role == 3
        with np.errstate(invalid="ignore"):
            share = fires[template].sum(axis=0) / fires.sum(axis=0)
        return share if template.any() else np.full_like(share, np.nan)

    def template_over(self, cut: float, label: str = "") -> list[float] | float:
        fraction = self.template_fraction()

        def share(members: np.ndarray) -> float:
            known = fraction[members & ~np.isnan(fraction)]
            return float((known > cut).mean()) if len(known) else float("nan")

        if not label:
            return share(self.alive)
        named = [(p, q, label.format(p="abc"[p], q="abc"[q])) for p, q in self.pairs]
        return [share(self.classes(p, q) == name) for p, q, name in named]

    def by_pair(self, function: Callable[[int, int], np.ndarray]) -> np.ndarray:
        return np.stack([function(p, q) for p, q in self.pairs], axis=-1)

    def rel_norm(self, p: int, q: int) -> np.ndarray:
        norms = self.norms()
        with np.errstate(invalid="ignore"):
            return norms[:, q] / (norms[:, p] + norms[:, q])

    def delta_norm(self, p: int, q: int) -> np.ndarray:
        norms = self.norms()
        with np.errstate(invalid="ignore"):
            return 0.5 * ((norms[:, q] - norms[:, p]) / norms[:, [p, q]].max(axis=1) + 1)

    def rms(self, p: int, q: int, *, relative: bool) -> np.ndarray:
        """rel_norm or delta_norm of root mean squares over dimensions."""
        a, b = (np.sqrt((self.d(m) ** 2).mean(axis=1)) for m in (p, q))
        with np.errstate(invalid="ignore"):
            return b / (a + b) if relative else 0.5 * ((b - a) / np.maximum(a, b) + 1)

    def mode(self, p: int, q: int, which: int) -> float:
        """Share of the living latents with rel_norm below ¼, between, above ¾."""
        values = self.rel_norm(p, q)[self.alive]
        values = values[~np.isnan(values)]
        found = np.where(values < 0.25, 0, np.where(values > 0.75, 2, 1))
        return float((found == which).mean()) if len(values) else float("nan")

    def classes(self, p: int, q: int, *, rms: bool = False) -> np.ndarray:
        def name(j: int, delta: float) -> str:
            if not self.alive[j]:
                return "dead"
            if delta < 0.1:
                return f"{'abc'[p]}_only"
            if delta > 0.9:
                return f"{'abc'[q]}_only"
            return "shared" if abs(delta - 0.5) < 0.1 else "other"

        delta = self.rms(p, q, relative=False) if rms else self.delta_norm(p, q)
        return np.array([name(j, v) for j, v in enumerate(delta)])

    def count(self, label: str, *, rms: bool = False) -> np.ndarray:
        return np.array(
            [
                (self.classes(p, q, rms=rms) == label.format(p="abc"[p], q="abc"[q])).sum()
                for p, q in self.pairs
            ]
        )

    def cosine(self, p: int, q: int, *, encoder: bool = False) -> np.ndarray:
        if self.d(p).shape[1] != self.d(q).shape[1]:
            return np.full(self.f.shape[1], np.nan)
        columns = self.world.encoders
        a, b = (columns[m].T.astype(np.float64) if encoder else self.d(m) for m in (p, q))
        norms = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
        with np.errstate(invalid="ignore"):
            return (a * b).sum(axis=1) / norms

    def entropy_sum(self, p: int, q: int, *, literal: bool) -> float:
        weights = self.f.mean(axis=0)
        terms = []
        for n, w in zip(self.rel_norm(p, q), weights, strict=True):
            parts = [n] if literal else [n, 1 - n]
            terms.append(w * sum(-v * np.log2(v) for v in parts if v > 0))
        if literal:
            return float(np.sum(terms))
        return float(np.sum(terms) / weights.sum()) if weights.sum() else float("nan")

    def mean_entropy(
        self, p: int, q: int, weights: np.ndarray, members: np.ndarray | None = None
    ) -> float:
        share = self.rel_norm(p, q)
        parts = np.stack([share, 1 - share])
        with np.errstate(all="ignore"):
            entropy = np.where(parts > 0, -parts * np.log2(parts), 0).sum(axis=0)
        weights = weights * self.alive
        chosen = weights if members is None else weights * members
        return float((chosen * entropy).sum() / weights.sum()) if weights.sum() else float("nan")

    def entropy_of(self, p: int, q: int, label: str) -> float:
        members = self.classes(p, q) == label.format(p="abc"[p], q="abc"[q])
        return self.mean_entropy(p, q, self.f.mean(axis=0), members)

    def per_dimension(self) -> np.ndarray:
        """Root mean squares over the latent's largest, [latent, source]; NaN for zero rows."""
        found = np.stack([np.sqrt((self.d(m) ** 2).mean(axis=1)) for m in range(self.n)], axis=1)
        with np.errstate(invalid="ignore"):
            return found / found.max(axis=1, keepdims=True)

    def first_source(self, share: float) -> np.ndarray:
        rows = self.per_dimension()
        return np.array(
            [np.nan if np.isnan(r).any() else np.flatnonzero(r >= share - 1e-12)[0] for r in rows]
        )

    def persistence(self) -> np.ndarray:
        rows = self.per_dimension()
        return np.where(np.isnan(rows[:, 0]), np.nan, (rows >= 0.5).sum(axis=1))

    def norm_entropy(self) -> np.ndarray:
        rows = self.per_dimension()
        shares = rows / rows.sum(axis=1, keepdims=True)
        with np.errstate(all="ignore"):
            parts = np.where(shares == 0, 0, -shares * np.log(shares))
        return parts.sum(axis=1) / np.log(self.n)

    def at(self, numbers: np.ndarray) -> list[int]:
        return [int((numbers[self.alive] == m).sum()) for m in range(self.n)]

    def alignment(self, p: int, q: int) -> float:
        """By the eigenvalues of the product of projections, on matrices cut to their rank."""
        rows = [self.centred(m) for m in (p, q)]
        ranks = self.ranks(p, q)
        if min(ranks) == 0:
            return float("nan")
        projections = [r @ np.linalg.pinv(r) for r in rows]
        return float(np.trace(projections[0] @ projections[1]) / min(ranks))

    def centred(self, m: int) -> np.ndarray:
        rows = self.d(m)[self.alive]
        return rows - rows.mean(axis=0) if len(rows) else rows

    def ranks(self, p: int, q: int) -> list[int]:
        rows = [self.centred(m) for m in (p, q)]
        return [int(np.linalg.matrix_rank(r)) if r.size else 0 for r in rows]

    def alignment_chance(self, p: int, q: int) -> float:
        ranks = self.ranks(p, q)
        return max(ranks) / (self.alive.sum() - 1) if min(ranks) else float("nan")

    def alignment_adjusted(self, p: int, q: int) -> float:
        chance = self.alignment_chance(p, q)
        return (self.alignment(p, q) - chance) / (1 - chance) if chance < 1 else float("nan")

    def written(self, *sources: int) -> list[np.ndarray]:
        return [self.world.encoders[m].T.astype(np.float64) for m in sources]

    def median_shared(self, p: int, q: int, *, encoder: bool = False) -> float:
        found = self.cosine(p, q, encoder=encoder)[self.classes(p, q) == "shared"]
        found = found[~np.isnan(found)]
        return float(np.median(found)) if len(found) else float("nan")


def mean_of_known(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def random_mean(alive: np.ndarray, p: np.ndarray, q: np.ndarray) -> float:
    """Mean of the cosines of all pairs of different living rows."""
    if p.shape[1] != q.shape[1]:
        return float("nan")
    norms = np.linalg.norm(p, axis=1)[:, None] * np.linalg.norm(q, axis=1)
    with np.errstate(invalid="ignore"):
        table = p @ q.T / norms
    table[np.eye(len(p), dtype=bool) | ~np.outer(alive, alive)] = np.nan
    known = table[~np.isnan(table)]
    return float(known.mean()) if len(known) else float("nan")


ORACLES: dict[str, Callable[[Dense], object]] = {
    "l0": lambda d: (d.f > 0).sum() / len(d.f),
    "fve": lambda d: [1 - d.error(m) / d.variance(m) for m in range(d.n)],
    "fve_pooled": lambda d: 1 - sum(map(d.error, range(d.n))) / sum(map(d.variance, range(d.n))),
    "mse": lambda d: [d.error(m) / len(d.f) for m in range(d.n)],
    "l0_p05": lambda d: d.per_row(5),
    "l0_p50": lambda d: d.per_row(50),
    "l0_p95": lambda d: d.per_row(95),
    "cosine_reconstruction": lambda d: [d.likeness(m) for m in range(d.n)],
    "fve_legacy_kissane": lambda d: [d.kissane(m) for m in range(d.n)],
    "fve_legacy_kissane_pooled": lambda d: d.kissane(*range(d.n)),
    "fve_legacy_minder": lambda d: [d.minder(m) for m in range(d.n)],
    "fve_legacy_minder_pooled": lambda d: d.minder(*range(d.n)),
    "frequency": lambda d: (d.f > 0).mean(axis=0),
    "mean_activation": lambda d: d.f.mean(axis=0),
    "max_activation": lambda d: d.f.max(axis=0),
    **{f"activation_p{n}": partial(Dense.quantile, percent=n) for n in (50, 90, 99)},
    "n_dead_minder": lambda d: (d.f.max(axis=0) * d.norms().sum(axis=1) <= 1e-4).sum(),
    **{f"n_rarer_1e-{n}": lambda d: np.nan for n in (5, 6, 7)},  # of so few rows
    "dead_fraction": lambda d: (~d.alive).mean(),
    "norm": lambda d: d.norms(),
    "norm_folded": lambda d: d.norms() / np.array(d.world.scale),
    "rel_norm": lambda d: d.by_pair(d.rel_norm),
    "delta_norm": lambda d: d.by_pair(d.delta_norm),
    "rel_norm_rms": lambda d: d.by_pair(partial(d.rms, relative=True)),
    "delta_norm_rms": lambda d: d.by_pair(partial(d.rms, relative=False)),
    "cosine": lambda d: d.by_pair(d.cosine),
    "cosine_random_mean": lambda d: [random_mean(d.alive, d.d(p), d.d(q)) for p, q in d.pairs],
    "cosine_encoder_random_mean": lambda d: [
        random_mean(d.alive, *d.written(p, q)) for p, q in d.pairs
    ],
    "cosine_encoder": lambda d: d.by_pair(partial(d.cosine, encoder=True)),
    "class": lambda d: d.by_pair(d.classes),
    "activation_similarity": all_comparisons,
    **{name: partial(compare, name=name) for name in COMPARISONS},
    "template_fraction": lambda d: d.template_fraction(),
    **{
        "_".join(["template_over", word, *name]): partial(Dense.template_over, cut=cut, label=label)
        for word, cut in (("third", 1 / 3), ("half", 1 / 2))
        for name, label in (
            ([], ""),
            (["shared"], "shared"),
            (["a_only"], "{p}_only"),
            (["b_only"], "{q}_only"),
            (["other"], "other"),
        )
    },
    "sharedness": lambda d: [d.entropy_sum(p, q, literal=False) for p, q in d.pairs],
    "sharedness_literal": lambda d: [d.entropy_sum(p, q, literal=True) for p, q in d.pairs],
    "sharedness_v": lambda d: [
        d.mean_entropy(p, q, (d.f * d.norms().sum(axis=1)).mean(axis=0)) for p, q in d.pairs
    ],
    "sharedness_unweighted": lambda d: [
        d.mean_entropy(p, q, np.ones(d.f.shape[1])) for p, q in d.pairs
    ],
    "sharedness_from_shared": lambda d: [d.entropy_of(p, q, "shared") for p, q in d.pairs],
    "sharedness_from_a_only": lambda d: [d.entropy_of(p, q, "{p}_only") for p, q in d.pairs],
    "sharedness_from_b_only": lambda d: [d.entropy_of(p, q, "{q}_only") for p, q in d.pairs],
    "sharedness_from_other": lambda d: [d.entropy_of(p, q, "other") for p, q in d.pairs],
    "persistence": Dense.persistence,
    "persistence_mean": lambda d: mean_of_known(d.persistence()[d.alive]),
    "n_present": lambda d: (d.per_dimension() >= 0.5)[d.alive].sum(axis=0),
    "peak_source": lambda d: d.first_source(1.0),
    "n_peak": lambda d: d.at(d.first_source(1.0)),
    "norm_entropy": Dense.norm_entropy,
    "birth_source_10": lambda d: d.first_source(0.1),
    "birth_source_50": lambda d: d.first_source(0.5),
    "n_birth_10": lambda d: d.at(d.first_source(0.1)),
    "n_birth_50": lambda d: d.at(d.first_source(0.5)),
    "alignment": lambda d: [d.alignment(p, q) for p, q in d.pairs],
    "alignment_chance": lambda d: [d.alignment_chance(p, q) for p, q in d.pairs],
    "alignment_adjusted": lambda d: [d.alignment_adjusted(p, q) for p, q in d.pairs],
    "n_shared": lambda d: d.count("shared"),
    "n_a_only": lambda d: d.count("{p}_only"),
    "n_b_only": lambda d: d.count("{q}_only"),
    "n_other": lambda d: d.count("other"),
    "n_shared_rms": lambda d: d.count("shared", rms=True),
    "n_a_only_rms": lambda d: d.count("{p}_only", rms=True),
    "n_b_only_rms": lambda d: d.count("{q}_only", rms=True),
    "n_other_rms": lambda d: d.count("other", rms=True),
    "rel_norm_mode_a": lambda d: [d.mode(p, q, 0) for p, q in d.pairs],
    "rel_norm_mode_middle": lambda d: [d.mode(p, q, 1) for p, q in d.pairs],
    "rel_norm_mode_b": lambda d: [d.mode(p, q, 2) for p, q in d.pairs],
    "n_dead": lambda d: (~d.alive).sum(),
    "cosine_shared_median": lambda d: [d.median_shared(p, q) for p, q in d.pairs],
    "cosine_encoder_shared_median": lambda d: [
        d.median_shared(p, q, encoder=True) for p, q in d.pairs
    ],
    "beta_error": lambda d: d.betas("error"),
    "beta_reconstruction": lambda d: d.betas("reconstruction"),
    "beta_activation": lambda d: d.betas("activation"),
    "beta_activation_no_bias": lambda d: d.betas("activation_no_bias"),
    "nu_error": lambda d: d.nus("error"),
    "nu_reconstruction": lambda d: d.nus("reconstruction"),
    "nu_activation": lambda d: d.nus("activation"),
    "mse_improvement_error": lambda d: d.improvements("error"),
    "mse_improvement_reconstruction": lambda d: d.improvements("reconstruction"),
    "beta_own_error": lambda d: d.own("error"),
    "beta_own_reconstruction": lambda d: d.own("reconstruction"),
    **ALIGNMENTS,
    **STATISTICS,
}
"""Values by metric name; drawn metrics have none and are tested against what they estimate."""


def assert_same(found: np.ndarray, expected: object, *, atol: float = 2e-5) -> None:
    """Equal text, or equal numbers with NaN in the same places."""
    expected = np.asarray(expected)
    if expected.dtype.kind == "U":
        np.testing.assert_array_equal(found, expected)
        return
    assert found.shape == expected.shape
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected.astype(np.float64)))
    scale = np.maximum(1.0, np.abs(np.nan_to_num(expected.astype(np.float64))))
    np.testing.assert_allclose(found / scale, expected / scale, rtol=0, atol=atol)
