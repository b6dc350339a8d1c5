"""Write the demonstration's corpora: ``python -m demo.generate FOLDER [--seed N]``.

Three gold corpora in three native forms, one noisy silver corpus and a blacklist a class, all invented:

    cdr_like.PubTator.txt    PubTator: Chemical and Disease, with composite mentions
    field_notes/             Brat folder: Species
    symbols.tar.gz           Brat in train/, valid/ and test/: GENE
    silver.iexml.gz          IeXML: all four classes; it holds some of the gold documents too
    blacklist_ched.txt ...   general words that the silver corpus annotates and no gold corpus does

One seed gives the same bytes on every machine.
"""

from __future__ import annotations

import argparse
import gzip
import io
import logging
import shutil
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

from demo.sentences import Mention, Sentence, abstract
from demo.silver import GENERAL_WORDS, concept, write_iexml

logger = logging.getLogger(__name__)

SAME_PMID, SAME_TEXT = 6, 3  # gold documents a corpus that the silver corpus holds under the same and another PMID


@dataclass(frozen=True)
class Document:
    """A title and an abstract, one blank or newline between two sentences."""

    pmid: str
    sentences: list[Sentence]

    @property
    def title(self) -> str:
        """The first sentence."""
        return self.sentences[0].text

    @property
    def body(self) -> str:
        """The other sentences."""
        return " ".join(sentence.text for sentence in self.sentences[1:])

    @property
    def text(self) -> str:
        """Title, newline, body: what the mentions' offsets count."""
        return f"{self.title}\n{self.body}"

    def mentions(self, labels: Mapping[str, str]) -> list[tuple[str, Mention]]:
        """The mentions of the wanted classes with the corpus's labels, offsets into ``text``."""
        found, at = [], 0
        for sentence in self.sentences:
            found += [(labels[m.entity], m.shifted(at)) for m in sentence.mentions if m.entity in labels]
            at += len(sentence.text) + 1
        return found


def _documents(first_pmid: int, count: int, topics: tuple[tuple[str, ...], ...], rng: Random) -> list[Document]:
    return [Document(str(first_pmid + 7 * n), abstract(topics[n % len(topics)], rng)) for n in range(count)]


def pubtator(documents: list[Document], labels: Mapping[str, str]) -> str:
    """Documents in PubTator form; composite mentions have their members in a seventh column."""
    blocks = []
    for document in documents:
        lines = [f"{document.pmid}|t|{document.title}", f"{document.pmid}|a|{document.body}"]
        for label, mention in document.mentions(labels):
            start, end = mention.spans[0][0], mention.spans[-1][1]
            name = document.text[start:end]
            ids = "|".join("D" + concept(member) for member in mention.members or (name,))
            fields = [document.pmid, str(start), str(end), name, label, ids, *filter(None, ["|".join(mention.members)])]
            lines.append("\t".join(fields))
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def brat(document: Document, labels: Mapping[str, str]) -> tuple[str, str]:
    """A document's text file and annotation file in Brat standoff."""
    lines = []
    for number, (label, mention) in enumerate(document.mentions(labels), 1):
        offsets = ";".join(f"{start} {end}" for start, end in mention.spans)
        name = " ".join(document.text[start:end] for start, end in mention.spans)
        lines.append(f"T{number}\t{label} {offsets}\t{name}\n")
    return document.text, "".join(lines)


def _write_brat_folder(documents: list[Document], labels: Mapping[str, str], folder: Path) -> None:
    folder.mkdir()
    for document in documents:
        for suffix, content in zip((".txt", ".ann"), brat(document, labels), strict=True):
            (folder / (document.pmid + suffix)).write_bytes(content.encode())


def _write_brat_tar(documents: list[Document], labels: Mapping[str, str], path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for position, document in enumerate(documents):
            part = position / len(documents)
            folder = "train" if part < 0.6 else "valid" if part < 0.7 else "test"
            for suffix, content in zip((".txt", ".ann"), brat(document, labels), strict=True):
                member = tarfile.TarInfo(f"symbols/{folder}/{document.pmid}{suffix}")
                member.size = len(content.encode())
                archive.addfile(member, io.BytesIO(content.encode()))
    path.write_bytes(gzip.compress(buffer.getvalue(), mtime=0))


def generate(folder: Path, seed: int = 1, gold_documents: int = 80, silver_documents: int = 500) -> None:
    """Write all corpora into a folder that does not exist yet or is empty; it appears whole or not at all.

    ``gold_documents`` is the number of abstracts in each of the three gold corpora, ``silver_documents`` that of the
    silver corpus, which includes its copies of gold documents. Raises FileExistsError for a folder with content and
    ValueError for numbers that are too small.
    """
    copies = 3 * (SAME_PMID + SAME_TEXT)
    if gold_documents < 10 or silver_documents < copies:
        raise ValueError(
            f"{gold_documents} gold and {silver_documents} silver documents are too few; "
            f"ask for at least 10 a gold corpus and {copies} in the silver corpus"
        )
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder}: the folder is not empty; remove it or name another one")

    trials = _documents(91000003, gold_documents, (("CHED",), ("CHED", "DISO")), Random(f"{seed}:trials"))
    notes = _documents(92000003, gold_documents, (("LIVB",), ("LIVB", "DISO")), Random(f"{seed}:notes"))
    symbols = _documents(93000003, gold_documents, (("PRGE",), ("PRGE", "CHED")), Random(f"{seed}:symbols"))

    rng = Random(f"{seed}:silver")
    topics = (("CHED", "DISO"), ("LIVB", "DISO"), ("PRGE", "CHED"), ("PRGE", "LIVB"))
    silver = _documents(94000003, silver_documents - copies, topics, rng)
    for number, corpus in enumerate((trials, notes, symbols)):
        shared = rng.sample(corpus, SAME_PMID + SAME_TEXT)
        silver += shared[:SAME_PMID]
        silver += [Document(str(95000003 + 10 * number + n), d.sentences) for n, d in enumerate(shared[SAME_PMID:])]
    rng.shuffle(silver)

    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    trial_labels = {"CHED": "Chemical", "DISO": "Disease"}
    (partial / "cdr_like.PubTator.txt").write_bytes(pubtator(trials, trial_labels).encode())
    _write_brat_folder(notes, {"LIVB": "Species"}, partial / "field_notes")
    _write_brat_tar(symbols, {"PRGE": "GENE"}, partial / "symbols.tar.gz")
    write_iexml(((d.pmid, d.sentences) for d in silver), partial / "silver.iexml.gz", rng)
    for entity, words in GENERAL_WORDS.items():
        (partial / f"blacklist_{entity.lower()}.txt").write_bytes("".join(f"{w}\n" for w in sorted(words)).encode())
    partial.replace(folder)
    logger.info("%s: 3 gold corpora of %d documents, %d silver documents", folder, gold_documents, len(silver))


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m demo.generate", description="Write the demonstration's corpora.")
    parser.add_argument("folder", type=Path, help="a folder that does not exist yet")
    parser.add_argument("--seed", type=int, default=1, help="another seed writes other documents (default: 1)")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        generate(options.folder, options.seed)
    except (ValueError, OSError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
