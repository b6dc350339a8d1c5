"""Texts tagged with a trained tagger of a finished study."""

import json

import numpy as np
import pytest

import tag_texts
from corpora.brat import third_column
from corpora.tokens import sentences
from model.batches import WordVectors
from model.bundle import load_bundle
from model.tag import tag

pytestmark = pytest.mark.workflow
RUN = "results/runs/DISO/toy/transfer/share60/seed1"


@pytest.fixture
def texts(finished, tmp_path):
    """Two texts of the study's corpus, one in a folder of the other."""
    folder = tmp_path / "texts"
    (folder / "more").mkdir(parents=True)
    first, second, *_ = sorted((finished.folder / "results/brat/DISO/toy").glob("*.txt"))
    (folder / "a.txt").write_bytes("\ufeff".encode() + first.read_bytes())
    (folder / "more/b.txt").write_bytes(second.read_bytes() + "\nNaïve 𝛼-words, 12 of them.\n".encode())
    return folder


def annotations(path):
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    return [(row[1].split(" ")[0], *map(int, row[1].split(" ")[1:]), row[2]) for row in rows]


def test_mentions_stand_beside_their_texts(finished, texts, tmp_path, capsys):
    output = tmp_path / "out"
    assert tag_texts.main([str(finished.folder / RUN), str(texts), str(output)]) == 0
    assert sorted(path.name for path in output.iterdir()) == ["a.ann", "a.txt", "more-b.ann", "more-b.txt"]
    vectors = finished.folder / "results/vectors/DISO"
    tagger = load_bundle(finished.folder / RUN, WordVectors(vectors / "words.txt", vectors / "vectors.npy"))
    total = 0
    for name, source in (("a", texts / "a.txt"), ("more-b", texts / "more/b.txt")):
        text = source.read_text(encoding="utf-8-sig")
        assert (output / f"{name}.txt").read_text(encoding="utf-8") == text
        found = annotations(output / f"{name}.ann")
        assert all(label == "DISO" and third_column(text[start:end]) == words for label, start, end, words in found)
        cut = sentences(text)
        tags = tag(tagger, [[text[start:end] for start, end in sentence] for sentence in cut])
        begins = [
            token.start
            for own, marks in zip(cut, tags, strict=True)
            for token, mark in zip(own, marks, strict=True)
            if mark[0] in "BS"
        ]
        assert set(begins) <= {start for _, start, _, _ in found}
        total += len(found)
    assert f"{total} mentions in 2 texts" in capsys.readouterr().out


def test_words_beyond_the_corpora_have_their_vectors(finished, texts, tmp_path, capsys):
    folder = tmp_path / "vectors"
    folder.mkdir()
    kept = (finished.folder / "results/vectors/DISO/words.txt").read_text(encoding="utf-8").split()
    matrix = np.load(finished.folder / "results/vectors/DISO/vectors.npy")
    rows = [f"{word} {' '.join(map(repr, row.tolist()))}" for word, row in zip(kept, matrix, strict=True)]
    new = "naïve " + " ".join(["0.5"] * matrix.shape[1])
    (tmp_path / "all.txt").write_text("\n".join([*rows, new, ""]), encoding="utf-8")
    for name in ("words.txt", "vectors.npy"):
        (folder / name).write_bytes((finished.folder / "results/vectors/DISO" / name).read_bytes())
    sha256 = tag_texts.read_word2vec(tmp_path / "all.txt", set(), matrix.shape[1]).sha256
    (folder / "vectors.json").write_text(json.dumps({"sha256": sha256}))
    own = WordVectors(folder / "words.txt", folder / "vectors.npy")
    more = tag_texts.with_words_of(own, folder, tmp_path / "all.txt", texts)
    assert own.row("Naïve") == -1
    assert more.matrix[more.row("Naïve")].tolist() == [0.5] * matrix.shape[1]
    assert (more.sha256, own.row("of")) == (own.sha256, more.row("of"))
    arguments = [str(finished.folder / RUN), str(texts), str(tmp_path / "out.zip"), "--vectors", str(folder)]
    assert tag_texts.main([*arguments, "--word-vectors", str(tmp_path / "all.txt")]) == 0
    assert (tmp_path / "out.zip").exists()
    (folder / "vectors.json").write_text(json.dumps({"sha256": "0"}))
    arguments[2] = str(tmp_path / "other.zip")
    assert tag_texts.main([*arguments, "--word-vectors", str(tmp_path / "all.txt")]) == 1
    assert "not the file that" in capsys.readouterr().err


def test_what_cannot_be_used_is_one_line_and_nothing_is_written(finished, texts, tmp_path, capsys):
    run, output = finished.folder / RUN, tmp_path / "out"
    for arguments, problem in (
        ((tmp_path / "none", texts, output), "its word vectors are not in its study"),
        ((run.parent / "seed9", texts, output), "no bundle"),
        ((run, tmp_path / "none", output), "there is no such file or folder"),
        ((run, texts, tmp_path), "is there already"),
        ((run, texts, texts / "out"), "would be read as texts the next time"),
        ((run, "", output), "TEXTS is empty"),
    ):
        assert tag_texts.main([*map(str, arguments)]) == 1
        told = capsys.readouterr().err
        assert problem in told and told.count("\n") == 1
    assert not output.exists()
