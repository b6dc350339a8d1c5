"""The configuration's checks and what the rules derive from it."""

import copy
import shutil
from pathlib import Path

import pytest
import yaml

import study
from analysis.tables import paper_table

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


def test_registered_corpora_of_the_paper_hold_the_papers_classes():
    rows = {(row.corpus, row.entity) for row in paper_table("table1").itertuples()}
    for name, corpus in PAPER["corpora"].items():
        assert all((name, entity) in rows for entity in corpus["entities"])


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
        (lambda c: c["corpora"]["cdr"].pop("urls"), "corpora.cdr: neither path nor urls"),
        (lambda c: c["corpora"]["linnaeus"].update(pmcid="("), "corpora.linnaeus.pmcid"),
        (lambda c: c["corpora"].update(silver=c["corpora"]["cdr"]), "corpora.silver: this name is used"),
        (lambda c: c["study"].update(corpora=["cdr"]), "no configured corpus holds LIVB"),
        (lambda c: c["silver"]["corpus"]["entities"].pop("LIVB"), "silver.corpus.entities: no labels for LIVB"),
        (lambda c: c["silver"]["blacklists"].update(GENE=None), "unknown value 'GENE'"),
        (lambda c: c["study"].update(corpora="al"), "study.corpora"),
    ],
)
def test_a_fault_stops_with_its_place_and_a_remedy(change, expected):
    assert expected in faults(change)


def test_all_faults_are_named_at_once():
    def change(config):
        config["study"]["regimes"] = ["base"]
        config["tagger"]["hidden"] = 3

    assert len(faults(change).split("\n")) == 2


def test_data_sets_follow_the_classes():
    assert study.data_sets(PAPER) == [
        ("CHED", "cdr"),
        ("DISO", "cdr"),
        ("DISO", "ncbi_disease"),
        ("LIVB", "linnaeus"),
        ("PRGE", "bc2gm"),
    ]
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


def test_fingerprint_changes_with_code_and_not_with_words(tmp_path):
    package = tmp_path / "package"
    package.mkdir()
    code = '"""Doc."""\ndef f(x):\n    """Doc."""\n    return x + 1\n'
    (package / "a.py").write_text(code)
    before = study.fingerprint(tmp_path, "package")
    (package / "a.py").write_text("# why\n" + code.replace("Doc", "Words"))
    assert study.fingerprint(tmp_path, "package") == before
    (package / "a.py").write_text(code.replace("+ 1", "+ 2"))
    assert study.fingerprint(tmp_path, "package") != before
    shutil.rmtree(package)


def test_environments_pin_what_the_lock_pins():
    lock = {line for line in (ROOT / "requirements.lock").read_text().split("\n") if "==" in line}
    environments = sorted((ROOT / "envs").glob("*.yaml"))
    assert environments
    for file in environments:
        dependencies = yaml.safe_load(file.read_text())["dependencies"]
        assert dependencies[:2] == ["python =3.11", "pip"]
        assert set(dependencies[2]["pip"]) <= lock, file
    direct = {line for line in (ROOT / "requirements.in").read_text().split("\n") if "==" in line}
    assert direct <= lock
