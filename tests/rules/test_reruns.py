"""What a change runs again: each row of docs/reruns.md, on a finished toy study, by what a dry run would do.

All edits keep the file's time of modification.
"""

import os
import re
import shutil

import pytest

from tests.rules.conftest import Study

pytestmark = pytest.mark.workflow

FIGURES = {"figure1_architecture", "figure2_learning_curves", "figure3_gain_by_size", "figure4_error_overlap"}
FIGURES |= {"figure_s1_layers"}
CURVES = {"label_savings", "figure2_learning_curves"}
TABLES = {"table2_macro_average", "error_reduction", "appendix_a_scores"}
TESTS = {"significance", "figure3_gain_by_size", "figure4_error_overlap", "error_analysis"}
FROM_RUNS = CURVES | TABLES | TESTS | {"collect_scores"}
FROM_FINETUNE = FROM_RUNS | {"finetune"}
FROM_PRETRAIN = FROM_FINETUNE | {"pretrain"}
FROM_VECTORS = FROM_PRETRAIN | {"train_word_vectors", "select_word_vectors"}
FROM_SILVER = FROM_VECTORS | {"tokenize_silver", "encode_silver"}
FROM_CLEANING = FROM_SILVER | {"clean_silver"}
FROM_CORPUS = FROM_CLEANING | {"convert_corpus", "count_corpus", "tokenize_corpus", "table1_corpora"}
EVERYTHING = FROM_CORPUS | FIGURES | {"sample_silver"}  # but fetching


def line(text):
    return text + "\nANSWER = 42\n"


def pin(*packages):
    """An edit of the lock that gives these packages another version."""
    return lambda text: re.sub(rf"(?m)^({'|'.join(packages)})==[^\s;]+", r"\1==1.0", text)


def fast(part, **settings):
    return {"training": {"fast": {part: settings}}}


NO_MATTER = [
    {"training": {"paper": {"target": {"learning_rate": 0.002}}}},
    {"training": {"threads": 2, "slots_per_gpu": 4}},
    {"tagger": {"decoding": "free"}, "training": {"fast": {"target": {"dropout": 0.5}}}},  # as config.yaml has them
    {"training": {"fast": {"target": {"precision": "float32"}, "source": {"precision": "float32"}}}},  # the default
    {"corpora": {"toy": {"license": "mine", "cite": "me", "home": "http://localhost/", "obtain": "ask"}}},
    {"corpora": {"azdc": {"title": "another", "pmid": "([0-9]+)"}}},
    {"corpora": {"toy": {"urls": ["https://localhost/toy.txt"]}}},  # beside its path
    {"silver": {"corpus": {"license": "mine", "entities": {"CHED": ["other"]}}, "blacklists": {"LIVB": None}}},
]
SETTINGS = {
    "mode": ({"training": {"mode": "paper"}}, FROM_PRETRAIN),
    "learning rate, target": (fast("target", learning_rate=0.002), FROM_FINETUNE),
    "learning rate, source": (fast("source", learning_rate=0.002), FROM_PRETRAIN),
    "size of the tagger": ({"tagger": {"token_hidden": 12}}, FROM_PRETRAIN | {"figure1_architecture"}),
    "variant": ({"tagger": {"variant": "neuroner"}}, FROM_PRETRAIN | {"figure1_architecture"}),
    "decoding": ({"tagger": {"decoding": "bioes"}}, FROM_PRETRAIN),
    "share added": ({"study": {"shares": [30, 60]}}, {"finetune", "collect_scores"}),
    "larger share": ({"study": {"shares": [60, 70], "split": {"train": 70, "dev": 10, "test": 20}}}, FROM_VECTORS | {"tokenize_corpus"}),
    "share added to a figure": ({"figures": {"learning_curves": {"shares": [30, 60]}}}, {"finetune", "collect_scores"} | CURVES),
    "layers": ({"figures": {"layers": {"data_sets": ["DISO/toy"], "shares": [60], "seeds": [1]}}}, {"finetune", "collect_scores", "figure_s1_layers"}),
    "bins": ({"figures": {"gain_by_size": {"bins": 2}}}, {"figure3_gain_by_size"}),
    "title": ({"corpora": {"toy": {"title": "Toy"}}}, {"table1_corpora"} | FROM_RUNS - {"collect_scores", "error_analysis"}),
    "regimes": ({"study": {"regimes": ["baseline"]}}, FROM_VECTORS - {"pretrain"}),
    "split": ({"study": {"split": {"train": 60, "dev": 20, "test": 20}}}, FROM_VECTORS | {"tokenize_corpus"}),
    "split's seed": ({"study": {"split_seed": 7}}, FROM_VECTORS | {"tokenize_corpus"}),
    "silver's split": ({"silver": {"split": {"train": 80, "dev": 20}}}, FROM_SILVER),
    "split of a corpus": ({"corpora": {"toy": {"split": "own"}}}, FROM_VECTORS | {"tokenize_corpus"}),
    "class added": ({"study": {"entities": ["DISO", "CHED"]}, "corpora": {"toy": {"entities": {"CHED": ["Chemical"]}}}, "silver": {"blacklists": {"CHED": None}}}, FROM_CORPUS | {"sample_silver"}),
    "address": ({"corpora": {"toy": {"path": None, "urls": ["https://localhost/toy.txt"]}}}, FROM_CORPUS | {"fetch"}),
    "checksum": ({"corpora": {"toy": {"sha256": 64 * "0"}}}, FROM_CORPUS | {"fetch"}),
    "PMIDs": ({"corpora": {"toy": {"pmid": "([0-9]+)"}}}, FROM_CORPUS),
    "members": ({"corpora": {"toy": {"members": ["*.txt"]}}}, FROM_CORPUS),
    "reading of a corpus": ({"corpora": {"toy": {"composite": "keep"}}}, FROM_CORPUS),
    "labels of a class": ({"corpora": {"toy": {"entities": {"DISO": ["Chemical"]}}}}, FROM_CORPUS),
    "silver documents": ({"silver": {"documents": 50}}, FROM_CLEANING | {"sample_silver"}),
    "silver documents and seed exchanged": ({"silver": {"documents": 42, "seed": 60}}, FROM_CLEANING | {"sample_silver"}),
    "silver's seed": ({"silver": {"seed": 7}}, FROM_CLEANING | {"sample_silver"}),
    "derived blacklist": ({"silver": {"derived_blacklist": {"minimum_gold_occurrences": 3}}}, FROM_CLEANING),
    "word vectors": ({"word_vectors": {"dimension": 12}}, FROM_VECTORS | {"figure1_architecture"}),
    "word vectors' training": ({"word_vectors": {"training": {"window": 4}}}, FROM_VECTORS),
}  # fmt: skip
CODE = {
    "the model": ("model/scores.py", line, FROM_PRETRAIN),
    "the model's reading": ("model/corpus.py", line, FROM_PRETRAIN | {"encode_silver"}),
    "a script": ("workflow_scripts/finetune.py", line, FROM_FINETUNE),
    "a reader": ("workflow_scripts/corpora/readers/pubtator.py", line, FROM_CORPUS),
    "silver's reader": ("workflow_scripts/corpora/readers/iexml.py", line, FROM_CLEANING | {"sample_silver"}),
    "what every reader runs through": ("workflow_scripts/corpora/convert.py", line, FROM_CORPUS | {"sample_silver"}),
    "what readers share": ("workflow_scripts/corpora/readers/elements.py", line, FROM_CLEANING | {"sample_silver"}),
    "Brat's writer": ("workflow_scripts/corpora/brat.py", line, FROM_CORPUS | {"sample_silver"}),
    "standoff": ("workflow_scripts/corpora/readers/standoff.py", line, FROM_CORPUS | {"sample_silver"}),
    "how code is read": ("workflow_scripts/digests.py", lambda text: text.replace('"\\0".join(parts)', '"\\1".join(parts)'), EVERYTHING),
    "policies": ("workflow_scripts/corpora/policies.py", line, FROM_CORPUS | {"sample_silver"}),
    "cleaning": ("workflow_scripts/corpora/silver/cleaning.py", line, FROM_CLEANING),
    "tokens": ("workflow_scripts/corpora/tokens.py", line, FROM_CLEANING | {"tokenize_corpus"}),
    "counting": ("workflow_scripts/corpora/counting.py", line, {"count_corpus", "table1_corpora"}),
    "style": ("workflow_scripts/analysis/style.py", line, FIGURES),
    "a figure": ("workflow_scripts/analysis/gain_by_size.py", line, {"figure3_gain_by_size"}),
    "tables": ("workflow_scripts/analysis/tables.py", line, TABLES),
    "a table of the paper": ("workflow_scripts/analysis/paper/table2.csv", lambda text: text + "\n", TABLES),
    **{f"lock, {name}": ("requirements.lock", pin(name), FROM_PRETRAIN) for name in ("torch", "triton", "pytorch-crf", "numba", "llvmlite", "threadpoolctl")},
    "lock, safetensors": ("requirements.lock", pin("safetensors"), FROM_PRETRAIN | {"encode_silver"}),
    "lock, numpy": ("requirements.lock", pin("numpy"), FROM_CLEANING | {"figure_s1_layers"}),
    "lock, matplotlib": ("requirements.lock", pin("matplotlib"), FIGURES),
    "lock, seaborn": ("requirements.lock", pin("seaborn"), FIGURES),
    "lock, spacy": ("requirements.lock", pin("spacy"), FROM_CLEANING | {"tokenize_corpus"}),
    "a native file": ("native/cdr_like.PubTator.txt", lambda text: text.replace("\n\n", "\n\n\n", 1), FROM_CORPUS | {"fetch"}),
    "a blacklist": ("native/blacklist_diso.txt", lambda text: text + "zzz\n", FROM_CLEANING | {"fetch"}),
}  # fmt: skip


def test_a_second_run_has_nothing_to_do(finished):
    assert finished.to_be_run() == set()


@pytest.mark.parametrize("row", SETTINGS)
def test_a_setting(finished, row):
    config, expected = SETTINGS[row]
    assert finished.to_be_run(config=config) == expected


def test_settings_that_the_study_does_not_use(finished):
    for config in NO_MATTER:
        assert finished.to_be_run(config=config) == set(), config


def test_a_seed_added_trains_that_seed_alone(finished):
    jobs = finished.jobs_to_be_run(config={"study": {"seeds": [1, 2]}})
    trainings = {job for job in jobs if job.startswith(("pretrain", "finetune"))}
    assert trainings == {"pretrain DISO 2", "finetune DISO toy baseline 60 2", "finetune DISO toy transfer 60 2"}
    assert {job.split()[0] for job in jobs - trainings} == FROM_RUNS - CURVES


def test_a_corpus_added_changes_the_words_and_the_silver_of_its_class(finished):
    corpus = {"format": "brat", "path": "native/field_notes", "entities": {"DISO": ["Species"]}}
    jobs = finished.jobs_to_be_run(config={"corpora": {"mine": corpus}, "study": {"corpora": ["toy", "mine"]}})
    assert {job.split()[0] for job in jobs} == FROM_CORPUS | {"fetch"}
    assert {
        job for job in jobs if job.split()[0] in ("fetch", "convert_corpus", "count_corpus", "tokenize_corpus")
    } == {
        "fetch mine",
        "convert_corpus DISO mine",
        "count_corpus DISO mine",
        "tokenize_corpus DISO mine",
    }


def test_where_vectors_are_given_no_baseline_depends_on_silver_or_on_other_corpora(finished, tmp_path):
    """What is planned in case the silver corpus has changed finds, for a corpus or class added, that it has not.

    Nor is anything trained again where the vectors given are a copy of those that were trained here.
    """
    shutil.copytree(finished.folder, tmp_path / "work")
    study = Study(finished.project, tmp_path / "work", finished.base)
    shutil.copy(study.folder / "results/vectors/trained.bin", study.folder / "native/vectors.bin")
    given = {"word_vectors": {"path": "native/vectors.bin"}}
    runs = {regime: f"results/runs/DISO/toy/{regime}/share60/seed1" for regime in ("baseline", "transfer")}
    targets = [f"{run}/metrics.json" for run in runs.values()]

    def not_trained_again(config):
        result = study.snakemake(*targets, config=config)
        assert result.returncode == 0, result.stdout + result.stderr
        return sorted(re.findall(r"(\w+): .*: not trained again", result.stderr))

    assert not_trained_again(given) == ["finetune", "finetune", "pretrain"]
    before = {path: path.read_bytes() for run in runs.values() for path in (study.folder / run).iterdir()}
    trainings = {"pretrain DISO 1", "finetune DISO toy transfer 60 1"}
    for silver in (
        {"documents": 50},
        {"seed": 7},
        {"derived_blacklist": {"minimum_gold_occurrences": 3}},
        {"corpus": {"entities": {"DISO": ["diso", "other"]}}},
    ):
        jobs = study.jobs_to_be_run(*targets, config=given | {"silver": silver})
        assert {job for job in jobs if job.startswith(("pretrain", "finetune"))} == trainings, silver

    (study.folder / "native/mine").mkdir()
    for number in range(10):  # of no abstract of the silver corpus, unlike the demonstration's corpora
        text = f"Case {number}: gout, as {number + 7} of our patients have it."
        (study.folder / f"native/mine/{number}.txt").write_text(text)
        (study.folder / f"native/mine/{number}.ann").write_text("T1\tillness 8 12\tgout\n")
    corpus = {"format": "brat", "path": "native/mine", "entities": {"DISO": ["illness"]}}
    more = given | {"corpora": {"mine": corpus}, "study": {"corpora": ["toy", "mine"]}}
    jobs = study.jobs_to_be_run(*targets, config=more)
    assert jobs == {
        *("fetch mine", "convert_corpus DISO mine"),
        *(f"{rule} DISO" for rule in ("clean_silver", "tokenize_silver", "encode_silver")),
        *("select_word_vectors DISO silver", *trainings),
    }
    toy = finished.base["corpora"]["toy"] | {"entities": {"DISO": ["Disease"], "CHED": ["Chemical"]}}
    for config in (more, given | {"corpora": {"toy": toy}, "study": {"entities": ["DISO", "CHED"]}}):  # a class added
        assert not_trained_again(config) == ["finetune", "pretrain"]
        assert {path: path.read_bytes() for path in before} == before
        assert study.jobs_to_be_run(*targets, config=config) == set()


def test_a_source_learning_rate_leaves_the_baseline_alone(finished):
    baseline = "results/runs/DISO/toy/baseline/share60/seed1/metrics.json"
    assert finished.to_be_run(baseline, config=fast("source", learning_rate=0.002)) == set()


@pytest.mark.parametrize("row", CODE)
def test_a_line(finished, edited, row):
    name, change, expected = CODE[row]
    edited(name, change)
    jobs = finished.jobs_to_be_run()
    assert {job.split()[0] for job in jobs} == expected
    fetched = {job for job in jobs if job.startswith("fetch")}
    assert fetched == {"a native file": {"fetch toy"}, "a blacklist": {"fetch blacklist_DISO"}}.get(row, set())


def test_what_moves_no_result(finished, edited):
    def comment(text):
        return text.replace('"""', '"""Other words. ', 1) + '\n# A remark.\n"""Of a constant."""\n'

    edited("model/scores.py", comment)
    edited("workflow_scripts/finetune.py", comment)
    edited("workflow_scripts/corpora/readers/bioc.py", line)
    edited("workflow_scripts/corpora/readers/__init__.py", line)
    edited("model/tag.py", line)
    for name in (
        "job",
        "gpu",
        "study",
        "sources",
        "printable",
        "configuration",
        "progress",
        "fetch",
        "corpora/fetch",
        "corpora/downloads",
        "corpora/check",
    ):
        edited(f"workflow_scripts/{name}.py", line)
    edited("Snakefile", lambda text: text + "\n\n# A remark.\n")
    edited("rules/train.smk", lambda text: text.replace("doubling(8000)", "doubling(9000)"))
    edited("rules/captions/significance.rst", lambda text: text + "More.\n")
    edited("envs/model.yaml", lambda text: text.replace("numpy==", "numpy==9"))
    edited("requirements.lock", lambda text: re.sub(r"(?m)^(snakemake|pytest|tqdm|requests)==.*", r"\1==99", text))
    assert finished.to_be_run() == set()


def test_times_alone(finished, edited):
    """A touch, a copy, a checkout: newer times, other inodes, the same contents."""
    native = finished.folder / "native/cdr_like.PubTator.txt"
    copy = native.with_name("copy")
    copy.write_bytes(native.read_bytes())
    copy.replace(native)
    for path in (native, *finished.project.rglob("*.py"), *finished.project.rglob("*.smk")):
        os.utime(path)
    assert finished.to_be_run() == set()


def test_a_result_edited_by_hand_under_an_old_time(finished):
    result = finished.folder / "results/runs/DISO/toy/transfer/share60/seed1/predictions.tsv"
    before, stat = result.read_text(), result.stat()
    try:
        result.write_text(before.replace("\tO\n", "\tS-DISO\n", 1))
        os.utime(result, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        assert finished.to_be_run() == set()
    finally:
        result.write_text(before)
        os.utime(result, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def test_another_place_of_a_file(finished):
    native = finished.folder / "native/cdr_like.PubTator.txt"
    moved = native.with_name("moved.PubTator.txt")
    moved.write_bytes(native.read_bytes())
    os.utime(moved, ns=(native.stat().st_atime_ns, native.stat().st_mtime_ns))
    jobs = finished.jobs_to_be_run(config={"corpora": {"toy": {"path": "native/moved.PubTator.txt"}}})
    assert {job.split()[0] for job in jobs} == FROM_CORPUS | {"fetch"}
    assert {job for job in jobs if job.startswith("fetch")} == {"fetch toy"}


def test_a_removed_run_is_made_again_when_it_is_asked_for(finished):
    run = finished.folder / "results/runs/DISO/toy/transfer/share60/seed1/metrics.json"
    kept = run.rename(run.with_suffix(".kept"))
    try:
        assert finished.to_be_run() == set()  # all that was made of it is there
        assert finished.jobs_to_be_run(str(run.relative_to(finished.folder))) == {"finetune DISO toy transfer 60 1"}
    finally:
        kept.rename(run)
