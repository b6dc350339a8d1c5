"""Table 2, Appendix A and the average reduction in error, ours beside the paper's (Giorgi and Bader, 2018)."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from analysis.scores import CLASSES, SCORES, compared, paper_table

# The paper gives this one number over all 23 data sets (abstract and section 3.1).
PAPER_ERROR_REDUCTION = 11.28
# Section 3.1 names one gain in F1, in percentage points; the rest of Appendix A is not in the paper's text.
PAPER_GAIN = {"PRGE/cellfinder": 9.69}


def error_reduction(baseline: float, transfer: float) -> float:
    """Percent of the baseline's F1 error that transfer learning removed (section 2.7).

    Both F1 scores are in percent, 0 to 100; the result is negative where transfer hurt.
    Raises ValueError for a baseline without error, of which nothing can be removed.

    >>> round(error_reduction(84.20, 87.01), 2)  # macro averages for species, Table 2
    17.78
    """
    if not 0 <= baseline < 100:
        raise ValueError(f"baseline F1 of {baseline} leaves no error to reduce; it must be at least 0 and below 100")
    return (transfer - baseline) / (100 - baseline) * 100


def table2_macro_average(scores: pd.DataFrame) -> pd.DataFrame:
    """Table 2: precision, recall and F1 (percent) averaged over the corpora of a class, each beside the paper's.

    Means over seeds are taken first, then over corpora. The paper averages over all its corpora; a study of
    fewer has the number of its own in the column corpora.
    """
    ours = compared(scores)
    paper = paper_table("paper/table2.csv").set_index("entity")
    rows = []
    for entity in [e for e in CLASSES if e in set(ours.entity)]:
        corpora = ours[ours.entity == entity]
        row: dict[str, object] = {"class": CLASSES[entity], "corpora": len(corpora)}
        for score in SCORES:
            for regime in ("baseline", "transfer"):
                row[f"{score}_{regime}"] = corpora[f"{score}_{regime}"].mean()
        row |= {f"{column}_paper": paper.loc[entity, column] for column in paper.columns}
        rows.append(row)
    columns = ["class", "corpora", *paper.columns, *(f"{column}_paper" for column in paper.columns)]
    return pd.DataFrame(rows, columns=columns)


def appendix_a_scores(scores: pd.DataFrame, comparisons: pd.DataFrame, titles: Mapping[str, str]) -> pd.DataFrame:
    """Appendix A: precision, recall and F1 (percent) of both regimes on every data set, with p-values.

    Means over seeds, with standard deviations in columns ``…_sd``; gain is in F1, percentage points. `comparisons` is
    the table of `analysis.significance.significance` on the same runs.
    """
    table = compared(scores)
    table.insert(0, "data_set", table.entity + "/" + table.corpus)
    table.insert(1, "class", table.entity.map(CLASSES))
    table["corpus"] = table.corpus.map(titles.__getitem__)
    p_values = [c for c in ("p_randomisation", "p_randomisation_holm", "p_seeds") if c in comparisons]
    table = table.drop(columns=["entity", "share"])
    table["gain"] = table.f1_transfer - table.f1_baseline
    table["gain_paper"] = table.data_set.map(PAPER_GAIN).astype(float)
    known = comparisons.set_index("data_set")
    return table.assign(**{name: table.data_set.map(known[name]) for name in p_values})


def table_error_reduction(scores: pd.DataFrame, titles: Mapping[str, str]) -> pd.DataFrame:
    """F1 of both regimes and the reduction in error, a row a data set, then the mean of each class and of all.

    A class's reduction is the mean of its data sets' reductions (section 2.7: the average percent reduction), not
    the reduction between mean F1 scores. The paper's number stands beside the mean of all. A data set whose
    baseline makes no error has no reduction and is left out of the means.
    """
    table = compared(scores)
    table.insert(0, "class", table.entity.map(CLASSES))
    table["corpus"] = table.corpus.map(titles.__getitem__)
    table["error_reduction"] = [
        error_reduction(baseline, transfer) if baseline < 100 else float("nan")
        for baseline, transfer in zip(table.f1_baseline, table.f1_transfer, strict=True)
    ]
    values = ["f1_baseline", "f1_transfer", "error_reduction"]
    means = table.groupby("class", sort=False)[values].mean().reset_index()
    everything = pd.DataFrame([{"class": "All", **table[values].mean()}])
    rows = [table[["class", "corpus", "seeds", *values]]]
    rows += [part.assign(corpus="mean") for part in (means, everything)]
    table = pd.concat(rows, ignore_index=True).astype({"seeds": "Int64"})
    table["error_reduction_paper"] = table["class"].map({"All": PAPER_ERROR_REDUCTION})
    return table
