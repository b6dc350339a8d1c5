"""Table 1: our counts beside the paper's, and what it says of the rows that a study lacks."""

import json
import re
from types import SimpleNamespace

import pandas as pd
import pytest

import table1_corpora as script
from analysis.table1 import missing_rows, table1_corpora

COUNTS = {
    "documents": 5,
    "sentences": 4,
    "tokens": 3,
    "unique_tokens": 2,
    "annotations": 6881,
    "unique_annotations": 1,
}


@pytest.fixture
def counted(tmp_path):
    def write(*data_sets):
        paths = [tmp_path / f"{data_set}.json" for data_set in data_sets]
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(COUNTS))
        return paths

    return write


def test_ours_stand_beside_the_papers_counts(counted):
    table = table1_corpora(counted("DISO/ncbi_disease", "DISO/mine"), {"ncbi_disease": "NCBI", "mine": "Mine"})
    rows = table.set_index("corpus")
    assert (rows.annotations["NCBI"], rows.annotations_paper["NCBI"]) == (6881, 6881)
    assert (rows.sentences["NCBI"], rows.sentences_paper["NCBI"]) == (4, 7645)
    assert pd.isna(rows.annotations_paper["Mine"])
    assert rows.documents["Mine"] == 5
    assert (rows.genre["NCBI"], rows.text_type["NCBI"]) == ("Scientific Article", "Abstract")
    assert pd.isna(rows.genre["Mine"])


def test_a_study_with_a_row_of_the_paper_shows_those_that_it_lacks(counted):
    table = table1_corpora(counted("DISO/ncbi_disease", "DISO/mine"), {"ncbi_disease": "NCBI", "mine": "Mine"})
    assert len(table) == 24
    assert table.groupby("class").size().to_dict() == {"Chemicals": 3, "Diseases": 6, "Species": 6, "Genes/proteins": 9}
    lacking = table[table.documents.isna()]
    assert len(lacking) == 22
    assert lacking.annotations_paper.notna().all()
    assert "IEPA" in set(lacking.corpus)
    said = missing_rows(table, {"iepa": "IEPA"})
    assert said.startswith("Not in this study: 22 of the paper's 23 data sets: BioSemantics (chemicals), ")
    assert said.endswith(" Left out by study.skip: IEPA.")
    assert "NCBI" not in said


def test_a_study_of_other_corpora_lacks_nothing(counted):
    table = table1_corpora(counted("DISO/mine"), {"mine": "Mine"})
    assert table.corpus.tolist() == ["Mine"]
    assert missing_rows(table, {}) == ""


def test_a_whole_study_lacks_nothing(counted):
    from analysis.scores import paper_table

    rows = [f"{row.entity}/{row.corpus}" for row in paper_table("paper/table1.csv").itertuples()]
    table = table1_corpora(counted(*rows), {})
    assert len(table) == 23
    assert missing_rows(table, {}) == ""


def test_the_table_itself_and_the_log_say_what_is_missing(counted, tmp_path, caplog):
    job = SimpleNamespace(
        input=SimpleNamespace(counts=counted("DISO/ncbi_disease")),
        output=SimpleNamespace(csv=tmp_path / "t.csv", md=tmp_path / "t.md", tex=tmp_path / "t.tex"),
        params=SimpleNamespace(titles={"ncbi_disease": "NCBI Disease"}, left_out={"azdc": "Arizona Disease"}),
    )
    script.main(job)
    shown = (tmp_path / "t.md").read_text()
    assert re.search(r"\| Diseases +\| NCBI Disease +\| Scientific Article +\| Abstract +\|", shown)
    assert "6,881" in shown
    for text in (shown, caplog.text):
        assert "22 of the paper's 23 data sets" in text
        assert "Left out by study.skip: Arizona Disease." in text
    assert len(pd.read_csv(tmp_path / "t.csv")) == 23
