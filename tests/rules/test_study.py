"""The configuration's checks and what the rules derive from it."""

import copy
from pathlib import Path

import pytest
import yaml
from snakemake.utils import update_config

import sources
import study
from analysis.scores import paper_table

ROOT = Path(__file__).parents[2]
SCHEMA = yaml.safe_load((ROOT / "rules/schemas/config.schema.yaml").read_text())
PAPER = yaml.safe_load((ROOT / "config.yaml").read_text())


def faults(change):
    config = copy.deepcopy(PAPER)
    change(config)
    with pytest.raises(study.ConfigError) as error:
        study.check(config, SCHEMA)
    return str(error.value)


def test_the_papers_configuration_is_valid():
    study.check(PAPER, SCHEMA)


def test_the_schema_knows_the_readers_and_the_policies():
    from corpora.policies import COMPOSITE, DISCONTINUOUS, OVERLAPPING
    from corpora.readers import READERS

    corpus = SCHEMA["$defs"]["corpus"]["properties"]
    assert sorted(corpus["format"]["enum"]) == sorted(READERS)
    for key, policies in [("discontinuous", DISCONTINUOUS), ("overlapping", OVERLAPPING), ("composite", COMPOSITE)]:
        assert sorted(corpus[key]["enum"]) == sorted(policies)


def test_the_schema_knows_the_layers():
    from model.transfer import LAYERS

    regimes = SCHEMA["properties"]["study"]["properties"]["regimes"]["items"]["enum"]
    assert sorted(regimes) == sorted(
        ["baseline", "transfer", *(f"transfer_to_{layer}" for layer in LAYERS if layer not in ("none", "crf"))]
    )


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


@pytest.mark.parametrize("name", ["originals", "rehosts", "authors_archives"])
def test_other_sources_of_the_registry_are_valid(name):
    config = overlaid(name)
    study.check(config, SCHEMA)
    assert len(study.data_sets(config)) == 23


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


def test_skipped_corpora_need_no_source():
    config = copy.deepcopy(PAPER)
    config["corpora"]["azdc"]["files"] = []
    config["study"]["skip"] = ["azdc"]
    study.check(config, SCHEMA)
    assert ("DISO", "azdc") not in study.data_sets(config)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"urls": ["u", "v"], "sha256": "d"}, [{"urls": ["u", "v"], "sha256": "d"}]),
        ({"urls": ["u"]}, [{"urls": ["u"], "sha256": None}]),
        ({"files": [{"urls": ["u"]}, {"urls": ["v"], "sha256": "d"}]}, [{"urls": ["u"], "sha256": None}, {"urls": ["v"], "sha256": "d"}]),
        ({"files": [{"urls": ["u"]}], "urls": ["v"]}, [{"urls": ["v"], "sha256": None}]),
        ({"files": [{"urls": ["u"], "sha256": "d"}], "path": "p"}, []),
        ({"files": [{"urls": ["u"]}], "path": "p", "sha256": "d"}, [{"urls": [], "sha256": "d"}]),
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


def test_every_level_refuses_unknown_keys():
    def objects(schema, path="configuration"):
        if isinstance(schema, dict):
            if schema.get("type") == "object":
                yield path, schema
            for key, value in schema.items():
                yield from objects(value, f"{path}.{key}")
        elif isinstance(schema, list):
            for value in schema:
                yield from objects(value, path)

    for path, schema in objects(SCHEMA):
        assert "additionalProperties" in schema, path


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            lambda c: c["training"]["fast"]["target"].update(patiense=3),
            "training.fast.target: unknown key 'patiense'; did you mean 'patience'?",
        ),
        (lambda c: c.update(corpra={}), "configuration: unknown key 'corpra'; did you mean 'corpora'?"),
        (
            lambda c: c["study"].update(corpora=["ncbi_diseese"]),
            "study.corpora: unknown corpus 'ncbi_diseese'; did you mean 'ncbi_disease'?",
        ),
        (lambda c: c["study"].update(entities=["DISEO"]), "unknown value 'DISEO'; did you mean 'DISO'?"),
        (
            lambda c: c["corpora"]["cdr"].update(format="pubtater"),
            "corpora.cdr.format: unknown value 'pubtater'; did you mean 'pubtator'?",
        ),
        (
            lambda c: c["corpora"]["cdr"].update(entities={"DISOO": ["x"]}),
            "unknown value 'DISOO'; did you mean 'DISO'?",
        ),
        (
            lambda c: c["corpora"]["cdr"].update(entities={"DISO": ["Diseases"]}),
            "corpora.cdr.entities.DISO: unknown label 'Diseases'; did you mean 'Disease'?",
        ),
        (lambda c: c["study"].update(regimes=["transfer_to_token_lst"]), "did you mean 'transfer_to_token_lstm'?"),
        (lambda c: c["training"].update(mode="quick"), "training.mode: unknown value 'quick'; valid are: fast, paper"),
        (lambda c: c["training"]["paper"]["source"].update(learning_rate=0), "training.paper.source.learning_rate"),
        (lambda c: c["training"]["paper"]["source"].pop("epochs"), "training.paper.source: epochs missing"),
        (lambda c: c["study"].update(shares=[70]), "study.shares: 70 is more than the 60 percent"),
        (
            lambda c: c["figures"]["layers"].update(shares=[5, 70]),
            "figures.layers.shares: 70 is more than the 60 percent",
        ),
        (
            lambda c: c["figures"]["layers"].update(data_sets=["DISO/ncbi_diseese"]),
            "figures.layers.data_sets: unknown corpus 'ncbi_diseese'; did you mean 'ncbi_disease'?",
        ),
        (
            lambda c: c["figures"]["learning_curves"].update(data_sets=["LIVB/cdr"]),
            "figures.learning_curves.data_sets: cdr has no class LIVB; it has CHED, DISO",
        ),
        (lambda c: c["figures"]["learning_curves"].update(data_sets=["cdr"]), "figures.learning_curves.data_sets.0"),
        (lambda c: c["study"]["split"].update(test=20), "sums to 90 percent"),
        (lambda c: c["corpora"]["cdr"].update(path="no/such/file"), "corpora.cdr.path: no/such/file does not exist"),
        (lambda c: c["corpora"]["cdr"].pop("files"), "corpora.cdr: neither path nor urls nor files"),
        (lambda c: c["corpora"]["cdr"]["files"][0].update(urls=[]), "corpora.cdr.files.0.urls"),
        (lambda c: c["corpora"]["cdr"]["files"][0].update(sha=None), "corpora.cdr.files.0: unknown key 'sha'"),
        (lambda c: c["study"].update(skip=["lineus"]), "study.skip: unknown corpus 'lineus'; did you mean 'linnaeus'?"),
        (lambda c: c["corpora"]["linnaeus"].update(pmcid="("), "corpora.linnaeus.pmcid"),
        (lambda c: c["corpora"].update(silver=c["corpora"]["cdr"]), "corpora.silver: this name is used"),
        (
            lambda c: c["corpora"].update(blacklist_x=c["corpora"]["cdr"]),
            "corpora.blacklist_x: this name is used",
        ),
        (
            lambda c: c["corpora"].update(word_vectors=c["corpora"]["cdr"]),
            "corpora.word_vectors: this name is used",
        ),
        (lambda c: c["study"].update(corpora=["cdr"]), "no configured corpus holds LIVB"),
        (lambda c: c["silver"]["corpus"]["entities"].pop("LIVB"), "silver.corpus.entities: no labels for LIVB"),
        (lambda c: c["silver"]["blacklists"].update(GENE=None), "unknown value 'GENE'"),
        (lambda c: c["study"].update(corpora="al"), "study.corpora"),
        (lambda c: c["study"].update(shares=[60.0]), "study.shares.0: 60.0 is not of type 'integer'"),
        (
            lambda c: c["training"]["fast"]["target"].update(learning_rate="1e-3"),
            "learning_rate: '1e-3' is not of type 'number'; YAML takes this for text; write 1.0e-3",
        ),
        (
            lambda c: c["corpora"]["cdr"].update(entities={"DISO": "Disease"}),
            "is not of type 'array'; write [\"Disease\"]",
        ),
        (lambda c: c["training"]["fast"]["target"].update(epochs=20.0), "training.fast.target.epochs: 20.0 is not"),
        (
            lambda c: c["training"]["fast"]["target"].update(learning_rate=float("inf")),
            "target.learning_rate: inf is not",
        ),
        (lambda c: c["study"].update(seeds=[1 << 64]), "study.seeds.0"),
        (lambda c: c["corpora"].update({123: c["corpora"]["cdr"]}), "corpora: 123 is not of type 'string'"),
        (lambda c: c["study"].update({1: 2, "b": 3}), "study: unknown key '1'"),
        (lambda c: c["corpora"]["cdr"].update(path=""), "corpora.cdr.path"),
        (
            lambda c: c["corpora"]["s800"].update(title="LINNAEUS"),
            "corpora.s800.title: 'LINNAEUS' is what linnaeus is called too",
        ),
        (
            lambda c: c["corpora"]["cdr"].update(path="~nobody-here/x"),
            "corpora.cdr.path: ~nobody-here/x does not exist",
        ),
        (lambda c: c["corpora"]["cdr"].update(path="."), "corpora.cdr.path: . is the working folder or holds it"),
    ],
)
def test_a_fault_stops_with_its_place_and_a_remedy(change, expected):
    assert expected in faults(change)


def test_shares_of_figures_that_the_study_does_not_draw_are_no_fault():
    config = copy.deepcopy(PAPER)
    config["study"] |= {"corpora": ["s800"], "entities": ["LIVB"], "shares": [50]}
    config["study"]["split"] = {"train": 50, "dev": 10, "test": 40}
    study.check(config, SCHEMA)
    config["study"]["corpora"] = ["s800", "linnaeus"]
    assert "figures.learning_curves.shares: 60 is more than the 50 percent" in faults(lambda c: c.update(config))


def test_what_may_not_be_meant_is_said():
    assert list(study.notices(PAPER)) == []
    config = copy.deepcopy(PAPER)
    for name in ("mine", "other"):
        config["corpora"][name] = config["corpora"]["cdr"] | {"split": "own", "title": name}
    config["study"] |= {"corpora": ["mine"], "shares": [30]}
    ignored, unused, own = study.notices(config)
    assert ignored.startswith("corpora.other takes no part")
    assert "the largest is 30, so that of the 60 percent" in unused
    assert own.startswith("mine: with a split of its own, a share of 60 percent")


def test_names_that_snakemake_takes_for_wildcards_are_refused(tmp_path):
    (tmp_path / "n{1}.txt").touch()
    assert "n{1}.txt has a brace in its name" in faults(lambda c: c["corpora"]["cdr"].update(path=str(tmp_path)))


def test_a_home_folder_may_be_written_short(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert study.local_path({"corpora_root": "~/corpora"}, "a/b") == tmp_path / "corpora/a/b"
    assert study.local_path({"corpora_root": None}, "~/a") == tmp_path / "a"


def test_addresses_may_be_null():
    config = copy.deepcopy(PAPER)
    config["word_vectors"]["urls"] = None  # so docs/corpora.md
    study.check(config, SCHEMA)
    assert not study.has_word_vectors(config)


def test_all_faults_are_named_at_once():
    def change(config):
        config["study"]["regimes"] = ["base"]
        config["tagger"]["hidden"] = 3

    assert len(faults(change).split("\n")) == 2


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
