"""The real Snakefile on toy corpora: what it makes, what it makes again, and how it stops."""

import gzip
import json
import re

import pandas as pd
import pytest

pytestmark = pytest.mark.workflow

TABLES = ["table1_corpora", "table2_macro_average", "appendix_a_scores", "error_reduction", "significance"]
TABLES += ["significance_over_all", "label_savings", "error_overlap"]
TABLES += [f"{table}/DISO/toy" for table in ("error_kinds", "strings_gained_and_lost", "seen_and_unseen")]
FIGURES = ["figure1_architecture", "figure2_learning_curves", "figure3_gain_by_size", "figure4_error_overlap"]
FIGURES += ["figure_s1_layers"]


def test_a_study_ends_with_scores_and_tables(finished):
    results = finished.folder / "results"
    scores = pd.read_csv(results / "scores.csv", keep_default_na=False)
    assert scores[["entity", "corpus", "regime", "layers", "share", "seed"]].values.tolist() == [
        ["DISO", "toy", "baseline", "none", 60, 1],
        ["DISO", "toy", "transfer", "crf", 60, 1],
    ]
    assert (scores.correct <= scores[["gold", "predicted"]].min(axis=1)).all()
    for items, kind, forms in ((TABLES, "tables", ("csv", "md", "tex")), (FIGURES, "figures", ("svg", "pdf", "png"))):
        for item in items:
            for form in forms:
                assert (results / f"{kind}/{item}.{form}").stat().st_size > 0
    for run in ("source/DISO/seed1", "runs/DISO/toy/baseline/share60/seed1", "runs/DISO/toy/transfer/share60/seed1"):
        names = {path.name for path in (results / run).iterdir()}
        assert {"model.safetensors", "model.json", "history.tsv", "metrics.json"} <= names


def test_scores_are_those_of_the_predictions(finished):
    run = finished.folder / "results/runs/DISO/toy/transfer/share60/seed1"
    gold, predicted = set(), set()
    for number, line in enumerate((run / "predictions.tsv").read_text().split("\n")):
        if not line:
            continue
        _, document, start, end, *tags = line.split("\t")
        for tag, chunks in zip(tags, (gold, predicted), strict=True):
            if tag[0] in "BS":
                opened = (document, start)
            if tag[0] in "ES":
                chunks.add((*opened, end))
            assert tag[0] in "BIESO", number
    metrics = json.loads((run / "metrics.json").read_text())["test"]
    assert metrics["gold"] == len(gold)


def test_predictions_are_exported_to_brat_on_request(finished):
    run = "DISO/toy/transfer/share60/seed1"
    result = finished.snakemake(f"results/predictions/{run}")
    assert result.returncode == 0, result.stdout + result.stderr
    folder = finished.folder / "results/predictions" / run
    lines = [line for file in folder.glob("*.ann") for line in file.read_text().split("\n") if line]
    metrics = json.loads((finished.folder / "results/runs" / run / "metrics.json").read_text())["test"]
    assert len(lines) == metrics["predicted"]
    assert len(list(folder.glob("*.txt"))) == 6  # 30 percent of 20


def test_silver_documents_of_gold_corpora_are_gone(finished):
    folder = finished.folder / "results"
    gold = set(pd.read_csv(folder / "brat/DISO/toy.tsv", sep="\t", dtype=str).pmid)
    with gzip.open(folder / "silver/DISO/sampled.jsonl.gz") as file:
        sampled = {json.loads(line)[0] for line in file}
    kept = set(pd.read_csv(folder / "silver/DISO/documents.tsv", sep="\t", dtype=str).pmid)
    excluded = pd.read_csv(folder / "silver/DISO/excluded.tsv", sep="\t", dtype=str)
    assert gold & sampled
    assert not gold & kept
    assert kept | set(excluded.document) == sampled


def test_scores_counted_from_the_predictions_are_the_runs(finished):
    table = pd.read_csv(finished.folder / "results/tables/significance.csv").iloc[0]
    scores = pd.read_csv(finished.folder / "results/scores.csv").set_index("regime").f1
    assert table.f1_baseline == pytest.approx(scores["baseline"])
    assert table.f1_transfer == pytest.approx(scores["transfer"])
    kinds = pd.read_csv(finished.folder / "results/tables/error_kinds/DISO/toy.csv")
    found = kinds[kinds.counted_among.str.contains("gold")].transfer.sum()
    metrics = finished.folder / "results/runs/DISO/toy/transfer/share60/seed1/metrics.json"
    assert found == json.loads(metrics.read_text())["test"]["gold"]


def test_trainings_ask_for_one_gpu(finished):
    result = finished.snakemake("--dry-run", "--forceall")
    jobs = (result.stdout + result.stderr).split("\nrule ")
    for job in jobs[1:]:
        assert bool(re.search(r"resources: .*\bgpu=1\b", job)) == job.startswith(("pretrain", "finetune")), job


def test_figures_are_drawn_from_a_notebook_too(finished, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")  # which IPython's kernel sets
    figure = finished.folder / "results/figures/figure1_architecture.svg"
    before = figure.read_bytes()
    figure.unlink()
    result = finished.snakemake("--", "results/figures/figure1_architecture.svg")
    assert result.returncode == 0, result.stdout + result.stderr
    assert figure.read_bytes() == before


def test_a_corpus_of_the_users_needs_five_lines(finished):
    corpus = {"format": "brat", "path": "native/field_notes", "entities": {"LIVB": ["Species"]}}
    config = {"study": {"corpora": ["mine"], "entities": ["LIVB"]}, "corpora": {"mine": corpus}}
    config["silver"] = {"blacklists": {"LIVB": None}}
    rules = finished.to_be_run(config=config)
    assert {"fetch", "convert_corpus", "sample_silver", "clean_silver", "pretrain", "finetune"} <= rules


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"training": {"fast": {"target": {"patiense": 3}}}}, "training.fast.target: unknown key 'patiense'; did you mean 'patience'?"),
        ({"corpra": {}}, "unknown key 'corpra'; did you mean 'corpora'?"),
        ({"study": {"corpora": ["toi"]}}, "unknown corpus 'toi'; did you mean 'toy'?"),
        ({"corpora": {"toy": {"entities": {"DISO": ["Diseese"]}}}}, "label 'Diseese' occurs nowhere in native/cdr_like.PubTator.txt; did you mean 'Disease'?"),
        ({"corpora": {"toy": {"path": "nowhere.txt"}}}, "corpora.toy.path: nowhere.txt does not exist"),
    ],
)  # fmt: skip
def test_a_fault_in_the_configuration_stops_before_any_job(finished, config, expected):
    result = finished.snakemake("--dry-run", config=config)
    output = result.stdout + result.stderr
    assert result.returncode != 0
    assert expected in output
    assert "Traceback" not in output
    assert "rule " not in output.replace("rules/", "")


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("results/brat/DISO/tay", "no corpus 'tay' is configured; did you mean 'toy'?"),
        ("results/brat/LIVB/toy", "corpus toy has no class LIVB; it has DISO"),
    ],
)
def test_a_target_of_another_corpus_is_refused_by_name(finished, target, expected):
    result = finished.snakemake("--dry-run", "--", target)
    assert result.returncode != 0
    assert expected in result.stdout + result.stderr


def test_a_broken_corpus_stops_with_file_line_and_remedy(finished):
    broken = finished.folder / "native/broken.txt"
    text = (finished.folder / "native/cdr_like.PubTator.txt").read_text()
    lines = text.split("\n")
    number = next(n for n, line in enumerate(lines) if line.count("\t") >= 4)
    fields = lines[number].split("\t")
    fields[2] = "99999"
    lines[number] = "\t".join(fields)
    broken.write_text("\n".join(lines))
    corpus = {
        "format": "pubtator",
        "path": "native/broken.txt",
        "entities": {"DISO": ["Disease"]},
        "labels": ["Disease"],
    }
    config = {"corpora": {"broken": corpus}, "study": {"corpora": ["broken"]}}
    result = finished.snakemake("results/brat/DISO/broken.tsv", config=config)
    output = result.stdout + result.stderr
    assert result.returncode != 0
    assert re.search(rf"convert_corpus: \S*broken\.txt:{number + 1}: .*99999.*; ", output), output
    assert "Traceback" not in output
    assert not (finished.folder / "results/brat/DISO/broken").exists()
    assert not (finished.folder / "results/brat/DISO/broken.tsv").exists()
