"""Texts tagged with a trained tagger of a finished study."""

import shutil

import numpy as np
import pytest
from gensim.models import KeyedVectors

import tag_texts
from corpora.brat import third_column
from corpora.tokens import sentences
from model.batches import UNKNOWN, WordVectors
from model.bundle import load_bundle
from model.settings import ModelError
from model.tag import tag

pytestmark = pytest.mark.workflow
RUN = "results/runs/DISO/toy/transfer/share60/seed1"
TRAINED = "results/vectors/trained.bin"


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
    vectors = tag_texts.word_vectors(finished.folder / TRAINED, texts, 10)
    tagger = load_bundle(finished.folder / RUN, vectors)
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
    assert f"texts 2, mentions {total}" in capsys.readouterr().out


def test_words_beyond_the_data_set_have_their_vectors(finished, texts, tmp_path):
    data_set = WordVectors.load(finished.folder / "results/vectors/DISO/toy")
    trained = KeyedVectors.load_word2vec_format(finished.folder / TRAINED, binary=True)
    beyond = next(word for word in trained.index_to_key if word.islower() and data_set.row(word) == UNKNOWN)
    (texts / "a.txt").write_text(f"The {beyond}, {beyond.upper()}.", encoding="utf-8")
    vectors = tag_texts.word_vectors(finished.folder / TRAINED, texts, 10)
    assert np.array_equal(vectors.matrix[vectors.row(beyond)], trained[beyond])
    assert vectors.row(beyond.upper()) == vectors.row(beyond)
    assert np.array_equal(vectors.matrix[vectors.row("of")], data_set.matrix[data_set.row("of")])
    shutil.rmtree(texts / "more")
    (texts / "a.txt").write_text("Zzqxwwvv")  # no word with a vector
    assert tag_texts.main([str(finished.folder / RUN), str(texts), str(tmp_path / "none")]) == 0


def test_a_run_that_left_its_study_needs_the_file(finished, texts, tmp_path, capsys):
    run, file = shutil.copytree(finished.folder / RUN, tmp_path / "run"), finished.folder / TRAINED
    assert tag_texts.main([str(run), str(texts), str(tmp_path / "out")]) == 1
    assert "give the word2vec file as WORD_VECTORS" in capsys.readouterr().err
    assert tag_texts.main([str(run), str(texts), str(tmp_path / "out"), "--word-vectors", str(file)]) == 0
    assert tag_texts.main([str(finished.folder / RUN), str(texts), str(tmp_path / "same")]) == 0
    for path in (tmp_path / "out").iterdir():
        assert path.read_bytes() == (tmp_path / "same" / path.name).read_bytes()
    other = tmp_path / "other.bin"
    other.write_bytes(file.read_bytes() + b"\n")
    assert tag_texts.main([str(run), str(texts), str(tmp_path / "no"), "--word-vectors", str(other)]) == 1
    assert "give vectors of the same file" in capsys.readouterr().err


def test_the_vectors_of_a_source_and_given_ones_are_found(tmp_path):
    results, native = tmp_path / "results", tmp_path / "resources/native/word_vectors"
    source, run = results / "source/DISO/seed1", results / "runs/DISO/toy/baseline/share60/seed1"
    for place in ("silver", "toy"):
        (results / "vectors/DISO" / place).mkdir(parents=True)
    (results / "vectors/trained.bin").touch()
    (results / "vectors/DISO/silver/vectors.json").write_text('{"origin": "trained"}')
    (results / "vectors/DISO/toy/vectors.json").write_text('{"origin": "given"}')
    assert tag_texts.vectors_of(source) == results / "vectors/trained.bin"
    with pytest.raises(ModelError, match="are not found"):
        tag_texts.vectors_of(run)
    native.mkdir(parents=True)
    (native / "pubmed.bin").touch()
    assert tag_texts.vectors_of(run) == native / "pubmed.bin"
    for odd in ("x", "transfer/seed1", "runs/DISO", "source"):
        with pytest.raises(ModelError, match="are not found"):
            tag_texts.vectors_of(results / odd)
    for text in ("{", "{}", "[]", "null", "[" * 100_000):
        (results / "vectors/DISO/toy/vectors.json").write_text(text)
        with pytest.raises(ModelError, match=r"vectors\.json: no description of word vectors"):
            tag_texts.vectors_of(run)


def test_what_cannot_be_used_is_one_line_and_nothing_is_written(finished, texts, tmp_path, capsys):
    run, output = finished.folder / RUN, tmp_path / "out"
    for arguments, problem in (
        ((tmp_path / "none", texts, output), "no bundle"),
        ((run.parent / "seed9", texts, output), "no bundle"),
        ((run, tmp_path / "none", output), "there is no such file or folder; correct TEXTS"),
        ((run, texts, tmp_path), "is there already"),
        ((run, texts, texts / "out"), "would be read as texts the next time"),
        ((run, "", output), "TEXTS is empty"),
    ):
        assert tag_texts.main([*map(str, arguments)]) == 1
        told = capsys.readouterr().err
        assert problem in told and told.count("\n") == 1
    assert not output.exists()
