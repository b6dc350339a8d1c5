"""The sample equals sorting by rank; no equal text stays; the blacklist equals brute force; the cleaned files agree."""

import gzip
import logging
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import psutil
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import sample_silver
from corpora.brat import read_brat, write_brat, write_table
from corpora.documents import CorpusError, Document, Mention
from corpora.silver.blacklist import BlacklistEntry, derive_blacklist, drop_mentions, read_blacklist
from corpora.silver.cleaning import Brat, clean
from corpora.silver.exclusion import (
    MINIMUM_PART,
    MINIMUM_SENTENCE,
    Exclusion,
    find_gold,
    index_gold,
    normalise,
    read_pmc_ids,
)
from corpora.silver.sampling import read_sample, sample, write_sample
from corpora.splitting import rank
from corpora.tokens import sentences

TITLE = "A long and quite particular title about the growth of invented flowers on the moon"
BODY = "We grew seven kinds of invented flowers there and counted every leaf of each of them."
OTHER = "Nothing of what is written in this abstract was ever written in any other one, we hope."


def marked(identifier, text, *names, label="PRGE", **fields):
    spans = [(text.index(name), text.index(name) + len(name)) for name in names]
    return Document(identifier, text, tuple(Mention(label, (span,)) for span in spans), **fields)


def reason(silver, gold, pmc_ids=None):
    exclusion = find_gold(silver, index_gold({"gold": [gold]}, pmc_ids or {}))
    return exclusion and exclusion.reason


@settings(max_examples=50, deadline=None)
@given(
    st.sets(st.text("0123ab", min_size=1, max_size=3), max_size=30),
    st.integers(1, 12),
    st.randoms(),
    st.sampled_from([1, 1, 1, 1, 3]),
)
def test_sample_is_the_smallest_ranks_in_any_order(identifiers, size, random, shares):
    stream = [
        Document(i, f"té{i}\n", (Mention("CHED", ((0, 1),)), Mention("DISO", ((0, 2), (2, 3)))), "1", "2", "dev")
        for i in sorted(identifiers)
    ]
    random.shuffle(stream)
    drawn = sample(lambda i: stream[i::shares], shares, size, 5, ["CHED", "DISO", "LIVB"])
    for entity, documents in drawn.items():
        best = sorted(identifiers, key=lambda i: rank(f"5:{entity}", i))[:size]
        assert len(documents) == len(best)
        assert {document.id for document in documents} == set(best)
        for document in documents:
            source = next(d for d in stream if d.id == document.id)
            own = tuple(m for m in source.mentions if m.label == entity)
            assert document == Document(source.id, source.text, own, "1", "2", "dev")


def test_sample_is_ordered_by_number():
    drawn = sample(lambda _: [Document(i, "x") for i in ("10", "9", "b", "100")], 1, 9, 1, ["CHED"])["CHED"]
    assert [d.id for d in drawn] == ["9", "10", "100", "b"]
    assert list(drawn) == list(drawn)


@pytest.mark.parametrize("shares", [1, 2, 3])
def test_short_and_repeating_streams_are_reported(caplog, shares):
    texts = [("3", "first"), ("1", "second"), ("1", "third"), ("2", "fourth"), ("3", "fifth"), ("1", "sixth")]
    with caplog.at_level(logging.WARNING):
        drawn = sample(lambda i: [Document(*text) for text in texts[i::shares]], shares, 4, 1, ["CHED"])["CHED"]
    assert [(d.id, d.text) for d in drawn] == [("1", "second"), ("2", "fourth"), ("3", "first")]
    assert "3 documents repeat" in caplog.text
    assert "4 documents asked for a class, only 3 there" in caplog.text


def test_sample_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        sample(lambda _: [], 1, 0, 1, ["CHED"])


def test_a_fault_in_a_share_is_raised_and_a_killed_reader_is_told():
    def share(index, faulty=None):
        if index == faulty:
            raise CorpusError("silver.xml", 7, "is damaged", "mend it")
        if index == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return [Document("1", "x")]

    for faulty in (0, 1):
        with pytest.raises(CorpusError, match=r"^silver\.xml:7: is damaged; mend it$"):
            sample(partial(share, faulty=faulty), 2, 1, 1, ["CHED"])
    with pytest.raises(OSError, match="was ended; run it again"):
        sample(share, 3, 1, 1, ["CHED"])


def test_no_reader_outlives_a_killed_job(tmp_path):
    """Though its share is more than a pipe takes, and it inherited the pipe's other end."""
    program = """
import os, random, sys, time
from pathlib import Path
from corpora.documents import Document
from corpora.silver.sampling import sample

def share(index):
    if index == 0:
        time.sleep(600)
    yield from (Document(str(n), random.randbytes(500).hex()) for n in range(1000))
    Path("reader").write_text(str(os.getpid()))

sample(share, 2, 1000, 1, ["CHED"])
"""
    job = subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path, env={"PYTHONPATH": os.pathsep.join(sys.path)})
    try:
        end = time.monotonic() + 60
        while not (tmp_path / "reader").exists() and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(0.5)  # it waits to be heard now
        reader = psutil.Process(int((tmp_path / "reader").read_text()))
    finally:
        job.kill()
        job.wait()
    psutil.wait_procs([reader], timeout=10)
    assert not reader.is_running()


def test_an_empty_sample_or_blacklist_is_a_damaged_one(tmp_path):
    (tmp_path / "empty").touch()
    with pytest.raises(CorpusError, match="it is empty"):
        list(read_sample(tmp_path / "empty", "CHED"))
    with pytest.raises(CorpusError, match="holds no entries"):
        read_blacklist(tmp_path / "empty")


def test_a_written_sample_is_read_with_the_mentions_of_one_class(tmp_path):
    mentions = (Mention("CHED", ((0, 1),)), Mention("DISO", ((0, 1), (2, 3))))
    documents = [Document(i, f"a\u2028b\n{i}", mentions, pmid=i, split="dev") for i in ("9", "10")]
    drawn = sample(lambda _: documents, 1, 5, 1, ["CHED", "DISO"])
    for entity, mention in zip(("CHED", "DISO"), mentions, strict=True):
        path = tmp_path / f"{entity}.jsonl.gz"
        write_sample(drawn[entity], path)
        assert list(read_sample(path, entity)) == [replace(d, mentions=(mention,)) for d in documents]
        first = path.read_bytes()
        write_sample(drawn[entity], path)
        assert path.read_bytes() == first
    for damaged in (b"", first[:-9], first[:40], b"{}\n", gzip.compress(b"{}\n"), gzip.compress(b"[1]\n")):
        path.write_bytes(damaged)
        if damaged:
            with pytest.raises(CorpusError, match=r"DISO\.jsonl\.gz: cannot be read .*sample again"):
                list(read_sample(path, "DISO"))


@settings(max_examples=50, deadline=None)
@given(st.text(min_size=1), st.sampled_from([str, str.upper, str.title, lambda t: f" {t}.\n", lambda t: "\n".join(t)]))
@example("straße ﬁve Ǆ", str.upper)
def test_equal_text_never_stays(text, change):
    changed = change(text)
    if normalise(text) and normalise(text) == normalise(changed):
        assert reason(Document("1", changed), Document("2", text)) == "text"


@pytest.mark.parametrize("copy", [TITLE.upper(), TITLE.replace(" ", "  "), TITLE.replace("A long", "A-long")])
def test_normalised_texts_are_equal(copy):
    assert reason(Document("1", f"{copy}\n{BODY}"), Document("2", f"{TITLE}\n{BODY}")) == "text"


@pytest.mark.parametrize(
    ("silver", "gold"),
    [
        (f"{TITLE}\n{OTHER}", f"{TITLE}\n{BODY}"),  # the same title
        (f"{OTHER}\n{BODY}", f"{TITLE}\n{BODY}"),  # the same abstract
        (f"{TITLE}\n{OTHER} {BODY} {OTHER}", BODY),  # a gold corpus of sentences
        (f"{TITLE}\nOnce. {BODY.replace(' ', chr(10))} Twice.", BODY),
        (f"Short title\n{BODY}", f"Journal\n{TITLE}\n{BODY}\n\nA full text with its abstract as a paragraph."),
    ],
)
def test_shared_title_abstract_or_sentence_excludes(silver, gold):
    assert len(normalise(TITLE)) >= MINIMUM_PART
    assert reason(Document("1", silver), Document("2", gold)) == "text"


@pytest.mark.parametrize(
    ("silver", "gold"),
    [
        (f"Short title\n{BODY}", f"Short title\n{OTHER}"),
        (
            f"Invented flowers: a review of the recent literature\n{BODY}",
            f"Invented flowers: a review of the recent literature\n{OTHER}",
        ),
        (f"{TITLE}\n{BODY} Yes.", "Yes."),
        ("...", "!"),
        ("", ""),
        (f"{TITLE}\n{OTHER}", BODY),
    ],
)
def test_short_or_empty_agreement_does_not_exclude(silver, gold):
    assert reason(Document("1", silver), Document("2", gold)) is None


@pytest.mark.parametrize("length", [MINIMUM_SENTENCE - 1, MINIMUM_SENTENCE])
def test_contained_sentence_counts_from_its_minimum(length):
    gold = "ab" * 30
    found = reason(Document("1", f"{OTHER} {gold[:length]}"), Document("2", gold[:length]))
    assert found == ("text" if length == MINIMUM_SENTENCE else None)


def test_identifiers_exclude_by_their_own_kind_only():
    assert reason(Document("5", "a", pmid="5"), Document("x", "b", pmid="5")) == "pmid"
    assert reason(Document("5", "a", pmcid="7"), Document("x", "b", pmcid="7")) == "pmcid"
    assert reason(Document("5", "a", pmid="5"), Document("x", "b", pmcid="7"), {"7": "5"}) == "pmcid"
    assert reason(Document("5", "a", pmid="5"), Document("5", "b", pmcid="5")) is None
    assert reason(Document("5", "a"), Document("5", "b")) is None


def test_pmc_ids_gives_those_wanted(tmp_path):
    text = 'Journal Title,PMCID,PMID,Release Date\n"J, of X",PMC7,5,live\nK,PMC8,,live\nK,PMC9,6,live\nL,PMC10\n'
    plain, packed = tmp_path / "ids.csv", tmp_path / "ids.csv.gz"
    plain.write_text(text)
    packed.write_bytes(gzip.compress(text.encode()))
    assert read_pmc_ids(plain, {"7", "8", "10"}) == read_pmc_ids(packed, {"7", "8", "10"}) == {"7": "5"}
    packed.write_bytes(gzip.compress(text.encode())[:40])
    with pytest.raises(CorpusError, match=r"ids\.csv\.gz: is damaged"):
        read_pmc_ids(packed, {"7"})
    plain.write_bytes(b"PMCID,PMID\nPMC\xff,5\n")
    with pytest.raises(CorpusError, match=r"ids\.csv:2: .* is not UTF-8"):
        read_pmc_ids(plain, {"7"})
    plain.write_text("a,b\n1,2\n")
    with pytest.raises(CorpusError, match="columns PMCID and PMID are missing"):
        read_pmc_ids(plain, {"7"})


words = st.lists(st.sampled_from(["gene", "Gene", "GENE", "fox1", "no", "NO", "."]), max_size=8).map(" ".join)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(words, st.sets(st.integers(0, 7)))), st.dictionaries(words, st.integers(1, 3)), st.integers(1, 3)
)
def test_derived_blacklist_equals_brute_force(gold, silver, minimum):
    documents = []
    for number, (text, chosen) in enumerate(gold):
        tokens = [t for s in sentences(text) for t in s]
        mentions = tuple(Mention("X", (tuple(tokens[i]),)) for i in sorted(chosen) if i < len(tokens))
        documents.append(Document(str(number), text, mentions))
    names = {d.text[m.start : m.end].lower() for d in documents for m in d.mentions}
    outside = [
        d.text[t.start : t.end]
        for d in documents
        for s in sentences(d.text)
        for t in s
        if not any(m.start == t.start for m in d.mentions)
    ]
    found = {
        entry.text: (entry.silver_mentions, entry.gold_occurrences)
        for entry in derive_blacklist(silver, documents, minimum)
    }
    expected = {}
    for name in {s.lower() for s in silver} - names:
        spellings = [s for s in silver if s.lower() == name and s in outside]
        occurrences = sum(outside.count(s) for s in spellings)
        if occurrences >= minimum:
            expected[name] = (sum(silver[s] for s in spellings), occurrences)
    assert found == expected


@settings(max_examples=200, deadline=None)
@given(
    st.text(st.sampled_from("aB1.(-/ \n\t\u2028"), max_size=40),
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 12))),
)
@example("a b a", [(0, 5), (0, 1)])  # one inside of the other
def test_words_outside_mentions_are_the_tokens_that_share_no_character_with_one(text, places):
    spans = [(start, min(start + length, len(text))) for start, length in places if start < len(text)]
    document = Document("1", text, tuple(Mention("X", (span,)) for span in spans))
    outside = Counter(
        text[start:end]
        for sentence in sentences(text)
        for start, end in sentence
        if not any(start < last and first < end for first, last in spans)
    )
    marked_texts = {text[first:last].strip().lower() for first, last in spans}
    expected: Counter[str] = Counter()
    for word, count in outside.items():
        if word.lower() not in marked_texts:
            expected[word.lower()] += count
    tokens = (text[start:end] for sentence in sentences(text) for start, end in sentence)
    found = derive_blacklist(dict.fromkeys(tokens, 1), [document], 1)
    assert {entry.text: entry.gold_occurrences for entry in found} == expected


def test_word_inside_longer_gold_names_alone_is_not_listed():
    gold = [marked("1", "Foo disease is a disease", "Foo disease"), marked("2", "bar syndrome", "bar syndrome")]
    silver = {"disease": 4, "syndrome": 9, "Foo disease": 2}
    assert derive_blacklist(silver, gold, 1) == [BlacklistEntry("disease", 4, 1)]


def test_blacklist_file_is_stripped_and_lower_cased(tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes("\ufeffDrug \r\n\nion\n two words\n".encode())
    assert read_blacklist(path) == {"drug", "ion", "two words"}


@pytest.mark.parametrize("line", [b"a\tb", b"\xff"])
def test_broken_blacklist_is_named(tmp_path, line):
    path = tmp_path / "list.txt"
    path.write_bytes(b"ok\n" + line)
    with pytest.raises(CorpusError, match=r"list\.txt:2: "):
        read_blacklist(path)


def test_blacklisted_mentions_go_and_the_document_stays():
    document = marked("1", "The Gene and gene Fox", "Gene", "gene ", "Fox")
    kept, dropped = drop_mentions(document, frozenset({"gene"}))
    assert kept == marked("1", "The Gene and gene Fox", "Fox")
    assert dropped == Counter(gene=2)


def stored(folder, name, documents):
    corpus = Brat(folder / f"{name}.zip", folder / f"{name}.tsv")
    write_table(corpus.table, write_brat(documents, corpus.documents))
    return corpus


def test_clean_writes_what_is_left_and_says_what_went(tmp_path, caplog):
    silver = stored(
        tmp_path,
        "silver",
        [
            marked("1", "The protein Fox1 binds", "protein", "Fox1", pmid="1"),
            marked("2", "A gene in gold", "gene", pmid="2"),
            marked("3", "A factor and Fox2", "factor", "Fox2", pmid="3"),
            marked("4", BODY, "flowers", pmid="4"),
            marked("5", "By its PMCID", pmid="5"),
        ],
    )
    gold = {
        "b": stored(tmp_path, "b", [Document("x", "factor factor protein", pmid="2")]),
        "a": stored(tmp_path, "a", [Document("y", BODY), Document("z", "k", pmcid="77")]),
    }
    (tmp_path / "list").write_text("protein\nunused\n")
    (tmp_path / "ids.csv").write_text("PMCID,PMID\nPMC77,5\n")
    cleaned = Brat(tmp_path / "out/cleaned.zip", tmp_path / "out/cleaned.tsv")
    caplog.set_level(logging.INFO)
    counts = clean(
        read_brat(*silver),
        gold,
        cleaned,
        excluded=tmp_path / "out/excluded.tsv",
        dropped=tmp_path / "out/dropped.tsv",
        blacklist=tmp_path / "list",
        minimum_gold_occurrences=1,
        pmc_ids=tmp_path / "ids.csv",
    )
    assert list(read_brat(*cleaned)) == [
        marked("1", "The protein Fox1 binds", "Fox1", pmid="1"),
        marked("3", "A factor and Fox2", "Fox2", pmid="3"),
    ]
    assert (tmp_path / "out/excluded.tsv").read_text() == (
        "document\treason\tgold_corpus\tgold_document\n2\tpmid\tb\tx\n4\ttext\ta\ty\n5\tpmcid\ta\tz\n"
    )
    assert (tmp_path / "out/dropped.tsv").read_text() == (
        "entry\tsource\tmentions_dropped\tgold_occurrences\n"
        "factor\tderived\t1\t2\nprotein\tboth\t1\t1\nunused\tfile\t0\t\n"
    )
    assert counts == {
        "documents": 5,
        "mentions": 6,
        "excluded_by_pmid": 1,
        "excluded_by_pmcid": 1,
        "excluded_by_text": 1,
        "documents_kept": 2,
        "mentions_dropped": 2,
        "mentions_kept": 2,
    }
    assert len(list((tmp_path / "out").iterdir())) == 4
    assert "no PMIDs" not in caplog.text


def test_near_duplicates_go_with_their_mentions_and_are_told(tmp_path, caplog):
    silver = [marked("1", "A foo here", "foo"), marked("2", BODY.replace("seven", "eight"), "leaf")]
    gold = {"a": stored(tmp_path, "a", [Document("y", f"{OTHER}\n{BODY} A foo, a leaf.")])}
    cleaned = Brat(tmp_path / "out/cleaned.zip", tmp_path / "out/cleaned.tsv")
    excluded, dropped = tmp_path / "out/excluded.tsv", tmp_path / "out/dropped.tsv"
    with caplog.at_level(logging.INFO):
        counts = clean(silver, gold, cleaned, excluded=excluded, dropped=dropped, minimum_gold_occurrences=1)
    assert excluded.read_text().splitlines()[1:] == ["2\tnear_duplicate\ta\ty"]
    assert dropped.read_text().splitlines()[1:] == ["foo\tderived\t1\t1"]  # no leaf: its only document went
    assert (counts["documents"], counts["excluded_by_near_duplicate"], counts["documents_kept"]) == (2, 1, 1)
    assert "have no known PMID" not in caplog.text
    assert "a: no PMIDs, so by their texts alone silver documents are left out" in caplog.text


def test_exclusion_names_the_gold_document():
    gold = {"b": [Document("2", BODY)], "a": [Document("1", BODY)]}
    assert find_gold(Document("9", BODY), index_gold(gold, {})) == Exclusion("text", "a", "1")


def test_a_label_that_no_silver_document_has_stops_the_study(tmp_path):
    (tmp_path / "silver").mkdir()
    (tmp_path / "silver/1.txt").write_text("Fictitis in mice.")
    (tmp_path / "silver/1.ann").write_text("T1\tDisease 0 8\tFictitis\n")

    def run(label):
        params = SimpleNamespace(
            entities={"DISO": [label]}, corpus={"format": "brat"}, draw={"documents": 5, "seed": 1}
        )
        output = SimpleNamespace(samples=[str(tmp_path / "sample.jsonl.gz")])
        native = SimpleNamespace(native=str(tmp_path / "silver"))
        sample_silver.main(SimpleNamespace(params=params, input=native, output=output, threads=1))

    run("Disease")
    assert len(list(read_sample(tmp_path / "sample.jsonl.gz", "DISO"))) == 1
    (tmp_path / "sample.jsonl.gz").unlink()
    with pytest.raises(CorpusError, match=r"silver: none of 1 sampled documents has a mention labelled diso.*DISO"):
        run("diso")
    assert not (tmp_path / "sample.jsonl.gz").exists()
