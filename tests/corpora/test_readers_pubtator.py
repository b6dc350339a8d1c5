"""Reader of the PubTator format."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora.documents import CorpusError, Mention
from corpora.readers import pubtator, standoff
from corpora.readers.pubtator import read

FIRST = """
9001|t|Fictomycin and nausea.
9001|a|Renal and hepatic failure | rare\u2028event. \t
9001\t0\t10\tFictomycin\tChemical\tD01
9001\t23\t48\tRenal and hepatic failure\tDisease\tD2|D3\tRenal failure|hepatic failure
9001\tCID\tD01\tD2
"""


def documents(folder, content, name="corpus.txt"):
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read(folder / name))


def test_text_mentions_and_relations(tmp_path):
    [document] = documents(tmp_path, FIRST.replace(" \t\n", "  \n"))
    assert (document.id, document.pmid, document.split) == ("9001", "9001", "")
    assert document.text == "Fictomycin and nausea.\nRenal and hepatic failure | rare\u2028event."
    assert document.mentions == (Mention("Chemical", ((0, 10),)), Mention("Disease", ((23, 48),), composite=True))


def test_seventh_column_marks_composite_even_when_empty(tmp_path):
    [document] = documents(tmp_path, "1|t|ab\n1|a|cd\n1\t0\t2\tab\tX\tD\t\n1\t3\t5\tcd\tX\tD\n")
    assert [m.composite for m in document.mentions] == [True, False]


def test_blanks_at_the_end_stay_where_a_mention_needs_them(tmp_path):
    [document] = documents(tmp_path, "1|t|ab\n1|a|cd   \n1\t0\t2\tab\tX\tD\n1\t3\t6\tcd \tX\tD\n")
    assert document.text == "ab\ncd "


def test_an_identifier_may_be_left_out(tmp_path):
    [document] = documents(tmp_path, "1|t|ab\n1|a|cd\n1\t3\t5\tcd\tX\n1\tCID\tD1\tD2\n")
    assert document.mentions == (Mention("X", ((3, 5),)),)


def test_documents_and_lines_that_are_too_large_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(pubtator, "DOCUMENT_BYTES", 12)
    assert [d.id for d in documents(tmp_path, "1|t|ab\n1|a|cd\n\n2|t|ab\n2|a|cd\n")] == ["1", "2"]
    with pytest.raises(CorpusError, match=r"corpus\.txt:2: the document up to this line has more than 12 characters"):
        documents(tmp_path, "1|t|ab\n1|a|cde\n")
    monkeypatch.setattr(standoff, "DOCUMENT_BYTES", 12)
    with pytest.raises(CorpusError, match=r"corpus\.txt:2: the line has 12 bytes or more"):
        documents(tmp_path, "1|t|ab\n1|a|cdefghijkl\n")


def test_windows_newlines_and_byte_order_mark(tmp_path):
    [document] = documents(tmp_path, "\ufeff1|t|ab\r\n1|a|cd\r\n1\t3\t5\tcd\tX\tD\r\n\r\n")
    assert (document.id, document.text, document.mentions) == ("1", "ab\ncd", (Mention("X", ((3, 5),)),))


def test_identical_repeat_is_passed_over_and_another_is_refused(tmp_path, caplog):
    assert len(documents(tmp_path, FIRST + "\n" + FIRST)) == 1
    assert "corpus.txt:9: document 9001 is a repeat" in caplog.text
    with pytest.raises(CorpusError, match=r"corpus\.txt:9: document 9001 comes a second time"):
        documents(tmp_path, FIRST + "\n" + FIRST.replace("nausea", "Nausea"))


def test_text_column_that_differs_is_logged(tmp_path, caplog):
    [document] = documents(tmp_path, FIRST.replace("\tFictomycin\t", "\tFicto mycin\t"))
    assert document.mentions[0].spans == ((0, 10),)
    assert "corpus.txt:4: the text column says 'Ficto mycin'" in caplog.text


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("9002\t0\t2\tFi\tX\tD", "stands among the lines of document 9001"),
        ("9001\t0\t200\tFi\tX\tD", "outside of the text"),
        ("9001\t5\t5\t\tX\tD", "is empty"),
        ("9001\tx\t5\tFi\tX\tD", "not both whole numbers"),
        ("9001\t-1\t5\tFi\tX", "not both whole numbers"),
        ("9001\t1\t5\tFi", "has not the columns"),
        ("9001\t0\t5\tFi\t\tD", "has not the columns"),
        ("9001\t0", "has not the columns"),
        ("9002|t|Title", "stands among the lines"),
        ("rubbish", "stands among the lines"),
        ("9001 0 5 Ficto X D", "put tabs between the columns"),
    ],
)
def test_bad_lines_are_named(tmp_path, line, reason):
    with pytest.raises(CorpusError, match=reason) as error:
        documents(tmp_path, FIRST + line + "\n")
    assert str(error.value).startswith(f"{tmp_path}/corpus.txt:7: ")


@pytest.mark.parametrize("content", ["1|a|x\n1|t|y\n", "1|t|x\n2|a|y\n", "1|t|x\n1\t0\t1\tx\tX\tD\n", "<html>\n"])
def test_documents_that_start_otherwise_are_named(tmp_path, content):
    with pytest.raises(CorpusError, match=r"corpus\.txt:[12]: "):
        documents(tmp_path, content)


def test_bad_bytes_and_empty_file(tmp_path):
    with pytest.raises(CorpusError, match=r"corpus\.txt:2: byte 4 of the line \(0xff\)"):
        documents(tmp_path, b"1|t|x\n1|a|\xff\n")
    with pytest.raises(CorpusError, match="holds no PubTator documents"):
        documents(tmp_path, "\n\n")


texts = st.text(st.characters(blacklist_characters="\n\r", blacklist_categories=["Cs"]), max_size=20)


@given(st.data(), texts, texts.map(lambda t: t + "."))
def test_offsets_of_any_characters_hold(tmp_path_factory, data, title, abstract):
    text = f"{title}\n{abstract}"
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    source = f"7|t|{title}\n7|a|{abstract}\n7\t{start}\t{end}\tany\tX\tD\n"
    [document] = documents(tmp_path_factory.getbasetemp(), source)
    assert document.text == text
    assert document.mentions == (Mention("X", ((start, end),)),)
