"""Reader of BioCreative II GM: offsets without blanks, ids, halves that belong together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora.documents import CorpusError, Mention
from corpora.readers.bc2gm import read

SENTENCES = "P09000006A0120 Induction of FIC 1 by  fic-kinase alpha.\nP09000007T0000 Nothing\there.\n"
MENTIONS = "P09000006A0120|11 14|FIC 1\nP09000006A0120|17 31|fic-kinase alpha\n"


def corpus(folder, train=SENTENCES, evaluation=MENTIONS, **more):
    files = {"train/train.in": train, "train/GENE.eval": evaluation, "train/ALTGENE.eval": "rubbish", **more}
    for name, content in files.items():
        if content is not None:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(content, newline="")
    return folder


def test_offsets_skip_blanks(tmp_path):
    first, second = read(corpus(tmp_path))
    assert first.text == "Induction of FIC 1 by  fic-kinase alpha.\n"
    assert [first.text[m.start : m.end] for m in first.mentions] == ["FIC 1", "fic-kinase alpha"]
    assert {m.label for m in first.mentions} == {"GENE"}
    assert (first.id, first.pmid, first.split) == ("P09000006A0120", "9000006", "train")
    assert (second.text, second.mentions) == ("Nothing\there.\n", ())


def test_anonymous_sentences_get_their_pmid_from_the_map(tmp_path):
    more = {
        "test/test.in": "BC2GM01 FIC2 b.\nBC2GM02 c\n",
        "test/GENE.eval": "BC2GM01|0 3|FIC2\n",
        "test/test.idmap": "P00090000A0120a BC2GM01\n",
    }
    documents = list(read(corpus(tmp_path, **more)))
    assert [(d.id, d.pmid, d.split) for d in documents if d.split != "train"] == [
        ("BC2GM01", "90000", "test"),
        ("BC2GM02", "", "test"),
    ]
    assert [len(d.mentions) for d in documents if d.split == "test"] == [1, 0]


def test_punctuation_before_the_text_column_is_left_out_and_other_differences_are_logged(tmp_path, caplog):
    [document] = read(corpus(tmp_path, "P1A1 the /FIC one\n", "P1A1|3 6|FIC\nP1A1|4 9|IC one\n"))
    assert document.mentions == (Mention("GENE", ((5, 8),)), Mention("GENE", ((5, 12),)))
    assert "GENE.eval:2: the text column says 'IC one', the offsets 'FIC one'" in caplog.text
    assert "GENE.eval:1:" not in caplog.text


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("P09000006A0120|11 99|FIC 1", "outside of the text, which has 33 characters"),
        ("P09000006A0120|14 11|FIC 1", "is empty"),
        ("P09000006A0120|-1 11|FIC 1", "not both whole numbers"),
        ("P09000006A0120|" + "9" * 5000 + " 11|FIC 1", "not both whole numbers"),
        ("P09000006A0120|11|FIC 1", "does not read as id"),
        ("P09000006A0120 11 14 FIC 1", "does not read as id"),
        ("P0|11 14|FIC 1", r"sentence 'P0' is in no \*\.in file"),
    ],
)
def test_bad_mentions_are_named(tmp_path, line, reason):
    with pytest.raises(CorpusError, match=reason) as error:
        list(read(corpus(tmp_path, evaluation=f"{MENTIONS}\n{line}\n")))
    assert str(error.value).startswith(f"{tmp_path}/train/GENE.eval:4: ")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"train": SENTENCES + "P09000007T0000 again\n"}, r"train\.in:3: sentence 'P09000007T0000' comes twice"),
        ({"train": "loneid\n"}, r"train\.in:1: 'loneid' has not the form"),
        ({"evaluation": None}, r"train\.in: has no GENE\.eval beside it"),
        ({"train": None}, r"holds no sentences in files named \*\.in"),
        ({"train/x.idmap": "P1A1 b c\n"}, r"x\.idmap:1: 'P1A1 b c' has not the form"),
        ({"train/x.idmap": "b c\n"}, r"x\.idmap:1: 'b c' has not the form"),
    ],
)
def test_bad_files_are_named(tmp_path, changes, reason):
    with pytest.raises(CorpusError, match=reason):
        list(read(corpus(tmp_path, **changes)))


@given(st.text("ab \t\u2009", min_size=1, max_size=12).filter(lambda s: s.strip()), st.data())
def test_any_mention_is_found_again(tmp_path_factory, sentence, data):
    visible = [i for i, character in enumerate(sentence) if not character.isspace()]
    first = data.draw(st.integers(0, len(visible) - 1))
    last = data.draw(st.integers(first, len(visible) - 1))
    start, end = visible[first], visible[last] + 1
    folder = corpus(
        tmp_path_factory.getbasetemp() / "bc2gm", f"P1A1 {sentence}\n", f"P1A1|{first} {last}|{sentence[start:end]}\n"
    )
    [document] = read(folder)
    assert document.text == sentence + "\n"
    assert document.mentions == (Mention("GENE", ((start, end),)),)


def test_digits_of_other_scripts_are_no_pmid(tmp_path):
    (tmp_path / "train.in").write_text("P\u0663T0000 Nothing here.\n")
    (tmp_path / "GENE.eval").write_text("")
    assert [document.pmid for document in read(tmp_path)] == [""]
