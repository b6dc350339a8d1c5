"""The counts of Table 1: sentences and tokens as NLTK has them, annotations as the .ann files have them."""

import json

import pytest

from corpora.counting import count, count_corpus
from corpora.documents import Document, Mention


def sentences_and_tokens(text):
    counts = count([Document("1", text)])
    return counts["sentences"], counts["tokens"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Some rats. No mice!", (2, 6)),
        ("Dr. Rat saw p. 3 of it.", (1, 8)),  # "Dr." and "p." are among the trained abbreviations
        ("The pH was 7.4 e.g. in rats. It fell.", (3, 12)),  # "e.g." is not
        ("It was 5 p.m. The rats slept.", (2, 9)),  # "The" often opens a sentence
        ("It was seen by J. In mice it failed.", (2, 11)),  # and "In" is rarely a name
        ("In all there were 12. Review of them followed.", (1, 10)),  # a trained pair
        ("title without an end\nAbstract goes on.", (1, 8)),  # a line break ends no sentence
        ("It didn't (IL-2).", (1, 7)),  # did n't ( IL-2 ) .
        (" \n Rats.\n", (1, 2)),
        ("", (0, 0)),
        (" \n", (0, 0)),
    ],
)
def test_sentences_and_tokens_are_nltks(text, expected):
    assert sentences_and_tokens(text) == expected


def test_unique_annotations_are_case_sensitive_third_columns():
    text = "Rat\nmouse rat mouse Rat"
    mentions = [(0, 3), (4, 9), (10, 13), (14, 19), (20, 23), (0, 9), (10, 19)]
    document = Document("1", text, tuple(Mention("LIVB", (span,)) for span in mentions))
    counts = count([document, Document("2", "Nothing here.")])
    assert (counts["documents"], counts["annotations"]) == (2, 7)
    assert counts["unique_annotations"] == 5  # Rat, mouse, rat, and "Rat mouse" beside "rat mouse"
    assert counts["unique_tokens"] == 6  # Rat mouse rat Nothing here .


def test_counts_are_written_whole_with_zeros(tmp_path):
    count_corpus([Document("1", "")], tmp_path / "counts.json")
    assert json.loads((tmp_path / "counts.json").read_text()) == {
        "annotations": 0,
        "documents": 1,
        "sentences": 0,
        "tokens": 0,
        "unique_annotations": 0,
        "unique_tokens": 0,
    }
