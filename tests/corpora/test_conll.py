"""Tags from mentions and back, the counts of what tagging changes, and the checks of the reader."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpora.conll import (
    Sentence,
    mentions_from_tags,
    predictions_to_mentions,
    read_conll,
    tag_sentences,
    tokenize_corpus,
    write_conll,
)
from corpora.documents import CorpusError, Document, Mention
from corpora.tokens import Token, sentences

LABEL = "DISO"


def document(text, *spans, identifier="1"):
    return Document(identifier, text, tuple(Mention(LABEL, (span,)) for span in spans))


def named(text, *names, identifier="1"):
    return document(text, *((text.index(n), text.index(n) + len(n)) for n in names), identifier=identifier)


def tags(doc):
    tagged, counts = tag_sentences(doc, sentences(doc.text))
    return [" ".join(tag[0] for tag in sentence.tags) for sentence in tagged], counts


sentences("a")  # spaCy draws random numbers while it is imported, of which hypothesis warns inside a strategy


@st.composite
def tagged_texts(draw):
    """A text of a few sentences with mentions on token borders, none overlapping, each inside one sentence."""
    text = "\n".join(draw(st.lists(st.text("ab. (-1", min_size=1), min_size=1, max_size=3)))
    mentions = []
    for sentence in sentences(text):
        i = 0
        while i < len(sentence):
            length = draw(st.integers(0, 3))
            if length:
                last = min(i + length, len(sentence)) - 1
                mentions.append(Mention(LABEL, ((sentence[i].start, sentence[last].end),)))
            i += max(1, length)
    return Document("1", text, tuple(mentions))


@settings(max_examples=60, deadline=None)
@given(tagged_texts())
def test_mentions_on_token_borders_come_back(doc):
    tagged, counts = tag_sentences(doc, sentences(doc.text))
    back = [mention for s in tagged for mention in mentions_from_tags(s.offsets, s.tags)]
    assert tuple(back) == doc.mentions
    assert counts["chunks"] == counts["mentions"]
    assert not any(value for key, value in counts.items() if key.endswith(("_mentions", "joined_sentences")))


@settings(max_examples=60, deadline=None)
@given(st.text("ab .\n-", max_size=30), st.lists(st.tuples(st.integers(0, 29), st.integers(1, 12)), max_size=5))
def test_tags_follow_the_stated_rules_for_any_mentions(text, spans):
    spans = [(start, min(start + length, len(text))) for start, length in spans if start < len(text)]
    doc = document(text, *spans)
    tagged, counts = tag_sentences(doc, sentences(text))
    owner = {}  # brute force: each token goes to the first mention, in order, that overlaps it
    for number, (start, end) in enumerate(sorted(spans, key=lambda s: (s[0], -s[1]))):
        for a, b in (token for s in tagged for token in s.offsets):
            if a < end and b > start:
                owner.setdefault((a, b), number)
    chunks = set()
    for s in tagged:
        runs = {}
        for offsets in s.offsets:
            if offsets in owner:
                runs.setdefault(owner[offsets], []).append(offsets)
        chunks |= {(run[0][0], run[-1][1]) for run in runs.values()}
        assert re.fullmatch(r"(?:O|S|BI*E)*", "".join(tag[0] for tag in s.tags))
    found = [(m.start, m.end) for s in tagged for m in mentions_from_tags(s.offsets, s.tags)]
    assert set(found) == chunks
    assert counts["chunks"] == len(found)
    assert counts["lost_mentions"] == len(spans) - len(set(owner.values()))


def test_adjacent_mentions_stay_two():
    assert tags(named("alpha beta gamma", "alpha beta", "gamma"))[0] == ["B E S"]


def test_overlapping_mentions_longest_first_and_the_rest_keeps_what_is_left():
    found, counts = tags(document("a b c d", (0, 3), (0, 5), (4, 7)))
    assert found == ["B I E S"]
    assert (counts["lost_mentions"], counts["shortened_mentions"], counts["chunks"]) == (1, 1, 2)


@pytest.mark.parametrize("span", [(1, 4), (0, 4), (4, 7)])
def test_mention_inside_a_token_is_widened_and_counted(span):
    found, counts = tags(document("xfluaaa rose", span))
    assert found == ["S O"]
    assert counts["widened_mentions"] == 1


def test_sentence_end_inside_a_mention_goes():
    found, counts = tags(named("We saw Foo bar. Baz syndrome here. End.", "Foo bar. Baz syndrome"))
    assert found == ["O O B I I I E O O", "O O"]
    assert (counts["joined_sentences"], counts["cut_mentions"], counts["chunks"]) == (1, 0, 1)


def test_a_mention_up_to_the_next_sentence_joins_nothing():
    found, counts = tags(document("A foo. Bar rose.", (2, 7)))  # with the blank between the two
    assert found == ["O B E", "O O O"]
    assert counts["joined_sentences"] == 0


def test_newline_cuts_a_mention_and_is_counted():
    found, counts = tags(named("A foo\nbar baz rose.", "foo\nbar baz"))
    assert found == ["O S", "B E O O"]
    assert (counts["joined_sentences"], counts["cut_mentions"], counts["chunks"]) == (0, 1, 2)


def reference_chunks(sequence):
    """The rules of conlleval, pair by pair: where a chunk starts and where it ends."""
    chunks, start = [], None
    padded = ["O", *sequence, "O"]
    for i in range(1, len(padded)):
        (p, _, pt), (c, _, ct) = padded[i - 1].partition("-"), padded[i].partition("-")
        ends = p in "ES" or (p in "BI" and c in "BSO") or (p != "O" and pt != ct)
        starts = c in "BS" or (p in "ESO" and c in "EI") or (c != "O" and pt != ct)
        if start is not None and ends:
            chunks.append((start, i - 1, pt))
            start = None
        if starts and c != "O":
            start = i - 1
    return chunks


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["O", *(f"{p}-{t}" for p in "BIES" for t in "XY")]), max_size=8))
def test_broken_sequences_are_read_as_conlleval_does(sequence):
    offsets = [Token(2 * i, 2 * i + 1) for i in range(len(sequence))]
    found = [(m.start // 2, (m.end + 1) // 2, m.label) for m in mentions_from_tags(offsets, sequence)]
    assert found == reference_chunks(sequence)


@settings(max_examples=60, deadline=None)
@given(tagged_texts())
def test_written_file_reads_back(tmp_path_factory, doc):
    path = tmp_path_factory.getbasetemp() / "written.tsv"
    tagged, _ = tag_sentences(doc, sentences(doc.text))
    with path.open("w", encoding="utf-8", newline="\n") as file:
        write_conll(tagged, file)
    assert list(read_conll(path)) == tagged


def test_predictions_give_mentions_by_document(tmp_path):
    path = tmp_path / "predictions.tsv"
    row = Sentence("7", ("a", "b"), (Token(0, 1), Token(2, 3)), ("O", "O"), ("I-X", "E-X"))
    none = Sentence("8", ("c",), (Token(0, 1),), ("S-X",), ("O",))
    with path.open("w", newline="\n") as file:
        write_conll([row, none], file)
    assert list(read_conll(path, predictions=True)) == [row, none]
    assert predictions_to_mentions(path) == {"7": (Mention("X", ((0, 3),)),), "8": ()}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("b\td\t2\t3", r":2: 4 columns"),
        ("b d 2 3 O", r":2: 1 columns"),
        ("\td\t2\t2\tO", r":2: token ''"),
        ("b\t\t2\t3\tO", r":2: token 'b' of document ''"),
        ("b\xa0\td\t2\t4\tO", r":2: token"),
        ("b\td\t2\t4\tO", r":2: offsets"),
        ("b\td\t-2\t-1\tO", r":2: offsets"),
        ("b\td\tx\t3\tO", r":2: offsets"),
        ("b\td\t2\t3x\tO", r":2: offsets"),
        ("b\td\t0\t1\tO", r":2: the token begins at 0"),
        ("b\te\t2\t3\tO", r":2: document 'e' follows 'd'"),
        ("b\td\t2\t3\tX", r":2: tag 'X'"),
        ("b\td\t2\t3\tO\r", r":2: tag 'O\\r'"),
        ("b\td\t2\t3\tL-DISO", r":2: tag 'L-DISO'"),
        ("\udcff\td\t2\t3\tO", r":2: not UTF-8"),
    ],
)
def test_broken_line_is_named(tmp_path, line, message):
    path = tmp_path / "x.tsv"
    path.write_bytes(f"a\td\t0\t1\tO\n{line}\n".encode(errors="surrogateescape"))
    with pytest.raises(CorpusError, match=message):
        list(read_conll(path))


DOCUMENTS = [
    named("Flu is bad.\nFlu and flu.", "Flu", identifier="1"),
    named("No name here. Nor here.", identifier="2"),
    named("Old flu hurts.", "Old flu", identifier="3"),
]
ASSIGNMENT = {"1": "train", "2": "dev", "3": "test"}


def test_corpus_is_written_with_its_statistics(tmp_path):
    counts = tokenize_corpus(iter(DOCUMENTS), LABEL, ASSIGNMENT, tmp_path / "c")
    assert sorted(p.name for p in (tmp_path / "c").iterdir()) == ["dev.tsv", "statistics.json", "test.tsv", "train.tsv"]
    assert (tmp_path / "c/test.tsv").read_text() == (
        "Old\t3\t0\t3\tB-DISO\nflu\t3\t4\t7\tE-DISO\nhurts\t3\t8\t13\tO\n.\t3\t13\t14\tO\n\n"
    )
    expected = {"documents": 3, "sentences": 5, "tokens": 19, "unique_tokens": 12, "mentions": 2, "unique_mentions": 2}
    assert {key: counts[key] for key in expected} == expected
    assert (counts["train_sentences"], counts["dev_documents"], counts["test_tokens"]) == (2, 1, 4)
    assert json.loads((tmp_path / "c/statistics.json").read_text()) == dict(counts)
    read = [s for split in ASSIGNMENT.values() for s in read_conll(tmp_path / f"c/{split}.tsv")]
    texts = {d.id: d.text for d in DOCUMENTS}
    assert len(read) == 5
    assert all(texts[s.document][a:b] == token for s in read for token, (a, b) in zip(s.tokens, s.offsets, strict=True))


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (document("x", identifier="9"), "9: the document belongs to no split"),
        (document("x", identifier="1"), "1: the document comes twice"),
        (document("x", identifier="5\t6"), "a document's name holds a tab or newline"),
        (Document("4", "x", (Mention("GENE", ((0, 1),)),)), "4: mention 0-1 is of class GENE, not DISO"),
    ],
)
def test_unusable_document_leaves_nothing_behind(tmp_path, extra, message):
    with pytest.raises(CorpusError, match=message):
        tokenize_corpus([*DOCUMENTS, extra], LABEL, {**ASSIGNMENT, "4": "train", "5\t6": "dev"}, tmp_path / "c")
    assert not list((tmp_path / "c").iterdir())
