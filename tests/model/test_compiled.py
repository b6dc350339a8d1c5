"""The compiled loops against torch in float64, torchcrf and enumeration, on random shapes and lengths."""

import os
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torchcrf import CRF

from model import kernels
from model.batches import Batch, Encoded, Words
from model.corpus import Corpus
from model.engines import CompiledEngine, Engine, engine_for
from model.settings import TrainingConfig
from model.tagger import Dropout, Tagger, TaggerConfig, on_device
from model.training import Optimizer

ROOT = Path(__file__).parents[2]
LENGTHS = st.lists(st.integers(1, 9), min_size=1, max_size=11).map(lambda lengths: sorted(lengths, reverse=True))


class Vectors:
    """Random word vectors."""

    sha256 = ""

    def __init__(self, dimension: int) -> None:
        self.matrix = np.random.default_rng(0).normal(size=(20, dimension)).astype(np.float32)
        self.dimension = dimension


class OneBatch:
    """Stands for a corpus of one batch."""

    def __init__(self, batch: Batch) -> None:
        self.whole = batch

    def batch(self, *_arguments: object) -> Batch:
        return self.whole


@st.composite
def batches(draw: st.DrawFn, width: int) -> Batch:
    """Random sentences of random words, some of them unknown, with noise."""
    generator = np.random.default_rng(draw(st.integers(0, 999)))
    lengths = np.array(draw(LENGTHS))
    word_lengths = np.array(draw(LENGTHS))
    tokens = int(lengths.sum())
    return Batch(
        rows=generator.integers(-1, 20, tokens),
        spellings=generator.integers(len(word_lengths), size=tokens),
        letters=generator.integers(8, size=int(word_lengths.sum())),
        word_firsts=np.cumsum(word_lengths) - word_lengths,
        word_lengths=word_lengths,
        firsts=np.cumsum(lengths) - lengths,
        lengths=lengths,
        tags=generator.integers(5, size=tokens),
        noise=generator.integers(-(2**15), 2**15, (tokens, width), dtype=np.int16),
    )


SIZES = [(3, 4, 5, 7, 6), (1, 1, 1, 1, 1), (2, 9, 17, 8, 3), (25, 25, 40, 16, 20)]


def random_tagger(variant: str, sizes: tuple[int, ...], seed: int) -> Tagger:
    torch.manual_seed(seed)
    tagger = Tagger(TaggerConfig(variant, *sizes[:4]), Vectors(sizes[4]), "abcdefg", ["B-X", "E-X", "I-X", "O", "S-X"])
    with torch.no_grad():
        for parameter in tagger.parameters():  # biases too: zeros would hide mistakes
            parameter.add_(torch.randn_like(parameter), alpha=0.3)
    return tagger


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("variant", ["paper", "neuroner"])
@settings(deadline=None, max_examples=15)
@given(st.data(), st.integers(0, 99), st.sampled_from([0.0, 0.5]))
def test_loss_and_gradients_equal_torchs_in_float64(
    variant: str, sizes: tuple[int, ...], data: st.DataObject, seed: int, dropout: float
) -> None:
    tagger = random_tagger(variant, sizes, seed)
    batch = data.draw(batches(tagger.inputs))
    exact = random_tagger(variant, sizes, seed).double()
    expected = exact.loss(on_device(batch, exact.device), Dropout(dropout))
    expected.backward()
    engine = CompiledEngine(tagger, dropout)
    found = engine.loss(OneBatch(batch), np.arange(len(batch.lengths)), np.random.default_rng(0))
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)
    whole = torch.cat(
        [parameter.grad.flatten() for parameter in exact.parameters() if parameter.grad is not None]
    ).norm()
    for (name, ours), theirs in zip(tagger.named_parameters(), exact.parameters(), strict=True):
        gradient = torch.zeros_like(theirs) if theirs.grad is None else theirs.grad  # one token has no transition
        assert (ours.grad.double() - gradient).norm() <= 2e-5 * gradient.norm() + 2e-6 * whole, name


@settings(deadline=None, max_examples=20)
@given(st.data(), st.sampled_from(["paper", "neuroner"]), st.integers(0, 99))
def test_tags_are_those_of_torch(data: st.DataObject, variant: str, seed: int) -> None:
    tagger = random_tagger(variant, SIZES[2], seed)
    batch = data.draw(batches(0))
    rows = batch.rows.copy()
    rows[:] = np.arange(len(batch.word_lengths))[batch.spellings]  # in prediction a word has one vector
    batch = batch._replace(rows=rows)

    class WholeCorpus(OneBatch):
        lengths = batch.lengths

        def prediction_order(self, _size: int) -> list[np.ndarray]:
            return [np.arange(len(batch.lengths))]

        def tokens(self, _sentences: np.ndarray) -> np.ndarray:
            return batch.spellings

        def words(self, distinct: np.ndarray) -> Words:
            lengths = batch.word_lengths[distinct]
            letters = [batch.letters[f : f + n] for f, n in zip(batch.word_firsts[distinct], lengths, strict=True)]
            return Words(distinct, np.concatenate(letters), np.cumsum(lengths) - lengths, lengths)

    assert CompiledEngine(tagger).tags(WholeCorpus(batch)) == tagger.decode(batch)


@pytest.mark.parametrize("threads", [2, 5])
def test_threads_change_no_tag(
    threads: int, corpus: Corpus, make_tagger: Callable[..., Tagger], monkeypatch: pytest.MonkeyPatch
) -> None:
    tagger = make_tagger(corpus)
    examples = Encoded(corpus, tagger.word_vectors, tagger.alphabet)
    for name, number in (("_WORDS", 2), ("BATCH_SENTENCES", 1), ("_CHUNK", 3)):
        monkeypatch.setattr(f"model.engines.{name}", number)
    expected = [tagger.decode(examples.batch(np.array([sentence])))[0] for sentence in range(len(corpus))]
    assert len(corpus) > 3
    assert CompiledEngine(tagger).tags(examples) == expected
    assert CompiledEngine(tagger, threads=threads).tags(examples) == expected


def test_threads_share_a_batch(corpus: Corpus, make_tagger: Callable[..., Tagger]) -> None:
    sentences, results = np.array([1, 0, 3, 2]), []
    for threads in (1, 2, 3, 9):
        tagger = make_tagger(corpus)
        engine = CompiledEngine(tagger, threads=threads)
        examples = Encoded(corpus, tagger.word_vectors, tagger.alphabet, tagger.tags)
        examples._singleton[:] = False  # which words become unknown depends on how the batch is shared
        for _ in range(2):
            loss = engine.loss(examples, sentences, np.random.default_rng(0))
        results.append((loss, engine.parameters.grad.clone()))
    for loss, gradient in results[1:]:
        torch.testing.assert_close(loss, results[0][0])
        torch.testing.assert_close(gradient, results[0][1])


def test_large_values_saturate_and_stay_finite() -> None:
    tagger = random_tagger("paper", SIZES[0], 0)
    with torch.no_grad():
        tagger.token_lstm.weight.mul_(1e5)
    lengths = np.array([6])
    zeros = np.zeros(6, dtype=np.int64)
    batch = Batch(
        zeros, zeros, zeros, np.array([0]), lengths, np.array([0]), lengths, zeros, np.zeros((6, 14), np.int16)
    )
    engine = CompiledEngine(tagger)
    assert engine.loss(OneBatch(batch), np.array([0]), np.random.default_rng(0)).isfinite()
    assert engine.parameters.grad.isfinite().all()


def random_crf(tags: int, dtype: torch.dtype, spread: float) -> CRF:
    crf = CRF(tags, batch_first=True).to(dtype)
    with torch.no_grad():
        for parameter in crf.parameters():
            parameter.copy_(spread * torch.randn_like(parameter))
    return crf


def padded(rows: Tensor, lengths: list[int]) -> tuple[Tensor, Tensor]:
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    result = rows.new_zeros(*mask.shape, *rows.shape[1:])
    return result.masked_scatter(mask.view(*mask.shape, *[1] * (rows.dim() - 1)), rows), mask


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@settings(deadline=None, max_examples=25)
@given(LENGTHS, st.integers(1, 9), st.sampled_from([0.1, 3.0]), st.integers(0, 99))
def test_crf_loss_and_gradients_equal_torchcrfs(
    dtype: torch.dtype, lengths: list[int], count: int, spread: float, seed: int
) -> None:
    torch.manual_seed(seed)
    crf = random_crf(count, dtype, spread)
    scores = spread * torch.randn(sum(lengths), count, dtype=dtype)
    tags = torch.randint(count, (sum(lengths),))
    exact = CRF(count, batch_first=True).double()
    exact.load_state_dict({name: value.double() for name, value in crf.state_dict().items()})
    their_scores = scores.double().requires_grad_()
    grid, mask = padded(their_scores, lengths)
    expected = -exact(grid, padded(tags, lengths)[0], mask, reduction="mean")
    ours = [value.detach().numpy() for value in (scores, crf.transitions, crf.start_transitions, crf.end_transitions)]
    found = [np.zeros_like(value) for value in ours]
    loss = kernels.crf_loss(ours[0], tags.numpy(), np.array(lengths), *ours[1:], *found)
    assert abs(loss / len(lengths) - expected.item()) <= 1e-5 * abs(expected.item()) + 1e-7
    gradients = torch.autograd.grad(
        expected,
        (their_scores, exact.transitions, exact.start_transitions, exact.end_transitions),
        materialize_grads=True,  # one token has no transition
    )
    for mine, theirs in zip(found, gradients, strict=True):
        exact_gradient = len(lengths) * theirs
        assert (torch.from_numpy(mine).double() - exact_gradient).norm() <= 1e-5 * exact_gradient.norm() + 1e-6


@settings(deadline=None, max_examples=60)
@given(LENGTHS, st.integers(1, 9), st.integers(0, 99), st.booleans())
def test_best_paths_are_torchcrfs(lengths: list[int], count: int, seed: int, ties: bool) -> None:
    torch.manual_seed(seed)
    crf = random_crf(count, torch.float32, 1.0)
    scores = torch.randn(sum(lengths), count)
    if ties:
        scores = scores.round()
        with torch.no_grad():
            for parameter in crf.parameters():
                parameter.round_()
    expected = crf.decode(*padded(scores, lengths))
    ours = [value.detach().numpy() for value in (crf.transitions, crf.start_transitions, crf.end_transitions)]
    found = np.empty(len(scores), dtype=np.int64)
    kernels.crf_best(scores.numpy(), np.array(lengths), *ours, found)
    assert found.tolist() == [tag for path in expected for tag in path]


def test_crf_by_enumeration_with_scores_far_apart() -> None:
    transitions, start, end = np.array([[0.0, -2000.0], [-1e4, 3.0]]), np.array([0.0, -1000.0]), np.array([-5.0, 900.0])
    scores, tags = np.array([[1.0, 2.0], [500.0, 0.5], [-0.5, 4.0]]), np.array([1, 0, 1])

    def value(path: tuple[int, ...]) -> float:
        return float(
            start[path[0]]
            + end[path[-1]]
            + sum(scores[t, k] for t, k in enumerate(path))
            + sum(transitions[a, b] for a, b in pairwise(path))
        )

    paths = list(product(range(2), repeat=3))
    arrays = (transitions, start, end)
    lengths, best = np.array([3]), np.empty(3, dtype=np.int64)
    loss = kernels.crf_loss(scores, tags, lengths, *arrays, *(np.zeros_like(array) for array in (scores, *arrays)))
    expected = np.logaddexp.reduce([value(path) for path in paths]) - value((1, 0, 1))
    assert loss == pytest.approx(expected)
    kernels.crf_best(scores, lengths, *arrays, best)
    assert tuple(best) == max(paths, key=value)


@pytest.mark.parametrize("clipping", ["value", "norm"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_clipped_steps_are_torchs(optimizer: str, clipping: str) -> None:
    own, config = (
        Engine(random_tagger("paper", SIZES[3], 0)),
        TrainingConfig(optimizer, 0.1, 1, clipping, 2.0, 0.0, 1, 1),
    )
    optimizer_of_own = Optimizer(config, own)
    theirs = torch.nn.Parameter(own.parameters.detach().clone())
    stepper = (torch.optim.SGD if optimizer == "sgd" else torch.optim.Adam)([theirs], lr=0.1)
    clip = torch.nn.utils.clip_grad_norm_ if clipping == "norm" else torch.nn.utils.clip_grad_value_
    torch.manual_seed(1)
    for size in (3.0, 0.001, 1.0):  # cut, not cut, cut
        theirs.grad = size * torch.randn(len(theirs))
        own.gradient.copy_(theirs.grad)
        norm = optimizer_of_own.update()
        torch.testing.assert_close(norm, theirs.grad.norm())
        clip([theirs], 2.0)
        stepper.step()
        torch.testing.assert_close(own.parameters.detach(), theirs.detach())


def test_products_of_all_remainders() -> None:
    generator = np.random.default_rng(0)
    for rows, inner, columns in product((4, 8), (1, 3, 4, 9, 17), (1, 4, 5, 20)):
        a = generator.normal(size=(rows, inner)).astype(np.float32)
        b = generator.normal(size=(inner, columns)).astype(np.float32)
        c, d = np.full((2, rows, columns), np.nan, dtype=np.float32)
        kernels._multiply(a, b, c, len(a))
        for row in range(rows):
            kernels._multiply_row(a[row], b, d[row])
        for found in (c, d):
            np.testing.assert_allclose(found, a @ b, rtol=1e-4, atol=1e-5)


def test_without_numba_torch_computes_and_says_so(
    corpus: Corpus,
    make_tagger: Callable[..., Tagger],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    tagger = make_tagger(corpus)
    assert type(engine_for(tagger)) is CompiledEngine
    assert type(engine_for(make_tagger(corpus).double())) is Engine
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    assert type(engine_for(tagger)) is Engine
    assert "numba is missing" in caplog.text


def test_a_loop_runs_on_one_thread_of_the_blas() -> None:
    program = """
import model.compiled
from threadpoolctl import threadpool_info
print({pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"})
"""
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout == "{1}\n"


def test_importing_the_tagger_does_not_import_numba() -> None:
    program = "import sys, model.training; sys.exit('numba' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


ADD_ROWS = """
import numpy as np, kernels
x, total = np.ones((2, 3), dtype=np.float32), np.zeros((1, 3), dtype=np.float32)
kernels.add_rows(x, np.array([0, 0]), total)
print(total.tolist(), sum(kernels.add_rows.stats.cache_hits.values()))
"""


def add_rows(folder: Path, **environment: str) -> str:
    """What ADD_ROWS prints with a copy of the loops: a sum, and how many functions came from the cache."""
    (folder / "kernels.py").write_bytes((ROOT / "model" / "kernels.py").read_bytes())
    command = [sys.executable, "-c", ADD_ROWS]
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return run.stdout


def test_where_no_cache_can_be_written_it_is_compiled_anew(tmp_path: Path) -> None:
    (tmp_path / "__pycache__").write_text("a file where numba wants a folder")
    nowhere = {"HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null", "PYTHONDONTWRITEBYTECODE": "1"}
    assert add_rows(tmp_path, **nowhere) == "[[2.0, 2.0, 2.0]] 0\n"


def test_a_cache_that_lost_its_bytes_with_the_power_is_made_anew(tmp_path: Path) -> None:
    assert [add_rows(tmp_path) for _ in range(2)] == ["[[2.0, 2.0, 2.0]] 0\n", "[[2.0, 2.0, 2.0]] 1\n"]
    for form, bytes_left in (("*.nbi", 0), ("*.nbi", 100), ("*.nbc", 0), ("*.nbc", 1000)):
        for file in (tmp_path / "__pycache__").rglob(form):
            os.truncate(file, bytes_left)
        assert [add_rows(tmp_path) for _ in range(2)] == ["[[2.0, 2.0, 2.0]] 0\n", "[[2.0, 2.0, 2.0]] 1\n"]
