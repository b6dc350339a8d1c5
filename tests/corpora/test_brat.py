"""The project's own Brat form: what is written is what is read."""

import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora.brat import TableRow, check_id, read_brat, read_table, write_brat, write_table
from corpora.documents import CorpusError, Document, Mention
from corpora.readers.brat import read


@st.composite
def document(draw, identifier):
    text = draw(st.text(st.characters(blacklist_categories=["Cs"]), max_size=30))
    extra = "\U0001f9ec\u2028\x85\x1c\r\n\t\ufeff"
    text = "".join(draw(st.lists(st.sampled_from([*extra, *(text or "ab")]), max_size=30)))
    mentions = []
    for start in draw(st.sets(st.integers(0, max(0, len(text) - 1)), max_size=4 if text else 0)):
        mentions.append(Mention("DISO", ((start, draw(st.integers(start + 1, len(text)))),)))
    split = draw(st.sampled_from(["train", "dev", "test", ""]))
    return Document(identifier, text, tuple(sorted(mentions, key=lambda m: m.spans)), draw(PMIDS), draw(PMIDS), split)


PMIDS = st.sampled_from(["", "123", "99"])
corpora = st.lists(st.sampled_from(["b", "a", "10", "9 \u03b1"]), unique=True).flatmap(
    lambda ids: st.tuples(*(document(identifier) for identifier in ids))
)


@pytest.mark.parametrize("name", ["corpus", "corpus.zip"])
@given(documents=corpora)
def test_round_trip(tmp_path_factory, name, documents):
    folder = tmp_path_factory.getbasetemp() / "round_trip"
    rows = write_brat(documents, folder / name)
    write_table(folder / "table.tsv", rows)
    assert tuple(read_brat(folder / name, folder / "table.tsv")) == documents
    assert [(row.document, row.characters, row.mentions) for row in rows] == [
        (d.id, len(d.text), len(d.mentions)) for d in documents
    ]
    if documents:
        native = {d.id: (d.text, d.mentions) for d in read(folder / name)}
        assert native == {d.id: (d.text, d.mentions) for d in documents}


def test_form(tmp_path):
    text = "na\u00efve\u2028\U0001f9ecgene\n"
    documents = [Document("1", text, (Mention("PRGE", ((0, 5),)), Mention("PRGE", ((4, 11),)))), Document("2", "")]
    write_table(tmp_path / "c.tsv", write_brat(documents, tmp_path / "c"))
    assert (tmp_path / "c" / "1.txt").read_bytes() == text.encode()
    expected = "T1\tPRGE 0 5\tna\u00efve\nT2\tPRGE 4 11\te \U0001f9ecgene\n"
    assert (tmp_path / "c" / "1.ann").read_bytes() == expected.encode()
    assert (tmp_path / "c" / "2.ann").read_bytes() == b""
    header = b"document\tpmid\tpmcid\tcharacters\tmentions\tsplit\n"
    assert (tmp_path / "c.tsv").read_bytes() == header + b"1\t\t\t12\t2\t\n2\t\t\t0\t0\t\n"


def test_line_breaks_are_counted(tmp_path, caplog):
    text = "a\nb"
    write_brat([Document("1", text, (Mention("X", ((0, 3),)), Mention("X", ((0, 1),))))], tmp_path / "c")
    assert "1 mentions hold a line break" in caplog.text


def test_archive_has_the_same_bytes_each_time(tmp_path):
    documents = [Document("2", "two"), Document("1", "one", (Mention("X", ((0, 3),)),))]
    write_brat(documents, tmp_path / "a.zip")
    write_brat(iter(documents), tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.namelist() == ["2.txt", "2.ann", "1.txt", "1.ann"]
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {info.external_attr >> 16 for info in archive.infolist()} == {0o644}
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_DEFLATED}


@pytest.mark.parametrize("damage", ["checksum", "member"])
def test_a_damaged_archive_is_named(tmp_path, damage):
    write_table(tmp_path / "t.tsv", write_brat([Document("a", "text " * 9)], tmp_path / "c.zip"))
    data = bytearray((tmp_path / "c.zip").read_bytes())
    data[data.index(b"PK\x01\x02") + 16 if damage == "checksum" else data.index(b"a.txt") + 7] ^= 0xFF
    (tmp_path / "c.zip").write_bytes(data)
    with pytest.raises(CorpusError, match="a: cannot be read"):
        list(read_brat(tmp_path / "c.zip", tmp_path / "t.tsv"))


@pytest.mark.parametrize("place", range(28, 300, 7))
def test_an_archive_with_any_byte_damaged_is_read_or_named(tmp_path, place):
    text = " ".join(f"word{number * 7919 % 101}" for number in range(99))
    write_table(tmp_path / "t.tsv", write_brat([Document("a", text)], tmp_path / "c.zip"))
    data = bytearray((tmp_path / "c.zip").read_bytes())
    data[place] ^= 0xFF
    (tmp_path / "c.zip").write_bytes(data)
    try:
        assert [d.text for d in read_brat(tmp_path / "c.zip", tmp_path / "t.tsv")] == [text]
    except CorpusError as error:
        assert "convert the corpus again" in str(error)


@pytest.mark.parametrize(
    "identifier", ["", ".hidden", "..", "a/b", "a\\b", "a\0b", "a\tb", "a\nb", "x" * 252, "\u03b1" * 126]
)
def test_ids_that_cannot_be_names(tmp_path, identifier):
    with pytest.raises(CorpusError, match="cannot be a file's name"):
        write_brat([Document("good", "x"), Document(identifier, "x")], tmp_path / "c")
    assert list(tmp_path.iterdir()) == []


def test_longest_id_and_twice_the_same(tmp_path):
    check_id("x" * 251, tmp_path)
    with pytest.raises(CorpusError, match="document 'a' comes twice"):
        write_brat([Document("a", "x"), Document("a", "x")], tmp_path / "c.zip")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["c", "c.zip"])
def test_corpus_and_table_that_do_not_agree(tmp_path, name):
    rows = write_brat([Document("a", "xyz")], tmp_path / name)
    table = tmp_path / "t.tsv"
    write_table(table, [rows[0]._replace(characters=4)])
    with pytest.raises(CorpusError, match="has not the 4 characters"):
        list(read_brat(tmp_path / name, table))
    write_table(table, [*rows, TableRow("b", "", "", 0, 0, "")])
    with pytest.raises(CorpusError, match="b: cannot be read"):
        list(read_brat(tmp_path / name, table))
    write_table(table, [TableRow("../c/a", "", "", 3, 0, "")])
    with pytest.raises(CorpusError, match="cannot be a file's name"):
        list(read_brat(tmp_path / name, table))


@pytest.mark.parametrize(
    ("content", "line"), [("", 1), ("document\n", 1), ("a\t\t\t1\t0\n", 2), ("a\t\t\t1\tx\t\n", 2), ("a\t\t\t1", 1)]
)
def test_bad_tables_are_named(tmp_path, content, line):
    header = "\t".join(TableRow._fields) + "\n" if "\t" in content else ""
    (tmp_path / "t.tsv").write_text(header + content)
    with pytest.raises(CorpusError, match=rf"t\.tsv:{line}: "):
        read_table(tmp_path / "t.tsv")


def test_missing_corpus(tmp_path):
    write_table(tmp_path / "t.tsv", [])
    with pytest.raises(CorpusError, match="no such corpus"):
        list(read_brat(tmp_path / "c", tmp_path / "t.tsv"))
    (tmp_path / "c.zip").write_bytes(b"rubbish")
    with pytest.raises(CorpusError, match="no zip archive"):
        list(read_brat(tmp_path / "c.zip", tmp_path / "t.tsv"))
