"""Every reader on mutated files: right documents or one named error, never anything else."""

import io
import random
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpora.documents import CorpusError
from corpora.readers import READERS

# One tiny corpus in each format, files by name.
CORPORA: dict[str, dict[str, str]] = {
    "azdc": {
        "a.txt": "Id\tDoc Id\tSentence No.\tSentence\tStart Point\tEnd Point\tPhrase\n"
        "1\t90\t1\tMild fictitis .\t6\t13\tfictitis\n2\t90\t2\tNone .\n"
    },
    "bc2gm": {
        "train.in": "P00009001A0120 Induction of FIC 1 by fic-kinase.\nP00009002T0000 Nothing here.\n",
        "GENE.eval": "P00009001A0120|11 14|FIC 1\nP00009001A0120|17 26|fic-kinase\n",
        "x.idmap": "P00009003A0120 BC2GM01\n",
    },
    "bioc": {
        "a.xml": "<collection><document><id>90-p01</id><passage><offset>7</offset><text>FIC1 &lt; in rats.</text><annotation>"
        '<infon key="type">gene</infon><location offset="7" length="4"/><location offset="12" length="1"/><text>FIC1</text>'
        "</annotation></passage></document></collection>",
        "b.json": '{"documents":[{"id":"91","passages":[{"offset":0,"text":"FIC1.","annotations":[{"infons":{"type":"gene"},'
        '"text":"FIC1","locations":[{"offset":0,"length":4}]}]}]}]}',
    },
    "bioinfer": {
        "a.xml": '<bioinfer><sentences><sentence id="s.1" PMID="90" origText="FIC1-2 &lt; in rats."><token id="t.1.0">'
        '<subtoken id="st.1.0.0" text="FIC"/><subtoken id="st.1.0.1" text="1"/><subtoken id="st.1.0.2" text="-2"/></token>'
        '<token id="t.1.1"><subtoken text="&lt;"/></token><entity id="e.1.0" type="P"><nestedsubtoken id="st.1.0.0"/>'
        '<nestedsubtoken id="st.1.0.2"/></entity></sentence></sentences></bioinfer>'
    },
    "biosemantics": {
        "Full_set/P/P_0001.txt": "Ethyl-\nmethane and NaOH.\n",
        "Full_set/P/P_0001.ann": "T1\tM 0 14\tEthyl- methane\nT2\tF 19 24\tNaOH\nT3\tG 0 5;7 14\tEthyl ... methane\nT4\tM 3 3\t\n",
    },
    "brat": {"a.txt": "Fictitis in mice \u03b1.\n", "a.ann": "T1\tDISO 0 8\tFictitis\nT2\tLIVB 9 11;12 16\tin mice\n"},
    "chemdner": {
        "x_text.txt": "CN1A\tFic salts\tA salt of fictazole.\n",
        "x_gold_standard_train.tsv": "CN1A\tT\t0\t3\tFic\tFAMILY\nCN1A\tA\t10\t19\tfictazole\tTRIVIAL\n",
    },
    "conll": {"train.tsv": "FIC\tB-P\n1\tI-P\nbinds\tO\n\nMice\tS-X\n.\tO\n"},
    "deca": {"text/90.txt": "FIC1 and FIC2.\n", "gold.txt": "90.txt\t0\t4\tFIC1\t9606\n90.txt\t9\t13\tFIC2\t9606\n"},
    "iexml": {
        "a.xml": "<PubmedArticle><MedlineCitation><PMID>9001</PMID><Article><ArticleTitle><s>"
        '<e id="a:1:T:diso:1|b:2:T:ched:1,2" ct="diso|ched"><w id="1">fictitis</w> <w id="2">serum</w></e>'
        "</s></ArticleTitle></Article></MedlineCitation></PubmedArticle>\n"
    },
    "linnaeus": {
        "txt/pmcA90.txt": "Of mice \u2009and men.\n",
        "tags.tsv": "#species id\tdocument\tstart\tend\ttext\tcode\nspecies:ncbi:10090\tpmcA90\t3\t7\tmice\t\n",
    },
    "mirna": {
        "a.xml": '<corpus><document id="X.d0" origId="90"><sentence origId="90.s1" text="FIC1 in rats.">'
        '<entity text="FIC1" type="Genes/Proteins" charOffset="0-3"/></sentence><sentence origId="90.s0" text="A."/>'
        "</document></corpus>"
    },
    "mmax": {
        "x/p1/Basedata.uri": "90\n",
        "x/p1/Basedata/Basedata.xml": '<words><word id="word_1">FIC1</word><word id="word_2">binds</word></words>',
        "x/p1/Markables/sentence.xml": '<markables><markable span="word_1..word_2"/></markables>',
        "x/p1/Markables/proteins.xml": '<markables><markable span="word_1" proteins="protein"/></markables>',
    },
    "ppi_xml": {
        "a.xml": '<?xml version="1.0" encoding="UTF-8"?>\n<corpus><document id="B.d0" origId="90"><sentence text="One &lt; or two FIC">'
        '<entity charOffset="0-3,13-16" text="One FIC" type="P"/></sentence></document><document id="C"/></corpus>'
    },
    "pubannotation": {
        "a.json": '{"text":"FIC1 in \\u03b1 yeast.","sourcedb":"PubMed","sourceid":"90","divid":1,"denotations":'
        '[{"span":{"begin":0,"end":4},"obj":"uniprot:P0"},{"span":[{"begin":5,"end":7},{"begin":10,"end":15}],"obj":"X"}]}'
    },
    "pubtator": {"a.txt": "9001|t|Fictomycin.\n9001|a|Renal and hepatic.\n9001\t0\t10\tFictomycin\tChemical\tD01\n\n"},
    "s800": {
        "abstracts/species1.txt": "Mice and S. fictivisae.\n",
        "S800.tsv": "10090\tspecies1:9001\t0\t3\tMice\n4932\tspecies1:9001\t9\t21\tS. fictivisae\n",
        "pubmedid.tsv": "species1\tPMID:9001\tmed\n",
    },
    "tagtog": {
        "x-90.plain.html": '<!DOCTYPE html >\n<html xmlns="http://www.w3.org/1999/xhtml"><body><section>'
        '<h2 id="s1h1">FIC1 &lt; in yeast.</h2></section></body></html>\n',
        "x-90.ann.json": '{"sources":[{"name":"PMID","id":"90"}],"entities":[{"classId":"e_1","part":"s1h1",'
        '"offsets":[{"start":0,"text":"FIC1"},{"start":7,"text":"in"}]}]}',
    },
    "variome": {
        "a.xml": "<collection><document><id>90-p01</id><passage><offset>7</offset><text>** IGNORE LINE **\nFIC1 \ufffd? ** in rats.</text><annotation>"
        '<infon key="type">gene</infon><location offset="25" length="4"/><location offset="30" length="1"/><text>FIC1</text>'
        "</annotation></passage></document></collection>"
    },
}
PIECES = [b"", b"\0", b"\n", b"\t", b"|", b" ", b";", b"<", b">", b"&l;", b'"', b"{", b"}", b"[", b"]", b"-1", b"99",
          b"9" * 5000, b"\xff", b"\xed\xa0\x80", b"\\ud800", b"\xe2\x80\xa8", b"null", b"<!ENTITY a 'b'>", b"../x", b"1e9"]  # fmt: skip


def test_every_reader_is_tested():
    assert sorted(CORPORA) == sorted(READERS)


def packed(files):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def checked(documents):
    for document in documents:
        assert document.id
        document.text.encode()
        assert not document.pmid or (document.pmid.isascii() and document.pmid.isdigit())
        assert not document.pmcid or (document.pmcid.isascii() and document.pmcid.isdigit())
        for mention in document.mentions:
            assert mention.label
            assert mention.spans == tuple(sorted(mention.spans))
            borders = [border for span in mention.spans for border in span]
            assert 0 <= borders[0] <= borders[-1] <= len(document.text)
            assert all(start < end for start, end in mention.spans)
            assert all(a[1] <= b[0] for a, b in zip(mention.spans, mention.spans[1:], strict=False))
        yield document


@pytest.mark.parametrize("name", sorted(CORPORA))
def test_the_corpora_themselves_are_read(tmp_path, name):
    (tmp_path / "corpus.zip").write_bytes(packed(CORPORA[name]))
    documents = list(checked(READERS[name](tmp_path / "corpus.zip", ("*",))))
    assert sum(len(document.mentions) for document in documents) >= 1


@pytest.mark.parametrize("name", sorted(CORPORA))
@settings(max_examples=500)
@given(seed=st.integers(0, 2**64))
def test_mutated_corpora_are_read_or_refused_by_name(tmp_path_factory, name, seed):
    draw = random.Random(seed)
    files = {file: content.encode() for file, content in CORPORA[name].items()}
    for _ in range(draw.randint(1, 3)):
        file = draw.choice(sorted(files))
        content = files[file]
        start = draw.randint(0, len(content))
        end = min(len(content), start + draw.choice([0, 0, 1, 1, 2, 10, 10**6]))
        files[file] = content[:start] + draw.choice(PIECES) + content[end:]
    source = tmp_path_factory.getbasetemp() / f"{name}.zip"
    source.write_bytes(packed(files))
    try:
        list(checked(READERS[name](source, ("*",))))
    except CorpusError as error:
        assert str(error).startswith(str(source))
        assert "\n" not in str(error)
