"""The reader of BioInfer's own XML."""

import pytest

from corpora.documents import CorpusError
from corpora.readers import bioinfer
from corpora.readers.bioinfer import read

FIRST = """<sentence id="s.1" PMID="0090" origText="FICa-FICb  binds &lt;mouse&gt; actin.">
 <token id="t.1.0" charOffset="0"><subtoken id="st.1.0.0" text="FIC"/><subtoken id="st.1.0.1" text="a"/>
  <subtoken id="st.1.0.2" text="-"/><subtoken id="st.1.0.3" text="FIC"/><subtoken id="st.1.0.4" text="b"/></token>
 <token id="t.1.1" charOffset="11"><subtoken id="st.1.1.0" text="binds"/></token>
 <token id="t.1.2" charOffset="17"><subtoken id="st.1.2.0" text="&lt;mouse&gt;"/></token>
 <token id="t.1.3" charOffset="25"><subtoken id="st.1.3.0" text="actin"/></token>
 <token id="t.1.4" charOffset="30"><subtoken id="st.1.4.0" text="."/></token>
 <entity id="e.1.0" type="Individual_protein"><nestedsubtoken id="st.1.0.0"/><nestedsubtoken id="st.1.0.4"/></entity>
 <entity id="e.1.1" type="Individual_protein"><nestedsubtoken id="st.1.3.0"/><nestedsubtoken id="st.1.2.0"/></entity>
 <entity id="e.1.2" type="Physical"><nestedsubtoken id="st.1.1.0"/></entity>
 <entity id="e.1.3" type="RELATIONSHIP_TEXTBINDING"/>
 <formulas><formula><relnode entity="e.1.2"/></formula></formulas>
</sentence>"""
SECOND = """<sentence id="s.2" PMID="91">
 <token id="t.2.0"><subtoken text="FIC"/><subtoken text="2"/></token><token id="t.2.1"><subtoken text="acts"/></token>
 <entity id="e.2.0" type="Gene"><nestedsubtoken id="st.2.0.0"/><nestedsubtoken id="st.2.0.1"/></entity>
</sentence>"""
THIRD = (
    '<sentence id="s.3" PMID="90" origText="Actin."><token id="t.3.0"><subtoken id="st.3.0.0" text="Actin"/></token>'
)
THIRD += '<entity id="e.3.0" type="Gene"><nestedsubtoken id="st.3.0.0"/></entity></sentence>'


def documents(folder, *sentences):
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE bioinfer SYSTEM "x.dtd">\n<bioinfer><ontologies/><sentences>\n'
    (folder / "corpus.xml").write_text(head + "\n".join(sentences) + "\n</sentences></bioinfer>\n")
    return list(read(folder / "corpus.xml"))


def names(document):
    return [(m.label, [document.text[start:end] for start, end in m.spans]) for m in document.mentions]


def test_sentences_of_one_abstract_are_one_document(tmp_path):
    first, second = documents(tmp_path, FIRST, SECOND, THIRD)
    assert (first.id, first.pmid, first.text) == ("90", "90", "FICa-FICb  binds <mouse> actin.\nActin.")
    assert names(first) == [
        ("Individual_protein", ["FIC", "b"]),
        ("Individual_protein", ["<mouse> actin"]),
        ("Physical", ["binds"]),
        ("Gene", ["Actin"]),
    ]
    assert (second.id, second.text) == ("91", "FIC2 acts")
    assert names(second) == [("Gene", ["FIC2"])]


def test_a_sentence_without_a_pmid_is_a_document_of_its_own(tmp_path):
    one, other = documents(
        tmp_path, SECOND.replace('PMID="91"', ""), SECOND.replace('PMID="91"', "").replace("s.2", "s.9")
    )
    assert [(document.id, document.pmid) for document in (one, other)] == [("s.2", ""), ("s.9", "")]


def test_a_token_that_comes_twice_is_found_at_its_place(tmp_path):
    tokens = "".join(
        f'<token id="t.4.{n}"><subtoken text="{word}"/></token>' for n, word in enumerate(["FIC", "+", "FIC"])
    )
    entity = '<entity id="e" type="Gene"><nestedsubtoken id="st.4.0.0"/></entity>'
    [document] = documents(tmp_path, f'<sentence id="s.4" PMID="9" origText="FIC + FIC">{tokens}{entity}</sentence>')
    assert [m.spans for m in document.mentions] == [((0, 3),)]


def test_files_that_are_too_large_together_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(bioinfer, "HELD_BYTES", 4 * len("FIC2 acts"))
    assert documents(tmp_path, SECOND)
    with pytest.raises(CorpusError, match=r"corpus\.xml:8: the files up to this line are too large"):
        documents(tmp_path, SECOND, THIRD)


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        (FIRST.replace('nestedsubtoken id="st.1.1.0"', 'nestedsubtoken id="st.1.9.0"'), ":13: subtoken 'st.1.9.0' is not in"),
        (FIRST.replace('text="binds"', 'text="bound"'), ":7: token 'bound' does not follow"),
        (FIRST.replace('<token id="t.1.1" charOffset="11"><subtoken id="st.1.1.0" text="binds"/></token>', ""), "token '<mouse>'"),
        (THIRD.replace('origText="Actin."', 'origText="."'), "token 'Actin' does not follow"),
        (SECOND.replace('<subtoken text="acts"/>', "<subtoken/>"), "<subtoken> has no attribute 'text'"),
        (SECOND.replace(' type="Gene"', ""), "<entity> has no attribute 'type'"),
    ],
)  # fmt: skip
def test_a_broken_sentence_is_named(tmp_path, sentence, expected):
    with pytest.raises(CorpusError) as error:
        documents(tmp_path, sentence)
    assert expected in str(error.value)


def test_a_file_that_is_cut_off_is_an_error(tmp_path):
    (tmp_path / "corpus.xml").write_text(f"<bioinfer><sentences>{SECOND}")
    with pytest.raises(CorpusError, match="ends without </sentences>"):
        list(read(tmp_path / "corpus.xml"))
    with pytest.raises(CorpusError, match="holds no <sentence> elements"):
        documents(tmp_path)
