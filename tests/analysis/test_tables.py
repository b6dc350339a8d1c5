"""Scores and tables: collected from runs, averaged by hand, and beside the paper's numbers."""

import json
from pathlib import Path

import pandas as pd
import pytest

from analysis.notes import missing_of_paper, study_notes
from analysis.scores import CLASSES, COLUMNS, collect_scores, compared, paper_table, read_scores, run_of, spread
from analysis.tables import (
    appendix_a_scores,
    error_reduction,
    table2_macro_average,
    table_error_reduction,
)

TITLES = {"cdr": "CDR", "ncbi_disease": "NCBI Disease", "lonely": "Lonely"}


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
    with pytest.raises(ValueError, match="no run's metrics or predictions"):
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


def test_smaller_shares_are_not_compared(tmp_path):
    runs = {f"DISO/cdr/{r}/share{s}/seed1": 50.0 + s for r in ("baseline", "transfer") for s in (10, 60)}
    pairs = compared(collect_scores([write_run(tmp_path, run, f1) for run, f1 in runs.items()]))
    assert pairs[["corpus", "share", "f1_baseline"]].values.tolist() == [["cdr", 60, 110.0]]


def test_a_seed_without_its_counterpart_is_left_out(scores):
    unpaired = scores[~((scores.corpus == "cdr") & (scores.regime == "transfer") & (scores.seed == 2))]
    assert compared(unpaired).query("entity == 'DISO' and corpus == 'cdr'").f1_baseline.tolist() == [70.0]


def test_error_reduction_is_the_papers_formula():
    assert error_reduction(50, 75) == 50
    assert error_reduction(80, 78) == pytest.approx(-10)
    assert error_reduction(0, 25) == 25
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
    table = table_error_reduction(scores, TITLES)
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
    table = table_error_reduction(collect_scores(paths), TITLES)
    assert table.error_reduction.isna().all()


def test_appendix_a_has_spread_and_p_values(scores):
    comparisons = pd.DataFrame(
        {
            "data_set": ["DISO/cdr", "CHED/cdr"],
            "p_randomisation": [0.01, 0.2],
            "p_randomisation_holm": [0.02, 0.2],
            "p_seeds": [0.3, None],
        }
    )
    table = appendix_a_scores(scores, comparisons, TITLES)
    assert table.data_set.tolist() == ["CHED/cdr", "DISO/cdr", "DISO/ncbi_disease"]
    row = table.iloc[1]
    assert (row["class"], row.corpus, row.seeds) == ("Diseases", "CDR", 2)
    assert (row.precision_baseline, row.recall_transfer, row.f1_baseline) == (73.0, 79.0, 72.0)
    assert row.f1_baseline_sd == pytest.approx(8**0.5)  # of 70 and 74
    assert row.p_randomisation == 0.01
    assert (row.gain, table.gain_paper.isna().all()) == (8.0, True)
    assert table.iloc[2][["f1_baseline_sd", "p_randomisation"]].isna().all()


def test_spread_is_over_seeds_of_one_setting(scores):
    table = spread(scores).query("corpus == 'cdr' and layers == 'none' and entity == 'DISO'")
    assert table[["share", "mean", "seeds"]].values.tolist() == [[60, 72.0, 2]]
    assert table.sd.iloc[0] == pytest.approx(8**0.5)  # of 70 and 74


def run_files(*runs):
    return [Path(f"results/runs/{run}/metrics.json") for run in runs]


def test_notes_say_what_a_table_is_of_and_what_it_lacks():
    runs = [f"DISO/cdr/{r}/share60/seed{s}" for r in ("baseline", "transfer") for s in (1, 2)]
    notes = study_notes(run_files(*runs, "PRGE/lonely/baseline/share60/seed1"), TITLES)
    assert notes[0] == "Trained on 60 % of each corpus, or its own training part; seeds a data set: 2."
    assert notes[1] == "Left out, for no seed has both regimes: Lonely (genes/proteins)."
    assert notes[2].startswith(
        "Of the paper's 23 data sets 22 are not in this study: BioSemantics (chemicals), CDR (chemicals),"
    )
    one = study_notes(run_files(*runs[::2]), TITLES)
    assert one[1] == "With one seed the spread over trainings is unknown."
    assert not any(note.startswith("Left out") for note in one)
    for none in (run_files(runs[0]), []):
        assert study_notes(none, TITLES)[0].startswith("No seed has runs of both regimes: nothing to compare.")
    assert study_notes(run_files(runs[0]), TITLES)[1].startswith("Of the paper's 23 data sets 22 are not")
    assert study_notes([], {})[1] == "None of the paper's 23 data sets is in this study."


def test_nothing_is_said_of_a_whole_study():
    paper = paper_table("paper/table1.csv")
    assert missing_of_paper(zip(paper.entity, paper.corpus, strict=True)) == []
    assert missing_of_paper([]) == ["None of the paper's 23 data sets is in this study."]


def test_tables_without_pairs_are_empty(scores):
    alone = scores[scores.regime == "baseline"]
    assert table2_macro_average(alone).empty
    assert appendix_a_scores(alone, pd.DataFrame({"data_set": []}), TITLES).empty
    assert table_error_reduction(alone, TITLES)["class"].tolist() == ["All"]
    assert table2_macro_average(collect_scores([])).empty


def test_the_papers_tables_are_whole():
    table1, table2 = paper_table("paper/table1.csv"), paper_table("paper/table2.csv")
    assert table1.groupby("entity").size().to_dict() == {"CHED": 3, "DISO": 5, "LIVB": 6, "PRGE": 9}
    assert list(table2.entity) == list(CLASSES)
