"""How much labelling transfer saves (section 3.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from analysis.scores import CLASSES, in_order, spread

# Section 3.2: with transfer and 10 % miRNA is about where it is with 28 % without.
PAPER_BASELINE_SHARE = {("DISO/mirna", 10): 28.0}
RESAMPLES = 9999
RANDOM_STATE = 1


def label_savings(scores: pd.DataFrame, titles: Mapping[str, str], resamples: int = RESAMPLES) -> pd.DataFrame:
    """Which share without transfer gives the F1 of the smallest share with it (section 3.2), a row a data set.

    `baseline_share` (percent of the corpus) is read off the baseline's mean curve by linear interpolation; infinite
    where the curve does not get there, the smallest share where transfer gains nothing. The 95 % interval is a
    percentile bootstrap over seeds, drawn anew for each point of both curves: it assumes independent trainings, and
    with three seeds is only a rough guide (Efron and Tibshirani, 1993). NaN for one seed.
    """
    points = spread(scores)
    rows = []
    for entity, corpus in pairs_of(points):
        key = f"{entity}/{corpus}"
        transfer, shares, baseline = curves(scores, entity, corpus)
        saved = baseline_share(transfer, shares, baseline)
        if saved is None:
            continue
        row: dict[str, object] = {"data_set": key, "class": CLASSES[entity], "corpus": titles[corpus]}
        row |= {"share": shares[0], "seeds": len(transfer), "f1_transfer": transfer.mean()}
        row["f1_baseline"] = baseline[0].mean()
        low, high = _interval(transfer, shares, baseline, resamples)
        row |= {"baseline_share": saved, "baseline_share_low": low, "baseline_share_high": high}
        row["baseline_share_paper"] = PAPER_BASELINE_SHARE.get((key, shares[0]), float("nan"))
        rows.append(row)
    columns = ["share", "seeds", "f1_transfer", "f1_baseline"]
    columns += ["baseline_share", "baseline_share_low", "baseline_share_high", "baseline_share_paper"]
    return pd.DataFrame(rows, columns=["data_set", "class", "corpus", *columns])


def baseline_share(transfer: np.ndarray, shares: Sequence[int], baseline: Sequence[np.ndarray]) -> float | None:
    """The share at which the baseline's mean curve first reaches transfer's mean F1 at the smallest share.

    `transfer` has F1 by seed at the smallest share, `baseline` for each of `shares`, which ascend. None without runs of
    both at the smallest share.

    >>> baseline_share(np.array([80.0]), [10, 20, 30], [np.array([70.0]), np.array([78.0]), np.array([82.0])])
    25.0
    """
    if not len(transfer) or not baseline or not len(baseline[0]):
        return None
    target = transfer.mean()
    curve = [f1.mean() for f1 in baseline]
    if curve[0] >= target:
        return float(shares[0])
    for (left, right), (low, high) in zip(pairwise(shares), pairwise(curve), strict=True):
        if high >= target:
            return float(left + (right - left) * (target - low) / (high - low))
    return float("inf")


def _interval(
    transfer: np.ndarray, shares: Sequence[int], baseline: Sequence[np.ndarray], resamples: int
) -> tuple[float, float]:
    if min(len(transfer), *map(len, baseline)) < 2:
        return float("nan"), float("nan")
    rng = np.random.default_rng(RANDOM_STATE)

    def again(f1: np.ndarray) -> np.ndarray:
        return rng.choice(f1, len(f1))

    drawn = [baseline_share(again(transfer), shares, [again(f1) for f1 in baseline]) for _ in range(resamples)]
    # An observed value at each end, since infinite ones cannot be averaged.
    low, high = np.quantile(np.array(drawn, dtype=float), [0.025, 0.975], method="inverted_cdf")
    return float(low), float(high)


def pairs_of(points: pd.DataFrame) -> list[tuple[str, str]]:
    """The (class, corpus) pairs that have points, in the order of the classes."""
    table = in_order(points[["entity", "corpus"]].drop_duplicates())
    return list(zip(table.entity, table.corpus, strict=True))


def curves(scores: pd.DataFrame, entity: str, corpus: str) -> tuple[np.ndarray, list[int], list[np.ndarray]]:
    """F1 by seed: of transfer at the smallest share, and of the baseline at each of the shares, which ascend."""
    here = scores[(scores.entity == entity) & (scores.corpus == corpus)]
    baseline = here[here.layers == "none"]
    shares = sorted(set(here.share))
    transfer = here[(here.layers == "crf") & (here.share == shares[0])].f1.to_numpy()
    return transfer, shares, [baseline[baseline.share == share].f1.to_numpy() for share in shares]
