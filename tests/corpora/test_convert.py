"""Conversion of a corpus as fetched to one class in the project's Brat form."""

import logging

import pytest

from corpora.brat import read_brat, read_table
from corpora.convert import CorpusSpec, convert, labels_seen, read_documents
from corpora.documents import CorpusError

PUBTATOR = (
    "0011|t|Fictomycin and nausea.\n0011|a|Renal and hepatic failure.\n"
    "0011\t15\t21\tnausea\tDisease\tD\n0011\t0\t10\tFictomycin\tChemical\tD\n"
    "0011\t23\t48\tRenal and hepatic failure\tDisease\tD|E\tRenal failure|hepatic failure\n\n"
    "12|t|Nausea.\n12|a|None.\n12\t0\t6\tNausea\tSymptom\tD\n"
)


@pytest.fixture
def native(tmp_path):
    folder = tmp_path / "native"
    folder.mkdir()
    (folder / "corpus.txt").write_text(PUBTATOR)
    return folder


def brat_folder(tmp_path, documents):
    for name, (text, annotations) in documents.items():
        path = tmp_path / "brat" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_name(f"{path.name}.txt").write_text(text)
        path.with_name(f"{path.name}.ann").write_text(annotations)
    return tmp_path / "brat"


def test_labels_become_one_class(native, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    spec = CorpusSpec("pubtator", ("*.txt",), composite="drop")
    folder, table = tmp_path / "brat" / "c", tmp_path / "brat" / "c.tsv"
    counts = convert(native, spec, "DISO", ["Disease", "Symptom"], folder=folder, table=table)
    documents = list(read_brat(folder, table))
    assert [[d.text[m.start : m.end] for m in d.mentions] for d in documents] == [["nausea"], ["Nausea"]]
    assert {m.label for d in documents for m in d.mentions} == {"DISO"}
    assert [row.pmid for row in read_table(table)] == ["11", "12"]  # as other sources write them
    assert (counts["documents"], counts["mentions"], counts["composite"], counts["other_labels"]) == (2, 2, 1, 1)
    assert "2 documents, 2 mentions; left out: 1 other labels, 1 composite; " in caplog.text
    assert "Chemical 1" in caplog.text


PASSAGE = "<passage><offset>0</offset><text>Gout.</text></passage>"
FORMS = {
    "pubtator": "7|t|Gout.\n7|a|None.\n",
    "bioc": f"<collection><document><id>7</id>{PASSAGE}</document></collection>",
    "pubannotation": '{"text": "Gout.", "denotations": []}',
    "conll": "Gout O\n",
    "brat": "Gout.",
}


@pytest.mark.parametrize("form", FORMS)
def test_folders_and_files_name_splits(form, tmp_path):
    ending = {"bioc": "xml", "pubannotation": "json"}.get(form, "txt")

    def splits(*names):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(FORMS[form].replace("7", str(names.index(name))))
        return [document.split for document in read_documents(folder, CorpusSpec(form), {})]

    assert splits(f"Train/a.{ending}", f"devel/b.{ending}", f"more/c.{ending}") == ["train", "dev", ""]
    if form != "brat":  # there a file is a document
        assert splits(f"test.{form}.{ending}", f"train.{ending}") == ["test", "train"]
        assert splits(f"train/test.{ending}") == ["test"]


def test_several_classes_at_once(native):
    spec = CorpusSpec("pubtator")
    documents = list(read_documents(native, spec, {"Disease": "DISO", "Symptom": "DISO", "Chemical": "CHED"}))
    assert [m.label for m in documents[0].mentions] == ["CHED", "DISO", "DISO"]
    assert documents[1].text == "Nausea.\nNone."


@pytest.mark.parametrize("labels", [["Disease", "Symptom"], ["Disease", "Illness", "Ailment"]])
def test_one_label_of_several_that_never_occurs_is_a_warning(labels, native, tmp_path, caplog):
    convert(native, CorpusSpec("pubtator"), "DISO", labels, folder=tmp_path / "c", table=tmp_path / "c.tsv")
    told = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert told == [f"{native}: of the labels of DISO, Illness, Ailment occur nowhere in it"] * ("Illness" in labels)


def test_label_that_never_occurs_writes_nothing(native, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(CorpusError, match=r"label 'Desease' occurs nowhere in it; did you mean 'Disease'"):
        convert(
            native,
            CorpusSpec("pubtator"),
            "DISO",
            ["Desease"],
            folder=tmp_path / "c",
            table=tmp_path / "c.tsv",
        )
    assert sorted(tmp_path.rglob("*")) == before
    assert labels_seen(native, CorpusSpec("pubtator")) == {"Disease": 2, "Chemical": 1, "Symptom": 1}


@pytest.mark.parametrize("setting", ["format", "discontinuous", "overlapping", "composite"])
def test_unknown_names_get_the_nearest(native, setting):
    with pytest.raises(CorpusError, match=f"{setting} 'kepp' is unknown; did you mean"):
        list(read_documents(native, CorpusSpec(**{"format": "pubtator", setting: "kepp"}), {}))


def test_identifiers_out_of_names(tmp_path, caplog):
    names = ["P02406570A0466", "P00000012T0000", "BM001"]
    native = brat_folder(tmp_path, dict.fromkeys(names, ("x", "")))
    for pattern in (r"P0*(\d+)[A-Z]\d+", r"P(\d{8})[A-Z]\d{4}"):
        documents = read_documents(native, CorpusSpec("brat", pmid=pattern), {})
        assert {d.id: d.pmid for d in documents} == dict(zip(names, ["2406570", "12", ""], strict=True))
    documents = read_documents(native, CorpusSpec("brat", pmcid=r"BM(\d+)"), {})
    assert [(d.pmid, d.pmcid) for d in documents if d.pmcid] == [("", "1")]
    assert caplog.text == ""
    assert not any(d.pmid for d in read_documents(native, CorpusSpec("brat", pmid=r"P(\d{4})"), {}))  # the whole id
    caplog.clear()
    list(read_documents(native, CorpusSpec("brat", pmid=r"(\d+)"), {}))
    assert r"`pmid` ((\d+)) fits no document's id" in caplog.text


@pytest.mark.parametrize("pattern", ["(", r"P\d+.*", r"(P)\d+.*"])
def test_patterns_that_give_no_digits(tmp_path, pattern):
    native = brat_folder(tmp_path, {"P1": ("x", "")})
    with pytest.raises(CorpusError, match="`pmid`"):
        list(read_documents(native, CorpusSpec("brat", pmid=pattern), {}))


def test_policies_are_applied_and_counted(tmp_path):
    annotations = "T1\tX 0 2;6 8\tab gh\nT2\tY 4 7\tefg\n"
    native = brat_folder(tmp_path, {"train/a": ("abcdefgh", annotations)})
    spans = {}
    for discontinuous in ("hull", "first", "drop"):
        for overlapping in ("keep", "longest", "merge"):
            spec = CorpusSpec("brat", discontinuous=discontinuous, overlapping=overlapping)
            [document] = read_documents(native, spec, {"X": "PRGE", "Y": "PRGE"})
            spans[discontinuous, overlapping] = [m.spans[0] for m in document.mentions]
            assert document.split == "train"
    assert spans["hull", "keep"] == [(0, 8), (4, 7)]
    assert spans["hull", "longest"] == spans["hull", "merge"] == [(0, 8)]
    assert spans["first", "keep"] == spans["first", "merge"] == [(0, 2), (4, 7)]
    assert spans["drop", "keep"] == [(4, 7)]
