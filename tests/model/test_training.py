"""Training: it learns, it stops, it repeats itself, and it says when something is wrong."""

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.random import Generator

from model import training
from model.batches import Encoded
from model.corpus import Corpus, Integers
from model.engines import CompiledEngine
from model.scores import Scores
from model.settings import ModelError, TrainingConfig, read_settings
from model.tagger import Tagger
from model.training import Optimizer, choose_device, enough_memory, reproducible, train

Maker = Callable[..., Tagger]
FAST = TrainingConfig("adam", 0.02, 2, "norm", 5.0, 0.2, 25, 25)
PAPER = TrainingConfig("sgd", 0.3, 1, "value", 5.0, 0.0, 25, 25)


def weights(corpus: Corpus, make_tagger: Maker, seed: int, config: TrainingConfig) -> list[torch.Tensor]:
    with reproducible(seed, 1):
        tagger = make_tagger(corpus, seed=seed)
        train(config, tagger, corpus, corpus, seed=seed, name="t")
    return [parameter.detach() for parameter in tagger.parameters()]


@pytest.mark.parametrize("config", [FAST, PAPER], ids=["fast", "paper"])
@pytest.mark.parametrize("variant", ["paper", "neuroner"])
def test_it_learns_a_few_sentences_by_heart(
    config: TrainingConfig, variant: str, corpus: Corpus, make_tagger: Maker
) -> None:
    with reproducible(0, 1):
        outcome = train(config, make_tagger(corpus, variant), corpus, corpus, seed=0, name="t")
    assert outcome.best.f1 == 100.0
    assert outcome.history[-1]["loss"] < outcome.history[0]["loss"] / 3


@pytest.mark.parametrize("config", [FAST, PAPER], ids=["fast", "paper"])
def test_one_seed_gives_one_set_of_weights(config: TrainingConfig, corpus: Corpus, make_tagger: Maker) -> None:
    short = replace(config, epochs=3, dropout=0.5)
    first, again, other = (weights(corpus, make_tagger, seed, short) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, other, strict=True))


def test_reproducible_leaves_no_trace() -> None:
    def settings() -> tuple[int, bool, bool]:
        deterministic: Any = torch.utils.deterministic
        fills: bool = deterministic.fill_uninitialized_memory
        return torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), fills

    before = settings()
    with reproducible(0, 2):
        assert torch.get_num_threads() == 2
        assert torch.are_deterministic_algorithms_enabled()
    assert settings() == before


@pytest.mark.parametrize(
    ("transferred", "dev_f1", "patience", "epochs", "best_epoch"),
    [
        (True, [0, 50, 60, 60, 60, 99], 2, 4, 2),  # a tie is no improvement
        (True, [0, 50, 60, 55, 61, 60, 60], 2, 6, 4),
        (True, [70, 50, 60, 69, 99], 3, 3, 0),  # a source's parameters may be the best
        (True, [0, 0, 0, 9], 2, 2, 0),
        (False, [0, 1, 2, 3], 1, 3, 3),
        (False, [5, 0, 0, 5, 6, 5, 4, 9], 2, 6, 4),  # what fresh parameters find by chance is nothing to wait for
        (False, [5, 0, 3, 5], 1, 3, 0),
    ],
)
def test_it_stops_after_patience_and_ends_with_the_best_epoch(
    transferred: bool,
    dev_f1: list[int],
    patience: int,
    epochs: int,
    best_epoch: int,
    corpus: Corpus,
    make_tagger: Maker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tagger, states, values = make_tagger(corpus), [], iter(dev_f1)

    def score(_gold: object, _predicted: object) -> Scores:
        states.append({name: value.clone() for name, value in tagger.state_dict().items()})
        f1 = next(values)
        return Scores(gold=100, predicted=100, correct=f1)

    monkeypatch.setattr(training, "score", score)
    config = replace(FAST, epochs=len(dev_f1) - 1, patience=patience)
    outcome = train(config, tagger, corpus, corpus, seed=0, name="t", transferred=transferred)
    assert [row["epoch"] for row in outcome.history] == list(range(1, epochs + 1))
    assert outcome.best_epoch == best_epoch
    assert outcome.best.f1 == dev_f1[best_epoch]
    assert outcome.initial.f1 == dev_f1[0]
    assert all(torch.equal(value, states[best_epoch][name]) for name, value in tagger.state_dict().items())


@pytest.mark.parametrize(("sentences", "size"), [(5000, 32), (1600, 32), (1599, 31), (400, 8), (99, 1), (7, 1)])
def test_a_small_part_has_small_batches_and_a_rate_for_them(sentences: int, size: int) -> None:
    adam = TrainingConfig("adam", 0.003, 32, "norm", 5.0, 0.5, 100, 10, 50)
    assert adam.for_part(sentences) == replace(adam, batch_sentences=size, learning_rate=0.003 * (size / 32) ** 0.5)
    sgd = replace(adam, optimizer="sgd")
    assert sgd.for_part(sentences) == replace(sgd, batch_sentences=size, learning_rate=0.003 * size / 32)
    assert replace(adam, minimum_updates=1).for_part(sentences).batch_sentences == min(32, sentences)


@pytest.mark.parametrize(("least", "updates"), [(1, 2), (2, 2), (3, 4), (4, 4), (50, 4)])
def test_an_epoch_has_its_least_updates(
    least: int, updates: int, corpus: Corpus, make_tagger: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    loss = CompiledEngine.loss

    def told(engine: CompiledEngine, examples: Encoded, sentences: Integers, rng: Generator) -> torch.Tensor:
        sizes.append(len(sentences))
        return loss(engine, examples, sentences, rng)

    monkeypatch.setattr(CompiledEngine, "loss", told)
    config = replace(FAST, batch_sentences=3, minimum_updates=least, epochs=1)
    train(config, make_tagger(corpus), corpus, corpus, seed=0, name="t")
    assert (len(sizes), sum(sizes)) == (updates, 4)


def test_a_loss_that_is_not_finite_stops(corpus: Corpus, make_tagger: Maker) -> None:
    tagger = make_tagger(corpus)
    with torch.no_grad():
        tagger.fully_connected[2].bias[0] = float("inf")
    with pytest.raises(
        ModelError,
        match=r"t: the loss is nan and the gradient's length nan in epoch 1, batch 1 of 2; lower learning_rate",
    ):
        train(FAST, tagger, corpus, corpus, seed=0, name="t")


def test_a_gradient_that_is_not_finite_stops(
    corpus: Corpus, make_tagger: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Optimizer, "update", lambda _optimizer: torch.tensor(float("inf")))
    with pytest.raises(ModelError, match="and the gradient's length inf in epoch 1, batch 1 of 2"):
        train(FAST, make_tagger(corpus), corpus, corpus, seed=0, name="t")


@pytest.mark.parametrize("clipping", ["value", "norm"])
def test_gradients_are_clipped_and_their_length_is_that_before(
    clipping: str, corpus: Corpus, make_tagger: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = iter([0, 1])  # so that the only epoch is the best
    monkeypatch.setattr(training, "score", lambda _gold, _predicted: Scores(1, 1, next(values)))
    config = replace(FAST, optimizer="sgd", learning_rate=1.0, batch_sentences=4, dropout=0.0, epochs=1)
    tagger, limit = make_tagger(corpus), 1e-3
    before = torch.cat([parameter.detach().flatten().clone() for parameter in tagger.parameters()])
    clipped = replace(config, clipping=clipping, clipping_limit=limit)
    outcome = train(clipped, tagger, corpus, corpus, seed=0, name="t")
    step = torch.cat([parameter.detach().flatten() for parameter in tagger.parameters()]) - before
    length = step.abs().max() if clipping == "value" else step.norm()
    assert length.item() == pytest.approx(limit, rel=1e-2)
    assert outcome.history[0]["gradient_norm"] > 0.1


def test_loss_and_gradient_of_an_epoch_are_means(
    corpus: Corpus, make_tagger: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses: list[float] = []  # one a sentence
    norms: list[float] = []  # one a batch
    loss, update = CompiledEngine.loss, Optimizer.update

    def told_loss(engine: CompiledEngine, examples: Encoded, sentences: Integers, rng: Generator) -> torch.Tensor:
        value = loss(engine, examples, sentences, rng)
        losses.extend([value.item()] * len(sentences))
        return value

    def told_update(optimizer: Optimizer) -> torch.Tensor:
        value = update(optimizer)
        norms.append(value.item())
        return value

    monkeypatch.setattr(CompiledEngine, "loss", told_loss)
    monkeypatch.setattr(Optimizer, "update", told_update)
    config = replace(FAST, batch_sentences=3, epochs=1)  # of the four sentences one is left for a second batch
    [row] = train(config, make_tagger(corpus), corpus, corpus, seed=0, name="t").history
    assert (len(losses), len(norms)) == (4, 2)
    assert row["loss"] == pytest.approx(np.mean(losses), rel=1e-5)
    assert row["gradient_norm"] == pytest.approx(np.mean(norms), rel=1e-5)


def test_the_log_has_a_line_an_epoch_with_speed_and_time_left(
    corpus: Corpus, make_tagger: Maker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    times = iter([10, 12, 17, 20, 22, 27, 30, 32, 37])  # an epoch begins, is trained, is scored
    monkeypatch.setattr(training, "time", SimpleNamespace(perf_counter=lambda: float(next(times))))
    caplog.set_level(logging.INFO)
    outcome = train(replace(FAST, epochs=3), make_tagger(corpus), corpus, corpus, seed=0, name="DISO cdr")
    assert [row["seconds"] for row in outcome.history] == [7, 7, 7]
    assert outcome.history[0]["sentences_per_second"] == len(corpus) / 2
    told = [message for message in caplog.messages if ": epoch " in message]
    assert len(told) == 3
    assert told[0].startswith("DISO cdr: epoch 1/3, loss ")
    assert ", dev F1 " in told[0] and " sentences/s, " in told[0]
    assert [message.partition("at most ")[2] for message in told] == ["14 s left", "7 s left", "0 s left"]


@pytest.mark.parametrize("transferred", [False, True])
def test_a_training_that_learnt_nothing_says_so(
    transferred: bool,
    corpus: Corpus,
    make_tagger: Maker,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(training, "score", lambda _gold, _predicted: Scores(gold=100, predicted=100, correct=3))
    train(replace(FAST, epochs=2), make_tagger(corpus), corpus, corpus, seed=0, name="t", transferred=transferred)
    assert ("t: dev F1 never rose above the 3.00 of the fresh parameters" in caplog.text) is not transferred


def test_a_warning_when_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert choose_device() == torch.device("cpu")
    assert "no GPU" in caplog.text


def test_a_gpu_that_torch_does_not_see_is_no_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-a")
    with pytest.raises(ModelError, match="torch sees no GPU, though CUDA_VISIBLE_DEVICES is GPU-a"):
        choose_device()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert choose_device() == torch.device("cpu")


def test_a_gpu_without_a_compiler_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    fused = pytest.importorskip("model.fused", reason="Triton is not installed")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")
    monkeypatch.setattr(fused, "try_out", lambda: None)
    assert choose_device() == torch.device("cuda")

    def no_compiler(kind: type[Exception]) -> None:
        raise kind("Failed to find C compiler")

    for kind in (RuntimeError, OSError, ImportError):
        monkeypatch.setattr(fused, "try_out", partial(no_compiler, kind))
        with pytest.raises(ModelError, match="cannot be built: Failed to find C compiler; they need triton, gcc"):
            choose_device()


def test_a_gpu_whose_memory_is_taken_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.\nMore")

    fused = pytest.importorskip("model.fused", reason="Triton is not installed")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")
    monkeypatch.setattr(fused, "try_out", full)
    with pytest.raises(ModelError, match=r"allocate 2 GiB. Let fewer trainings share the GPU"), enough_memory():
        choose_device()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learning_rat": 1.0}, "training: unknown setting 'learning_rat'; did you mean 'learning_rate'"),
        ({"learning_rate": "1e-3"}, "learning_rate is '1e-3', a str; give a number"),
        ({"epochs": 1.5}, "epochs is 1.5, a float; give a whole number"),
        ({"epochs": True}, "epochs is True"),
        ({"epochs": 0}, "epochs is 0"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"clipping_limit": float("inf")}, "clipping_limit is inf"),
        ({"dropout": 1}, "dropout is 1"),
        ({"optimizer": "adamw"}, "optimizer is 'adamw'; valid values: sgd, adam"),
    ],
)
def test_wrong_settings_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        read_settings(TrainingConfig, vars(FAST) | changes, "training")


def test_missing_settings_are_named() -> None:
    with pytest.raises(ModelError, match="'optimizer' is missing"):
        read_settings(TrainingConfig, {"epochs": 3}, "training")
    assert read_settings(TrainingConfig, vars(FAST) | {"dropout": 0}, "training").dropout == 0.0
    assert np.isclose(read_settings(TrainingConfig, vars(FAST), "training").learning_rate, 0.02)
