"""Transfer copies what it says and nothing else."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from model.batches import WordVectors
from model.corpus import Corpus, alphabet, read_conll, tag_set
from model.settings import ModelError
from model.tagger import Tagger, TaggerConfig
from model.transfer import LAYERS, transfer

Maker = Callable[..., Tagger]
Writer = Callable[..., Path]


def numbers(tagger: Tagger) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in tagger.named_parameters()}


def different(tagger: Tagger, seed: int) -> Tagger:
    """No number that is equal in two taggers by chance or by initialisation."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in tagger.parameters():
            parameter.normal_(generator=generator)
    return tagger


@pytest.mark.parametrize("variant", ["paper", "neuroner"])
@pytest.mark.parametrize("up_to", LAYERS)
def test_exactly_the_layers_up_to_the_chosen_one_are_copied(
    up_to: str, variant: str, corpus: Corpus, make_tagger: Maker
) -> None:
    source, target = (different(make_tagger(corpus, variant), seed) for seed in (1, 2))
    fresh = numbers(target)
    table = {str(row["parameter"]): row for row in transfer(source, target, up_to)}
    assert set(table) == set(fresh)
    for name, value in target.named_parameters():
        layer = name.split(".")[0]
        copied = LAYERS.index(layer) <= LAYERS.index(up_to)
        assert torch.equal(value, numbers(source)[name] if copied else fresh[name]), name
        assert table[name] == {
            "layer": layer,
            "parameter": name,
            "shape": list(value.shape),
            "state": "copied" if copied else "fresh",
        }


def test_all_layers_copied_predict_as_the_source(corpus: Corpus, make_tagger: Maker) -> None:
    source, target = make_tagger(corpus, seed=1), make_tagger(corpus, seed=2)
    transfer(source, target, "crf")
    for ours, theirs in zip(target.parameters(), source.parameters(), strict=True):
        assert torch.equal(ours, theirs)
        assert ours.data_ptr() != theirs.data_ptr()


def test_characters_and_tags_are_matched_by_name(corpus: Corpus, make_tagger: Maker, write_conll: Writer) -> None:
    other = read_conll(write_conll([[("zαtaxi", "S-GENE"), ("b", "S-DISO")]], "other.tsv"))
    source, target = different(make_tagger(corpus), 1), different(make_tagger(other), 2)
    fresh, given = numbers(target), numbers(source)
    table = {row["parameter"]: row["state"] for row in transfer(source, target, "crf")}
    found = numbers(target)

    def expect(name: str, position: tuple[int, ...], names: list[tuple[str, ...]]) -> None:
        try:
            wanted = given[name][tuple(axis.index(ours[n]) for n, (axis, ours) in zip(position, names, strict=True))]
        except ValueError:
            wanted = fresh[name][position]
        assert torch.equal(found[name][position], wanted), (name, position)

    characters = [(("", *source.alphabet), ("", *target.alphabet))]
    for n in range(len(target.alphabet) + 1):
        expect("character_embeddings.weight", (n,), characters)
    tags = (source.tags, target.tags)
    for n in range(len(target.tags)):
        for name in ("fully_connected.2.weight", "fully_connected.2.bias"):
            expect(name, (n,), [tags])
        for name in ("crf.start_transitions", "crf.end_transitions"):
            expect(name, (n,), [tags])
        for m in range(len(target.tags)):
            expect("crf.transitions", (n, m), [tags, tags])
    assert table["crf.transitions"] == "partly (25 of 81)"
    assert table["crf.start_transitions"] == "partly (5 of 9)"
    shared = 1 + len(set(source.alphabet) & set(target.alphabet))
    assert table["character_embeddings.weight"] == f"partly ({3 * shared} of {3 * (1 + len(target.alphabet))})"
    assert table["token_lstm.weight"] == "copied"


def test_taggers_that_do_not_fit_are_refused(corpus: Corpus, make_tagger: Maker, vectors: WordVectors) -> None:
    target = make_tagger(corpus)
    with pytest.raises(ModelError, match="layers is 'all'"):
        transfer(target, target, "all")
    with pytest.raises(ModelError, match="variant neuroner in the source, paper in the target; use the same settings"):
        transfer(make_tagger(corpus, "neuroner"), target, "crf")
    transfer(make_tagger(corpus, decoding="bioes"), target, "crf")
    config: TaggerConfig = target.config

    def with_vectors(origin: str) -> Tagger:
        others = WordVectors({"mice": 0}, vectors.matrix[:1], origin)
        return Tagger(config, others, alphabet(corpus), tag_set(corpus.tag_names))

    transfer(with_vectors(vectors.origin), target, "crf")
    with pytest.raises(ModelError, match="word vectors of another file"):
        transfer(with_vectors("file two"), target, "crf")
