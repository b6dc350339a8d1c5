"""The report on the toy study: made on request, and again only when something that it shows has changed."""

import os
import shutil
from pathlib import Path

import pytest

pytestmark = pytest.mark.workflow

PAGE = "results/report.html"


@pytest.fixture(scope="module")
def reported(finished):
    shutil.copy2(Path(__file__).parents[2] / "requirements.lock", finished.project)
    result = finished.snakemake("--", PAGE)
    assert result.returncode == 0, result.stdout + result.stderr
    return finished


def test_the_page_holds_the_study(reported):
    html = (reported.folder / PAGE).read_text(encoding="utf-8")
    for part in ("table1_corpora", "table2_macro_average", "error_reduction", "runs-data", "documents-0"):
        assert f'id="{part}"' in html
    assert "Mean F1, baseline to transfer" in html
    assert "word2vec trained here by gensim" in html


def test_it_is_made_again_for_what_it_shows_and_nothing_else(reported, edited):
    assert reported.to_be_run("--", PAGE) == set()
    edited("workflow_scripts/analysis/page/runs.py", lambda text: "# why\n" + text)
    assert reported.to_be_run("--", PAGE) == set()
    edited("rules/captions/table1_corpora.rst", lambda text: text + "More.\n")
    os.utime(reported.project / "rules/captions/table1_corpora.rst")
    assert "write_page" in reported.to_be_run("--", PAGE)


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("workflow_scripts/analysis/page/style.css", lambda text: text + "\n"),
        ("workflow_scripts/analysis/page/runs.py", lambda text: text.replace("round(value, 3)", "round(value, 2)")),
    ],
)
def test_its_own_code_makes_no_run_again(reported, edited, file, change):
    edited(file, change)
    rules = reported.to_be_run("--", PAGE)
    assert "write_page" in rules
    assert not rules & {"pretrain", "finetune", "collect_scores", "tokenize_corpus"}
