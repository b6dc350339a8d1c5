"""Transfer learning for biomedical named entity recognition (Giorgi and Bader, 2018), from corpora to tables and figures."""

from pathlib import Path

from snakemake.utils import min_version

min_version("9.27")


configfile: Path(workflow.basedir, "config.yaml")


include: "rules/common.smk"
include: "rules/corpora.smk"
include: "rules/silver.smk"
include: "rules/conll.smk"
include: "rules/vectors.smk"
include: "rules/train.smk"
include: "rules/tables.smk"
include: "rules/figures.smk"
include: "rules/report.smk"


rule all:
    """Every table and figure of the configured study."""
    default_target: True
    input:
        expand("results/tables/{table}.{form}", table=TABLES, form=["csv", "md", "tex"]),
        expand("results/figures/{figure}.{form}", figure=FIGURES, form=["svg", "pdf", "png"]),
        "results/scores.csv",
