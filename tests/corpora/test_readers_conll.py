"""Reader of CoNLL files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora.documents import CorpusError
from corpora.readers import conll
from corpora.readers.conll import read


def documents(folder, content, name="train.tsv"):
    (folder / name).parent.mkdir(exist_ok=True, parents=True)
    (folder / name).write_text(content, newline="")
    return list(read(folder))


def names(document):
    return [(m.label, document.text[m.start : m.end]) for m in document.mentions]


def tagged(*tags):
    return "".join(f"w{number}\t{tag}\n" for number, tag in enumerate(tags))


def test_each_sentence_is_a_document_without_docstart(tmp_path):
    content = "FIC\tB-PRGE\n1\tI-PRGE\n.\tO\n\n\nMice\tB-LIVB"
    first, second = documents(tmp_path, content)
    assert (first.id, first.text, first.split) == ("train-000001", "FIC 1 .", "train")
    assert (names(first), names(second)) == ([("PRGE", "FIC 1")], [("LIVB", "Mice")])
    assert second.id == "train-000002"


def test_docstart_divides_documents(tmp_path):
    content = "-DOCSTART- -X- O\n\nFIC NN B-P\nx NN O\n\nb NN B-P\n\n-DOCSTART-\n\nc NN O\r\n"
    first, second = documents(tmp_path, content, "set/valid/a.txt")
    assert (first.text, names(first)) == ("FIC x\nb", [("P", "FIC"), ("P", "b")])
    assert (second.text, second.mentions, second.split) == ("c", (), "dev")
    assert second.id == "set-valid-a-000002"


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["B-P", "I-P", "B-P"], ["w0 w1", "w2"]),
        (["I-P", "I-P", "I-Q"], ["w0 w1", "w2"]),
        (["O", "I-P", "O"], ["w1"]),
        (["B-P", "E-P", "S-P", "I-P"], ["w0 w1", "w2", "w3"]),
        (["B-P", "I-P", "L-P", "U-P"], ["w0 w1 w2", "w3"]),
        (["B", "I", "O"], ["w0 w1"]),
        (["B-P", "B-P"], ["w0", "w1"]),
        (["E-P", "E-P"], ["w0", "w1"]),
        (["B-P", "S-P", "I-P"], ["w0", "w1", "w2"]),
    ],
)
def test_schemes_of_tags(tmp_path, tags, expected):
    [document] = documents(tmp_path, tagged(*tags))
    assert [text for _, text in names(document)] == expected


def test_label_of_bare_tags(tmp_path):
    [document] = documents(tmp_path, tagged("B", "O", "B-a-b"))
    assert [m.label for m in document.mentions] == ["entity", "a-b"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [("alone", "has not two columns"), ("alone\t", "has not two columns"), ("a\tX-P", "tag 'X-P' is none of"),
     ("a b", "tag 'b' is none of"), ("a\tB-", "tag 'B-' is none of")],
)  # fmt: skip
def test_bad_lines_are_named(tmp_path, line, reason):
    with pytest.raises(CorpusError, match=reason) as error:
        documents(tmp_path, f"a\tO\n\n{line}\n")
    assert str(error.value).startswith(f"{tmp_path}/train.tsv:3: ")


def test_no_sentences_and_endless_documents(tmp_path, monkeypatch):
    with pytest.raises(CorpusError, match="holds no sentences"):
        documents(tmp_path, "\n\n")
    monkeypatch.setattr(conll, "DOCUMENT_BYTES", 2 * (conll._TOKEN + len("aO")))
    assert len(documents(tmp_path, "a\tO\n\n" * 3)) == 3
    with pytest.raises(CorpusError, match=r"train\.tsv:7: the document is too long"):
        documents(tmp_path, "-DOCSTART-\tO\n" + "a\tO\n\n" * 3)
    with pytest.raises(CorpusError, match=r"train\.tsv:3: the document is too long"):
        documents(tmp_path, "a\tO\n" * 3)
    with pytest.raises(CorpusError, match=r"train\.tsv:1: the document is too long"):
        documents(tmp_path, "a" * 80 + "\tO\n")


tokens = st.text(st.characters(blacklist_categories=["Cs", "Cc", "Zl", "Zp", "Zs"]), min_size=1, max_size=5)
names_of = st.lists(tokens.filter(lambda t: not t.startswith("-DOCSTART-")), min_size=1, max_size=3)


@given(st.lists(st.lists(st.tuples(names_of, st.sampled_from(["", "P", "Q"])), min_size=1), min_size=1))
def test_mentions_stand_where_they_were_tagged(tmp_path_factory, sentences):
    lines, expected = ["-DOCSTART-\tO\n"], []
    for sentence in sentences:
        for words, label in sentence:
            tags = ([f"B-{label}"] + [f"I-{label}"] * (len(words) - 1)) if label else ["O"] * len(words)
            lines += [f"{word}\t{tag}\n" for word, tag in zip(words, tags, strict=True)]
            expected += [(label, " ".join(words))] if label else []
        lines.append("\n")
    [document] = documents(tmp_path_factory.getbasetemp() / "conll", "".join(lines))
    text = "\n".join(" ".join(word for words, _ in sentence for word in words) for sentence in sentences)
    assert document.text == text
    assert names(document) == expected
