"""Reader of MMAX2 projects."""

import pytest

from corpora.documents import CorpusError
from corpora.readers import mmax
from corpora.readers.mmax import read

MARKABLES = (
    '<?xml version="1.0"?>\n<!DOCTYPE markables SYSTEM "markables.dtd">\n'
    '<markables xmlns="www.eml.org/NameSpaces/x">\n{}\n</markables>\n'
)
PROJECT = {
    "Basedata.uri": "0090\n",
    "Basedata/Basedata.xml": "<!DOCTYPE words SYSTEM 'words.dtd'>\n<words>\n"
    + "".join(f'<word id="word_{n}">{w}</word>\n' for n, w in enumerate(["FIC1", "&lt;", "FIC2", ".", "Mice", "."], 1))
    + "</words>\n",
    "Markables/sentence.xml": MARKABLES.format(
        '<markable id="markable_2" span="word_5..word_6"/>\n<markable id="markable_1" span="word_1..word_4"/>'
    ),
    "Markables/proteins.xml": MARKABLES.format(
        '<markable id="markable_7" span="word_1" proteins="protein"/>\n'
        '<markable id="markable_8" span="word_3..word_4,word_1" proteins="protein_enum"></markable>'
    ),
    "Markables/other.xml": "rubbish",
}


def projects(folder, **changes):
    for name, content in {**PROJECT, **changes}.items():
        path = folder / "fsu" / "Genes_x" / "mmax" / "p1" / name
        path.parent.mkdir(exist_ok=True, parents=True)
        if content is not None:
            path.write_text(content)
    return list(read(folder))


def test_words_are_joined_and_markables_found(tmp_path):
    [document] = projects(tmp_path)
    assert (document.id, document.pmid) == ("Genes_x-p1", "90")
    assert document.text == "FIC1 < FIC2 .\nMice ."
    assert [(m.label, [document.text[a:b] for a, b in m.spans]) for m in document.mentions] == [
        ("protein", ["FIC1"]),
        ("protein_enum", ["FIC1", "FIC2 ."]),
    ]


def test_incomplete_projects_are_passed_over_and_logged(tmp_path, caplog):
    with pytest.raises(CorpusError, match="holds no whole MMAX2 project"):
        projects(tmp_path, **{"Basedata.uri": None})
    assert "project fsu/Genes_x/mmax/p1 has no Basedata.uri and is passed over" in caplog.text


@pytest.mark.parametrize(
    ("name", "old", "new", "reason"),
    [
        ("Markables/proteins.xml", "word_1", "word_9", r"proteins\.xml:4: span 'word_9\.\.word_9' is not of words"),
        ("Markables/proteins.xml", "word_3..word_4", "word_4..word_3", r"proteins\.xml:5: span 'word_4\.\.word_3'"),
        ("Markables/proteins.xml", "word_3..word_4", "word_1..word_3", r"proteins\.xml:5: spans .* overlap"),
        (
            "Markables/proteins.xml",
            ' proteins="protein"',
            "",
            r"proteins\.xml:4: a markable has no attribute 'proteins'",
        ),
        ("Markables/sentence.xml", "word_5", "", r"sentence\.xml:4: span"),
        ("Markables/sentence.xml", "</markables>", "", "ends without </markables>"),
        ("Basedata/Basedata.xml", "&lt;", "", r"Basedata\.xml:4: a word has no id or no text"),
        ("Basedata/Basedata.xml", "word_2", "word_1", "two words have one id"),
        ("Basedata/Basedata.xml", "&lt;", "&nope;", r"Basedata\.xml:4: this <word> is no well-formed XML"),
    ],
)
def test_bad_projects_are_named(tmp_path, name, old, new, reason):
    assert old in PROJECT[name]
    with pytest.raises(CorpusError, match=reason):
        projects(tmp_path, **{name: PROJECT[name].replace(old, new)})


def test_a_few_broken_projects_are_passed_over_and_logged(tmp_path, caplog):
    def write(name, files):
        for file, content in files.items():
            path = tmp_path / "fsu" / "Genes_x" / "mmax" / name / file
            path.parent.mkdir(exist_ok=True, parents=True)
            path.write_text(content)

    for number in range(98):
        write(f"p{number}", PROJECT)
    write("q1", PROJECT | {"Markables/proteins.xml": "<markables><markable"})
    write("q2", PROJECT | {"Markables/sentence.xml": PROJECT["Markables/sentence.xml"].replace("word_5", "word_9")})
    assert len(list(read(tmp_path))) == 98
    for reason in (r"proteins.xml:1: the file ends without", r"sentence.xml:4: span 'word_9..word_6' is not"):
        assert reason in caplog.text
    assert "project fsu/Genes_x/mmax/q2 is passed over" in caplog.text
    write("q3", PROJECT | {"Basedata/Basedata.xml": "rubbish"})
    with pytest.raises(CorpusError, match=r"q1/Markables/proteins\.xml:1"):
        list(read(tmp_path))


def test_projects_that_stay_unfinished_do_not_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(mmax, "HELD_BYTES", sum(len(text) for text in PROJECT.values()))
    assert projects(tmp_path / "whole")
    for number in range(3):
        path = tmp_path / f"lone/{number}/mmax/p/Basedata/Basedata.xml"
        path.parent.mkdir(parents=True)
        path.write_text(PROJECT["Basedata/Basedata.xml"] + " " * 400)
    with pytest.raises(CorpusError, match=r"Basedata\.xml: the unfinished projects up to this file have more than"):
        list(read(tmp_path / "lone"))
