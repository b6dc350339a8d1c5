"""Configuration, checked before any job; wildcards; what several rules share."""

import os
import sys

import yaml
from snakemake.logging import logger

ROOT = Path(workflow.basedir)
for folder in (ROOT, ROOT / "workflow_scripts"):  # Snakemake hands this search path on to the scripts
    sys.path.insert(0, str(folder))
os.environ.update(MPLBACKEND="agg")  # a notebook's own, where one runs this, is not installed here

import configuration
import digests
import sources
import study as configured
from corpora.readers import PLACES
from model.settings import TrainingConfig

try:
    if workflow.is_main_process:  # a job runs what was checked, perhaps where your files are not to be seen
        configuration.check(
            config, yaml.safe_load((ROOT / "rules/schemas/config.schema.yaml").read_text(encoding="utf-8"))
        )
        configuration.check_folder(Path.cwd())
        configuration.check_labels(config)
        for notice in [*configuration.notices(config), *configuration.forgotten(Path.cwd())]:
            logger.warning(notice)
except ValueError as error:
    raise WorkflowError(str(error))

LOCAL_FILES = digests.Contents(Path("resources/contents.json"))
# `--resources gpu=1` is one GPU, with room for as many trainings as it has slots; but Snakemake counts in whole numbers,
# and a training asks for gpu=1. So the room is counted in slots where Snakemake runs the trainings itself (on the nodes
# of a cluster each has the GPU that the cluster gives it). job.py takes the slots.
if workflow.is_main_process and workflow.nodes is None and "gpu" in workflow.global_resources:
    workflow.register_resource("gpu", workflow.global_resources["gpu"].value * config["training"]["slots_per_gpu"])

SILVER = config["silver"]
# In one order, whatever file says a setting, and without what is the default: Snakemake compares params as written out.
TAGGER = dict(sorted(config["tagger"].items()))
TRAINING = {
    part: {name: value for name, value in sorted(said.items()) if value != getattr(TrainingConfig, name, None)}
    for part, said in config["training"][config["training"]["mode"]].items()
}
VECTORS_GIVEN = configured.has_word_vectors(config)
DATA_SETS = configured.data_sets(config)
RUNS = configured.run_folders(config)
TABLE_RUNS = configured.table_runs(config)
TITLES = {corpus: settings.get("title", corpus) for corpus, settings in config["corpora"].items()}
TABLES = [
    "table1_corpora",
    "table2_macro_average",
    "appendix_a_scores",
    "error_reduction",
    "significance",
    "significance_over_all",
    "label_savings",
    "error_overlap",
    *(
        f"{table}/{entity}/{corpus}"
        for table in ("error_kinds", "strings_gained_and_lost", "seen_and_unseen")
        for entity, corpus in DATA_SETS
    ),
]
FIGURES = [
    "figure1_architecture",
    "figure2_learning_curves",
    "figure3_gain_by_size",
    "figure4_error_overlap",
    "figure_s1_layers",
]


wildcard_constraints:
    entity="CHED|DISO|LIVB|PRGE",
    corpus="[a-z][a-z0-9_]*",
    regime="baseline|transfer(_to_[a-z_]+)?",
    share="[0-9]+",
    seed="[0-9]+",


def corpora_of(entity):
    """Names of the study's corpora that hold the class."""
    return [corpus for e, corpus in DATA_SETS if e == entity]


def conll_of(entity, corpus):
    """The CoNLL files of a class in a corpus, or in the silver-standard corpus."""
    if corpus == "silver":
        return expand(f"results/silver/{entity}/conll/{{part}}.tsv", part=["train", "dev"])
    return expand(f"results/conll/{entity}/{corpus}/{{part}}.tsv", part=["train", "dev", "test"])


def layers_of(regime):
    """The last layer that the regime copies from the source tagger."""
    return {"baseline": "none", "transfer": "crf"}.get(regime, regime.removeprefix("transfer_to_"))


def source_of(name):
    """Where the data of that name come from: a mapping with path or urls, and sha256, or files."""
    try:
        return sources.source_of(config, name)
    except KeyError:
        raise WorkflowError(f"no corpus '{name}' is configured; {configuration.nearest(name, config['corpora'])}")


def labels_of(wildcards):
    """The corpus's labels that make up the class."""
    entities = source_of(wildcards.corpus)["entities"]
    if wildcards.entity not in entities:
        raise WorkflowError(f"corpus {wildcards.corpus} has no class {wildcards.entity}; it has {', '.join(entities)}")
    return entities[wildcards.entity]


def code(script, *more):
    """A digest of the code and the packages behind a rule's script, made for its jobs: a change runs them again.

    With the files that it begins at, from which job.py sees that the code has not changed since.
    """
    starts = (f"workflow_scripts/{script}.py", *more)
    return lambda wildcards: [digests.code_digest(ROOT, *starts), *starts]


def reading_code(script, corpus):
    """The same for a script that reads a corpus in its native format, with the reader of that format and no other."""

    def digest(wildcards):
        place, function = PLACES[corpus(wildcards)["format"]]
        return [*code(script, f"workflow_scripts/corpora/readers/{place}.py")(wildcards), function]

    return digest


def contents(path):
    """A digest of what lies at a path of the user's, which sees changes that times of modification do not show."""
    files = configured.source_files(config, path)
    return LOCAL_FILES.digest(files) if files else None


def titles_of(data_sets):
    """The names under which these data sets' corpora are shown."""
    return {corpus: TITLES[corpus] for corpus in sorted({corpus for _, corpus in data_sets})}


def doubling(first):
    """A resource (MB, or minutes) that doubles with each attempt: a job that ran out of it is retried with more."""
    return lambda wildcards, attempt: first * 2 ** (attempt - 1)


def table(name, caption=None, **where):
    """The three forms of a table; the report shows the first."""
    caption = f"captions/{caption or name}.rst"
    shown = report(f"results/tables/{name}.csv", caption=caption, category="Tables", **where)
    return [shown, f"results/tables/{name}.md", f"results/tables/{name}.tex"]


def figure(name):
    """The three forms of a figure; the report shows the first."""
    shown = report(f"results/figures/{name}.svg", caption=f"captions/{name}.rst", category="Figures")
    return [shown, f"results/figures/{name}.pdf", f"results/figures/{name}.png"]
