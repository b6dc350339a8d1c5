"""Reading CoNLL, numbering it, and cutting batches."""

import pickle
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from model.batches import UNKNOWN, Encoded, WordVectors
from model.corpus import Corpus, alphabet, read_conll, read_corpus, tag_set, write_arrays
from model.settings import ModelError
from model.tagger import Dropout

Writer = Callable[..., Path]
tokens = st.text(st.characters(exclude_characters="\t\n", exclude_categories=["Cs"]), min_size=1, max_size=4)
tags = st.sampled_from(["O", "B-X", "I-X", "E-X", "S-X", "S-long type".replace(" ", "_")])
shared = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@shared
@given(st.lists(st.lists(st.tuples(tokens, tags), min_size=1, max_size=5), min_size=1, max_size=5))
def test_what_was_written_is_read(write_conll: Writer, sentences: list[list[tuple[str, str]]]) -> None:
    corpus = read_conll(write_conll(sentences))
    words = [corpus.vocabulary[word] for word in corpus.words]
    assert words == [token for sentence in sentences for token, _ in sentence]  # also CR, NEL and U+2028
    assert corpus.sentence_tags() == [[tag for _, tag in sentence] for sentence in sentences]
    assert [corpus.document_names[d] for d in corpus.documents] == [f"d{n}" for n in range(len(sentences))]
    assert (corpus.ends - corpus.starts).tolist() == [len(word) for word in words]


GOOD = "a\td\t0\t1\tO\n\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD + "a\td\t0\t1\n\n", r":3: 4 columns"),
        ("a d 0 1 O\n\n", r":1: 1 columns"),
        ("\td\t0\t1\tO\n\n", r":1: empty token"),
        ("a\td\t0\tx\tO\n\n", r":1: offsets '0' and 'x'"),
        ("a\td\t-1\t1\tO\n\n", r":1: offsets '-1'"),
        ("a\td\t0\t99999999999\tO\n\n", r":1: "),
        (f"a\td\t0\t{'9' * 5000}\tO\n\n", r":1: "),
        ("a\td\t2\t2\tO\n\n", r":1: characters 2-2"),
        ("a\td\t0\t2\tO\nb\td\t1\t3\tO\n\n", r":2: characters 1-3 after a token that ends at 2"),
        ("a\td\t0\t1\tO\nb\te\t2\t3\tO\n\n", r":2: document 'e' inside a sentence of 'd'"),
        ("a\td\t0\t1\tDISO\n\n", r":1: tag 'DISO'"),
        ("a\td\t0\t1\tO", r":1: the last sentence has no blank line"),
        ("", r"no sentence"),
        ("\n\n", r"no sentence"),
    ],
)
def test_malformed_files_are_refused_with_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.tsv"
    path.write_text(text, encoding="utf-8", newline="")
    with pytest.raises(ModelError, match=r"bad\.tsv.*" + message):
        read_conll(path)


def test_missing_and_undecodable_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none\.tsv: cannot be read"):
        read_conll(tmp_path / "none.tsv")
    (tmp_path / "latin.tsv").write_bytes("e\td\t0\t1\tO\n\né\td\t0\t1\tO\n\n".encode("latin-1"))
    with pytest.raises(ModelError, match=r"latin\.tsv:3: not UTF-8"):
        read_conll(tmp_path / "latin.tsv")


@shared
@given(st.lists(st.lists(st.tuples(tokens, tags), min_size=1, max_size=5), min_size=1, max_size=5))
def test_arrays_hold_what_their_conll_file_holds(
    tmp_path: Path, write_conll: Writer, sentences: list[list[tuple[str, str]]]
) -> None:
    conll, arrays = write_conll(sentences), tmp_path / "arrays" / "train.safetensors"
    write_arrays(conll, arrays)
    for name, value in vars(read_conll(conll)).items():
        assert np.array_equal(getattr(read_corpus(arrays), name), value), name
    assert [path.name for path in arrays.parent.iterdir()] == ["train.safetensors"]


def test_damaged_arrays_are_refused(
    tmp_path: Path, write_conll: Writer, sentences: list[list[tuple[str, str]]]
) -> None:
    path = tmp_path / "train.safetensors"
    write_arrays(write_conll(sentences), path)
    whole, arrays = path.read_bytes(), load(path.read_bytes())
    damaged = [b"", whole[:-1], b"\x80\x04N."]
    for name, change in (("words", 99), ("words", -1), ("tags", 99), ("documents", 99), ("borders", -1)):
        damaged.append(save(arrays | {name: arrays[name] + change}))
    damaged += [save({name: value for name, value in arrays.items() if name != "tags"})]
    for name in ("words", "tags", "starts", "ends"):
        damaged += [save(arrays | {name: arrays[name][:-1]}), save(arrays | {name: np.append(arrays[name], 0)})]
        damaged += [save(arrays | {name: arrays[name].astype(np.float32)}), save(arrays | {name: arrays[name][None]})]
    later, shorter = arrays["borders"].copy(), arrays["borders"].copy()
    later[0], shorter[-1] = 1, shorter[-1] - 1
    damaged += [save(arrays | {"borders": later}), save(arrays | {"borders": shorter})]
    for name, before, after in (
        ("vocabulary", b"mice", b"the"),
        ("vocabulary", b"mice", b""),
        ("tag_names", b"S-", b"X-"),
    ):
        text = arrays[name].tobytes()
        assert before in text
        damaged.append(save(arrays | {name: np.frombuffer(text.replace(before, after), np.uint8)}))
    damaged += [save(arrays | {"borders": np.ascontiguousarray(arrays["borders"][::-1])})]
    for content in damaged:
        path.write_bytes(content)
        with pytest.raises(ModelError, match=r"train\.safetensors: no file of corpus arrays .*make it again"):
            read_corpus(path)
    with pytest.raises(ModelError, match="no file of corpus arrays"):
        read_corpus(tmp_path / "none.safetensors")


def test_tags_and_characters_of_a_tagger() -> None:
    assert tag_set(["O", "S-X"]) == ("B-X", "E-X", "I-X", "O", "S-X")
    assert tag_set(["O"]) == ("O",)
    assert len(tag_set(["B-X", "E-Y"])) == 9


def test_alphabet_is_that_of_the_training_part_after_the_source_s(corpus: Corpus, write_conll: Writer) -> None:
    small = read_conll(write_conll([[("cab", "O")]], "small.tsv"))
    assert alphabet(small) == ("a", "b", "c")
    assert alphabet(small, ("b", "z")) == ("b", "z", "a", "c")
    one = corpus.part(0.01, seed=0)
    assert set(alphabet(one)) == set("".join(corpus.vocabulary[word] for word in one.words))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_smaller_shares_are_subsets_of_larger_ones(write_conll: Writer, seed: int) -> None:
    names = ["b", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]  # b has two sentences apart
    corpus = read_conll(write_conll([[(f"w{n}", "O"), ("x", "O")] for n in range(11)], documents=names))
    before: set[str] = set()
    for fraction, documents in [(0.01, 1), (0.2, 2), (0.5, 5), (0.8, 8), (1.0, 10)]:
        part = corpus.part(fraction, seed)
        chosen = {part.document_names[d] for d in part.documents}
        assert len(chosen) == documents
        assert before <= chosen
        before = chosen
        expected = [f"w{n}" for n in range(11) if names[n] in chosen]  # whole documents, in the file's order
        assert [part.vocabulary[part.words[border]] for border in part.borders[:-1]] == expected
    for bad in (0.0, 1.1, float("nan")):
        with pytest.raises(ModelError, match="train_fraction"):
            corpus.part(bad, seed)


def test_shares_depend_on_the_seed_but_not_on_the_order_of_the_file(write_conll: Writer) -> None:
    def chosen(order: range, seed: int) -> frozenset[str]:
        sentences = [[(f"w{n}", "O")] for n in order]
        part = read_conll(write_conll(sentences, documents=[f"d{n}" for n in order])).part(0.3, seed)
        return frozenset(part.document_names[d] for d in part.documents)

    assert chosen(range(30), 1) == chosen(range(29, -1, -1), 1)
    assert len({chosen(range(30), seed) for seed in range(5)}) == 5


def test_words_are_looked_up_as_written_then_lower_case_then_without_digits(vectors: WordVectors) -> None:
    rows = {word: row for row, word in enumerate(["a", "ataxia", "cancer", "de novo", "gene"])}
    assert vectors.row("ataxia") == rows["ataxia"]
    assert vectors.row("ATAXIA") == rows["ataxia"]
    assert vectors.row("type 7") == vectors.row("Type 7") == 9
    assert vectors.row("٣") == vectors.row("0") == 10  # any Unicode digit
    assert vectors.row("12") == vectors.row("unseen") == UNKNOWN


def test_word_vectors_that_do_not_fit_are_refused(vector_folder: Path) -> None:
    words, vectors, described = (vector_folder / name for name in ("words.txt", "vectors.npy", "vectors.json"))
    matrix, names, told = np.load(vectors), words.read_bytes(), described.read_bytes()
    for bad in (matrix[1:], matrix.astype(np.float64), matrix[0], np.where(matrix > 1, np.nan, matrix)):
        np.save(vectors, bad)
        with pytest.raises(ModelError, match=r"vectors\.npy"):
            WordVectors.load(vector_folder)
    np.save(vectors, matrix[:, ::-1])
    with pytest.raises(
        ModelError, match="damaged, or words and vectors of two selections; make the word vectors again"
    ):
        WordVectors.load(vector_folder)
    np.save(vectors, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ModelError, match="cannot be read"):
        WordVectors.load(vector_folder)
    with vectors.open("wb") as file:
        np.savez(file, matrix=matrix)
    with pytest.raises(ModelError, match="cannot be read"):
        WordVectors.load(vector_folder)
    vectors.write_bytes(b"\x93NUMPY")
    with pytest.raises(ModelError, match="cannot be read"):
        WordVectors.load(vector_folder)
    np.save(vectors, matrix)
    for other in (names.swapcase(), b"a\n" * 12):
        words.write_bytes(other)
        with pytest.raises(ModelError, match=r"two selections|12 words, 1 different"):
            WordVectors.load(vector_folder)
    words.write_bytes(names)
    for other in (b"", b"[]", b"{}", b"[" * 100_000, told[:-9]):
        described.write_bytes(other)
        with pytest.raises(ModelError, match="cannot be read"):
            WordVectors.load(vector_folder)
    described.write_bytes(told)
    assert WordVectors.load(vector_folder).origin == "file one"


def test_lower_case_goes_before_digits_as_zero_and_both_come_last() -> None:
    for names, found in (("p53 P00 p00", "p53"), ("p00 P00", "P00"), ("p00 x", "p00")):
        rows = {name: row for row, name in enumerate(names.split())}
        assert WordVectors(rows, np.zeros((len(rows), 2), dtype=np.float32), "").row("P53") == rows[found]


class Opening:
    """What makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


def test_a_pickle_in_the_place_of_word_vectors_is_never_run(tmp_path: Path, vector_folder: Path) -> None:
    (vector_folder / "vectors.npy").write_bytes(pickle.dumps(Opening(tmp_path / "opened")))
    with pytest.raises(ModelError, match="cannot be read"):
        WordVectors.load(vector_folder)
    assert not (tmp_path / "opened").exists()


def test_a_batch_holds_the_sentences_asked_for(corpus: Corpus, vectors: WordVectors) -> None:
    characters, names = alphabet(corpus), tag_set(corpus.tag_names)
    batch = Encoded(corpus, vectors, characters, names).batch(np.array([0, 3]))
    words = ["the", "ataxia", "gene", "in", "mice", "β", "cancer", "."]
    assert batch.rows.tolist() == [vectors.row(word) for word in words]
    spelled = [
        "".join(characters[c - 1] for c in batch.letters[first : first + length])
        for first, length in zip(batch.word_firsts, batch.word_lengths, strict=True)
    ]
    assert batch.word_lengths.sum() == len(batch.letters)
    assert [len(word) for word in spelled] == sorted(map(len, spelled), reverse=True)
    assert [spelled[n] for n in batch.spellings] == words
    assert (batch.firsts.tolist(), batch.lengths.tolist()) == ([0, 5], [5, 3])
    assert [names[tag] for tag in batch.tags] == ["O", "S-DISO", "O", "O", "O", "B-DISO", "E-DISO", "O"]
    assert batch.noise.shape == (8, 0)


def test_only_words_that_occur_once_become_unknown_about_half_the_time(corpus: Corpus, vectors: WordVectors) -> None:
    examples = Encoded(corpus, vectors, alphabet(corpus), tag_set(corpus.tag_names))
    generator, first = np.random.default_rng(0), np.array([0])  # the ataxia gene in mice
    visits = np.stack([examples.batch(first, generator).rows == UNKNOWN for _ in range(400)])
    unknown = dict(zip(["the", "ataxia", "gene", "in", "mice"], visits.mean(0), strict=True))
    assert unknown["the"] == unknown["in"] == unknown["mice"] == 0.0
    assert 0.4 < unknown["ataxia"] < 0.6
    assert 0.4 < unknown["gene"] < 0.6
    assert not visits[:, 1].all()
    assert (examples.batch(first).rows != UNKNOWN).all()


def test_noise_is_drawn_evenly_and_by_the_seed(corpus: Corpus, vectors: WordVectors) -> None:
    examples = Encoded(corpus, vectors, alphabet(corpus), tag_set(corpus.tag_names))
    noise = examples.batch(np.array([0]), np.random.default_rng(3), 10_000).noise
    assert noise.shape == (5, 10_000)
    assert np.array_equal(noise, examples.batch(np.array([0]), np.random.default_rng(3), 10_000).noise)
    assert abs((noise < Dropout(0.8).threshold).mean() - 0.8) < 0.01  # 5 standard deviations
    assert abs(np.corrcoef(noise[:, :-1].ravel(), noise[:, 1:].ravel())[0, 1]) < 0.03


def test_unseen_characters_are_the_unknown_one(corpus: Corpus, vectors: WordVectors, write_conll: Writer) -> None:
    other = read_conll(write_conll([[("a☂", "O")]], "other.tsv"))
    batch = Encoded(other, vectors, alphabet(corpus)).batch(np.array([0]))
    assert batch.letters.tolist() == [alphabet(corpus).index("a") + 1, 0]


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_an_epoch_visits_every_sentence_once_in_a_seeded_order(
    write_conll: Writer, vectors: WordVectors, size: int
) -> None:
    lengths = np.random.default_rng(0).integers(1, 30, size=403)
    corpus = read_conll(write_conll([[("a", "O")] * int(n) for n in lengths]))
    examples = Encoded(corpus, vectors, "a")

    def order(seed: int) -> list[list[int]]:
        return [batch.tolist() for batch in examples.training_order(size, np.random.default_rng(seed))]

    assert order(1) == order(1) != order(2)
    assert all((np.diff(lengths[batch]) <= 0).all() for batch in order(1))
    for batches in (order(1), [batch.tolist() for batch in examples.prediction_order(size)]):
        assert Counter(n for batch in batches for n in batch) == Counter(range(403))
        assert max(len(batch) for batch in batches) == min(size, 403)
    if size == 4:
        spreads = [np.ptp(lengths[batch]) for batch in order(1)]
        assert np.mean(spreads) < 2
