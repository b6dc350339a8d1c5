"""Time and memory of the silver-standard corpus at the size of CALBC-SSC-III-Small.

    python -m benchmarks.silver_scale FOLDER [--documents 174999] [--sample 50000] [--keep]

Makes up a silver corpus in IeXML (gzip) and gold corpora of the sizes of the paper's Table 1, in ``FOLDER``; runs the
scripts of the rules sample_silver and clean_silver on them, each in a process of its own, two classes at a time; and
prints seconds and peak memory of each. The last line is a JSON object with the totals.

Every word is invented. Abstracts are as long as MEDLINE's (1,560 characters, nine sentences) and hold 23 mentions: what
the 21,210 MEDLINE abstracts of the stand-in corpus have (docs/speed.md). Copies of gold documents are planted, by
PMID, text, near-duplicate text, and gold sentences inside; the program fails unless each that was drawn is gone.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from itertools import count as count_from
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import NamedTuple

from benchmarks.processes import measured

MODULE = "benchmarks.silver_scale"
DENSITY = {"CHED": 6.2, "DISO": 3.9, "LIVB": 4.6, "PRGE": 8.5}  # mentions an abstract in the stand-in corpus
COPIES = 100  # planted of each kind and class

# Documents and sentences a document, of the gold corpora of each class as in Table 1; full texts have paragraphs.
GOLD = {
    "CHED": {"biosemantics": (200, 816), "cdr": (1500, 9), "chemdner_patent": (21000, 2)},
    "DISO": {"azdc": (793, 4), "cdr": (1500, 9), "mirna": (301, 9), "ncbi_disease": (792, 10), "variome": (10, 627)},
    "LIVB": {
        "cellfinder": (10, 223),
        "linnaeus": (100, 190),
        "loctext": (100, 10),
        "mirna": (301, 9),
        "s800": (800, 10),
        "variome": (10, 627),
    },
    "PRGE": {
        "bc2gm": (20000, 1),
        "bioinfer": (836, 1),
        "cellfinder": (10, 223),
        "deca": (641, 9),
        "fsu_prge": (3236, 11),
        "iepa": (200, 2),
        "loctext": (100, 10),
        "mirna": (301, 9),
        "variome": (10, 627),
    },
}

Sentence = list[tuple[str, str]]  # words and names, each with the name's class or ""


class Language:
    """Invented words and names, drawn as often as their rank lets expect (Zipf)."""

    def __init__(self, seed: str) -> None:
        rng = Random("language")
        self._rng = Random(seed)
        syllables = [a + b for a in "bcdfghklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "er", "is", "ol", "yx")]
        short = rng.sample(syllables, 120)
        long = ("".join(rng.choices(syllables, k=rng.choice((2, 3, 3, 4)))) for _ in range(120_000))
        self._words = list(dict.fromkeys([*short, *long]))
        rare = self._words[200:]
        self._names = {
            entity: [" ".join(rng.choices(rare, k=rng.choice((1, 1, 1, 2)))) for _ in range(20_000)]
            for entity in DENSITY
        }
        for entity, names in self._names.items():
            names[:0] = [f"{entity.lower()}ome", f"{entity.lower()}omes", "factor", "complex"]  # blacklisted, derived
        self._weights = list(accumulate(1 / (rank + 8) for rank in range(len(self._words))))
        self._name_weights = list(accumulate(1 / (rank + 8) for rank in range(20_004)))

    def words(self, count: int) -> list[str]:
        """Words, the most frequent ones short."""
        return self._rng.choices(self._words, cum_weights=self._weights, k=count)

    def sentence(self, density: dict[str, float]) -> Sentence:
        """About 25 words; ``density`` is the mean number of mentions of each class."""
        pieces = [(word, "") for word in self.words(self._rng.randint(14, 33))]
        pieces[0] = (pieces[0][0].capitalize(), "")
        for entity, mean in density.items():
            for _ in range(int(mean + self._rng.random())):
                [name] = self._rng.choices(self._names[entity], cum_weights=self._name_weights)
                pieces.insert(self._rng.randint(1, len(pieces)), (name, entity))
        return pieces

    def document(self, sentences: int, density: dict[str, float]) -> list[Sentence]:
        """Sentences, of which the first is the title."""
        return [self.sentence(density) for _ in range(sentences)]

    def altered(self, document: list[Sentence]) -> list[Sentence]:
        """The same with one word in fifty replaced."""
        [other] = self.words(1)
        changed = iter(range(1, 1 << 30))
        return [[(other, "") if next(changed) % 50 == 0 else piece for piece in sentence] for sentence in document]


def plain(sentence: Sentence) -> str:
    return " ".join(text for text, _ in sentence) + "."


class Planted(NamedTuple):
    """A silver document that holds a gold one of the class."""

    pmid: str
    entity: str
    kind: str


def write_gold(folder: Path, seed: int) -> Iterator[tuple[Planted, list[Sentence]]]:
    """Write the gold corpora as convert_corpus leaves them; gives the silver documents that are to be planted."""
    from corpora.brat import write_brat, write_table
    from corpora.documents import Document, Mention

    pmids = count_from(10_000_000)  # above those of write_silver
    for entity, corpora in GOLD.items():
        language = Language(f"{seed}:gold:{entity}")
        density = {entity: DENSITY[entity] / 9}
        for corpus, (count, sentences) in corpora.items():
            kept: list[tuple[Document, list[Sentence]]] = []
            rows = []
            for position in range(count):
                sentences_here = language.document(sentences, density)
                parts = []
                mentions = []
                at = 0
                for line, sentence in enumerate(sentences_here):
                    for piece, label in sentence:
                        if label:
                            mentions.append(Mention(label, ((at, at + len(piece)),)))
                        at += len(piece) + 1
                    newline = line == 0 or (sentences > 20 and line % 6 == 0)
                    parts.append(plain(sentence) + ("\n" if newline else " "))
                    at += 1
                pmid = str(next(pmids)) if sentences < 20 else ""
                document = Document(f"{corpus}_{position}", "".join(parts)[:-1], tuple(mentions), pmid)
                if position < COPIES:
                    kept.append((document, sentences_here))
                rows.append(document)
            write_table(folder / entity / f"{corpus}.tsv", write_brat(rows, folder / entity / corpus))
            for position, (document, source) in enumerate(kept):
                pmid = str(next(pmids))
                filler = language.document(4, density)
                if sentences > 20:
                    yield Planted(pmid, entity, "paragraph"), [filler[0], *source[7:13]]
                elif sentences > 3:
                    kind = ("pmid", "text", "near_duplicate", "inside")[position % 4]
                    if kind == "pmid":
                        yield Planted(document.pmid, entity, kind), language.document(9, density)
                    elif kind == "text":
                        yield Planted(pmid, entity, kind), source
                    elif kind == "near_duplicate":
                        yield Planted(pmid, entity, kind), language.altered(source)
                    else:
                        yield Planted(pmid, entity, kind), [*filler[:3], *language.altered(source), filler[3]]
                else:
                    source = language.altered(source) if position % 2 else source
                    yield Planted(pmid, entity, "sentence"), [*filler[:3], *source, filler[3]]


def write_silver(path: Path, documents: int, planted: list[tuple[Planted, list[Sentence]]], seed: int) -> None:
    """Write the silver corpus, with the planted documents at random places."""
    language = Language(f"{seed}:silver")
    rng = Random(f"{seed}:places")
    density = {entity: mean / 9 for entity, mean in DENSITY.items()}
    at = dict(zip(rng.sample(range(documents), len(planted)), planted, strict=True))
    with gzip.open(path, "wt", encoding="utf-8", compresslevel=6) as file:
        for number in range(documents):
            if number in at:
                copy, sentences = at[number]
                file.write(article(copy.pmid, sentences))
            else:
                file.write(article(str(1_000_000 + 7 * number), language.document(9, density)))


def article(pmid: str, sentences: list[Sentence]) -> str:
    """A document as an article in IeXML."""
    marked = [
        f'<s id="s{number}">'
        + " ".join(
            f'<e id="X:C{len(text):07}:T{number:03}:{label.lower()}" ct="{label.lower()}">{text}</e>' if label else text
            for text, label in sentence
        )
        + ".</s>"
        for number, sentence in enumerate(sentences, 1)
    ]
    return (
        f"<PubmedArticle>\n<MedlineCitation>\n<PMID>{pmid}</PMID>\n<Article>\n"
        f"<ArticleTitle><document>{marked[0]}</document></ArticleTitle>\n"
        f"<Abstract>\n<AbstractText><document>{''.join(marked[1:])}</document></AbstractText>\n</Abstract>\n"
        "</Article>\n</MedlineCitation>\n</PubmedArticle>\n"
    )


def generate(folder: Path, documents: int, seed: int) -> None:
    """All inputs of the two rules."""
    folder.mkdir(parents=True, exist_ok=True)
    planted = list(write_gold(folder / "gold", seed))
    write_silver(folder / "silver.xml.gz", documents, planted, seed)
    with (folder / "planted.tsv").open("w", encoding="utf-8") as file:
        file.writelines("\t".join(copy) + "\n" for copy, _ in planted)
    for entity in GOLD:
        listed = f"{entity.lower()}ome\n{entity.lower()}omes\n"
        (folder / f"blacklist_{entity}.txt").write_text(listed, encoding="utf-8")


def sample_job(folder: Path, documents: int) -> SimpleNamespace:
    """What Snakemake hands to the script of sample_silver."""
    return SimpleNamespace(
        input=SimpleNamespace(native=folder / "silver.xml.gz"),
        output=SimpleNamespace(
            samples=[folder / entity / "sampled.jsonl.gz" for entity in GOLD],
        ),
        params=SimpleNamespace(
            entities={entity: [entity.lower()] for entity in GOLD},
            corpus={"format": "iexml"},
            documents=documents,
            seed=42,
        ),
        threads=2,
    )


def clean_job(folder: Path, entity: str) -> SimpleNamespace:
    """What Snakemake hands to the script of clean_silver."""
    own = folder / entity
    return SimpleNamespace(
        input=SimpleNamespace(
            sample=own / "sampled.jsonl.gz",
            gold=[folder / "gold" / entity / corpus for corpus in GOLD[entity]],
            gold_tables=[folder / "gold" / entity / f"{corpus}.tsv" for corpus in GOLD[entity]],
            blacklist=[folder / f"blacklist_{entity}.txt"],
            pmc_ids=[],
        ),
        output=SimpleNamespace(
            brat=own / "documents.zip",
            table=own / "documents.tsv",
            excluded=own / "excluded.tsv",
            dropped=own / "dropped_mentions.tsv",
        ),
        params=SimpleNamespace(derived_blacklist={"minimum_gold_occurrences": 20}),
        wildcards=SimpleNamespace(entity=entity),
    )


def missed(folder: Path) -> Counter[str]:
    """Planted documents that were drawn for the class that they belong to, by kind, and those still there."""
    counts: Counter[str] = Counter()
    rows = [Planted(*line.split("\t")) for line in (folder / "planted.tsv").read_text(encoding="utf-8").splitlines()]
    for entity in GOLD:
        excluded, kept = (
            {row["document"] for row in csv.DictReader((folder / entity / name).open(encoding="utf-8"), delimiter="\t")}
            for name in ("excluded.tsv", "documents.tsv")
        )
        drawn = excluded | kept
        for copy in rows:
            if copy.entity == entity and copy.pmid in drawn:
                counts[f"{copy.kind} planted"] += 1
                counts[f"{copy.kind} left"] += copy.pmid in kept
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--documents", type=int, default=174_999)
    parser.add_argument("--sample", type=int, default=50_000, help="documents drawn a class")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="keep the generated corpora, and use them when there")
    parser.add_argument("--stage", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    folder: Path = arguments.folder.resolve()
    if arguments.stage:
        run_stage(arguments.stage, folder, arguments)
        return
    options = [str(folder), f"--documents={arguments.documents}", f"--sample={arguments.sample}"]
    if not (arguments.keep and (folder / "planted.tsv").exists()):
        measured(MODULE, "generate", [*options, f"--seed={arguments.seed}"])
    size = (folder / "silver.xml.gz").stat().st_size
    print(f"{arguments.documents} articles, {size / 1e6:.0f} MB of gzip", flush=True)
    began = time.perf_counter()
    stages = [measured(MODULE, "sample", options)]
    with ThreadPoolExecutor(2) as pool:  # two jobs at a time, as two cores run them
        stages += pool.map(lambda entity: measured(MODULE, f"clean_{entity}", options), GOLD)
    total = time.perf_counter() - began
    planted = missed(folder)
    print("planted copies of gold documents:", dict(planted))
    if not arguments.keep:
        shutil.rmtree(folder)
    peak = max(stage.peak_mib for stage in stages)
    cpu = round(sum(stage.cpu_seconds for stage in stages), 1)
    summary = {
        "seconds": round(total, 1),
        "cpu_seconds": cpu,
        "peak_mib": peak,
        "gzip_mb": round(size / 1e6),
        "stages": [stage._asdict() for stage in stages],
    }
    print(json.dumps({**summary, "left": sum(n for kind, n in planted.items() if kind.endswith("left"))}))
    if any(n for kind, n in planted.items() if kind.endswith("left")):
        raise SystemExit("gold documents are still in the silver corpus")


def run_stage(stage: str, folder: Path, arguments: argparse.Namespace) -> None:
    """The work of one process."""
    import logging

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if stage == "generate":
        generate(folder, arguments.documents, arguments.seed)
    elif stage == "sample":
        import sample_silver

        sample_silver.main(sample_job(folder, arguments.sample))
    else:
        import clean_silver

        clean_silver.main(clean_job(folder, stage.removeprefix("clean_")))


if __name__ == "__main__":
    main()
