"""Predictions back to Brat: what was predicted, at its characters, beside the whole text."""

import pytest

from corpora.brat import read_brat, write_brat, write_table
from corpora.conll import tag_sentences, write_conll
from corpora.documents import CorpusError, Document, Mention
from corpora.export import predictions_to_brat
from corpora.tokens import sentences

TEXT = "Mild fictitis in mice.\nFictoma and  fictitis (FT) were seen."


def corpus(folder, *documents):
    write_table(folder / "gold.tsv", write_brat(documents, folder / "gold"))
    return folder / "gold", folder / "gold.tsv"


def predictions(folder, document):
    path = folder / "predictions.tsv"
    tagged, _ = tag_sentences(document, sentences(document.text))
    with path.open("w", encoding="utf-8", newline="") as file:
        write_conll(((type(s)(s.document, s.tokens, s.offsets, ("O",) * len(s.tags), s.tags)) for s in tagged), file)
    return path


def test_predicted_mentions_come_back_at_their_characters(tmp_path):
    mentions = tuple(
        Mention("DISO", ((TEXT.index(word), TEXT.index(word) + len(word)),)) for word in ("fictitis", "Fictoma", "FT")
    )
    predicted = predictions(tmp_path, Document("1", TEXT, mentions))
    brat, table = corpus(tmp_path, Document("1", TEXT, (), pmid="1"), Document("2", "Not in the test set."))
    assert predictions_to_brat(predicted, brat, table, tmp_path / "out") == 1
    assert (tmp_path / "out/1.txt").read_text() == TEXT
    assert (tmp_path / "out/1.ann").read_text().split("\n")[0] == "T1\tDISO 5 13\tfictitis"
    write_table(tmp_path / "out.tsv", write_brat([Document("1", TEXT, mentions)], tmp_path / "again"))
    assert next(read_brat(tmp_path / "out", tmp_path / "out.tsv")).mentions == mentions


@pytest.mark.parametrize(
    ("gold", "message"),
    [
        (Document("9", TEXT), "document 1 is not in"),
        (Document("1", "Mild fi"), "beyond the end of its text"),
        (Document("1", "Mild fictitis in mice."), "beyond the end of its text"),  # the second mention alone
    ],
)
def test_predictions_of_another_corpus_are_refused(tmp_path, gold, message):
    predicted = predictions(tmp_path, Document("1", TEXT, (Mention("DISO", ((5, 13),)), Mention("DISO", ((23, 30),)))))
    with pytest.raises(CorpusError, match=message):
        predictions_to_brat(predicted, *corpus(tmp_path, gold), tmp_path / "out")
    assert not (tmp_path / "out").exists()
