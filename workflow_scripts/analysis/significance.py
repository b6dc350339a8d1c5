"""Is the difference between the regimes more than chance? Tests of each data set and over all of them.

Three sources of chance are kept apart. `randomisation_test` and `bootstrap_intervals` are about the choice of test
documents, given the trained taggers; `seeds_test` is about training, given the test documents; `over_data_sets` is
about the choice of data sets. None of them covers the others' chance.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.multitest import multipletests

from analysis.mentions import document_counts, pairs_by_seed, read_tagged
from analysis.scores import CLASSES

RESAMPLES = 9999
BATCH = 200  # resamples at a time: bounds the memory
RANDOM_STATE = 1  # the same input gives the same p-values

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


def mean_f1(counts: Counts) -> Floats:
    """F1 in percent from counts of shape (runs, ..., documents, 2), see `document_counts`; averaged over runs.

    The result has the shape of what lies between runs and documents. Without any mention F1 is 0.
    """
    correct, total = np.moveaxis(counts.sum(axis=-2), -1, 0)
    return np.asarray(np.mean(200 * correct / np.maximum(total, 1), axis=0))


def randomisation_test(baseline: Counts, transfer: Counts, resamples: int = RESAMPLES) -> float:
    """Two-sided p-value of an approximate randomisation test of equal F1, on document level.

    Under the null hypothesis the two regimes' taggers are exchangeable on every document, so that swapping their
    outputs there changes nothing but by chance; the outputs of all seeds of a document are swapped together. The
    statistic is the difference of mean F1 over seeds. All swaps are tried where there are at most `resamples`, random
    ones otherwise, with p twice the smaller side's (1 + as extreme) / (1 + resamples), as scipy has it; documents on
    which the counts agree need no swap.

    Assumes that documents are independent of one another (mentions within one need not be); it is conditional on the
    trained taggers and says nothing about other seeds. `baseline` and `transfer` have shape (seeds, documents, 2).
    Sources: Noreen (1989), Computer-intensive methods for testing hypotheses; Yeh (2000), COLING, for F1.
    """
    differ = (baseline != transfer).any(axis=(0, 2))
    documents = int(differ.sum())
    if documents < 2:  # scipy needs two; one swap gives the same difference with the other sign: p is 1
        return 1.0
    both = np.concatenate([baseline[:, differ], transfer[:, differ]], axis=1)
    rest = baseline[:, ~differ].sum(axis=1, keepdims=True)  # (seeds, 1, 2)

    def difference(first: Counts, second: Counts, axis: int) -> Floats:
        def f1(chosen: Counts) -> Floats:
            sums = both[:, chosen].sum(axis=-2, keepdims=True)  # (seeds, ..., 1, 2)
            return mean_f1(sums + rest.reshape(len(rest), *[1] * (sums.ndim - 2), 2))

        return f1(second) - f1(first)

    result = stats.permutation_test(
        (np.arange(documents), documents + np.arange(documents)),
        difference,
        permutation_type="samples",
        vectorized=True,
        n_resamples=resamples,
        batch=BATCH,
        rng=np.random.default_rng(RANDOM_STATE),
    )
    return float(result.pvalue)


def bootstrap_intervals(baseline: Counts, transfer: Counts, resamples: int = RESAMPLES) -> Floats:
    """95 % intervals of shape (3, 2), low and high: F1 of baseline, of transfer, and transfer minus baseline.

    Percentile bootstrap: documents are drawn with replacement, the same ones for both regimes and all seeds; F1 is
    averaged over seeds. Assumes that the test documents are a random sample of independent documents; too narrow for
    few of them (say under 20). NaN for fewer than two. Source: Efron and Tibshirani (1993), An introduction to the
    bootstrap, chapter 13; for F1 of taggers Berg-Kirkpatrick et al. (2012), EMNLP.
    """
    if baseline.shape[1] < 2:
        return np.full((3, 2), np.nan)

    def scores(documents: Counts, axis: int) -> Floats:
        ours, theirs = mean_f1(transfer[:, documents]), mean_f1(baseline[:, documents])
        return np.stack([theirs, ours, ours - theirs])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        interval = stats.bootstrap(
            (np.arange(baseline.shape[1]),),
            scores,
            vectorized=True,
            n_resamples=resamples,
            batch=BATCH,
            method="percentile",
            rng=np.random.default_rng(RANDOM_STATE),
        ).confidence_interval
    return np.stack([interval.low, interval.high], axis=-1)


def seeds_test(baseline: Floats, transfer: Floats) -> float:
    """Two-sided p-value of Welch's t-test of equal mean F1 over seeds; NaN for fewer than two seeds or no spread.

    Assumes independent trainings whose F1 is about normal; the variances may differ. Runs of one seed draw the same
    training documents, which makes the test conservative at shares below the whole training set. With three seeds it
    finds only differences of several standard deviations. Source: Welch (1947), Biometrika 34; for taggers Reimers
    and Gurevych (2017), EMNLP, who show why one seed is not enough.
    """
    if min(len(baseline), len(transfer)) < 2 or np.ptp(baseline) + np.ptp(transfer) == 0:
        return float("nan")
    return float(stats.ttest_ind(baseline, transfer, equal_var=False).pvalue)


def corrected(p_values: pd.Series, method: str) -> pd.Series:
    """p-values corrected for their number, NaN left out of it.

    "holm" bounds the chance of any false positive, whatever the dependence (Holm, 1979, Scand. J. Stat. 6);
    "fdr_bh" the expected share of false ones among the positives, for independent or positively dependent tests
    (Benjamini and Hochberg, 1995, J. R. Stat. Soc. B 57).
    """
    result = p_values.astype(float).copy()
    known = result.notna()
    if known.any():
        result[known] = multipletests(result[known], method=method)[1]
    return result


def compare_data_set(predictions: Sequence[Path], resamples: int = RESAMPLES) -> dict[str, float] | None:
    """All comparisons of baseline and transfer on one data set; None if no seed has both.

    `predictions` are the runs' files as in `pairs_by_seed`. Scores are percent, differences percentage points.
    """
    pairs = pairs_by_seed(predictions)
    if not pairs:
        return None
    runs = [read_tagged(pair[regime], 2) for regime in (0, 1) for pair in pairs.values()]
    counts = document_counts(runs)
    baseline, transfer = counts[: len(pairs)], counts[len(pairs) :]
    row: dict[str, float] = {"documents": counts.shape[1], "seeds": len(pairs)}
    values = [float(mean_f1(baseline)), float(mean_f1(transfer))]
    intervals = bootstrap_intervals(baseline, transfer, resamples)
    names = ("f1_baseline", "f1_transfer", "difference")
    for name, value, (low, high) in zip(names, [*values, values[1] - values[0]], intervals, strict=True):
        row |= {name: value, f"{name}_low": low, f"{name}_high": high}
    row["p_randomisation"] = randomisation_test(baseline, transfer, resamples)
    f1 = [np.array([mean_f1(run[None]) for run in regime]) for regime in (baseline, transfer)]
    row["p_seeds"] = seeds_test(*f1)
    return row


def significance(predictions: Sequence[Path], titles: Mapping[str, str]) -> pd.DataFrame:
    """The comparison of every data set, and its p-values corrected for the number of data sets.

    `predictions` are ``…/{entity}/{corpus}/{regime}/share{share}/seed{seed}/predictions.tsv`` of one share.
    """
    by_data_set: dict[str, list[Path]] = {}
    for path in predictions:
        by_data_set.setdefault("/".join(path.parts[-6:-4]), []).append(path)
    rows = []
    for data_set, paths in by_data_set.items():
        row = compare_data_set(paths)
        if row is not None:
            entity, corpus = data_set.split("/")
            rows.append({"data_set": data_set, "class": CLASSES[entity], "corpus": titles[corpus], **row})
    if not rows:
        return pd.DataFrame(columns=["data_set", "class", "corpus", "difference", "p_randomisation", "p_seeds"])
    table = pd.DataFrame(rows)
    for test in ("p_randomisation", "p_seeds"):
        place = int(np.flatnonzero(table.columns == test)[0])
        for number, (method, suffix) in enumerate([("holm", "holm"), ("fdr_bh", "bh")], start=1):
            table.insert(place + number, f"{test}_{suffix}", corrected(table[test], method))
    return table


def over_data_sets(comparisons: pd.DataFrame) -> pd.DataFrame:
    """Paired tests of F1 over data sets, a row a class and one over all, from the table of `significance`.

    Wilcoxon's signed-rank test assumes independent data sets and differences symmetric about their median; exact for
    few data sets without ties. It cannot fall to 0.05 with fewer than six. The paired t-test, and the 95 % interval of
    the mean difference, assume about normal differences. Data sets that share documents (CDR's two classes) are not
    quite independent. Columns mean_difference (percentage points) with _low and _high, p_wilcoxon, p_t; NaN where a
    test needs more data sets. Source: Demšar (2006), JMLR 7, who recommends the former for classifiers.
    """
    rows = []
    groups = [("All", comparisons), *comparisons.groupby("class", sort=False)]
    for name, group in groups:
        change = group.difference.to_numpy(dtype=float)
        row = {"class": name, "data_sets": len(change), "better": int((change > 0).sum())}
        row["mean_difference"] = change.mean() if len(change) else float("nan")
        for column in ("mean_difference_low", "mean_difference_high", "p_wilcoxon", "p_t"):
            row[column] = float("nan")
        if len(change) > 1 and np.ptp(change) > 0:
            test = stats.ttest_1samp(change, 0)
            interval = test.confidence_interval()
            row |= {"mean_difference_low": interval.low, "mean_difference_high": interval.high, "p_t": test.pvalue}
            row["p_wilcoxon"] = stats.wilcoxon(change).pvalue
        rows.append(row)
    return pd.DataFrame(rows)
