"""Reader of IeXML: structure, nested names, streams with and without a root, hostile XML."""

import gzip
import time
import tracemalloc
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora.documents import CorpusError
from corpora.readers import elements
from corpora.readers.iexml import read

TITLE = '<document><s id="1"><e id="X:1:T047:diso" ct="diso">Fictitis</e> in <e ct="livb">mice</e>.</s></document>'
NESTED = (
    '<document>\n<s id="2">Anti-<e id="X:1:T047:diso:1|X:2:T121:ched:1,2" ct="diso|ched"><w id="1">fictitis</w> '
    '<w id="2">serum</w></e> lowered <e id="X:9:T116:prge" ct="PRGE">FI<i>C</i>1</e>.</s>\n</document>'
)


def article(title=TITLE, abstract=NESTED, pmid="<PMID>9001</PMID>"):
    return (
        f"<PubmedArticle><MedlineCitation>{pmid}<Article><ArticleTitle>{title}</ArticleTitle>\n"
        f"<Abstract><AbstractText>{abstract}</AbstractText></Abstract></Article></MedlineCitation></PubmedArticle>\n"
    )


def documents(folder, content):
    (folder / "silver.xml").write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read(folder / "silver.xml"))


def names(document):
    return [(m.label, [document.text[start:end] for start, end in m.spans]) for m in document.mentions]


def test_text_and_nested_names(tmp_path):
    [document] = documents(tmp_path, article())
    assert (document.id, document.pmid) == ("9001", "9001")
    assert document.text == "Fictitis in mice.\nAnti-fictitis serum lowered FIC1."
    assert names(document) == [
        ("diso", ["Fictitis"]),
        ("livb", ["mice"]),
        ("diso", ["fictitis"]),
        ("ched", ["fictitis serum"]),
        ("prge", ["FIC1"]),
    ]


def test_shares_divide_the_articles(tmp_path):
    content = "".join(article(pmid=f"<PMID>{number}</PMID>") for number in range(1, 8))
    assert len(whole := documents(tmp_path, content)) == 7
    shares = [list(read(tmp_path / "silver.xml", share=(i, 3))) for i in range(3)]
    assert shares == [whole[i::3] for i in range(3)]
    assert list(read(tmp_path / "silver.xml", share=(7, 8))) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ('<e ct="ched|prge" id="a:b:c:ched|d:e:f:prge">ab cd</e>', [("ched", ["ab cd"]), ("prge", ["ab cd"])]),
        ('<e ct="ched|ched">ab</e>', [("ched", ["ab"])]),
        ('<e ct="diso"> ab </e>', [("diso", ["ab"])]),
        ('<e ct="diso"> </e><e ct="diso"/><e>ab</e><e ct="">ab</e>', []),
        ('<e ct="prge">a<e ct="ched">b</e>c</e>', [("prge", ["abc"]), ("ched", ["b"])]),
        (
            '<e ct="ched" id="a:b:c:ched:1,3"><w id="1">ab</w> <w id="2">cd</w> <w id="3">ef</w></e>',
            [("ched", ["ab", "ef"])],
        ),
        ('<e ct="ched" id="GO:1:b:c:ched:7"><w id="1">ab</w> cd</e>', [("ched", ["ab cd"])]),
        ('<e ct="ched" id="a:b:c:ched"><w id="1">ab</w> cd</e>', [("ched", ["ab cd"])]),
    ],
)
def test_names(tmp_path, name, expected):
    [document] = documents(tmp_path, article(f"<s>x {name} y &lt; &#945;</s>"))
    assert names(document)[: len(expected)] == expected
    assert len(document.mentions) == len(expected) + 3  # those of the abstract
    assert document.text.split("\n")[0].endswith(" y < \u03b1")


@pytest.mark.parametrize(
    ("title", "abstract", "text"),
    [
        ("<s>A.</s><s>B.</s>", "<document><s>C\n  d.</s>\n<s> E. </s></document>", "A. B.\nC   d. E."),
        ("<s>A.</s>", "", "A."),
        ("", "<s>C.</s>", "C."),
        ("Plain <i>title</i>.", "<s>C.<!-- no --><b>d</b>e</s>", "Plain title.\nC.de"),
        ("<s>A.</s>", "<s>B.</s></AbstractText><AbstractText><s>C.</s>", "A.\nB. C."),
    ],
)
def test_text_of_other_structures(tmp_path, title, abstract, text):
    [document] = documents(tmp_path, article(title, abstract))
    assert document.text == text


def test_root_declaration_doctype_and_concatenation_change_nothing(tmp_path):
    bare = "".join(article(pmid=f"<PMID>{n}</PMID>") for n in range(1, 4))
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE PubmedArticleSet SYSTEM "http://127.0.0.1:1/x.dtd">\n'
    rooted = f"{head}<PubmedArticleSet>\n{bare}</PubmedArticleSet>\n"
    expected = documents(tmp_path, bare)
    assert [d.id for d in expected] == ["1", "2", "3"]
    assert documents(tmp_path, rooted) == expected
    assert documents(tmp_path, rooted + head + "<PubmedArticleSet/>" + rooted) == expected * 2
    (tmp_path / "silver.xml.gz").write_bytes(gzip.compress(rooted.encode()))
    assert list(read(tmp_path / "silver.xml.gz")) == expected


def test_declared_encoding(tmp_path):
    content = '<?xml version="1.0" encoding="ISO-8859-1"?>\n' + article("<s>caf\u00e9</s>")
    assert documents(tmp_path, content.encode("latin-1"))[0].text.startswith("caf\u00e9\n")
    with pytest.raises(CorpusError, match=r"silver\.xml:1: encoding 'klingon' is unknown"):
        documents(tmp_path, content.replace("ISO-8859-1", "klingon"))


@pytest.mark.parametrize("size", [1, 7, 64])
def test_articles_cut_anywhere_by_the_buffer(tmp_path, monkeypatch, size):
    content = "<PubmedArticleSet>" + article() * 2 + "\n\n</PubmedArticleSet>"
    expected = documents(tmp_path, content)
    monkeypatch.setattr(elements, "_CHUNK", size)
    assert documents(tmp_path, content) == expected
    assert len(expected) == 2
    with pytest.raises(CorpusError, match=r"silver\.xml:12: the article has no PMID"):
        documents(tmp_path, content + "\n" + article(pmid=""))


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        (article() + article(pmid=""), 5, "has no PMID"),
        (article() + article(pmid="<PMID>12a</PMID>"), 5, "'12a'"),
        (article() + article("<s>A & b</s>"), 5, "no well-formed XML"),
        (article() + article(abstract="<s>\n<e>x</s>"), 7, "no well-formed XML"),
        (article() + article().replace("</PubmedArticle>", ""), 5, "ends within this <PubmedArticle>"),
        (article().replace("</PubmedArticle>", "") + article(), 8, "no well-formed XML"),
        (article() + "\n</PubmedArticle>", 6, "never opened"),
    ],
)
def test_malformed_articles_are_named(tmp_path, content, line, reason):
    with pytest.raises(CorpusError, match=reason) as error:
        documents(tmp_path, content)
    assert str(error.value).startswith(f"{tmp_path}/silver.xml:{line}: ")


def test_entity_bomb_and_external_entity_are_refused(tmp_path):
    (tmp_path / "secret").write_text("secret")
    lol = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    for declared in (f'<!ENTITY l0 "lol">{lol}', f'<!ENTITY l9 SYSTEM "file://{tmp_path}/secret">'):
        content = f"<!DOCTYPE x [{declared}]>\n" + article("<s>&l9;</s>")
        with pytest.raises(CorpusError, match=r"silver\.xml:2: .*l9"):
            documents(tmp_path, content)
        with pytest.raises(CorpusError, match="no well-formed XML"):
            documents(tmp_path, article(f"<!DOCTYPE x [{declared}]><s>&l9;</s>"))


def test_depth_and_size_are_limited(tmp_path, monkeypatch):
    with pytest.raises(CorpusError, match="no well-formed XML"):
        documents(tmp_path, article("<s>" + "<i>" * 2000 + "x" + "</i>" * 2000 + "</s>"))
    monkeypatch.setattr(elements, "DOCUMENT_BYTES", 1000)
    monkeypatch.setattr(elements, "_CHUNK", 100)
    with pytest.raises(CorpusError, match=r"silver\.xml:1: this <PubmedArticle> has more than 1000 bytes"):
        documents(tmp_path, article("<s>" + "x" * 2000 + "</s>"))


def test_no_articles(tmp_path):
    with pytest.raises(CorpusError, match="holds no <PubmedArticle>"):
        documents(tmp_path, "<PubmedArticleSet></PubmedArticleSet>")


def peak_memory(path, articles):
    path.write_text(article() * articles)
    tracemalloc.start()
    assert sum(1 for _ in read(path)) == articles
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_does_not_grow_with_the_number_of_articles(tmp_path, monkeypatch):
    monkeypatch.setattr(elements, "_CHUNK", 1 << 14)
    peak_memory(tmp_path / "silver.xml", 100)  # what is set up once
    few, many = (peak_memory(tmp_path / "silver.xml", articles) for articles in (200, 1000))
    assert many < 1.5 * few


words = st.text(st.characters(whitelist_categories=["L", "N", "So"]), min_size=1, max_size=6)


@given(st.lists(st.lists(st.tuples(words, st.sampled_from(["", "diso", "ched|prge"])), min_size=1), min_size=1))
def test_mentions_stand_where_they_were_marked(tmp_path_factory, sentences):
    marked = [[f'<e ct="{ct}">{escape(w)}</e>' if ct else escape(w) for w, ct in sentence] for sentence in sentences]
    body = "".join(f"<s>{' '.join(sentence)}</s>" for sentence in marked)
    [document] = documents(tmp_path_factory.getbasetemp(), article("<s>T</s>", body))
    assert document.text == "T\n" + " ".join(w for sentence in sentences for w, _ in sentence)
    expected = [(g, [w]) for sentence in sentences for w, ct in sentence for g in ct.split("|") if g]
    assert names(document) == expected


@pytest.mark.parametrize(
    ("groups", "identifiers"), [("diso", ":" * 3000 + "x"), ("|".join(f"g{n}" for n in range(20_000)), "")]
)
def test_long_attributes_take_linear_time(tmp_path, groups, identifiers):
    name = f'<e ct="{groups}" id="{identifiers}"><w id="1">fictitis</w></e>'
    begun = time.process_time()
    [document] = documents(tmp_path, article(title=f"<s>{name}</s>", abstract=""))
    assert time.process_time() - begun < 5
    assert len(document.mentions) == groups.count("|") + 1


def without_abstract(pmid):
    return article(pmid=f"<PMID>{pmid}</PMID>").replace("AbstractText", "OtherText")


def test_articles_without_an_abstract_are_passed_over_and_counted(tmp_path, caplog):
    kinds = [
        without_abstract if number % 3 == 0 else (lambda n: article(pmid=f"<PMID>{n}</PMID>")) for number in range(9)
    ]
    content = "".join(kind(number + 1) for number, kind in enumerate(kinds))
    whole = documents(tmp_path, content)
    assert [document.id for document in whole] == ["2", "3", "5", "6", "8", "9"]
    assert "3 articles without an abstract, passed over" in caplog.text
    assert [list(read(tmp_path / "silver.xml", share=(i, 4))) for i in range(4)] == [whole[i::4] for i in range(4)]
    with pytest.raises(CorpusError, match="holds 1 <PubmedArticle> elements without an abstract"):
        documents(tmp_path, without_abstract(1))


def test_few_broken_articles_are_passed_over_and_named(tmp_path, caplog):
    sound = "".join(article("<s>A.</s>", "<s>B.</s>", f"<PMID>{number}</PMID>") for number in range(1, 1001))
    broken = article("<s>&alpha;</s>")
    assert len(documents(tmp_path, sound + broken)) == 1000
    assert "is no well-formed XML" in caplog.text
    with pytest.raises(CorpusError, match="is no well-formed XML"):
        documents(tmp_path, sound + broken * 2)
    with pytest.raises(CorpusError, match="is no well-formed XML"):  # before the file's end
        next(document for document in read_of(tmp_path, broken * 12 + sound) if document.id == "1000")


def read_of(folder, content):
    (folder / "silver.xml").write_text(content)
    return read(folder / "silver.xml")


WORDS = '<w id="1">fictitis</w> <w id="2">serum</w>'


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ('ct="diso|ched" id="a:1:t:ched:1,2|b:2:t:diso:1"', [("diso", ["fictitis"]), ("ched", ["fictitis serum"])]),
        (
            'ct="ched|diso" id="a:1:t:ched:1,2|b:2:t:diso:1|c:3:t:diso:2"',
            [("diso", ["fictitis"]), ("ched", ["fictitis serum"]), ("diso", ["serum"])],
        ),
        ('ct="diso" id="a:1:t:diso:1|b:2:t:diso:1,2"', [("diso", ["fictitis"]), ("diso", ["fictitis serum"])]),
        ('ct="diso|ched" id="a:1:t::1|b:2:t::1,2"', [("diso", ["fictitis"]), ("ched", ["fictitis serum"])]),
        ('ct="diso|prge" id="a:1:t:diso:1"', [("diso", ["fictitis"]), ("prge", ["fictitis serum"])]),
        ('ct="DISO" id="a:1:t:DISO:2"', [("diso", ["serum"])]),
    ],
)
def test_words_belong_to_the_group_that_their_identifier_names(tmp_path, attributes, expected):
    [document] = documents(tmp_path, article(f"<s><e {attributes}>{WORDS}</e></s>", "<s>x</s>"))
    assert names(document) == expected
