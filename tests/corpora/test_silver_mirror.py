"""The stand-in silver corpus of the setting CORPORA_MIRROR: its two forms agree, and no gold document stays in it.

    CORPORA_MIRROR=folder python -m pytest tests/corpora/test_silver_mirror.py -s

prints the numbers of docs/speed.md.
"""

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from corpora.convert import CorpusSpec, read_documents
from corpora.silver import near_duplicates as module
from corpora.silver.exclusion import find_gold, index_gold
from corpora.silver.near_duplicates import COVERAGE, SIMILARITY, near_duplicates

MIRROR = Path(os.environ.get("CORPORA_MIRROR") or os.devnull)
pytestmark = pytest.mark.skipif(not MIRROR.is_dir(), reason="CORPORA_MIRROR names no folder")

CLASSES = ("CHED", "DISO", "LIVB", "PRGE")
GOLD = {  # where, how it is read, and its classes
    "cdr": ("CDR_Data.tar.gz", CorpusSpec("pubtator", ("*/CDR_*Set.PubTator.txt",)), ("CHED", "DISO")),
    "ncbi_disease": ("ncbi-disease", CorpusSpec("pubtator", ("*_corpus.txt",)), ("DISO",)),
    "linnaeus": ("manual-corpus-species-1.0.tar.gz", CorpusSpec("linnaeus"), ("LIVB",)),
    "loctext": (
        "LocText.tar.gz",
        CorpusSpec("tagtog", ("*/pool/*-[0-9]*",), r".*-(\d+)"),
        ("LIVB", "PRGE"),
    ),
    "s800": ("S800-1.0.tar.gz", CorpusSpec("s800"), ("LIVB",)),
    "bc2gm": ("bc2GM_original-data.tar.gz", CorpusSpec("bc2gm"), ("PRGE",)),
    "bioinfer": ("bioinfer", CorpusSpec("ppi_xml"), ("PRGE",)),
}


@pytest.fixture(scope="module")
def silver():
    labels = dict.fromkeys(CLASSES, "")
    spec = CorpusSpec("brat", pmid=r"(\d+)")
    return list(read_documents(MIRROR / "silver/SILVER_brat.tar.gz", spec, {label: label for label in labels}))


@pytest.mark.parametrize("name", ["silver_iexml_sample.xml.gz", "silver_iexml_sample_rooted.xml.gz"])
def test_iexml_holds_the_mentions_of_the_brat_form(silver, name):
    brat = {document.id: document for document in silver}
    labels = {label.lower(): label for label in CLASSES}
    counts = Counter()
    for document in read_documents(MIRROR / "silver" / name, CorpusSpec("iexml"), labels):
        other = brat[document.id]
        counts["documents"] += 1
        counts["equal texts"] += document.text == other.text
        # Sentences are joined by one blank; where the Brat form has more, compare without white space.
        ours, theirs = (
            {
                (m.label, len("".join(d.text[: m.start].split())), "".join(d.text[m.start : m.end].split()))
                for m in d.mentions
            }
            for d in (document, other)
        )
        assert "".join(document.text.split()) == "".join(other.text.split())
        assert ours <= theirs
        counts["mentions"] += len(ours)
        counts["mentions of the Brat form"] += len(theirs)
        spans = [(m.start, m.end) for m in other.mentions]
        for label, start, _ in theirs - ours:
            at = next(
                m for m in other.mentions if (m.label, len("".join(other.text[: m.start].split()))) == (label, start)
            )
            # Only what overlaps a mention of another class is lost, which a flat form cannot have.
            assert any(a < at.end and at.start < b and (a, b) != (at.start, at.end) for a, b in spans)
            counts["lost to an overlap"] += 1
    print(name, dict(counts))
    assert counts["documents"] == (25 if "rooted" in name else 500)


def exact_near_duplicates(silver, gold):
    """What ``near_duplicates`` is to find, by an index of every shingle in place of MinHash."""
    sentences = []  # of gold: document, shingles
    sizes = []
    index = {}
    for number, document in enumerate(gold):
        cut = module._sentences(document.text)
        sizes.append(sum(map(module._size, cut)))
        for words in cut:
            shingles = frozenset(module._shingles(words))
            for shingle in shingles:
                index.setdefault(shingle, []).append(len(sentences))
            sentences.append((number, len(shingles), module._size(words)))
    found = set()
    for document in silver:
        cut = module._sentences(document.text)
        ours, theirs = Counter(), {}
        for words in cut:
            shingles = set(module._shingles(words))
            if sum(shingle in index for shingle in shingles) < SIMILARITY * len(shingles):
                continue
            shared = Counter(other for shingle in shingles for other in index.get(shingle, ()))
            near = {o for o, n in shared.items() if n >= SIMILARITY * (len(shingles) + sentences[o][1] - n)}
            ours.update(dict.fromkeys({sentences[o][0] for o in near}, module._size(words)))
            for other in near:
                theirs.setdefault(sentences[other][0], set()).add(other)
        whole = sum(map(module._size, cut))
        for number, others in theirs.items():
            held = sum(sentences[other][2] for other in others)
            if held >= COVERAGE * sizes[number] or ours[number] >= COVERAGE * whole:
                found.add(document.id)
    return found


def held(silver, gold):
    """Silver documents that hold one of a gold corpus, each way by itself: by PMID, exact text, near-duplicate."""
    pmids = {document.pmid for document in gold if document.pmid}
    index = index_gold({"gold": [replace(d, pmid="", pmcid="") for d in gold]}, {})
    return {
        "PMID": {d.id for d in silver if d.pmid in pmids},
        "text": {d.id for d in silver if find_gold(replace(d, pmid=""), index)},
        "near-duplicate": exact_near_duplicates(silver, gold),
    }


@pytest.mark.parametrize("entity", CLASSES)
def test_no_gold_document_stays_in_the_silver_corpus(silver, entity):
    gold = {
        name: list(read_documents(MIRROR / path, spec, {}))
        for name, (path, spec, entities) in GOLD.items()
        if entity in entities
    }
    index = index_gold(gold, {})
    left = [document for document in silver if not find_gold(document, index)]
    near = near_duplicates(left, gold)
    left = [document for document in left if document.id not in near]
    print(f"\n{entity}: {len(silver)} documents, {len(left)} left, {len(near)} by near-duplicate alone")
    for name, documents in gold.items():
        before, after = held(silver, documents), held(left, documents)
        missed = before["near-duplicate"] - set(near_duplicates(silver, {name: documents}))
        row = " | ".join(f"{way} {len(before[way])}, {len(after[way])}" for way in before)
        print(f"{entity} | {name} | {len(documents)} documents | {row} | missed by MinHash {len(missed)}")
        assert not any(after.values())
        assert before["PMID"] or name == "linnaeus"
