"""How many latents fire on a row, and how much of the rows they explain, by role too."""

import numpy as np
from planted_dictionary import ROLES, Planted, Values


def rows(p: Planted) -> Values:
    active = (p.f > 0).sum(axis=1)
    out: Values = {"rows": len(p.f), **_sparsity(active, "")}
    for role in np.unique(p.role):
        end = f"_role_{ROLES[role]}"
        out |= {f"rows{end}": int((p.role == role).sum())} | _sparsity(active[p.role == role], end)
    return out


def _sparsity(active: np.ndarray, end: str) -> Values:
    share = {f"l0_p{q:02d}": np.quantile(active, q / 100, method="inverted_cdf")
             for q in (5, 50, 95)}  # fmt: skip
    return {f"{key}{end}": float(v) for key, v in {"l0": active.mean(), **share}.items()}


def explained(p: Planted) -> Values:
    out: Values = {}
    left = [np.square(e).sum(axis=1) for e in p.error]
    around = [np.square(x - x.mean(axis=0)).sum() for x in p.x]
    apart = [np.square(x - c).sum(axis=1) for x, c in zip(p.x, p.centre, strict=True)]
    varied = [(e.var(axis=0, ddof=1).sum(), x.var(axis=0, ddof=1).sum())
              for e, x in zip(p.error, p.x, strict=True)]  # fmt: skip
    for m, letter in enumerate(p.letters):
        out |= _fit(p, m, np.ones(len(p.f), bool), f"_{letter}")
        for role in np.unique(p.role):
            out |= _fit(p, m, p.role == role, f"_{letter}_role_{ROLES[role]}")
        out[f"fve_legacy_kissane_{letter}"] = float(1 - (left[m] / apart[m]).mean())
        out[f"fve_legacy_minder_{letter}"] = float(1 - varied[m][0] / varied[m][1])
    out["fve"] = float(1 - sum(map(np.sum, left)) / sum(around))
    out["fve_legacy_kissane"] = float(1 - (sum(left) / sum(apart)).mean())
    out["fve_legacy_minder"] = float(1 - sum(v[0] for v in varied) / sum(v[1] for v in varied))
    return out


def _fit(p: Planted, m: int, rows: np.ndarray, end: str) -> Values:
    x, xhat = p.x[m][rows], p.xhat[m][rows]
    left = np.square(x - xhat).sum(axis=1)
    lengths = np.linalg.norm(x, axis=1) * np.linalg.norm(xhat, axis=1)
    return {
        f"fve{end}": float(1 - left.sum() / np.square(x - x.mean(axis=0)).sum()),
        f"mse{end}": float(left.mean()),
        f"cosine_reconstruction{end}": float(((x * xhat).sum(axis=1) / lengths).mean()),
    }
