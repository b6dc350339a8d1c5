"""Rule clean_silver: a class's silver-standard corpus without gold documents and blacklisted mentions (section 2.3)."""

from pathlib import Path
from typing import Any

from corpora.archives import fetched_file
from corpora.silver.cleaning import Brat, clean
from corpora.silver.sampling import read_sample
from job import run


def main(job: Any) -> None:
    inputs, outputs = job.input, job.output
    gold = {
        Path(brat).name: Brat(Path(brat), Path(table))
        for brat, table in zip(inputs.gold, inputs.gold_tables, strict=True)
    }
    derived = job.params.derived_blacklist
    clean(
        read_sample(Path(inputs.sample), job.wildcards.entity),
        gold,
        Brat(Path(outputs.brat), Path(outputs.table)),
        excluded=Path(outputs.excluded),
        dropped=Path(outputs.dropped),
        blacklist=fetched_file(Path(inputs.blacklist[0])) if inputs.blacklist else None,
        minimum_gold_occurrences=derived["minimum_gold_occurrences"] if derived else None,
        pmc_ids=Path(inputs.pmc_ids[0]) if inputs.pmc_ids else None,
    )


if __name__ == "__main__":
    run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821  (Snakemake puts it there)
