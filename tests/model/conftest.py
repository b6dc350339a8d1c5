"""Tiny word vectors, CoNLL files and taggers for the tests of the model."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from model import runs
from model.batches import WordVectors
from model.corpus import Corpus, alphabet, read_conll, tag_set
from model.tagger import Tagger, TaggerConfig

Sentence = Sequence[tuple[str, str]]  # token and tag
RunCall = Callable[..., dict[str, Any]]

SIZES = {"character_dimension": 3, "character_hidden": 4, "token_hidden": 5, "dense": 7}
WORDS = ["a", "ataxia", "cancer", "de novo", "gene", "in", "mice", "of", "the", "type 0", "0", "β"]
SENTENCES: list[Sentence] = [
    [("the", "O"), ("ataxia", "S-DISO"), ("gene", "O"), ("in", "O"), ("mice", "O")],
    [("Cancer", "B-DISO"), ("of", "I-DISO"), ("the", "I-DISO"), ("colon", "E-DISO"), ("in", "O"), ("17", "O")],
    [("mice", "O")],
    [("β", "B-DISO"), ("cancer", "E-DISO"), (".", "O")],
]


TRAINING = {
    "optimizer": "adam",
    "learning_rate": 0.02,
    "batch_sentences": 2,
    "clipping": "norm",
    "clipping_limit": 5.0,
    "dropout": 0.1,
    "epochs": 12,
    "patience": 10,
}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def write_conll(tmp_path: Path) -> Callable[..., Path]:
    """Write sentences, each a document of its own unless said otherwise."""

    def write(sentences: Sequence[Sentence], name: str = "train.tsv", documents: Sequence[str] | None = None) -> Path:
        lines = []
        for number, sentence in enumerate(sentences):
            document = f"d{number}" if documents is None else documents[number]
            start = 0
            for token, tag in sentence:
                lines.append(f"{token}\t{document}\t{start}\t{start + len(token)}\t{tag}\n")
                start += len(token) + 1
            lines.append("\n")
        path = tmp_path / name
        path.write_text("".join(lines), encoding="utf-8", newline="")
        return path

    return write


@pytest.fixture
def sentences() -> list[Sentence]:
    return SENTENCES


@pytest.fixture
def sizes() -> dict[str, int]:
    return SIZES


def write_vectors(folder: Path, words: Sequence[str], matrix: NDArray[Any], origin: str = "file one") -> Path:
    """A folder of word vectors."""
    folder.mkdir(exist_ok=True)
    names = "".join(f"{word}\n" for word in words).encode()
    (folder / "words.txt").write_bytes(names)
    np.save(folder / "vectors.npy", matrix)
    selection = hashlib.sha256(names + b"\0" + matrix.tobytes()).hexdigest()
    (folder / "vectors.json").write_text(json.dumps({"sha256": origin, "selection_sha256": selection}))
    return folder


@pytest.fixture
def vector_folder(tmp_path: Path) -> Path:
    matrix = np.random.default_rng(7).normal(size=(len(WORDS), 6)).astype(np.float32)
    return write_vectors(tmp_path / "vectors", WORDS, matrix)


@pytest.fixture
def vectors(vector_folder: Path) -> WordVectors:
    return WordVectors.load(vector_folder)


@pytest.fixture
def corpus(write_conll: Callable[..., Path]) -> Corpus:
    return read_conll(write_conll(SENTENCES))


@pytest.fixture
def make_tagger(vectors: WordVectors) -> Callable[..., Tagger]:
    """A fresh tagger for a corpus; its CRF is widened so that transitions matter."""

    def make(corpus: Corpus, variant: str = "paper", seed: int = 0, decoding: str = "free") -> Tagger:
        torch.manual_seed(seed)
        tagger = Tagger(
            TaggerConfig(variant, **SIZES, decoding=decoding), vectors, alphabet(corpus), tag_set(corpus.tag_names)
        )
        with torch.no_grad():
            for parameter in tagger.crf.parameters():
                parameter.mul_(10)
        return tagger

    return make


@pytest.fixture
def files(
    tmp_path: Path, write_conll: Callable[..., Path], sentences: list[Any], vector_folder: Path
) -> dict[str, Path]:
    parts = {f"{name}_file": write_conll(sentences, f"{name}.tsv") for name in ("train", "dev")}
    return parts | {"vectors": vector_folder, "output": tmp_path / "runs" / "one"}


@pytest.fixture
def pretrain(files: dict[str, Path], sizes: dict[str, int]) -> RunCall:
    def call(output: Path | None = None, **changes: Any) -> dict[str, Any]:
        settings = {"tagger": sizes, "training": TRAINING, "seed": 1, "threads": 1, "name": "source"} | changes
        place = files["output"] if output is None else output
        runs.run(**files | {"output": place} | settings)
        return json.loads((place / "metrics.json").read_text(encoding="utf-8"))

    return call


@pytest.fixture
def finetune(files: dict[str, Path], sizes: dict[str, int], write_conll: Callable[..., Path]) -> RunCall:
    test = write_conll([[("ataxia", "S-DISO"), ("of", "O"), ("☂", "O")], [("cancer", "S-DISO")]], "test.tsv")

    def call(output: Path | None = None, **changes: Any) -> dict[str, Any]:
        settings = {"source": None, "layers": "none", "train_fraction": 1.0, "seed": 1, "threads": 1, "name": "target"}
        settings |= {"tagger": sizes, "training": TRAINING, "test_file": test} | changes
        place = files["output"] if output is None else output
        runs.run(**files | {"output": place} | settings)
        return json.loads((place / "metrics.json").read_text(encoding="utf-8"))

    return call


def without_clock(metrics: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in metrics.items() if name != "seconds"}
