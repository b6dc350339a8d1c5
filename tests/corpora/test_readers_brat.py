"""Reader of Brat standoff."""

import gzip
import zipfile

import pytest

from corpora.documents import CorpusError, Mention
from corpora.readers import brat, standoff
from corpora.readers.brat import read


def corpus(folder, **files):
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def only(folder, text, annotations):
    [document] = read(corpus(folder, one_txt=text, one_ann=annotations))
    return document


def test_mentions_of_all_labels_and_ignored_lines(tmp_path):
    annotations = (
        "T1\tDisease 0 5;12 17\tflufo fever\nR1\tX Arg1:T1 Arg2:T2\nE1\tX:T1\nA1\tNeg T1\n#1\tNote T1\thi\n"
        "*\tEquiv T1 T2\nN1\tRef T1 X:1\tx\n\nT2\tGene 18 21\tFIX\r\n"
    )
    document = only(tmp_path, "flufo, nasty fever FIX", annotations.replace("12 17", "13 18").replace("18 21", "19 22"))
    assert document.id == "one"
    assert document.mentions == (Mention("Disease", ((0, 5), (13, 18))), Mention("Gene", ((19, 22),)))
    assert (document.pmid, document.pmcid, document.split) == ("", "", "")


def test_offsets_count_byte_order_mark_carriage_returns_and_wide_characters(tmp_path):
    text = "\ufeffa\r\n\U0001f9ecb\u2028c\x85d\x0bGEN"
    document = only(tmp_path, text, f"T1\tG {len(text) - 3} {len(text)}\tGEN\nT2\tG 4 6\t\U0001f9ecb\n")
    assert document.text == text
    assert [text[m.start : m.end] for m in document.mentions] == ["GEN", "\U0001f9ecb"]


def test_a_text_column_may_hold_a_tab(tmp_path, caplog):
    assert only(tmp_path, "a\tb", "T1\tX 0 3\ta\tb\n").mentions == (Mention("X", ((0, 3),)),)
    assert caplog.text == ""


def test_a_file_that_is_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(standoff, "DOCUMENT_BYTES", 7)
    assert only(tmp_path, "a" * 7, "").text == "a" * 7
    with pytest.raises(CorpusError, match=r"one\.txt: has more than 7 bytes; cut it into parts"):
        only(tmp_path, "a" * 8, "")


def test_split_is_the_name_of_the_folder(tmp_path):
    names = {"train": "train", "valid": "dev", "Dev": "dev", "devel": "dev", "test": "test", "other": ""}
    for number, folder in enumerate(names):
        corpus(tmp_path / "c" / folder, **{f"d{number}_txt": "x", f"d{number}_ann": ""})
    splits = {document.id: document.split for document in read(tmp_path)}
    assert splits == {f"d{number}": split for number, split in enumerate(names.values())}


def test_text_column_that_differs_is_logged_and_the_offsets_win(tmp_path, caplog):
    document = only(tmp_path, 'a "b" c', 'T1\tX 0 5\ta  b \nT2\tX 0 5\ta    "b"\n')
    assert [m.spans for m in document.mentions] == [((0, 5),)] * 2
    assert f"{tmp_path}/one.ann:1: the text column says" in caplog.text
    assert "1 of 2 mentions have a text column that differs" in caplog.text


def test_parts_of_a_mention_may_touch(tmp_path):
    assert only(tmp_path, "abcdefg", "T1\tX 2 4;0 2\tab cd\n").mentions[0].spans == ((0, 2), (2, 4))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("T1\tX 0 99\tabc", "outside of the text, which has 7 characters"),
        ("T1\tX 3 3\t", "span 3-3 is empty"),
        ("T1\tX 4 2\tabc", "span 4-2 is empty"),
        ("T1\tX -1 2\tabc", "not both whole numbers"),
        ("T1\tX 0 \u0662\tabc", "not both whole numbers"),
        ("T1\tX 0 1.5\tabc", "not both whole numbers"),
        ("T1\tX 0 2;1 3\tabc", "overlap"),
        ("T1\tX 0 2", "does not read as"),
        ("T1 X 0 2 ab", "does not read as"),
        ("T1\tX\tab", "does not read as"),
        ("T1\t 0 2\tab", "does not read as"),
        ("garbage", "no Brat annotation"),
    ],
)
def test_bad_lines_are_named(tmp_path, line, reason):
    with pytest.raises(CorpusError, match=reason) as error:
        only(tmp_path, "abcdefg", f"T0\tX 0 1\ta\n{line}\n")
    assert str(error.value).startswith(f"{tmp_path}/one.ann:2: ")


def test_bytes_that_are_not_utf8(tmp_path):
    with pytest.raises(CorpusError, match=r"one\.txt: byte 2 \(0xff\) is not UTF-8"):
        only(tmp_path, b"ab\xff", "")
    with pytest.raises(CorpusError, match=r"one\.ann: byte 0"):
        only(tmp_path, "ab", b"\xfe")


def test_lone_halves(tmp_path, caplog):
    corpus(tmp_path, a_txt="text", b_txt="other", b_ann="T1\tX 0 1\to\n")
    assert [(d.id, len(d.mentions)) for d in read(tmp_path)] == [("b", 1), ("a", 0)]
    assert "1 texts without an .ann file" in caplog.text
    corpus(tmp_path, c_ann="")
    with pytest.raises(CorpusError, match=r"c\.ann: has no \.txt"):
        list(read(tmp_path))


def test_gzipped_halves_find_each_other(tmp_path):
    for name, content in {"a.txt": b"text", "a.ann": b"T1\tX 0 4\ttext\n"}.items():
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content))
    assert [(d.id, len(d.mentions)) for d in read(tmp_path)] == [("a", 1)]


def test_halves_that_lie_too_far_apart_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(brat, "HELD_BYTES", 20)
    names = [f"{number}.{half}" for half in ("txt", "ann") for number in range(3)]
    with zipfile.ZipFile(tmp_path / "far.zip", "w") as archive:
        for name in names:
            archive.writestr(name, "some text" if name.endswith(".txt") else "")
    with pytest.raises(CorpusError, match=r"2\.txt: the files .* without their other half have more than 20 bytes"):
        list(read(tmp_path / "far.zip"))
    with zipfile.ZipFile(tmp_path / "near.zip", "w") as archive:
        for name in sorted(names):
            archive.writestr(name, "some text" if name.endswith(".txt") else "")
    assert len(list(read(tmp_path / "near.zip"))) == 3


def test_same_id_twice(tmp_path):
    corpus(tmp_path, train__a_txt="x", train__a_ann="", test__a_txt="x", test__a_ann="")
    with pytest.raises(CorpusError, match=r"train/a\.txt: document 'a' is already at .*test/a\.txt"):
        list(read(tmp_path))
    assert [d.split for d in read(tmp_path, ["train/*"])] == ["train"]


def test_no_texts(tmp_path):
    corpus(tmp_path, a_xml="")
    with pytest.raises(CorpusError, match=r"holds no \.txt files"):
        list(read(tmp_path))
