"""The compiled loops against torch's path, torchcrf and torch.optim, on random shapes and lengths."""

import subprocess
import sys
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torchcrf import CRF

from model import compiled, kernels
from model.lstm import CoupledBiLSTM, CoupledLSTM, Packing

ROOT = Path(__file__).parents[2]
LENGTHS = st.lists(st.integers(1, 9), min_size=1, max_size=11)


def random_layer(inputs: int, hidden: int, variant: str) -> CoupledBiLSTM:
    layer = CoupledBiLSTM(inputs, hidden, variant)
    with torch.no_grad():
        for parameter in layer.parameters():  # biases too: zeros would hide mistakes
            parameter.add_(torch.randn_like(parameter), alpha=0.3)
    return layer


def parameters_of(layer: CoupledBiLSTM, dtype: torch.dtype) -> list[Tensor]:
    names = ("weight", "recurrent", "bias", "peepholes", "initial")
    return [getattr(layer, name).detach().to(dtype, copy=True).requires_grad_() for name in names]


def close(found: Tensor, expected: Tensor) -> bool:
    """Whether the difference is at most 1e-5 of the expected values' length."""
    return bool((found.double() - expected).norm() <= 1e-5 * expected.norm())


@pytest.mark.parametrize("variant", ["paper", "neuroner"])
@settings(deadline=None, max_examples=30)
@given(LENGTHS, st.integers(1, 9), st.sampled_from([1, 2, 3, 7, 16, 25, 37]), st.integers(0, 99))
def test_the_layer_equals_torchs_path_in_float64(
    variant: str, lengths: list[int], inputs: int, hidden: int, seed: int
) -> None:
    torch.manual_seed(seed)
    layer, packing = random_layer(inputs, hidden, variant), Packing.of(np.array(lengths))
    x, probe = torch.randn(sum(lengths), inputs), torch.randn(sum(lengths), 2 * hidden)
    exact = [x.double().requires_grad_(), *parameters_of(layer, torch.float64)]
    expected = CoupledLSTM.apply(*exact, packing)
    ours = [x.requires_grad_(), *parameters_of(layer, torch.float32)]
    found = compiled.coupled_lstm(*ours, packing)
    assert close(found, expected)
    gradients = torch.autograd.grad((expected * probe).sum(), exact)
    for ours_, theirs in zip(torch.autograd.grad((found * probe).sum(), ours), gradients, strict=True):
        assert ours_.shape == theirs.shape
        assert close(ours_, theirs)


def test_directions_in_two_threads_change_nothing() -> None:
    layer, packing = random_layer(5, 30, "paper"), Packing.of(np.array([4, 9, 1, 5]))
    x = torch.randn(19, 5)
    results = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        output = layer(x, packing)
        results.append([output, *torch.autograd.grad(output.square().sum(), list(layer.parameters()))])
    for one, two in zip(*results, strict=True):
        torch.testing.assert_close(one, two)


def test_only_the_part_of_the_inputs_gradient_that_is_learned_is_computed() -> None:
    layer, packing = random_layer(6, 8, "paper"), Packing.of(np.array([4, 3]))
    x = torch.randn(7, 6, requires_grad=True)
    (whole,) = torch.autograd.grad(layer(x, packing).square().sum(), x)
    rows = torch.tensor([1, 6])
    (part,) = torch.autograd.grad(layer(x, packing, compiled.Learned(2, rows)).square().sum(), x)
    torch.testing.assert_close(part[:, :2], whole[:, :2])
    torch.testing.assert_close(part[rows], whole[rows])
    assert not part[[0, 2, 3, 4, 5], 2:].any()


def test_large_values_saturate_and_stay_finite() -> None:
    layer, packing = random_layer(3, 5, "paper"), Packing.of(np.array([6]))
    x = torch.full((6, 3), 1e4, requires_grad=True)
    output = layer(x, packing)
    (gradient,) = torch.autograd.grad(output.sum(), x)
    assert output.abs().max() <= 1
    assert torch.isfinite(output).all() and torch.isfinite(gradient).all()


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
    their_scores, scores = scores.double().requires_grad_(), scores.requires_grad_()
    grid, mask = padded(their_scores, lengths)
    expected = -exact(grid, padded(tags, lengths)[0], mask, reduction="mean")
    ours = (crf.transitions, crf.start_transitions, crf.end_transitions)
    found = compiled.crf_loss(scores, tags, np.array(lengths), *ours)
    assert found.dtype == dtype
    assert abs(found.item() - expected.item()) <= 1e-5 * abs(expected.item()) + 1e-7
    gradients = torch.autograd.grad(
        expected,
        (their_scores, exact.transitions, exact.start_transitions, exact.end_transitions),
        materialize_grads=True,  # one token has no transition
    )
    for mine, theirs in zip(torch.autograd.grad(3 * found, (scores, *ours)), gradients, strict=True):
        assert (mine.double() - 3 * theirs).norm() <= 3e-5 * theirs.norm() + 1e-6


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
    found = compiled.crf_best(
        scores, np.array(lengths), crf.transitions, crf.start_transitions, crf.end_transitions
    ).tolist()
    assert found == [tag for path in expected for tag in path]


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
    arrays = [torch.from_numpy(array) for array in (transitions, start, end)]
    lengths = np.array([3])
    loss = compiled.crf_loss(torch.from_numpy(scores), torch.from_numpy(tags), lengths, *arrays)
    expected = np.logaddexp.reduce([value(path) for path in paths]) - value((1, 0, 1))
    assert loss.item() == pytest.approx(expected)
    assert tuple(compiled.crf_best(torch.from_numpy(scores), lengths, *arrays)) == max(paths, key=value)


def test_clipped_step_is_torchs() -> None:
    torch.manual_seed(0)
    ours = [torch.randn(size) for size in ((3, 5), (7,), (2, 2, 33))]
    for parameter in ours[:2]:
        parameter.grad = 3 * torch.randn_like(parameter)
    theirs = [parameter.clone() for parameter in ours]
    gradients = [parameter.grad.clone() for parameter in ours[:2]]
    norm = compiled.sgd_step(ours, 0.1, 2.0)
    assert norm.item() == pytest.approx(torch.nn.utils.get_total_norm(gradients).item(), rel=1e-6)
    for parameter, gradient in zip(theirs, gradients, strict=False):
        parameter.sub_(0.1 * gradient.clamp(-2, 2))
    for mine, expected in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, expected)


def test_products_of_all_remainders() -> None:
    generator = np.random.default_rng(0)
    for rows, inner, columns in product((1, 2, 4, 7), (1, 3, 4, 9), (1, 5, 20)):
        a = generator.normal(size=(rows, inner)).astype(np.float32)
        b = generator.normal(size=(inner, columns)).astype(np.float32)
        c, d = np.full((2, rows, columns), np.nan, dtype=np.float32)
        kernels._multiply(a, b, c)
        kernels._multiply_transposed(a, np.ascontiguousarray(b.T), d)
        np.testing.assert_allclose(c, a @ b, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(d, a @ b, rtol=1e-4, atol=1e-5)


def test_without_numba_torch_computes_and_says_so() -> None:
    program = """
import sys
sys.modules["numba"] = None
import logging, numpy as np, torch
logging.basicConfig(stream=sys.stdout)
from model.lstm import CoupledBiLSTM, Packing
print(tuple(CoupledBiLSTM(3, 2, "paper")(torch.ones(4, 3), Packing.of(np.array([4]))).shape))
"""
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "numba is missing" in run.stdout
    assert run.stdout.endswith("(4, 4)\n")


def test_importing_the_tagger_does_not_import_numba() -> None:
    program = "import sys, model.training; sys.exit('numba' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def test_where_no_cache_can_be_written_it_is_compiled_anew(tmp_path: Path) -> None:
    (tmp_path / "kernels.py").write_bytes((ROOT / "model" / "kernels.py").read_bytes())
    (tmp_path / "__pycache__").write_text("a file where numba wants a folder")
    program = """
import numpy as np, kernels
a = np.ones(3, dtype=np.float32)
print(kernels.sgd_step(a, a.copy(), 0.5, 1.0), a.tolist())
"""
    nowhere = {"HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null", "PYTHONDONTWRITEBYTECODE": "1"}
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=nowhere, capture_output=True, text=True, check=True
    )
    assert run.stdout == "3.0 [0.5, 0.5, 0.5]\n"
