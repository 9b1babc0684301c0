"""Dense oracles of decoder rows: norms, classes, cosines, sharedness."""

from dataclasses import dataclass

import numpy as np
from dense_world import DenseWorld


@dataclass(frozen=True)
class DenseDecoders(DenseWorld):
    """One latent at a time, from its rows in two sources."""

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
        weights, terms, total = self.f.mean(axis=0), [], 0.0
        for n, w in zip(self.rel_norm(p, q), weights, strict=True):
            parts = [n] if literal else [n, 1 - n]
            terms.append(w * sum(-v * np.log2(v) for v in parts if v > 0))
            total += 0.0 if np.isnan(n) else w
        if literal:
            return float(np.sum(terms))
        return float(np.sum(terms) / total) if total else float("nan")

    def mean_entropy(
        self, p: int, q: int, weights: np.ndarray, members: np.ndarray | None = None
    ) -> float:
        share = self.rel_norm(p, q)
        parts = np.stack([share, 1 - share])
        with np.errstate(all="ignore"):
            entropy = np.where(parts > 0, -parts * np.log2(parts), 0).sum(axis=0)
        weights = weights * self.alive * ~np.isnan(share)
        chosen = weights if members is None else weights * members
        return float((chosen * entropy).sum() / weights.sum()) if weights.sum() else float("nan")

    def entropy_of(self, p: int, q: int, label: str) -> float:
        members = self.classes(p, q) == label.format(p="abc"[p], q="abc"[q])
        return self.mean_entropy(p, q, self.f.mean(axis=0), members)

    def written(self, *sources: int) -> list[np.ndarray]:
        return [self.world.encoders[m].T.astype(np.float64) for m in sources]

    def median_shared(self, p: int, q: int, *, encoder: bool = False) -> float:
        found = self.cosine(p, q, encoder=encoder)[self.classes(p, q) == "shared"]
        found = found[~np.isnan(found)]
        return float(np.median(found)) if len(found) else float("nan")

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
