"""Readers of PubAnnotation's JSON and of tagtog's anndoc."""

import json
from html import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora.documents import CorpusError, Mention
from corpora.readers import pubannotation, tagtog

TEXT = "FIC1 localises to the nucleus \U0001f9ec of yeast.\n"
RECORD = {
    "text": TEXT,
    "sourcedb": "PubMed",
    "sourceid": "0090",
    "denotations": [
        {"id": "T1", "span": {"begin": 0, "end": 4}, "obj": "uniprot:P00000"},
        {"id": "T2", "span": {"begin": 22, "end": 29}, "obj": "go:GO:0005634"},
        {"id": "T3", "span": [{"begin": 35, "end": 40}, {"begin": 30, "end": 31}], "obj": "Organism"},
        {"id": "T4", "span": {"begin": 35, "end": 40}, "obj": "http://x.org/1"},
    ],
}
HTML = """<!DOCTYPE html >
<html id="x" data-origid="90" class="anndoc" xmlns="http://www.w3.org/1999/xhtml">
 <head><title>x-90</title></head>
 <body><article>
  <section data-type="title"><h2 id="s1h1">FIC1 &lt;<i>in</i>&gt; yeast \U0001f9ec.</h2></section>
  <section data-type="abstract"><h2 id="s2h1">Abstract</h2>
   <div class="content"><p id="s2p1">FIC2 is &quot;other&quot;.</p></div></section>
 </article></body>
</html>
"""
ANNOTATIONS = {
    "anncomplete": True,
    "sources": [{"name": "ORIG", "id": "7"}, {"name": "PMID", "id": "0090"}],
    "entities": [
        {"classId": "e_1", "part": "s2p1", "offsets": [{"start": 0, "text": "FIC2"}]},
        {"classId": "e_3", "part": "s1h1", "offsets": [{"start": 10, "text": "yeast"}, {"start": 0, "text": "FIC1"}]},
    ],
}


def read_record(folder, record):
    (folder / "abc.json").write_text(record if isinstance(record, str) else json.dumps(record))
    return list(pubannotation.read(folder))


def read_anndoc(folder, html=HTML, annotations=ANNOTATIONS):
    for name, content in (("texts/a.B-90.plain.html", html), ("json/a.B-90.ann.json", annotations)):
        if content is not None:
            (folder / name).parent.mkdir(exist_ok=True, parents=True)
            (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
    return list(tagtog.read(folder))


def names(document):
    return [(m.label, [document.text[start:end] for start, end in m.spans]) for m in document.mentions]


def test_pubannotation(tmp_path):
    [document] = read_record(tmp_path, RECORD)
    assert (document.id, document.pmid, document.pmcid, document.text) == ("PubMed-0090", "90", "", TEXT)
    assert names(document) == [
        ("uniprot", ["FIC1"]),
        ("go", ["nucleus"]),
        ("Organism", ["\U0001f9ec", "yeast"]),
        ("http://x.org/1", ["yeast"]),
    ]


def test_a_byte_order_mark_is_no_part_of_the_json(tmp_path):
    [document] = read_record(tmp_path, "\ufeff" + json.dumps({"text": "a"}))
    assert document.text == "a"


def test_pubannotation_lists_and_sources(tmp_path):
    more = [{"text": "a"}, RECORD | {"sourcedb": "PMC", "sourceid": 12, "divid": 3, "denotations": None}]
    assert [(d.id, d.pmid, d.pmcid, len(d.mentions)) for d in read_record(tmp_path, [RECORD, *more])] == [
        ("PubMed-0090", "90", "", 4),
        ("abc-1", "", "", 0),
        ("PMC-12-3", "", "12", 0),
    ]
    assert [d.id for d in read_record(tmp_path, {"text": ""})] == ["abc"]


def changed(**span_or_obj):
    return RECORD | {"denotations": [RECORD["denotations"][0] | span_or_obj]}


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("{\n]", r"abc\.json:2: is no JSON"),
        ("[" * 100000, r"abc\.json: is no JSON of a corpus \(it is nested too deeply\)"),
        ('{"text": ' + "9" * 5000 + "}", r"a number is too long"),
        ('{"text": "\\ud800"}', "holds half of a character"),
        ({"tex": ""}, "'text' is None, where str was due"),
        ([1], "'text' is None"),
        (changed(obj=""), "denotation 0: has an empty 'obj'"),
        (changed(obj=1), r"abc\.json, denotation 0: 'obj' is 1, where str was due"),
        (changed(span={"begin": 0, "end": 99}), r"denotation 0: span 0-99 is empty or outside of the text"),
        (changed(span={"begin": -1, "end": 2}), "'-1' and '2' are not both whole numbers"),
        (changed(span={"begin": 0, "end": 2.0}), "'end' is 2.0, where int was due"),
        (changed(span={"begin": False, "end": 2}), "'begin' is False"),
        (changed(span=[]), "'begin' is None"),
        (changed(span=[{"begin": 0, "end": 2}, {"begin": 1, "end": 3}]), "overlap"),
        ([RECORD, {}], r"abc\.json, document 1: 'text' is None"),
        ([], r"holds no \.json files with documents"),
    ],
)
def test_bad_pubannotation_is_named(tmp_path, record, reason):
    with pytest.raises(CorpusError, match=reason):
        read_record(tmp_path, record)


def test_tagtog(tmp_path, caplog):
    [document] = read_anndoc(tmp_path)
    assert (document.id, document.pmid) == ("a.B-90", "90")
    assert document.text == 'FIC1 <in> yeast \U0001f9ec.\nFIC2 is "other".'
    assert names(document) == [("e_1", ["FIC2"]), ("e_3", ["FIC1", "yeast"])]
    assert "text column" not in caplog.text


def entity(**changes):
    return ANNOTATIONS | {"entities": [ANNOTATIONS["entities"][0] | changes]}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"html": None}, r"90\.ann\.json: has no a\.B-90\.plain\.html"),
        ({"annotations": None}, r"90\.plain\.html: has no a\.B-90\.ann\.json"),
        ({"html": HTML.replace("</p>", "")}, r"90\.plain\.html:\d+: this <html> is no well-formed XML"),
        ({"html": HTML.replace("&lt;", "&nbsp;")}, r"90\.plain\.html:5: this <html> is no well-formed XML"),
        ({"html": HTML.replace("s2p1", "s3p1")}, "'s2p1' is not in"),
        ({"html": HTML.replace('"s2p1"', '"s1h1"')}, r"90\.plain\.html:7: part 's1h1' comes twice"),
        ({"html": HTML.replace("<i>", '<i id="s1p9">')}, r"90\.plain\.html:5: part 's1p9' comes twice or lies in"),
        ({"html": "<html><p>x</p></html>"}, "holds no elements with ids such as s1h1"),
        ({"annotations": entity(part="s9p1")}, r"90\.ann\.json, entity 0: part 's9p1' is not in the text"),
        ({"annotations": entity(part="s2h1")}, "part 's2h1' is not in the text"),
        (
            {"annotations": entity(offsets=[{"start": 14, "text": "FIC2"}])},
            "outside of the text, which has 16 characters",
        ),
        ({"annotations": entity(offsets=[{"start": 1, "text": ""}])}, "is empty"),
        ({"annotations": entity(offsets=[])}, "has no offsets"),
        ({"annotations": entity(classId=None)}, "'classId' is None, where str was due"),
        ({"annotations": {}}, "'entities' is None, where list was due"),
        ({"annotations": "["}, r"90\.ann\.json:1: is no JSON"),
    ],
)
def test_bad_tagtog_is_named(tmp_path, changes, reason):
    with pytest.raises(CorpusError, match=reason):
        read_anndoc(tmp_path, **changes)


def test_the_longest_number_that_python_reads_is_no_offset(tmp_path):
    text = json.dumps(ANNOTATIONS).replace('"start": 10', f'"start": {"9" * 4300}')
    with pytest.raises(CorpusError, match="'start' is 9999"):
        read_anndoc(tmp_path, annotations=json.loads(text))


def test_tagtog_text_that_differs_is_logged(tmp_path, caplog):
    read_anndoc(tmp_path, annotations=entity(offsets=[{"start": 0, "text": "FIC3"}]))
    assert "90.ann.json, entity 0: the text column says 'FIC3', the offsets 'FIC2'" in caplog.text


texts = st.text(st.characters(whitelist_categories=["L", "N", "So", "Po"]), min_size=1, max_size=10)


@given(texts, texts, st.data())
def test_any_span_is_found_again(tmp_path_factory, title, abstract, data):
    start = data.draw(st.integers(0, len(abstract) - 1))
    end = data.draw(st.integers(start + 1, len(abstract)))
    html = f'<html><h2 id="s1h1">{escape(title)}</h2><p id="s2p1">{escape(abstract)}</p></html>'
    folder = tmp_path_factory.getbasetemp() / "anndoc"
    [document] = read_anndoc(folder, html, entity(offsets=[{"start": start, "text": abstract[start:end]}]))
    base = len(title) + 1
    assert document.text == f"{title}\n{abstract}"
    assert document.mentions == (Mention("e_1", ((base + start, base + end),)),)
    record = {"text": abstract, "denotations": [{"span": {"begin": start, "end": end}, "obj": "X"}]}
    [document] = read_record(tmp_path_factory.getbasetemp() / "anndoc" / "texts", record)
    assert (document.text, document.mentions) == (abstract, (Mention("X", ((start, end),)),))


def test_files_of_an_anndoc_that_are_too_large_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(tagtog, "HELD_BYTES", 100)
    with pytest.raises(CorpusError, match="the files up to this one are too large"):
        read_anndoc(tmp_path)
