"""The LSTM layer against its printed equations, one step a line, and against finite differences."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from model.lstm import CoupledBiLSTM

D, H = 3, 2
FALLING = st.lists(st.integers(1, 6), min_size=1, max_size=6).map(lambda lengths: sorted(lengths, reverse=True))


def layer(variant: str, seed: int = 0) -> CoupledBiLSTM:
    torch.manual_seed(seed)
    result = CoupledBiLSTM(D, H, variant).double()
    with torch.no_grad():
        for parameter in result.parameters():  # biases too: zeros would hide mistakes
            parameter.add_(torch.randn_like(parameter), alpha=0.5)
    return result


def sequences(lengths: list[int]) -> tuple[Tensor, Tensor]:
    """First rows and lengths of sequences laid end to end."""
    return torch.tensor(lengths).cumsum(0) - torch.tensor(lengths), torch.tensor(lengths)


def printed_equations(lstm: CoupledBiLSTM, sequence: Tensor, direction: int) -> list[Tensor]:
    """Outputs (H,) of one direction, in the order of the rows."""
    w_i, w_c, w_o = lstm.weight[direction].split(H, dim=1)
    u_i, u_c, u_o = lstm.recurrent[direction].split(H, dim=1)
    b_i, b_c, b_o = lstm.bias[direction].split(H)
    w_ci, w_co = lstm.peepholes[0, direction], lstm.peepholes[1, direction]
    h, c = lstm.initial[0, direction], lstm.initial[1, direction]
    outputs = []
    rows = sequence if direction == 0 else sequence.flip(0)
    for x in rows:
        i = torch.sigmoid(x @ w_i + h @ u_i + w_ci * c + b_i)
        c = (1 - i) * c + i * torch.tanh(x @ w_c + h @ u_c + b_c)
        o = torch.sigmoid(x @ w_o + h @ u_o + w_co * c + b_o)
        h = o * torch.tanh(c)
        outputs.append(h)
    return outputs if direction == 0 else outputs[::-1]


def reference(lstm: CoupledBiLSTM, x: Tensor, lengths: list[int]) -> Tensor:
    parts = []
    for sequence in x.split(lengths):
        forward, backward = (torch.stack(printed_equations(lstm, sequence, direction)) for direction in (0, 1))
        parts.append(torch.cat([forward, backward], dim=1))
    return torch.cat(parts)


@pytest.mark.parametrize("variant", ["paper", "neuroner"])
@settings(deadline=None, max_examples=20)
@given(FALLING, st.integers(0, 99))
def test_outputs_and_gradients_are_those_of_the_equations(variant: str, lengths: list[int], seed: int) -> None:
    lstm = layer(variant, seed)
    x = torch.randn(sum(lengths), D, dtype=torch.float64, requires_grad=True)
    probe = torch.randn(sum(lengths), 2 * H, dtype=torch.float64)
    wanted_from = [x, *lstm.parameters()]
    expected = reference(lstm, x, lengths)
    found = lstm(x, *sequences(lengths))
    torch.testing.assert_close(found, expected)
    expected_gradients = torch.autograd.grad((expected * probe).sum(), wanted_from)
    found_gradients = torch.autograd.grad((found * probe).sum(), wanted_from)
    for ours, theirs in zip(found_gradients, expected_gradients, strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("variant", ["paper", "neuroner"])
def test_gradients_pass_finite_differences(variant: str) -> None:
    lstm = layer(variant)
    x = torch.randn(7, D, dtype=torch.float64, requires_grad=True)
    names = [name for name, _ in lstm.named_parameters()]

    def run(x: Tensor, *values: Tensor) -> Tensor:
        return torch.func.functional_call(lstm, dict(zip(names, values, strict=True)), (x, *sequences([4, 2, 1])))

    assert torch.autograd.gradcheck(run, (x, *lstm.parameters()))


def test_neuroner_is_a_forget_gate_with_bias_one_and_no_peepholes() -> None:
    torch.manual_seed(0)
    lstm = CoupledBiLSTM(D, H, "neuroner").double()
    assert {name for name, _ in lstm.named_parameters()} == {"weight", "recurrent", "bias", "initial"}
    x = torch.randn(5, D, dtype=torch.float64)
    found = lstm(x, *sequences([5]))
    h, c = lstm.initial[:, 0]
    for row, values in enumerate(x):
        # NeuroNER's own forget weights are the negative of our input gate's, its bias 0 plus the constant 1.
        f = torch.sigmoid(-(values @ lstm.weight[0, :, :H] + h @ lstm.recurrent[0, :, :H]) + 1.0)
        j = values @ lstm.weight[0, :, H : 2 * H] + h @ lstm.recurrent[0, :, H : 2 * H]
        o = values @ lstm.weight[0, :, 2 * H :] + h @ lstm.recurrent[0, :, 2 * H :]
        c = f * c + (1 - f) * torch.tanh(j)
        h = torch.sigmoid(o) * torch.tanh(c)
        torch.testing.assert_close(found[row, :H], h)


def test_final_states_are_the_last_of_each_direction() -> None:
    lstm, lengths = layer("paper"), [3, 2, 1]
    x = torch.randn(6, D, dtype=torch.float64)
    expected = [
        torch.cat([printed_equations(lstm, sequence, 0)[-1], printed_equations(lstm, sequence, 1)[0]])
        for sequence in x.split(lengths)
    ]
    torch.testing.assert_close(lstm.final(x, *sequences(lengths)), torch.stack(expected))


def test_glorot_bounds_are_those_of_one_matrix() -> None:
    torch.manual_seed(0)
    lstm = CoupledBiLSTM(30, 20, "paper")
    bound = (6 / (30 + 20 + 60)) ** 0.5
    for parameter in (lstm.weight, lstm.recurrent):
        assert 0.95 * bound < parameter.abs().max() <= bound
    assert not lstm.bias.any()
