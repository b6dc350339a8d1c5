"""The configuration's checks: what stops a run before any job, and what is only said."""

import copy
from pathlib import Path

import pytest
import yaml
from snakemake.utils import update_config

import configuration
import study

ROOT = Path(__file__).parents[2]
SCHEMA = yaml.safe_load((ROOT / "rules/schemas/config.schema.yaml").read_text())
PAPER = yaml.safe_load((ROOT / "config.yaml").read_text())


def faults(change):
    config = copy.deepcopy(PAPER)
    change(config)
    with pytest.raises(configuration.ConfigError) as error:
        configuration.check(config, SCHEMA)
    return str(error.value)


def test_the_papers_configuration_is_valid():
    configuration.check(PAPER, SCHEMA)


def test_the_schema_knows_the_readers_and_the_policies():
    from corpora.convert import READERS
    from corpora.policies import COMPOSITE, DISCONTINUOUS, OVERLAPPING

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


@pytest.mark.parametrize("name", ["originals", "rehosts", "authors_archives"])
def test_other_sources_of_the_registry_are_valid(name):
    config = copy.deepcopy(PAPER)
    update_config(config, yaml.safe_load((ROOT / f"overlays/{name}.yaml").read_text()))
    configuration.check(config, SCHEMA)
    assert len(study.data_sets(config)) == 23


def test_skipped_corpora_need_no_source():
    config = copy.deepcopy(PAPER)
    config["corpora"]["azdc"]["files"] = []
    config["study"]["skip"] = ["azdc"]
    configuration.check(config, SCHEMA)
    assert ("DISO", "azdc") not in study.data_sets(config)


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
        (lambda c: c["study"].update(shares=[70]), "study.shares: 70 is more than study.split.train; give at most 60"),
        (
            lambda c: c["figures"]["layers"].update(shares=[5, 70]),
            "figures.layers.shares: 70 is more than study.split.train; give at most 60",
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
        (
            lambda c: c["word_vectors"].update(urls=["https://me:secret@x.org/a"]),
            "word_vectors.urls.0: an address with a password",
        ),
        (lambda c: c["word_vectors"].update(urls=["https://x.org/a b"]), "word_vectors.urls.0"),
        (lambda c: c["word_vectors"].update(urls=["ftp://x.org/a"]), "word_vectors.urls.0"),
        (lambda c: c["word_vectors"].update(sha256="0" * 64 + "\n"), "word_vectors.sha256"),
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
    configuration.check(config, SCHEMA)
    config["study"]["corpora"] = ["s800", "linnaeus"]
    assert "figures.learning_curves.shares: 60 is more than study.split.train; give at most 50" in faults(
        lambda c: c.update(config)
    )


def test_what_may_not_be_meant_is_said():
    assert list(configuration.notices(PAPER)) == []
    config = copy.deepcopy(PAPER)
    for name in ("mine", "other"):
        config["corpora"][name] = config["corpora"]["cdr"] | {"split": "own", "title": name}
    config["study"] |= {"corpora": ["mine"], "shares": [30]}
    ignored, unused, own = configuration.notices(config)
    assert ignored.startswith("corpora.other takes no part")
    assert "the largest is 30, so that of the 60 percent" in unused
    assert own.startswith("mine: with a split of its own, a share of 60 percent")


def test_results_without_snakemakes_notes_are_named(tmp_path):
    assert list(configuration.forgotten(tmp_path)) == []
    (tmp_path / "results").mkdir()
    (tmp_path / ".snakemake/metadata").mkdir(parents=True)
    [notice] = configuration.forgotten(tmp_path)
    assert notice.startswith(f"{tmp_path}: results, but no .snakemake")
    (tmp_path / ".snakemake/metadata/note").touch()
    assert list(configuration.forgotten(tmp_path)) == []


def test_names_that_snakemake_takes_for_wildcards_are_refused(tmp_path):
    (tmp_path / "n{1}.txt").touch()
    assert "n{1}.txt has a brace in its name" in faults(lambda c: c["corpora"]["cdr"].update(path=str(tmp_path)))


def test_addresses_may_be_null():
    config = copy.deepcopy(PAPER)
    config["word_vectors"]["urls"] = None  # so docs/corpora.md
    configuration.check(config, SCHEMA)
    assert not study.has_word_vectors(config)


def test_all_faults_are_named_at_once():
    def change(config):
        config["study"]["regimes"] = ["base"]
        config["tagger"]["hidden"] = 3

    assert len(faults(change).split("\n")) == 2
