"""Readers of texts with one table: LINNAEUS, SPECIES-800, DECA."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora.documents import CorpusError, Mention
from corpora.readers import standoff
from corpora.readers.tables import read_deca, read_linnaeus, read_s800

TEXT = "\ufeffOf mice\r\nand \U0001f9ec S. fictivisae.\n"
LINNAEUS = {
    "top/txt/pmcA90.txt": TEXT,
    "top/txt/pmcA91.txt": "Nothing.",
    "top/tags.tsv": "#species id\tdocument\tstart\tend\ttext\tcode\nspecies:ncbi:10090\tpmcA90\t4\t8\tmice\t\n"
    "species:ncbi:4932\tpmcA90\t16\t29\tS. fictivisae\t1|2\n",
    "top/filtered_tags.tsv": "rubbish",
    "top/README.md": "rubbish",
}
S800 = {
    "abstracts/species001.txt": "S. fictivisae, E. coli.\n",
    "abstracts/species002.txt": "Nothing.",
    "categorized/species001.txt": "another copy",
    "S800.tsv": "4932\tspecies001:90\t0\t12\tS. fictivisae\n562\tspecies001:90\t15\t15\tE\n",
    "pubmedid.tsv": "species001\tPMID:90\tmed\nspecies002\tPMID:0091\n",
}
DECA = {
    "text/90.txt": "FIC1 x",
    "text/txt_tt.txt": "a FIC2",
    "text/.90.txt": "hidden",
    "gold.txt": "90.txt\t0\t4\tFIC1\t9606\ntxt_tt.txt\t2\t6\tFIC2\t7227\n",
}


def corpus(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, newline="")
    return folder


def names(document):
    return [document.text[m.start : m.end] for m in document.mentions]


def test_linnaeus(tmp_path):
    first, second = read_linnaeus(corpus(tmp_path, LINNAEUS))
    assert (first.id, first.pmid, first.pmcid, first.text) == ("pmcA90", "", "90", TEXT)
    assert first.mentions == (Mention("species", ((4, 8),)), Mention("species", ((16, 29),)))
    assert names(first) == ["mice", "S. fictivisae"]
    assert (second.id, second.mentions) == ("pmcA91", ())


def test_s800_ends_are_of_the_last_character(tmp_path):
    first, second = read_s800(corpus(tmp_path, S800))
    assert names(first) == ["S. fictivisae", "E"]
    assert (first.id, first.pmid, second.id, second.pmid, second.mentions) == (
        "species001",
        "90",
        "species002",
        "91",
        (),
    )


def test_deca_ids_keep_their_letters(tmp_path):
    assert [(d.id, d.pmid, names(d)) for d in read_deca(corpus(tmp_path, DECA))] == [
        ("90", "90", ["FIC1"]),
        ("txt_tt", "", ["FIC2"]),
    ]


def test_text_column_that_differs_is_logged(tmp_path, caplog):
    list(read_deca(corpus(tmp_path, DECA | {"gold.txt": "90.txt\t0\t3\tFIC1\t9606\n"})))
    assert "gold.txt:1: the text column says 'FIC1', the offsets 'FIC'" in caplog.text


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("4932\tspecies001:90\t0\t24\tx", "outside of the text, which has 24 characters"),
        ("4932\tspecies001:90\t5\t4\tx", "is empty"),
        ("4932\tspecies001:90\t5\t3\tx", "is empty"),
        ("4932\tspecies001:90\t5\tx\tx", "not both whole numbers"),
        ("4932\tspecies009:90\t5\t6\tx", "document 'species009' has no text"),
        ("4932\tspecies001:90\t5\t6", "has 4 columns"),
        ("4932 species001:90 5 6 x", "has 1 columns"),
    ],
)
def test_bad_lines_are_named(tmp_path, line, reason):
    corpus(tmp_path, S800 | {"S800.tsv": f"{S800['S800.tsv']}\n{line}\n"})
    with pytest.raises(CorpusError, match=reason) as error:
        list(read_s800(tmp_path))
    assert str(error.value).startswith(f"{tmp_path}/S800.tsv:4: ")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"more/abstracts/species001.txt": "x"}, r"species001\.txt: document 'species001' comes twice"),
        ({"more/S800.tsv": ""}, r"S800\.tsv: is the second S800\.tsv"),
        ({"pubmedid.tsv": "species001\t90\n"}, r"pubmedid\.tsv:1: 'species001\\t90' does not give"),
        ({"pubmedid.tsv": "species009\tPMID:90\n"}, r"pubmedid\.tsv:1: "),
    ],
)
def test_bad_files_are_named(tmp_path, changes, reason):
    with pytest.raises(CorpusError, match=reason):
        list(read_s800(corpus(tmp_path, S800 | changes)))


@pytest.mark.parametrize(
    ("files", "reason"),
    [(["S800.tsv"], "holds no .txt files in a folder 'abstracts'"), (["abstracts/species001.txt"], "holds no ")],
)
def test_missing_files_are_named(tmp_path, files, reason):
    with pytest.raises(CorpusError, match=reason):
        list(read_s800(corpus(tmp_path, {name: S800[name] for name in files})))


@given(st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=20), st.data())
def test_offsets_of_any_characters_hold(tmp_path_factory, text, data):
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    folder = tmp_path_factory.getbasetemp()
    rows = {"S800.tsv": f"1\td:1\t{start}\t{end - 1}\tany\n", "gold.txt": f"d.txt\t{start}\t{end}\tany\t1\n"}
    texts = {f"{name}/d.txt": text for name in ("abstracts", "text")}
    corpus(folder / "tables", rows | texts | {"pubmedid.tsv": ""})
    for read in (read_s800, read_deca):
        [document] = read(folder / "tables")
        assert document.text == text
        assert [m.spans for m in document.mentions] == [((start, end),)]


def test_files_that_are_too_large_are_refused(tmp_path, monkeypatch):
    corpus(tmp_path, DECA)
    size = sum(len(content.encode()) for name, content in DECA.items() if "/." not in name)
    monkeypatch.setattr(standoff, "HELD_BYTES", size)
    assert len(list(read_deca(tmp_path))) == 2
    monkeypatch.setattr(standoff, "HELD_BYTES", size - 1)
    with pytest.raises(CorpusError, match=f"the files up to this one have more than {size - 1} bytes"):
        list(read_deca(tmp_path))
