"""What a finished demonstration shows in the terminal: ``python -m demo.summary FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path

NEXT = {
    "results/tables/": "the paper's tables, significance and error analysis, as .csv, .md and .tex",
    "results/figures/": "the paper's figures, as .svg, .pdf and .png",
    "results/scores.csv": "one row a run",
    "results/brat/": "the corpora in Brat standoff",
    "results/silver/DISO/excluded.tsv": "silver documents left out, and why",
    "results/silver/DISO/dropped_mentions.tsv": "silver mentions dropped",
    "results/runs/": "every tagger, its learning curve (history.tsv) and predictions.tsv",
    "logs/": "what every step said",
}


def summary(folder: Path) -> str:
    """The table of baseline against transfer, and where to look next. Raises OSError if there is no table."""
    table = (folder / "results/tables/error_reduction.md").read_text(encoding="utf-8")
    width = max(len(name) for name in NEXT)
    places = "\n".join(f"  {folder / name!s:<{width + len(str(folder)) + 1}}  {what}" for name, what in NEXT.items())
    return (
        "\nF1 on the test sets: trained on gold alone (baseline), and on silver, then gold (transfer)\n\n"
        f"{table}\nOpen next:\n{places}\n"
    )


if __name__ == "__main__":
    print(summary(Path(sys.argv[1])))
