"""Readers of the protein interaction corpora's XML and of the miRNA corpus."""

import gzip
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora.documents import CorpusError, Mention
from corpora.readers import elements
from corpora.readers.ppi_xml import read, read_mirna

BIOINFER = """<document id="B.d0" origId="90000007">
 <sentence charOffset="0-39" id="B.d0.s0" text="Skeletal and &lt;cardiac&gt; fictin bind FIC1.">
  <entity charOffset="23-29,0-8" id="B.d0.s0.e0" text="Skeletal fictin" type="Individual_protein"/>
  <entity charOffset="35-39" id="B.d0.s0.e1" text="FIC1" type="Gene/protein/RNA"/>
  <interaction e1="B.d0.s0.e0" e2="B.d0.s0.e1" id="B.d0.s0.i0" type="PPI"/>
 </sentence>
 <sentence charOffset="41-45" id="B.d0.s1" text="FIC2."><entity charOffset="0-4" id="x" text="FIC2"/></sentence>
</document>"""
MIRNA = """<document id="X.d0" origId="90000003">
 <sentence id="X.d0.s0" origId="90000003.s1" text="miR-0 targets FIC1 in rats.">
  <entity id="X.d0.s0.e0" text="FIC1" type="Genes/Proteins" charOffset="14-17"/>
  <entity id="X.d0.s0.e1" text="rats" type="Species" charOffset="22-25"/>
 </sentence>
 <sentence id="X.d0.s2" origId="90000003.s10" text="Last."/>
 <sentence id="X.d0.s1" origId="90000003.s0" text="A made-up title."/>
</document>"""
IEPA = '<document PMID="0090" id="I.d0" origID="1" set="train"/>'


def documents(folder, content, reader=read):
    whole = f'<?xml version="1.0" encoding="UTF-8"?>\n<corpus source="X">\n{content}\n</corpus>\n'
    (folder / "corpus.xml").write_text(whole)
    return list(reader(folder / "corpus.xml"))


def names(document):
    return [(m.label, [document.text[start:end] for start, end in m.spans]) for m in document.mentions]


def test_sentences_are_joined_and_offsets_shifted(tmp_path, caplog):
    [document] = documents(tmp_path, BIOINFER)
    assert (document.id, document.pmid) == ("B.d0", "90000007")
    assert document.text == "Skeletal and <cardiac> fictin bind FIC1.\nFIC2."
    assert names(document) == [
        ("Individual_protein", ["Skeletal", "fictin"]),
        ("Gene/protein/RNA", ["FIC1"]),
        ("Protein", ["FIC2"]),
    ]
    assert "text column" not in caplog.text


def test_pmid_goes_before_the_original_id_and_empty_documents_stay(tmp_path):
    first, second = documents(tmp_path, IEPA + BIOINFER.replace('"90000007"', '"no number"'))
    assert (first.id, first.pmid, first.text, first.mentions) == ("I.d0", "90", "", ())
    assert (second.id, second.pmid) == ("B.d0", "")


def test_mirna_sentences_are_put_in_order_and_ends_are_of_the_last_character(tmp_path):
    [document] = documents(tmp_path, MIRNA, read_mirna)
    assert (document.id, document.pmid) == ("90000003", "90000003")
    assert document.text == "A made-up title.\nmiR-0 targets FIC1 in rats.\nLast."
    assert names(document) == [("Genes/Proteins", ["FIC1"]), ("Species", ["rats"])]


def test_gzipped_and_text_that_differs_is_logged(tmp_path, caplog):
    (tmp_path / "c.xml.gz").write_bytes(gzip.compress(f"<corpus>\n{BIOINFER}</corpus>".encode()))
    assert len(list(read(tmp_path / "c.xml.gz"))) == 1
    documents(tmp_path, BIOINFER.replace('text="FIC1"', 'text="FIC3"'))
    assert "corpus.xml:6: the text column says 'FIC3', the offsets 'FIC1'" in caplog.text


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ('"35-39"', '"35-99"', 6, "outside of the text, which has 40 characters"),
        ('"35-39"', '"39-35"', 6, "is empty"),
        ('"35-39"', '"35"', 6, "not both whole numbers"),
        ('"35-39"', '"35-37,36-39"', 6, "overlap"),
        ('charOffset="35-39" ', "", 6, "<entity> has no attribute 'charOffset'"),
        ('text="FIC2."', 'text=""', 9, "<sentence> has no attribute 'text'"),
        ('id="B.d0" ', "", 3, "<document> has no attribute 'id'"),
        ("</sentence>", "", 10, "no well-formed XML"),
        ("&lt;", "&other;", 4, "no well-formed XML.*other"),
        ("</document>", "", 3, "ends within this <document>"),
        ("<document ", "<documents ", 10, "</document> closes what was never opened"),
    ],
)
def test_bad_elements_are_named(tmp_path, old, new, line, reason):
    with pytest.raises(CorpusError, match=reason) as error:
        documents(tmp_path, BIOINFER.replace(old, new))
    assert str(error.value).startswith(f"{tmp_path}/corpus.xml:{line}: ")


def test_mirna_sentence_without_number(tmp_path):
    with pytest.raises(CorpusError, match=r"corpus\.xml:4: sentence '90000003' does not end with \.s"):
        documents(tmp_path, MIRNA.replace("90000003.s1", "90000003"), read_mirna)


def test_file_cut_off_between_documents(tmp_path):
    (tmp_path / "corpus.xml").write_text(f"<corpus>\n{BIOINFER}\n")
    with pytest.raises(CorpusError, match=r"corpus\.xml:10: the file ends without </corpus>"):
        list(read(tmp_path / "corpus.xml"))
    (tmp_path / "corpus.xml").write_text("<corpus></corpus>")
    with pytest.raises(CorpusError, match="holds no <document> elements"):
        list(read(tmp_path / "corpus.xml"))


@pytest.mark.parametrize("size", [1, 3, 50])
def test_documents_cut_anywhere_by_the_buffer(tmp_path, monkeypatch, size):
    expected = documents(tmp_path, IEPA + BIOINFER + IEPA)
    monkeypatch.setattr(elements, "_CHUNK", size)
    assert documents(tmp_path, IEPA + BIOINFER + IEPA + "\n" * 100) == expected
    assert len(expected) == 3


def test_entity_bomb_in_an_attribute_is_refused(tmp_path):
    lol = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    content = (
        f'<!DOCTYPE corpus [<!ENTITY l0 "lol">{lol}]>\n<corpus><document id="a"><sentence text="&l9;"/></document>'
    )
    (tmp_path / "corpus.xml").write_text(content + "</corpus>")
    with pytest.raises(CorpusError, match=r"corpus\.xml:2: .*l9"):
        list(read(tmp_path / "corpus.xml"))


texts = st.text(st.characters(whitelist_categories=["L", "N", "So", "Zs"]), min_size=1, max_size=8)


@given(st.lists(texts, min_size=1, max_size=4), st.data())
def test_any_span_is_found_again(tmp_path_factory, sentences, data):
    rows, expected = [], []
    base = 0
    for number, text in enumerate(sentences):
        start = data.draw(st.integers(0, len(text) - 1))
        end = data.draw(st.integers(start + 1, len(text)))
        entity = f'<entity charOffset="{start}-{end - 1}" text={quoteattr(text[start:end])} type="T"/>'
        rows.append(f'<sentence origId="7.s{number}" text={quoteattr(text)}>{entity}</sentence>')
        expected.append(Mention("T", ((base + start, base + end),)))
        base += len(text) + 1
    order = data.draw(st.permutations(rows))
    content = f'<document origId="7">{"".join(order)}</document>'
    [document] = documents(tmp_path_factory.getbasetemp(), content, read_mirna)
    assert document.text == "\n".join(sentences)
    assert list(document.mentions) == expected


def test_index_terms_of_the_mirna_corpus_are_no_mentions(tmp_path):
    terms = '<entity text="Fictane" type="MeSH_Indexing_Chemical" charOffset="900-907"/><entity text="X" type="OTHER"/>'
    [document] = documents(tmp_path, MIRNA.replace('title."/>', f'title.">{terms}</sentence>'), read_mirna)
    assert names(document) == [("Genes/Proteins", ["FIC1"]), ("Species", ["rats"])]
