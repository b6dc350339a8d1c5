"""The reader of the BioSemantics patents: Brat whose offsets need repair."""

import logging

import pytest

from corpora.convert import CorpusSpec, convert
from corpora.documents import CorpusError
from corpora.readers.biosemantics import read

TEXT = "A mix of 2-chloro-\n3-fictane, NaOH and ethyl or methyl halides.\n"


@pytest.fixture
def corpus(tmp_path):
    def write(annotations, name="US001_0001", text=TEXT):
        folder = tmp_path / "Patent_Corpus/Full_set/US001"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.txt").write_text(text, newline="")
        (folder / f"{name}.ann").write_text(annotations, newline="")
        return tmp_path / "Patent_Corpus"

    return write


def names(document):
    return [(m.label, [document.text[start:end] for start, end in m.spans]) for m in document.mentions]


def test_a_line_break_in_a_name_is_a_blank_in_its_text_column(corpus):
    [part] = read(corpus("T1\tM 9 28\t2-chloro- 3-fictane\nT2\tF 30 34\tNaOH  \n"), ["*Full_set/*"])
    assert (part.id, part.pmid) == ("US001_0001", "")
    assert names(part) == [("M", ["2-chloro-\n3-fictane"]), ("F", ["NaOH"])]


def test_a_wrong_end_is_put_right_where_the_text_column_stands_at_the_start(corpus, caplog):
    caplog.set_level(logging.INFO)
    [part] = read(corpus("T1\tF 30 37\tNaOH\nT2\tM 9 12\t2-chloro- 3-fictane\nT3\tG 55 999\thalides\n"))
    assert names(part) == [("F", ["NaOH"]), ("M", ["2-chloro-\n3-fictane"]), ("G", ["halides"])]
    assert "3 ends put right" in caplog.text


def test_blanks_at_the_ends_of_a_span_are_no_part_of_the_mention(corpus):
    [part] = read(corpus("T1\tF 29 35\tNaOH\n"))
    assert names(part) == [("F", ["NaOH"])]


def test_spans_apart_are_kept_with_or_without_dots_in_the_text_column(corpus):
    [part] = read(corpus("T1\tG 39 44;55 62\tethyl ... halides\nT2\tG 55 62;48 54\tmethyl halides\n"))
    assert names(part) == [("G", ["ethyl", "halides"]), ("G", ["methyl", "halides"])]


def test_empty_mentions_are_left_out(corpus, caplog):
    caplog.set_level(logging.INFO)
    [part] = read(corpus("T1\tF 30 30\t\nT2\tF 30 34\tNaOH\nT3\tF 29 30\t \n"))
    assert names(part) == [("F", ["NaOH"])]
    assert "2 empty mentions" in caplog.text


@pytest.mark.parametrize(
    "line",
    [
        "F 31 35\tNaOH",
        "F 34 30\tNaOH",
        "F x 34\tNaOH",
        "G 39 44;42 62\tethyl halides",
        "G 39 44;42 47\tethyl yl or",
        "G 39 44;55 999\tethyl halides",
    ],
)
def test_a_part_with_a_mention_that_does_not_fit_is_left_out_whole(corpus, caplog, line):
    corpus(f"T1\tF 30 34\tNaOH\nT2\t{line}\n")
    source = corpus("T1\tF 30 34\tNaOH\n", name="US001_0002")
    assert [part.id for part in read(source)] == ["US001_0002"]
    assert "US001_0001.ann:2: " in caplog.text


def test_nothing_left_is_an_error(corpus):
    with pytest.raises(CorpusError, match="no part whose mentions all fit"):
        list(read(corpus("T1\tF 31 35\tNaOH\n")))


def test_a_line_that_is_no_annotation_is_an_error(corpus):
    with pytest.raises(CorpusError, match=r"US001_0001\.ann:1: .* does not read as T1"):
        list(read(corpus("T1\tF 30 34 NaOH\n")))


def test_letters_become_one_class_and_a_letter_that_never_occurs_is_said(corpus, tmp_path, caplog):
    source = corpus("T1\tF 30 34\tNaOH\nT2\tDisease 0 1\tA\nT3\tG 39 44;55 62\tethyl halides\n")
    folder = tmp_path / "brat"
    counts = convert(
        source, CorpusSpec("biosemantics"), "CHED", ["F", "G", "R"], folder=folder, table=tmp_path / "t.tsv"
    )
    assert (counts["mentions"], counts["other_labels"]) == (2, 1)
    assert (folder / "US001_0001.ann").read_text() == "T1\tCHED 30 34\tNaOH\nT2\tCHED 39 62\tethyl or methyl halides\n"
    assert "of the labels of CHED, R occur nowhere" in caplog.text
