"""Scores and tables: collected from runs, averaged by hand, and beside the paper's numbers."""

import json

import pytest

from analysis.scores import COLUMNS, collect_scores, compared, read_scores, run_of
from analysis.tables import (
    CLASSES,
    error_reduction,
    paper_table,
    table2_macro_average,
    table_error_reduction,
)


def write_run(folder, run, f1, **other):
    path = folder / "results/runs" / run / "metrics.json"
    path.parent.mkdir(parents=True)
    test = {"precision": f1 + 1, "recall": f1 - 1, "f1": f1, "gold": 10, "predicted": 9, "correct": 8}
    path.write_text(json.dumps({"test": test, "epochs": 3, "seconds": 1.5, "device": "cpu"} | other))
    return path


@pytest.fixture
def scores(tmp_path):
    runs = {
        "DISO/cdr/baseline/share60/seed1": 70.0,
        "DISO/cdr/baseline/share60/seed2": 74.0,
        "DISO/cdr/transfer/share60/seed1": 79.0,
        "DISO/cdr/transfer/share60/seed2": 81.0,
        "DISO/ncbi_disease/baseline/share60/seed1": 80.0,
        "DISO/ncbi_disease/transfer/share60/seed1": 78.0,
        "DISO/ncbi_disease/baseline/share10/seed1": 1.0,
        "DISO/cdr/transfer_to_token_lstm/share60/seed1": 2.0,
        "CHED/cdr/baseline/share60/seed1": 50.0,
        "CHED/cdr/transfer/share60/seed1": 60.0,
        "PRGE/lonely/baseline/share60/seed1": 50.0,
    }
    paths = [write_run(tmp_path, run, f1) for run, f1 in runs.items()]
    table = collect_scores(paths)
    table.to_csv(tmp_path / "scores.csv", index=False)
    return read_scores(tmp_path / "scores.csv")


def test_scores_have_a_row_a_run(scores):
    assert list(scores.columns) == COLUMNS
    assert len(scores) == 11
    row = scores[scores.layers == "token_lstm"].iloc[0]
    assert (row.regime, row.f1, row.share, row.seed) == ("transfer", 2.0, 60, 1)
    assert set(scores[scores.regime == "baseline"].layers) == {"none"}


def test_a_path_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no run's metrics"):
        run_of(tmp_path / "metrics.json")


def test_damaged_metrics_are_named(tmp_path):
    path = write_run(tmp_path, "DISO/cdr/baseline/share60/seed1", 70.0)
    path.write_text("{}")
    with pytest.raises(ValueError, match=r"seed1/metrics\.json: not the metrics"):
        collect_scores([path])


def test_compared_pairs_full_transfer_with_baseline_at_the_largest_share(scores):
    pairs = compared(scores)
    assert pairs[["entity", "corpus", "seeds"]].values.tolist() == [
        ["CHED", "cdr", 1],
        ["DISO", "cdr", 2],
        ["DISO", "ncbi_disease", 1],
    ]
    assert pairs.f1_baseline.tolist() == [50.0, 72.0, 80.0]
    assert pairs.f1_transfer.tolist() == [60.0, 80.0, 78.0]


def test_a_seed_without_its_counterpart_is_left_out(scores):
    unpaired = scores[~((scores.corpus == "cdr") & (scores.regime == "transfer") & (scores.seed == 2))]
    assert compared(unpaired).query("entity == 'DISO' and corpus == 'cdr'").f1_baseline.tolist() == [70.0]


def test_error_reduction_is_the_papers_formula():
    assert error_reduction(50, 75) == 50
    assert error_reduction(80, 78) == pytest.approx(-10)
    for baseline in (100, -1):
        with pytest.raises(ValueError, match="no error"):
            error_reduction(baseline, 90)


def test_table2_averages_over_corpora(scores):
    table = table2_macro_average(scores)
    assert table["class"].tolist() == ["Chemicals", "Diseases"]
    diseases = table.iloc[1]
    assert (diseases.corpora, diseases.f1_baseline, diseases.f1_transfer) == (2, 76.0, 79.0)
    assert diseases.precision_transfer == 80.0
    assert (diseases.f1_baseline_paper, diseases.f1_transfer_paper) == (80.73, 82.09)


def test_error_reduction_table_averages_reductions(scores):
    table = table_error_reduction(scores, {"cdr": "CDR"})
    reductions = {(row["class"], row.corpus): row.error_reduction for _, row in table.iterrows()}
    assert reductions[("Chemicals", "CDR")] == 20
    assert reductions[("Diseases", "CDR")] == pytest.approx(8 / 28 * 100)
    assert reductions[("Diseases", "mean")] == pytest.approx((8 / 28 * 100 - 10) / 2)
    assert reductions[("All", "mean")] == pytest.approx((20 + 8 / 28 * 100 - 10) / 3)
    assert table.iloc[-1].error_reduction_paper == 11.28


def test_a_perfect_baseline_has_no_reduction(tmp_path):
    paths = [
        write_run(tmp_path, f"DISO/cdr/{r}/share60/seed1", f1) for r, f1 in (("baseline", 100.0), ("transfer", 99.0))
    ]
    table = table_error_reduction(collect_scores(paths), {})
    assert table.error_reduction.isna().all()


def test_tables_without_pairs_are_empty(scores):
    alone = scores[scores.regime == "baseline"]
    assert table2_macro_average(alone).empty


def test_the_papers_tables_are_whole():
    table1, table2 = paper_table("table1"), paper_table("table2")
    assert table1.groupby("entity").size().to_dict() == {"CHED": 3, "DISO": 5, "LIVB": 6, "PRGE": 9}
    assert list(table2.entity) == list(CLASSES)
