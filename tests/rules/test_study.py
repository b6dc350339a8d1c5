"""What the rules derive from the configuration, and the registry of corpora."""

import copy
from pathlib import Path

import pytest
import yaml
from snakemake.utils import update_config

import sources
import study
from analysis.scores import paper_table

ROOT = Path(__file__).parents[2]
PAPER = yaml.safe_load((ROOT / "config.yaml").read_text())


def overlaid(*names):
    config = copy.deepcopy(PAPER)
    for name in names:
        update_config(config, yaml.safe_load((ROOT / f"overlays/{name}.yaml").read_text()))
    return config


def test_the_registry_is_table_1():
    rows = {(row.corpus, row.entity) for row in paper_table("paper/table1.csv").itertuples()}
    assert {(name, entity) for name, corpus in PAPER["corpora"].items() for entity in corpus["entities"]} == rows


@pytest.mark.parametrize("name", [*PAPER["corpora"], "silver"])
def test_an_entry_says_where_a_corpus_is_and_on_what_terms(name):
    corpus = sources.source_of(PAPER, name)
    for key in ("title", "home", "obtain", "license", "cite"):
        assert corpus.get(key), key
    assert all(file["urls"] for file in sources.files_of(corpus))
    names = [
        file["urls"][0].rstrip("/").removesuffix("/download").rpartition("/")[2] for file in sources.files_of(corpus)
    ]
    assert len(names) == len(set(names)) > 0


def test_a_list_of_corpora_chooses_from_the_registry_and_keeps_what_is_added():
    mine = {"format": "brat", "path": ".", "entities": {"DISO": ["x"]}}
    for overlay, given in [
        ("demo", ["cdr_like", "field_notes", "symbols"]),
        ("real", ["bioinfer", "cdr", "loctext", "ncbi_disease", "s800"]),
    ]:
        config = overlaid(overlay)
        assert study.selected_corpora(config) == given
        config["corpora"]["mine"] = mine
        assert study.selected_corpora(config) == sorted([*given, "mine"])
        config["study"]["skip"] = ["mine", given[0]]
        assert study.selected_corpora(config) == given[1:]
    config["study"] |= {"corpora": ["mine"], "skip": []}
    config["corpora"]["other"] = mine
    assert study.selected_corpora(config) == ["mine"]
    config["study"]["corpora"] = "all"
    assert set(study.selected_corpora(config)) == {*PAPER["corpora"], "mine", "other"}


def test_corpora_without_a_class_of_the_study_take_no_part():
    config = copy.deepcopy(PAPER)
    config["study"]["entities"] = ["LIVB"]
    held = [name for name, corpus in PAPER["corpora"].items() if "LIVB" in corpus["entities"]]
    assert study.selected_corpora(config) == sorted(held)
    assert len(held) == 6 < len(PAPER["corpora"])


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"urls": ["u", "v"], "sha256": "d"}, [{"urls": ["u", "v"], "sha256": "d"}]),
        ({"urls": ["u"]}, [{"urls": ["u"], "sha256": None}]),
        ({"files": [{"urls": ["u"]}, {"urls": ["v"], "sha256": "d"}]}, [{"urls": ["u"], "sha256": None}, {"urls": ["v"], "sha256": "d"}]),
        ({"files": [{"urls": ["u"]}], "urls": ["v"]}, [{"urls": ["v"], "sha256": None}]),
        ({"files": [{"urls": ["u"], "sha256": "d"}], "path": "p"}, []),
        ({"files": [{"urls": ["u"]}], "path": "p", "sha256": "d"}, [{"urls": [], "sha256": "d"}]),
        ({"path": "p", "urls": ["u"], "sha256": None}, []),
        ({"path": "p", "urls": ["u"], "sha256": "d"}, [{"urls": [], "sha256": "d"}]),
        ({"path": "p", "urls": [], "sha256": None}, []),
        ({"urls": [], "sha256": None}, []),
    ],
)  # fmt: skip
def test_files_of_a_source(source, expected):
    assert sources.files_of(source) == expected


def test_a_corpus_that_cannot_be_downloaded_has_a_remedy():
    said = sources.or_else("cdr", PAPER["corpora"]["cdr"])
    assert "track-3-cdr/ (asks for an account): register there and download CDR_Data.zip" in said
    assert said.endswith("give its place as corpora.cdr.path, or leave the corpus out: study.skip: [cdr]")
    assert sources.or_else("silver", PAPER["silver"]["corpus"]).endswith("give its place as silver.corpus.path")
    assert sources.or_else("word_vectors", PAPER["word_vectors"]) == ""


def test_a_home_folder_may_be_written_short(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert study.local_path({"corpora_root": "~/corpora"}, "a/b") == tmp_path / "corpora/a/b"
    assert study.local_path({"corpora_root": None}, "~/a") == tmp_path / "a"


def test_data_sets_follow_the_classes():
    rows = [(row.entity, row.corpus) for row in paper_table("paper/table1.csv").itertuples()]
    assert study.data_sets(PAPER) == sorted(rows)
    assert len(rows) == 23
    config = copy.deepcopy(PAPER)
    config["study"] |= {"corpora": ["cdr"], "entities": ["DISO"], "seeds": [1, 2]}
    for figure in ("learning_curves", "layers"):
        config["figures"][figure]["data_sets"] = ["CHED/cdr"]
    assert study.run_folders(config) == [
        f"results/runs/DISO/cdr/{regime}/share60/seed{seed}" for regime in ("baseline", "transfer") for seed in (1, 2)
    ]


def small_study(**changes):
    config = copy.deepcopy(PAPER)
    config["study"] |= {"corpora": ["cdr"], "entities": ["DISO"], "seeds": [1, 2], "shares": [30, 60]} | changes
    config["figures"]["learning_curves"] = {
        "data_sets": ["DISO/cdr", "LIVB/linnaeus"],
        "shares": [10, 60],
        "seeds": [1],
    }
    config["figures"]["layers"] = {"data_sets": ["DISO/cdr"], "shares": [10], "seeds": [3]}
    return config


def test_figures_add_the_runs_that_they_need_and_no_run_twice():
    config = small_study()
    runs = study.run_folders(config)
    assert len(runs) == len(set(runs)) == 8 + 2 + 7  # two of the curve's four are the study's own
    layers = study.figure_runs(config, "layers")
    assert set(layers) < set(runs)
    assert len(layers) == 7
    assert layers[0] == "results/runs/DISO/cdr/baseline/share10/seed3"
    assert layers[-1] == "results/runs/DISO/cdr/transfer/share10/seed3"
    assert study.figure_left_out(config, "learning_curves") == [("LIVB", "linnaeus")]
    assert study.figure_left_out(config, "layers") == []


def test_tables_compare_full_transfer_at_the_largest_share():
    config = small_study(regimes=["baseline", "transfer", "transfer_to_token_lstm"])
    assert study.table_runs(config) == [
        f"results/runs/DISO/cdr/{regime}/share60/seed{seed}" for regime in ("baseline", "transfer") for seed in (1, 2)
    ]


def test_a_study_without_transfer_trains_no_source_for_its_figures():
    config = small_study(regimes=["baseline"])
    assert all("/baseline/" in run for run in study.run_folders(config))
    assert study.table_runs(config) == [f"results/runs/DISO/cdr/baseline/share60/seed{seed}" for seed in (1, 2)]


def test_the_figures_layers_are_the_models():
    from model.transfer import LAYERS

    regimes = study.FIGURE_REGIMES["layers"]
    assert regimes == ("baseline", *(f"transfer_to_{layer}" for layer in LAYERS[1:-1]), "transfer")


def test_the_papers_whole_study_is_configured():
    seeds, curves, layers = PAPER["study"]["seeds"], *(PAPER["figures"][f] for f in ("learning_curves", "layers"))
    assert (seeds, curves["seeds"], layers["seeds"]) == ([1, 2, 3],) * 3
    assert curves["shares"] == [10, 20, 30, 40, 50, 60]
    assert layers["shares"] == [5, 10, 20, 40, 60]
    for figure in (curves, layers):
        assert [data_set.split("/")[0] for data_set in figure["data_sets"]] == PAPER["study"]["entities"]


def test_source_files_are_all_files_that_are_not_hidden(tmp_path):
    (tmp_path / "sub").mkdir()
    for name in ("b.txt", "sub/a.ann", ".DS_Store"):
        (tmp_path / name).write_text("x")
    config = {"corpora_root": str(tmp_path)}
    assert study.source_files(config, ".") == [str(tmp_path / "b.txt"), str(tmp_path / "sub/a.ann")]
    assert study.source_files(config, "b.txt") == [str(tmp_path / "b.txt")]
    assert study.source_files(config, None) == []


def test_the_lock_pins_what_the_requirements_pin():
    lock, direct = (
        {line for line in (ROOT / name).read_text().split("\n") if "==" in line}
        for name in ("requirements.lock", "requirements.in")
    )
    assert direct <= lock


# Hosts of the registry that are not known to answer by https; what they give is guarded by the recorded checksum alone.
PLAIN_HOSTS = {
    "biosemantics.erasmusmc.nl",
    "corpora.informatik.hu-berlin.de",
    "diego.asu.edu",
    "evexdb.org",
    "mars.cs.utu.fi",
}


@pytest.mark.parametrize("overlay", [None, "originals", "rehosts", "authors_archives"])
def test_downloads_are_by_https_where_the_host_has_it(overlay):
    config = overlaid(*filter(None, [overlay]))
    names = [*config["corpora"], "silver", "word_vectors", *(f"blacklist_{e}" for e in config["silver"]["blacklists"])]
    plain = set()
    for name in names:
        for file in sources.files_of(sources.source_of(config, name)):
            for number, url in enumerate(file["urls"]):
                if not url.startswith("https://"):
                    host = url.removeprefix("http://").partition("/")[0]
                    plain.add(host)
                    assert url.replace("http://", "https://") in file["urls"][:number] or host in PLAIN_HOSTS, url
    assert plain & PLAIN_HOSTS
