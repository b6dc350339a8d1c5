"""The silver-standard corpus: sampled, cleared of gold-standard documents, and of blacklisted mentions (section 2.3)."""

# In an order of their own: Snakemake cannot see that of inputs and outputs, which would decide here.
CLASSES = sorted(config["study"]["entities"])


rule sample_silver:
    """Draw documents for every class in one pass over the silver-standard corpus."""
    input:
        native="resources/native/silver",
    output:
        samples=expand("results/silver/{entity}/sampled.jsonl.gz", entity=CLASSES),
    log:
        "logs/sample_silver.log",
    benchmark:
        "results/benchmarks/sample_silver.tsv"
    conda:
        "../envs/corpora.yaml"
    threads: 2
    resources:
        mem_mb=doubling(1500),
        runtime=doubling(2 * 60),
    params:
        corpus=configured.reading_settings(SILVER["corpus"]),
        entities={
            entity: sorted(SILVER["corpus"]["entities"][entity])
            for entity in CLASSES
            if entity in SILVER["corpus"]["entities"]
        },
        # As one: of two numbers Snakemake would not see that they were exchanged.
        draw={"documents": SILVER["documents"], "seed": SILVER["seed"]},
        code=reading_code("sample_silver", lambda w: SILVER["corpus"]),
    script:
        "../workflow_scripts/sample_silver.py"


rule clean_silver:
    """Leave out the documents of the class's gold-standard corpora, and the blacklisted mentions."""
    input:
        sample="results/silver/{entity}/sampled.jsonl.gz",
        gold=lambda w: [f"results/brat/{w.entity}/{corpus}" for corpus in corpora_of(w.entity)],
        gold_tables=lambda w: [f"results/brat/{w.entity}/{corpus}.tsv" for corpus in corpora_of(w.entity)],
        blacklist=lambda w: ([f"resources/native/blacklist_{w.entity}"] if SILVER["blacklists"].get(w.entity) else []),
        pmc_ids=ancient(configured.source_files(config, SILVER["pmc_ids"])),
    output:
        brat="results/silver/{entity}/documents.zip",
        table="results/silver/{entity}/documents.tsv",
        excluded="results/silver/{entity}/excluded.tsv",
        dropped="results/silver/{entity}/dropped_mentions.tsv",
    log:
        "logs/clean_silver/{entity}.log",
    benchmark:
        "results/benchmarks/clean_silver/{entity}.tsv"
    conda:
        "../envs/corpora.yaml"
    threads: 1
    resources:
        mem_mb=doubling(1500),
        runtime=doubling(2 * 60),
    params:
        derived_blacklist=SILVER["derived_blacklist"],
        pmc_ids=lambda w: contents(SILVER["pmc_ids"]),
        code=code("clean_silver"),
    script:
        "../workflow_scripts/clean_silver.py"
