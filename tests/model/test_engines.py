"""Torch's engine: without waiting for a GPU, and beside the compiled one."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model import training
from model.batches import Batch, Encoded
from model.corpus import Corpus
from model.engines import LETTERS, CompiledEngine, Engine, engine_for, room_for
from model.settings import TrainingConfig
from model.tagger import Tagger
from model.training import Optimizer

Maker = Callable[..., Tagger]
ALL = np.array([1, 0, 3, 2])  # 6, 5, 3 and 1 tokens
ADAM = TrainingConfig("adam", 0.01, 4, "norm", 5.0, 0.5, 1, 1)


@pytest.mark.parametrize("variant", ["paper", "neuroner"])
@pytest.mark.parametrize("config", [ADAM, TrainingConfig("sgd", 0.1, 4, "value", 5.0, 0.5, 1, 1)], ids=["adam", "sgd"])
def test_neither_a_step_nor_the_best_paths_wait_for_the_device(
    variant: str, config: TrainingConfig, corpus: Corpus, make_tagger: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    fused = pytest.importorskip("model.fused", reason="Triton is not installed")
    monkeypatch.setattr(fused, "_launch", lambda *_arguments, **_constants: None)
    for kernel in ("adam", "sgd"):  # torch's refuse the device "meta"
        monkeypatch.setattr(training, kernel, lambda *_arguments, **_constants: None)
    # Tensors of the device "meta" have no values: whatever asks for one fails, and so does mixing them with the CPU's.
    tagger = make_tagger(corpus, variant).to("meta")
    engine = Engine(tagger, 0.5, torch.bfloat16)
    examples = Encoded(corpus, tagger.word_vectors, tagger.alphabet, tagger.tags)
    loss = engine.loss(examples, ALL, np.random.default_rng(0))
    norm = Optimizer(config, engine).update()
    assert loss.device.type == norm.device.type == engine.gradient.device.type == "meta"
    assert tagger.best_paths(examples.batch(ALL)).device.type == "meta"
    with pytest.raises(RuntimeError):
        loss.item()


@given(st.data())
def test_a_recorded_step_has_room_for_its_batch(data: st.DataObject) -> None:
    tokens = data.draw(st.integers(1, 5000))
    words = data.draw(st.integers(1, tokens))
    letters = data.draw(st.integers(words, 30 * words))
    batch = Batch(*(np.zeros(count, np.int64) for count in (tokens, tokens, letters, words, words, 1, 1, tokens, 1)))
    room = room_for(batch)
    filled = batch.filled(room, LETTERS * room)
    assert room % 16 == 0
    assert room <= 1.2 * max(tokens, (letters - words) / (LETTERS - 1)) + 17
    assert {len(filled[i]) for i in (0, 1, 3, 4, 7)} == {room}
    added = filled.word_firsts[words:]  # words, of a letter each, and only tokens that are added have them
    assert set(added) == set(range(letters, letters + room - words)) <= set(range(len(filled.letters)))
    assert set(filled.word_lengths[words:]) <= {1}
    assert len(set(filled.spellings[tokens:])) == room - tokens
    assert set(filled.spellings[tokens:]) <= set(range(words, room))


@pytest.mark.parametrize("variant", ["paper", "neuroner"])
def test_both_engines_give_one_training(variant: str, corpus: Corpus, make_tagger: Maker) -> None:
    results = []
    for kind in (Engine, CompiledEngine):
        tagger = make_tagger(corpus, variant)
        engine = kind(tagger, 0.5)
        optimizer = Optimizer(ADAM, engine)
        examples = Encoded(corpus, tagger.word_vectors, tagger.alphabet, tagger.tags)
        generator = np.random.default_rng(0)
        for _ in range(5):
            engine.loss(examples, ALL, generator)
            optimizer.update()
        results.append(engine.parameters.detach())
    torch.testing.assert_close(*results, rtol=1e-3, atol=1e-4)


def test_a_precision_that_the_cpu_has_not_is_said(
    corpus: Corpus, make_tagger: Maker, caplog: pytest.LogCaptureFixture
) -> None:
    engine_for(make_tagger(corpus), precision=torch.bfloat16)
    assert "precision: bfloat16 is for GPUs; the CPU computes in float32" in caplog.text
