"""Configuration, checked before any job; wildcards; what several rules share."""

import sys

import yaml

ROOT = Path(workflow.basedir)
for folder in (ROOT, ROOT / "workflow_scripts"):  # Snakemake hands this search path on to the scripts
    sys.path.insert(0, str(folder))

import sources
import study as configured

try:
    configured.check(config, yaml.safe_load((ROOT / "rules/schemas/config.schema.yaml").read_text(encoding="utf-8")))
    if workflow.is_main_process:
        configured.check_labels(config)
except ValueError as error:
    raise WorkflowError(str(error))

SILVER = config["silver"]
TRAINING = config["training"][config["training"]["mode"]]
VECTORS_GIVEN = configured.has_word_vectors(config)
DATA_SETS = configured.data_sets(config)
RUNS = configured.run_folders(config)
TABLES = expand(
    "results/tables/{table}.{form}",
    table=["table1_corpora", "table2_macro_average", "error_reduction"],
    form=["csv", "md"],
)


wildcard_constraints:
    entity="CHED|DISO|LIVB|PRGE",
    corpus="[a-z][a-z0-9_]*",
    regime="baseline|transfer(_to_[a-z_]+)?",
    share="[0-9]+",
    seed="[0-9]+",


def corpora_of(entity):
    """Names of the study's corpora that hold the class."""
    return [corpus for e, corpus in DATA_SETS if e == entity]


def layers_of(regime):
    """The last layer that the regime copies from the source tagger."""
    return {"baseline": "none", "transfer": "crf"}.get(regime, regime.removeprefix("transfer_to_"))


def source_of(name):
    """Where the data of that name come from: a mapping with path or urls, and sha256, or files."""
    return sources.source_of(config, name)


def code(*sources):
    """A digest of the modules that a script imports: a change of their code runs the rule again."""
    return configured.fingerprint(ROOT, *sources)


DOCUMENTS_CODE = code(
    *(
        f"workflow_scripts/corpora/{module}"
        for module in (
            "documents.py",
            "archives.py",
            "readers",
            "policies.py",
            "brat.py",
            "convert.py",
        )
    )
)
