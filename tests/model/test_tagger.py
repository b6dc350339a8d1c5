"""The whole tagger: likelihood and best path by enumeration, and nothing but a sentence itself moves its scores."""

import re
from collections.abc import Callable
from itertools import pairwise, product

import numpy as np
import pytest
import torch

from model import engines
from model.batches import UNKNOWN, Batch, Encoded
from model.corpus import Corpus
from model.engines import Engine, engine_for
from model.scores import chunks
from model.settings import ModelError
from model.tag import tag
from model.tagger import Dropout, Tagger, TaggerConfig, on_device

Maker = Callable[..., Tagger]
ALL = np.array([1, 0, 3, 2])  # 6, 5, 3 and 1 tokens


def by_sentence(tagger: Tagger, batch: Batch) -> list[torch.Tensor]:
    return list(tagger.scores(on_device(batch, tagger.device)).detach().split(batch.lengths.tolist()))


def loss_of(tagger: Tagger, batch: Batch) -> torch.Tensor:
    return tagger.loss(on_device(batch, tagger.device))


def encoded(corpus: Corpus, tagger: Tagger) -> Encoded:
    return Encoded(corpus, tagger.word_vectors, tagger.alphabet, tagger.tags)


def path_score(tagger: Tagger, scores: torch.Tensor, path: tuple[int, ...]) -> float:
    crf = {name: value.detach() for name, value in tagger.crf.named_parameters()}
    total = crf["start_transitions"][path[0]] + crf["end_transitions"][path[-1]]
    total = total + sum(scores[t, k] for t, k in enumerate(path))
    return float(total + sum(crf["transitions"][a, b] for a, b in pairwise(path)))


@pytest.mark.parametrize("variant", ["paper", "neuroner"])
def test_loss_and_best_path_equal_an_enumeration_of_all_taggings(
    variant: str, corpus: Corpus, make_tagger: Maker
) -> None:
    tagger = make_tagger(corpus, variant).double()
    short = np.array([0, 3, 2])  # 5, 3 and 1 tokens: all but one padded
    batch = encoded(corpus, tagger).batch(short)
    scores = by_sentence(tagger, batch)
    losses, best = [], []
    for number, sentence in enumerate(short):
        gold = [tagger.tags.index(name) for name in corpus.sentence_tags()[sentence]]
        paths = list(product(range(len(tagger.tags)), repeat=len(gold)))
        values = np.array([path_score(tagger, scores[number], path) for path in paths])
        losses.append(np.logaddexp.reduce(values) - path_score(tagger, scores[number], tuple(gold)))
        best.append([tagger.tags[tag] for tag in paths[int(values.argmax())]])
    assert loss_of(tagger, batch).item() == pytest.approx(np.mean(losses), rel=1e-9)
    assert tagger.decode(batch) == best


@pytest.mark.parametrize("variant", ["paper", "neuroner"])
def test_batch_mates_and_order_change_no_score(variant: str, corpus: Corpus, make_tagger: Maker) -> None:
    tagger = make_tagger(corpus, variant).double()
    examples = encoded(corpus, tagger)
    for order in ([1, 0, 3, 2], [0, 3], [1, 2]):
        for sentence, together in zip(order, by_sentence(tagger, examples.batch(np.array(order))), strict=True):
            (alone,) = by_sentence(tagger, examples.batch(np.array([sentence])))
            torch.testing.assert_close(together, alone)


def test_gradient_of_a_batch_is_the_mean_of_its_sentences(corpus: Corpus, make_tagger: Maker) -> None:
    tagger = make_tagger(corpus).double()
    examples = encoded(corpus, tagger)
    parameters = list(tagger.parameters())
    together = torch.autograd.grad(loss_of(tagger, examples.batch(ALL)), parameters)
    alone = [
        torch.autograd.grad(loss_of(tagger, examples.batch(np.array([n]))), parameters, materialize_grads=True)
        for n in range(4)
    ]
    for whole, parts in zip(together, zip(*alone, strict=True), strict=True):
        torch.testing.assert_close(whole, torch.stack(parts).mean(0))


def test_loss_falls_along_the_gradient_of_every_layer(corpus: Corpus, make_tagger: Maker) -> None:
    tagger = make_tagger(corpus).double()
    batch = encoded(corpus, tagger).batch(ALL)
    for name, parameter in tagger.named_parameters():
        (gradient,) = torch.autograd.grad(loss_of(tagger, batch), [parameter])
        assert gradient.any(), name
        before, step = loss_of(tagger, batch), 1e-5 / gradient.norm()
        with torch.no_grad():
            parameter.sub_(step * gradient)
            slope = (before - loss_of(tagger, batch)) / (step * gradient.square().sum())
            parameter.add_(step * gradient)
        assert slope.item() == pytest.approx(1.0, abs=1e-3), name


def test_word_vectors_are_frozen_and_only_the_unknown_word_is_learned(corpus: Corpus, make_tagger: Maker) -> None:
    tagger = make_tagger(corpus)
    names = [name for name in tagger.state_dict() if name.startswith("token_embeddings")]
    assert names == ["token_embeddings.unknown"]
    with torch.no_grad():
        tagger.token_embeddings.unknown.fill_(9.0)
    looked_up = tagger.token_embeddings(torch.tensor([0, 2, UNKNOWN]))
    assert np.array_equal(looked_up[:2].numpy(force=True), tagger.word_vectors.matrix[[0, 2]])
    assert (looked_up[2] == 9.0).all()


def test_dropout_acts_only_when_asked_for(corpus: Corpus, make_tagger: Maker) -> None:
    tagger = make_tagger(corpus)
    batch = encoded(corpus, tagger).batch(ALL, np.random.default_rng(0), tagger.inputs)
    there = on_device(batch, tagger.device)
    assert torch.equal(tagger.scores(there), tagger.scores(there, Dropout(0.0)))
    assert not torch.equal(tagger.scores(there), tagger.scores(there, Dropout(0.5)))
    seen: list[torch.Tensor] = []
    tagger.token_lstm.register_forward_pre_hook(lambda _module, arguments: seen.append(arguments[0].detach()))
    for dropout in (Dropout(0.0), Dropout(0.75)):
        tagger.scores(there, dropout)
    kept = torch.from_numpy(batch.noise >= Dropout(0.75).threshold)
    torch.testing.assert_close(seen[1], torch.where(kept, 4 * seen[0], 0.0))  # the mean stays


def test_tagging_gives_every_sentence_its_own_tags_at_any_batch_size(
    corpus: Corpus, make_tagger: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    tagger = make_tagger(corpus, seed=3)
    sentences = [["Ataxia", "☂", "in", "mice"], [], ["gene"], ["the", "gene", "1", "7", "of"], ["colon", "cancer"]]
    results = []
    for size, chunk in ((1, 2), (2, 3), (64, 1024)):
        monkeypatch.setattr(engines, "BATCH_SENTENCES", size)
        monkeypatch.setattr(engines, "_CHUNK", chunk)
        results.append(tag(tagger, sentences))
        own = Encoded(corpus, tagger.word_vectors, tagger.alphabet)
        assert Engine(tagger).tags(own) == engine_for(tagger).tags(own)
    assert results[0] == results[1] == results[2]
    assert [len(tags) for tags in results[0]] == [4, 0, 1, 5, 2]
    assert results[0] == [tag(tagger, [sentence])[0] for sentence in sentences]
    assert tag(tagger, [[]]) == [[]]
    assert tag(tagger, (iter(sentence) for sentence in sentences)) == results[0]
    for bad, message in (
        ([["a", ""]], "the token ''"),
        ([["a", 3]], "the token 3"),
        (["in mice"], "'in mice' is a text"),
    ):
        with pytest.raises(ModelError, match=message):
            tag(tagger, bad)
    with pytest.raises(ModelError, match="cut it into tokens"):
        tag(tagger, "in mice")
    known = [["the", "ataxia", "gene", "in", "mice"]]
    assert tag(tagger, known)[0] == engine_for(tagger).tags(encoded(corpus, tagger))[0]


@pytest.mark.parametrize("seed", range(20))
def test_decoding_within_bioes_gives_the_best_allowed_sequence(seed: int, corpus: Corpus, make_tagger: Maker) -> None:
    free, bound = (make_tagger(corpus, seed=seed, decoding=decoding) for decoding in ("free", "bioes"))
    examples = encoded(corpus, free)
    batch = examples.batch(np.array([0, 3, 2]))
    found = bound.decode(batch)
    for sentence, scores in zip(found, by_sentence(bound, batch), strict=True):
        allowed = [path for path in product(range(5), repeat=len(scores)) if legal([bound.tags[k] for k in path])]
        best = max(allowed, key=lambda path: path_score(bound, scores, path))
        assert sentence == [bound.tags[tag] for tag in best]
    assert [engine_for(bound).tags(examples)[n] for n in (0, 3, 2)] == found
    assert [engine_for(free).tags(examples)[n] for n in (0, 3, 2)] == free.decode(batch)


def legal(tags: list[str]) -> bool:
    """Whether every chunk is S, or B, any I, and E."""
    rest = " ".join(tag[0] for tag in tags)
    return re.fullmatch(r"((O|S|B( I)* E)( |$))*", rest) is not None


def test_some_free_sequences_are_broken_and_still_scored(corpus: Corpus, make_tagger: Maker) -> None:
    taggers = [make_tagger(corpus, seed=seed) for seed in range(20)]
    tags = [sentence for tagger in taggers for sentence in engine_for(tagger).tags(encoded(corpus, tagger))]
    broken = [sentence for sentence in tags if not legal(sentence)]
    assert broken
    assert all(chunks(sentence) for sentence in broken)


def test_sizes_are_checked() -> None:
    with pytest.raises(ModelError, match="token_hidden is 0"):
        TaggerConfig(token_hidden=0)
