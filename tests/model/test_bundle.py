"""Bundles: another process reads the same tagger, and nothing else is accepted."""

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load, save

from model.batches import WordVectors
from model.bundle import DESCRIPTION, PARAMETERS, load_bundle, save_bundle, vectors_wanted
from model.corpus import Corpus
from model.settings import ModelError
from model.tag import tag
from model.tagger import Tagger

ROOT = Path(__file__).parents[2]
SENTENCES = [["Ataxia", "in", "mice"], ["β", "☂", "17"]]
READ_AND_TAG = """
import json, sys
from pathlib import Path
from model.bundle import load_bundle
from model.batches import WordVectors
from model.tag import tag
folder, vectors, sentences = sys.argv[1:]
print(json.dumps(tag(load_bundle(Path(folder), WordVectors.load(Path(vectors))), json.loads(sentences))))
"""


@pytest.fixture
def bundle(tmp_path: Path, corpus: Corpus, make_tagger: Callable[..., Tagger]) -> Path:
    folder = tmp_path / "bundle"
    folder.mkdir()
    save_bundle(make_tagger(corpus, "neuroner", seed=5), folder, {"epochs": 3})
    return folder


def test_the_same_tagger_comes_back_in_a_fresh_process(
    bundle: Path, vector_folder: Path, corpus: Corpus, make_tagger: Callable[..., Tagger]
) -> None:
    tagger = make_tagger(corpus, "neuroner", seed=5)
    loaded = load_bundle(bundle, WordVectors.load(vector_folder))
    assert (loaded.config, loaded.alphabet, loaded.tags) == (tagger.config, tagger.alphabet, tagger.tags)
    for (name, ours), (other, theirs) in zip(loaded.named_parameters(), tagger.named_parameters(), strict=True):
        assert name == other
        assert torch.equal(ours, theirs)
    arguments = [str(bundle), str(vector_folder), json.dumps(SENTENCES)]
    command = [sys.executable, "-c", READ_AND_TAG, *arguments]
    answer = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert json.loads(answer.stdout) == tag(tagger, SENTENCES)


def test_the_word_matrix_is_not_inside(bundle: Path) -> None:
    tensors = load((bundle / PARAMETERS).read_bytes())
    assert [name for name in tensors if name.startswith("token_embeddings")] == ["token_embeddings.unknown"]


def test_vectors_of_another_file_are_refused_and_others_of_the_same_file_are_not(
    bundle: Path, vectors: WordVectors
) -> None:
    assert vectors_wanted(bundle) == (vectors.origin, 6)
    rows = {"mice": 0}
    for others in (
        WordVectors(rows, vectors.matrix[:1], "file two"),
        WordVectors(rows, vectors.matrix[:1, :5], vectors.origin),
    ):
        with pytest.raises(ModelError, match="give vectors of the same file"):
            load_bundle(bundle, others)
    row = vectors.row("mice")
    few = WordVectors(rows, vectors.matrix[row : row + 1], vectors.origin)
    tagged, other = (tag(load_bundle(bundle, given), [["mice"], ["the"]]) for given in (vectors, few))
    assert tagged[0] == other[0]


def edit(description: dict[str, object], key: str, value: object) -> dict[str, object]:
    return {name: old for name, old in description.items() if name != key} | ({} if value is None else {key: value})


def write(bundle: Path, description: dict[str, object], parameters: bytes | None = None) -> None:
    """Change a bundle, with a checksum that fits."""
    if parameters is not None:
        (bundle / PARAMETERS).write_bytes(parameters)
    own = edit(description, "sha256", None)
    text = json.dumps(own, sort_keys=True, separators=(",", ":"))
    sha256 = hashlib.sha256(text.encode() + (bundle / PARAMETERS).read_bytes()).hexdigest()
    (bundle / DESCRIPTION).write_text(json.dumps(own | {"sha256": sha256}))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("format", 1, "format 1, this program reads 3"),
        ("format", None, "format None"),
        ("tagger", {"variant": "gru"}, "variant is 'gru'"),
        ("tagger", {"varient": "paper"}, "did you mean 'variant'"),
        ("tagger", {"dense": 10**13}, "not a tagger of this program"),
        ("tagger", {"dense": 0}, "dense is 0"),
        ("tagger", [1], "not a tagger|unknown setting"),
        ("alphabet", "abc", "expected a list"),
        ("alphabet", ["a", "a"], "expected a list"),
        ("alphabet", ["a"], "not a tagger of this program"),
        ("tags", None, "not a tagger of this program"),
        ("tags", [], "not a tagger of this program"),
        ("tags", ["O"], "not a tagger of this program"),
        ("tags", ["O", "X"], "one of its tags 'O, X' is none"),
        ("tags", ["O", "S-a 0 1\tx"], "one of its tags"),
        ("tags", ["O", "S-\x1b[2J"], "one of its tags"),
        ("tagger", {"token_hidden": 30_000}, "sizes are larger than its parameters"),
        ("tagger", {"character_hidden": 30_000}, "sizes are larger than its parameters"),
        ("vectors", {}, "not a tagger of this program"),
        ("vectors", {"sha256": "file one", "dimension": "6"}, "not a tagger of this program"),
        ("vectors", {"sha256": 1, "dimension": 6}, "not a tagger of this program"),
    ],
)
@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
def test_wrong_descriptions_are_refused(
    bundle: Path, vectors: WordVectors, key: str, value: object, message: str
) -> None:
    place = bundle / DESCRIPTION
    changed = edit(json.loads(place.read_text()), key, value)
    write(bundle, changed)
    with pytest.raises(ModelError, match=f"^{re.escape(str(bundle))}.*({message})"):
        load_bundle(bundle, vectors)


@pytest.mark.parametrize("key", ["tagger", "alphabet", "tags", "training", "sha256"])
def test_an_edited_description_does_not_fit_its_checksum(bundle: Path, vectors: WordVectors, key: str) -> None:
    description = json.loads((bundle / DESCRIPTION).read_text())
    value = description[key]
    other = value[::-1] if isinstance(value, list | str) else value | {"epochs": 4}
    (bundle / DESCRIPTION).write_text(json.dumps(edit(description, key, other)))
    with pytest.raises(ModelError, match="checksum differs"):
        load_bundle(bundle, vectors)


def test_damaged_files_are_refused(bundle: Path, vectors: WordVectors) -> None:
    parameters, description = bundle / PARAMETERS, bundle / DESCRIPTION
    whole = parameters.read_bytes()
    for damaged in (b"", whole[:-1], whole[:-1] + bytes([whole[-1] ^ 1])):
        parameters.write_bytes(damaged)
        with pytest.raises(ModelError, match="checksum"):
            load_bundle(bundle, vectors)
    parameters.unlink()
    with pytest.raises(ModelError, match="no bundle"):
        load_bundle(bundle, vectors)
    for text in ("", "[1]", '{"format": 2', "[" * 200_000, "\ud800".encode("utf-16", "surrogatepass").hex()):
        description.write_text(text)
        parameters.write_bytes(whole)
        with pytest.raises(ModelError, match="train the tagger again"):
            load_bundle(bundle, vectors)


def test_foreign_parameters_are_refused_even_with_a_fitting_checksum(bundle: Path, vectors: WordVectors) -> None:
    tensors = load((bundle / PARAMETERS).read_bytes())
    name = "crf.transitions"
    without = {key: value for key, value in tensors.items() if key != name}
    nan = torch.full_like(tensors[name], float("nan"))
    others = [without, tensors | {name: torch.zeros(2, 2)}, tensors | {"more": nan[0] * 0 + 1}, tensors | {name: nan}]
    others.append(tensors | {name: tensors[name].double()})
    for content in [*(save(other) for other in others), b"\x80\x04N."]:
        write(bundle, json.loads((bundle / DESCRIPTION).read_text()), content)
        with pytest.raises(ModelError, match="not a tagger of this program"):
            load_bundle(bundle, vectors)
