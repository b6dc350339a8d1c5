"""Look-up order, formats and errors of word vectors, and training that a seed fixes."""

import gzip
import hashlib
import json
import os
import struct
import subprocess
import sys
import tracemalloc
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from gensim.models import KeyedVectors

from corpora import word2vec
from corpora.conll import Sentence, write_conll
from corpora.documents import CorpusError
from corpora.tokens import Token
from corpora.train_vectors import train_word_vectors
from corpora.vectors import lookup_order, select_word_vectors
from corpora.word2vec import read_word2vec

WORDS = ["Foo", "foo", "bar", "P00", "p00", "x0", "unused", "é"]


def conll(path, *sentences):
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for words in sentences:
            starts = count(0, 100)
            offsets = tuple(Token(start, start + len(word)) for word, start in zip(words, starts, strict=False))
            write_conll([Sentence("1", tuple(words), offsets, ("O",) * len(words))], file)
    return path


def text_rows():
    return "".join(f"{word} {number}.5 -{number}\n" for number, word in enumerate(WORDS, start=1)).encode()


def binary_file():
    rows = (w.encode() + b" " + struct.pack("<2f", n + 0.5, -n) + b"\n" for n, w in enumerate(WORDS, start=1))
    return f"{len(WORDS)} 2\n".encode() + b"".join(rows)


FILES = {
    "plain.txt": text_rows(),
    "headed.vec": b"8 2\n" + text_rows(),
    "marked.txt": b"\xef\xbb\xbf8 2\n" + text_rows(),
    "packed.txt.gz": gzip.compress(text_rows()),
    "binary.bin": binary_file(),
    "packed.bin.gz": gzip.compress(binary_file()),
    "PACKED.BIN.GZ": gzip.compress(binary_file()),
    "packed_all_the_same": gzip.compress(text_rows()),
}


@pytest.mark.parametrize("name", FILES)
def test_words_are_kept_by_the_first_hit_of_their_look_up(tmp_path, name):
    (tmp_path / name).write_bytes(FILES[name])
    one = conll(tmp_path / "a.tsv", ["Foo", "BAR", "P53", "Foo"], ["X7", "nothing"])
    two = conll(tmp_path / "b.tsv", ["x\u0663", "é", "foO"])
    words, matrix = tmp_path / "words.txt", tmp_path / "matrix.npy"
    described = tmp_path / "vectors.json"
    counts = select_word_vectors(tmp_path / name, [one, two], words, matrix, described, dimension=2)
    # Foo as is; BAR, foO by lower case; P53 as P00 before p00; X7 as x0 at the last step; an Arabic digit is one
    assert words.read_text(encoding="utf-8") == "Foo\nP00\nbar\nfoo\nx0\né\n"
    rows = np.load(matrix, allow_pickle=False)
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows, [[1.5, -1], [4.5, -4], [3.5, -3], [2.5, -2], [6.5, -6], [8.5, -8]])
    assert counts == {
        "as_is": 2,
        "lower_case": 2,
        "digits_to_zero": 2,
        "lower_case_and_digits_to_zero": 1,
        "not_found": 1,
        "tokens": 9,
        "tokens_found": 8,
    }
    assert json.loads(described.read_text()) == {
        "origin": "given",
        "file": name,
        "sha256": hashlib.sha256(FILES[name]).hexdigest(),
        "words_in_file": 8,
        "words": 6,
        "dimension": 2,
        "tokens_found_percent": 88.89,
        "training": None,
        "selection_sha256": hashlib.sha256(words.read_bytes() + b"\0" + rows.tobytes()).hexdigest(),
    }


@pytest.mark.parametrize(("unknown", "warned"), [(0, False), (1, False), (2, True)])
def test_vectors_that_hardly_fit_are_named(tmp_path, caplog, unknown, warned):
    (tmp_path / "vectors.txt").write_bytes(text_rows())
    corpus = conll(tmp_path / "a.tsv", ["Foo"] * 4 + ["nothing"] * unknown)  # 100, 80 and 67 percent have a vector
    outputs = (tmp_path / name for name in ("words.txt", "matrix.npy", "vectors.json"))
    select_word_vectors(tmp_path / "vectors.txt", [corpus], *outputs, dimension=2)
    assert ("of the corpora's words; give vectors of text like theirs" in caplog.text) == warned


def test_look_up_order():
    assert lookup_order("IL-2") == ("IL-2", "il-2", "IL-0", "il-0")


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("w.txt", b"foo 1 2 3\n", "vectors have 3 numbers, the configured dimension is 2"),
        ("w.bin", b"1 3\nfoo " + b"\0" * 12, "vectors have 3 numbers"),
        ("w.bin", b"foo 1 2\n", "no header of two numbers"),
        ("w.bin", b"2 2\nfoo " + b"\0" * 8, "ends after 1 of the 2 vectors that its header promises"),
        ("w.bin", b"1 2\nfoo " + b"\0" * 7, "ends after 0 of the 1 vectors"),
        ("w.bin", b"1 2\n" + b"x" * (2 << 20) + b" " + b"\0" * 8, "vector 1 has a word without an end"),
        ("w.bin", b"1 2\nfoo " + struct.pack("<2f", 1, float("inf")), "vector of 'foo' has numbers that are not"),
        ("w.txt", b"2 2\nfoo 1 2\n", "ends after 1 of the 2 vectors"),
        ("w.txt", b"foo 1 2\nbar 1 2 3\n", "w.txt:2: not a word and 2 numbers"),
        ("w.txt", b"2 2\nfoo 1 2\nbar  1 2\n", "w.txt:3: not a word and 2 numbers"),
        ("w.txt", b"foo 1 two\n", "vector 1 cannot be read"),
        ("w.txt", b"foo 1 nan\n", "not finite"),
        ("w.txt", b"other 1 2\n", "none of the corpora's words"),
        ("w.txt", b"", "is empty"),
        ("w.txt.gz", gzip.compress(b"foo 1 2\n", mtime=0)[:-9], "cannot be read as word vectors"),
        ("w.npy", b"\x93NUMPY\x01\x00v\x00{'descr'", "is a NumPy array, which has no words"),
        ("w.zip", b"PK\x03\x04 and so on", "is packed as zip, which is not read as word vectors; unpack it"),
        ("w.tar.gz", gzip.compress(bytes(257) + b"ustar" + bytes(250), mtime=0), "is packed as tar"),
        ("w.bin.xz", b"\xfd7zXZ\x00 and so on", "is packed as xz"),
    ],
)
def test_unusable_vectors_are_named_and_nothing_is_written(tmp_path, name, data, message):
    (tmp_path / name).write_bytes(data)
    tokens = conll(tmp_path / "a.tsv", ["foo"])
    targets = [tmp_path / target for target in ("words", "matrix", "description")]
    with pytest.raises(CorpusError, match=message) as caught:
        select_word_vectors(tmp_path / name, [tokens], *targets, dimension=2)
    assert str(tmp_path / name) in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tsv", name]


TRAIN = """
import sys
from pathlib import Path
from corpora.train_vectors import train_word_vectors
train_word_vectors([Path(sys.argv[1])], Path(sys.argv[2]), dimension=8, epochs=2, seed=3)
"""


def test_training_is_the_same_in_every_process(tmp_path):
    words = [f"w{i % 7}{'abc'[i % 3]}" for i in range(300)]
    path = conll(tmp_path / "a.tsv", *(words[i : i + 10] for i in range(291)))
    digests = set()
    for hash_seed in ("1", "2"):
        target = tmp_path / f"{hash_seed}.bin"
        path_of_code = str(Path(__file__).parents[2] / "workflow_scripts")
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": path_of_code}
        subprocess.run([sys.executable, "-c", TRAIN, path, target], check=True, env=environment)
        digests.add(hashlib.sha256(target.read_bytes()).hexdigest())
    assert len(digests) == 1


def test_training_looks_as_far_as_its_window(tmp_path):
    words = [f"w{i % 7}{'abc'[i % 3]}" for i in range(300)]
    path = conll(tmp_path / "a.tsv", *(words[i : i + 10] for i in range(291)))
    for window in (1, 5):
        train_word_vectors([path], tmp_path / f"{window}.txt", dimension=4, window=window, epochs=1, seed=1)
    train_word_vectors([path], tmp_path / "default.txt", dimension=4, epochs=1, seed=1)
    one, five, default = ((tmp_path / f"{name}.txt").read_bytes() for name in (1, 5, "default"))
    assert one != five == default


def test_training_counts_each_different_sentence_once(tmp_path):
    one = conll(tmp_path / "a.tsv", ["a", "b"], ["a", "c"])
    two = conll(tmp_path / "b.tsv", ["a", "b"], ["c", "a"])
    target = tmp_path / "vectors.txt"
    train_word_vectors([one, two], target, dimension=4, minimum_count=2, epochs=1, seed=1)
    model = KeyedVectors.load_word2vec_format(str(target))
    assert set(model.key_to_index) == {"a", "c"}  # b stands in one sentence, which comes twice
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tsv", "b.tsv", "vectors.txt"]


def test_training_on_too_little_is_refused(tmp_path):
    with pytest.raises(CorpusError, match="no token occurs 2 times in 1 sentences"):
        train_word_vectors([conll(tmp_path / "a.tsv", ["a", "b"])], tmp_path / "v.bin", seed=1)
    assert [path.name for path in tmp_path.iterdir()] == ["a.tsv"]


def test_trained_vectors_can_be_selected(tmp_path):
    path = conll(tmp_path / "a.tsv", ["a", "b", "a", "b"])
    train_word_vectors([path], tmp_path / "v.bin", dimension=4, seed=1)
    targets = [tmp_path / target for target in ("words", "matrix.npy", "vectors.json")]
    counts = select_word_vectors(tmp_path / "v.bin", [path], *targets, dimension=4, training={"seed": 1})
    assert (counts["as_is"], counts["tokens_found"]) == (2, 4)
    assert np.load(tmp_path / "matrix.npy").shape == (2, 4)
    described = json.loads(targets[2].read_text())
    assert (described["origin"], described["training"]) == ("trained", {"seed": 1})


FOREIGN = [*WORDS, "é".encode()[:1], "\N{GREEK SMALL LETTER ALPHA}-syn", "foo"]  # cut inside a character; twice


def foreign_file(binary, newline, header):
    names = [word if isinstance(word, bytes) else word.encode() for word in FOREIGN]
    vectors = np.random.default_rng(7).standard_normal((len(names), 3)).astype(np.float32)
    vectors[0] = np.frombuffer(b" \n \n" * 3, dtype="<f4")  # blanks and line breaks among the bytes of numbers
    rows = zip(names, vectors, strict=True)
    if binary:
        body = b"".join(word + b" " + row.tobytes() + newline for word, row in rows)
    else:
        body = b"".join(word + b" " + " ".join(map(repr, row.tolist())).encode() + newline for word, row in rows)
    return (b"%d 3\n" % len(names) if header else b"") + body


@pytest.mark.parametrize("block", [1, 5, 64, 1 << 20])
@pytest.mark.parametrize(
    ("name", "newline", "header"),
    [
        ("v.bin", b"\n", True),
        ("v.bin", b"", True),
        ("v.bin.gz", b"\n", True),
        ("v.txt", b"\n", True),
        ("v.txt", b" \r\n", True),
        ("v.vec.gz", b"\n", False),
        ("v.txt", b"\n", False),
    ],
)
def test_vectors_are_those_that_gensim_reads(tmp_path, monkeypatch, name, newline, header, block):
    monkeypatch.setattr(word2vec, "_BLOCK", block)
    binary = ".bin" in name
    content = foreign_file(binary, newline, header)
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    gensim = KeyedVectors.load_word2vec_format(str(path), binary=binary, no_header=not header, unicode_errors="replace")
    wanted = {word.encode() for word in gensim.key_to_index} | {b"no such word"}
    read = read_word2vec(path, wanted, 3)
    assert {word.decode() for word in read.words} == {w for w in gensim.key_to_index if "\ufffd" not in w}
    for word, row in read.words.items():
        np.testing.assert_array_equal(read.rows[row], gensim[word.decode()])
    assert read.read == len(FOREIGN)
    assert read.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_block_may_end_inside_a_word(tmp_path, monkeypatch):
    monkeypatch.setattr(word2vec, "_BLOCK", 64)
    monkeypatch.setattr(word2vec, "_LINE", 32)
    (tmp_path / "v.bin").write_bytes(b"".join([b"40 1\n", *(b"word%02d %b" % (n, b"1234") for n in range(40))]))
    assert read_word2vec(tmp_path / "v.bin", {b"word39"}, 1).read == 40


def test_vectors_beyond_the_header_are_left_out_as_gensim_does(tmp_path):
    (tmp_path / "v.txt").write_bytes(b"1 2\nfoo 1 2\nbar 3 4\n")
    assert read_word2vec(tmp_path / "v.txt", {b"foo", b"bar"}, 2).words == {b"foo": 0}


@pytest.mark.parametrize("name", ["v.bin", "v.txt"])
def test_memory_does_not_grow_with_the_words_that_are_not_wanted(tmp_path, monkeypatch, name):
    monkeypatch.setattr(word2vec, "_BLOCK", 1 << 14)
    row = struct.pack("<50f", *range(50)) if name == "v.bin" else b" ".join([b"0.5"] * 50)
    with (tmp_path / name).open("wb") as file:
        file.write(b"20000 50\n")
        for number in range(20000):
            file.write(b"w%d " % number + row + b"\n")
    tracemalloc.start()
    read = read_word2vec(tmp_path / name, {b"w7"}, 50)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert read.read == 20000
    assert len(read.words) == 1
    assert peak < 200_000  # the file has 4 MB
