"""Reader of BioC in XML and JSON, and of the Variome corpus."""

import json
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora.documents import CorpusError, Mention
from corpora.readers.bioc import read, read_variome


def annotation(label, locations, text, role=""):
    return {
        "id": "1",
        "infons": {"type": label} | ({"CompositeRole": role} if role else {}),
        "text": text,
        "locations": [{"offset": offset, "length": length} for offset, length in locations],
    }


PASSAGES = [
    {"offset": 0, "text": "FIC1 & rats.", "annotations": [annotation("gene", [(0, 4)], "FIC1")]},
    {
        "offset": 20,  # a gap that the text does not keep
        "text": "Renal and hepatic \U0001f9ec failure.",
        "annotations": [
            annotation("disease", [(20, 27)], "Renal and hepatic \U0001f9ec failure", "CompositeMention"),
            annotation("disease", [(40, 7), (20, 5)], "Renal failure", "IndividualMention"),
            annotation("disease", [(40, 7), (20, 5)], "Renal failure"),
        ],
    },
]
TEXT = "FIC1 & rats.\nRenal and hepatic \U0001f9ec failure."
SENTENCES = [
    {
        "offset": 5,
        "sentences": [
            {"offset": 5, "text": "One FIC1.", "annotations": [annotation("gene", [(9, 4)], "FIC1")]},
            {"offset": 16, "text": "Two FIC2.", "annotations": [annotation("gene", [(20, 4)], "FIC2")]},
        ],
    }
]


def as_xml(passages, identifier="90"):
    def part(record, tag):
        inner = f"<infon key='x'>y</infon><offset>{record['offset']}</offset>\n"
        if "text" in record:
            inner += f"<text>{escape(record['text'])}</text>\n"
        for one in record.get("annotations", []):
            infons = "".join(f'<infon key="{k}">{escape(v)}</infon>' for k, v in one["infons"].items())
            places = "".join(f'<location offset="{p["offset"]}" length="{p["length"]}"/>' for p in one["locations"])
            inner += f'<annotation id="1">{infons}{places}<text>{escape(one["text"])}</text></annotation>\n'
        inner += "".join(part(sentence, "sentence") for sentence in record.get("sentences", []))
        return f"<{tag}>{inner}</{tag}>\n"

    body = "".join(part(passage, "passage") for passage in passages)
    head = "<?xml version='1.0' encoding='UTF-8'?>\n<!DOCTYPE collection SYSTEM 'BioC.dtd'>\n<collection>\n"
    return f"{head}<document>\n<id>{identifier}</id>\n{body}</document>\n</collection>\n"


def as_json(passages, identifier="90"):
    return json.dumps({"source": "x", "documents": [{"id": identifier, "passages": passages}]})


def documents(folder, content, name, reader=read):
    (folder / name).write_text(content)
    return list(reader(folder / name))


def names(document):
    return [(m.label, [document.text[start:end] for start, end in m.spans]) for m in document.mentions]


FORMS = pytest.mark.parametrize(("form", "name"), [(as_xml, "c.xml"), (as_json, "c.json")])


@FORMS
def test_passages(tmp_path, form, name, caplog):
    [document] = documents(tmp_path, form(PASSAGES), name)
    assert (document.id, document.pmid, document.text) == ("90", "", TEXT)
    assert names(document) == [
        ("gene", ["FIC1"]),
        ("disease", ["Renal and hepatic \U0001f9ec failure"]),
        ("disease", ["Renal", "failure"]),
    ]
    assert [m.composite for m in document.mentions] == [False, True, False]
    assert "text column" not in caplog.text


@FORMS
def test_sentences_hold_the_text_where_the_passage_has_none(tmp_path, form, name):
    [document] = documents(tmp_path, form([*SENTENCES, {"offset": 40, "text": "End."}]), name)
    assert document.text == "One FIC1. Two FIC2.\nEnd."
    assert names(document) == [("gene", ["FIC1"]), ("gene", ["FIC2"])]


@FORMS
def test_annotations_beside_sentences_that_hold_the_text_are_refused(tmp_path, form, name):
    beside = SENTENCES[0] | {"annotations": [annotation("gene", [(9, 4)], "FIC1")]}
    with pytest.raises(CorpusError, match=rf"{name}.* annotations stand beside sentences"):
        documents(tmp_path, form([beside]), name)


@FORMS
def test_annotations_of_sentences_in_a_passage_with_text(tmp_path, form, name):
    [document] = documents(tmp_path, form([SENTENCES[0] | {"text": "One FIC1.  Two FIC2."}]), name)
    assert document.text == "One FIC1.  Two FIC2."
    assert names(document) == [("gene", ["FIC1"]), ("gene", ["FIC2"])]


@FORMS
@pytest.mark.parametrize(
    ("locations", "label", "reason"),
    [
        ([(0, 13)], "gene", "span 0-13 is empty or outside of the text, which has 12 characters"),
        ([(3, 0)], "gene", "is empty"),
        ([(-1, 3)], "gene", "not both whole numbers"),
        ([(0, 4), (2, 4)], "gene", "overlap"),
        ([], "gene", "no infon 'type' or no location"),
        ([(0, 4)], "", "no infon 'type' or no location"),
        ([(0, 10**20)], "gene", "not both whole numbers|where int was due"),
    ],
)
def test_bad_annotations_are_named(tmp_path, form, name, locations, label, reason):
    passages = [PASSAGES[0] | {"annotations": [annotation(label, locations, "x")]}]
    with pytest.raises(CorpusError, match=reason) as error:
        documents(tmp_path, form(passages), name)
    place = f"{tmp_path}/c.xml:8: " if name == "c.xml" else f"{tmp_path}/c.json, document 90: "
    assert str(error.value).startswith(place)


@pytest.mark.parametrize(
    ("name", "old", "new", "reason"),
    [
        ("c.xml", "<id>90</id>", "", r"c\.xml:4: this <document> has no id"),
        ("c.xml", "<offset>20<", "<offset>x<", r"c\.xml:10: offset 'x' is no whole number"),
        ("c.xml", "&amp;", "&nbsp;", r"c\.xml:7: this <document> is no well-formed XML"),
        ("c.xml", "</collection>", "", r"the file ends without </collection>"),
        ("c.xml", "document", "doc", "holds no BioC documents"),
        ("c.json", '"90"', "null", r"c\.json: a document has the id None"),
        ("c.json", "documents", "docs", "'documents' is None, where list was due"),
        ("c.json", '"offset": 20', '"offset": true', "'offset' is True, where int was due"),
        ("c.json", '"locations"', '"location"', "'locations' is None"),
        ("c.json", '"FIC1 & rats."', "7", "'text' is 7, where str was due"),
        ("c.json", "}]}", "", r"c\.json:1: is no JSON"),
    ],
)
def test_bad_files_are_named(tmp_path, name, old, new, reason):
    content = (as_xml if name == "c.xml" else as_json)(PASSAGES)
    assert old in content
    with pytest.raises(CorpusError, match=reason):
        documents(tmp_path, content.replace(old, new), name)


def test_variome_texts_are_put_right(tmp_path, caplog):
    ignored = "** IGNORE LINE **\n" * 3
    annotations = [annotation("gene", [(54, 4)], "FIC1"), annotation("disease", [(63, 7)], "fictoma")]
    passages = [{"offset": 0, "text": f"{ignored}FIC1 \ufffd? b fictoma", "annotations": annotations}]
    [document] = documents(tmp_path, as_xml(passages, "999-04-Results-p01"), "c.xml", read_variome)
    assert (document.id, document.pmid, document.pmcid) == ("999-04-Results-p01", "", "999")
    assert document.text == "FIC1 ? b fictoma"
    assert names(document) == [("gene", ["FIC1"]), ("disease", ["fictoma"])]
    assert "text column" not in caplog.text
    passages[0]["annotations"] = [annotation("gene", [(0, 4)], "** I")]
    with pytest.raises(CorpusError, match="outside of the text"):
        documents(tmp_path, as_xml(passages), "c.xml", read_variome)


texts = st.text(st.characters(whitelist_categories=["L", "N", "So", "Po"]), min_size=1, max_size=10)


@given(st.lists(st.tuples(texts, st.integers(0, 9)), min_size=1, max_size=4), st.data())
def test_any_span_is_found_again_whatever_the_gaps(tmp_path_factory, pieces, data):
    passages, expected = [], []
    offset = base = 0
    for text, gap in pieces:
        start = data.draw(st.integers(0, len(text) - 1))
        end = data.draw(st.integers(start + 1, len(text)))
        found = annotation("X", [(offset + start, end - start)], text[start:end])
        passages.append({"offset": offset, "text": text, "annotations": [found]})
        expected.append(Mention("X", ((base + start, base + end),)))
        offset += len(text) + gap
        base += len(text) + 1
    for form, name in ((as_xml, "c.xml"), (as_json, "c.json")):
        [document] = documents(tmp_path_factory.getbasetemp(), form(passages), name)
        assert document.text == "\n".join(text for text, _ in pieces)
        assert list(document.mentions) == expected
