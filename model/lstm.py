"""The bidirectional LSTM with coupled gates, over packed sequences, with a hand-written backward pass.

Source: Giorgi and Bader (2018), section 2.1 (after Lample et al., 2016). For one direction, with row vectors:

    i_t = sigmoid(x_t W_i + h_{t-1} U_i + w_ci * c_{t-1} + b_i)
    c_t = (1 - i_t) * c_{t-1} + i_t * tanh(x_t W_c + h_{t-1} U_c + b_c)
    o_t = sigmoid(x_t W_o + h_{t-1} U_o + w_co * c_t + b_o)
    h_t = o_t * tanh(c_t)

NeuroNER, the program that the authors ran, uses the cell without peepholes (w_ci = w_co = 0), with trainable initial
states, and with a forget gate f = sigmoid(a + 1) in place of i. As f = 1 - sigmoid(-a - 1), that is the cell above with
the input gate's weights negated and its bias lower by 1; the initialisation is symmetric, so the same cell serves both
variants and NeuroNER's only differs in where the input gate's bias starts.

Letters: N rows (tokens or characters of all sequences, end to end), D inputs, H units a direction. Sequences stand
with the longest first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


@dataclass(frozen=True)
class Packing:
    """Where each row of sequences laid end to end stands when both directions are computed step by step.

    The packed order is step after step, and in a step the sequences as they stand, so that those still running are
    always the first ones and no step needs a mask. Direction 1 starts each sequence at its last row.
    """

    sizes: tuple[int, ...]  # sequences that take part in each step, falling
    order: Tensor  # (2, N) the row at a packed position, for each direction
    position: Tensor  # (2, N) the packed position of a row
    previous: Tensor  # (N,) the previous step of a packed position, counted with the initial states in front
    lasts: Tensor  # (2, sequences) the row at which a direction ends

    @classmethod
    def of(cls, lengths: NDArray[np.int64], device: torch.device | str = "cpu") -> Packing:
        """Pack sequences of these lengths, all at least 1 and none longer than the one before."""
        total, count = int(lengths.sum()), len(lengths)
        ends = np.cumsum(lengths)
        sizes = count - np.cumsum(np.bincount(lengths))[:-1]  # sequences longer than 0, 1, 2, ...
        sequence = np.repeat(np.arange(count), lengths)
        step = np.arange(total) - (ends - lengths)[sequence]
        backward_step = lengths[sequence] - 1 - step
        offsets = np.cumsum(sizes) - sizes
        position = np.stack([offsets[step] + sequence, offsets[backward_step] + sequence])
        order = np.empty_like(position)
        np.put_along_axis(order, position, np.arange(total)[None], axis=1)
        blocks = np.concatenate([[0], count + offsets[:-1]])  # block 0 holds the initial states
        previous = (blocks[step] + sequence)[order[0]]
        lasts = np.stack([ends - 1, ends - lengths])
        tensors = (to_device(array, device) for array in (order, position, previous, lasts))
        return cls(tuple(sizes.tolist()), *tensors)


def to_device(array: NDArray[Any], device: torch.device | str) -> Tensor:
    """The array as a tensor on a device, without waiting for what runs there."""
    tensor = torch.from_numpy(array)
    return (tensor.pin_memory() if torch.device(device).type == "cuda" else tensor).to(device, non_blocking=True)


def _product(a: Tensor, b: Tensor, precision: torch.dtype) -> Tensor:
    """Batched product in the given precision, as float32 (or as it came, where that is more)."""
    return torch.bmm(a.to(precision), b.to(precision)).to(a.dtype) if precision != a.dtype else torch.bmm(a, b)


class CoupledLSTM(torch.autograd.Function):
    """Both directions at once; only the two products with the recurrent weights run step by step, in float32."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        recurrent: Tensor,
        bias: Tensor,
        peepholes: Tensor,
        initial: Tensor,
        packing: Packing,
        precision: torch.dtype,
    ) -> Tensor:
        units = recurrent.shape[1]
        start = packing.sizes[0]
        inputs = x.index_select(0, packing.order.flatten()).view(2, -1, x.shape[1])  # (2, N, D)
        gates = _product(inputs, weight, precision).add_(bias.unsqueeze(1))  # (2, N, 3H), becomes i | g | o in place
        rows = gates.shape[1]
        hidden = x.new_empty(2, start + rows, units)
        cell = x.new_empty(2, start + rows, units)
        squashed = x.new_empty(2, rows, units)  # tanh(c)
        hidden[:, :start] = initial[0].unsqueeze(1)
        cell[:, :start] = initial[1].unsqueeze(1)
        w_ci, w_co = peepholes.unsqueeze(2)  # (2, 1, H) each
        before, row = 0, 0
        for n in packing.sizes:
            after = start + row
            c_before, c = cell[:, before : before + n], cell[:, after : after + n]
            z = gates[:, row : row + n]
            z.baddbmm_(hidden[:, before : before + n], recurrent)
            i, g, o = z.chunk(3, dim=2)
            i.addcmul_(w_ci, c_before).sigmoid_()
            g.tanh_()
            torch.lerp(c_before, g, i, out=c)
            o.addcmul_(w_co, c).sigmoid_()
            tanh_c = squashed[:, row : row + n]
            torch.tanh(c, out=tanh_c)
            torch.mul(o, tanh_c, out=hidden[:, after : after + n])
            before, row = after, row + n
        ctx.packing, ctx.precision = packing, precision
        ctx.save_for_backward(inputs, gates, hidden, cell, squashed, weight, recurrent, peepholes)
        outputs = hidden[:, start:]
        return torch.cat([outputs[d].index_select(0, packing.position[d]) for d in (0, 1)], dim=1)  # (N, 2H)

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        inputs, gates, hidden, cell, squashed, weight, recurrent, peepholes = ctx.saved_tensors
        packing, precision = ctx.packing, ctx.precision
        units = recurrent.shape[1]
        w_ci, w_co = peepholes.unsqueeze(2)
        c_before = cell.index_select(1, packing.previous)
        i, g, o = gates.chunk(3, dim=2)
        # Everything the chain rule needs that no gradient enters, for all steps at once.
        dz = torch.empty_like(gates)
        to_i, to_g, to_o = dz.chunk(3, dim=2)
        torch.mul((g - c_before).mul_(i), 1 - i, out=to_i)
        torch.mul(i, 1 - g * g, out=to_g)
        torch.mul(o - o * o, squashed, out=to_o)
        to_cell = torch.addcmul(o - o * squashed * squashed, w_co, to_o)
        to_before = torch.addcmul(1 - i, w_ci, to_i)
        halves = zip(grad.chunk(2, 1), packing.order, strict=True)
        dh = torch.stack([half.index_select(0, rows) for half, rows in halves])
        both = dz[:, :, : 2 * units].view(2, -1, 2, units)
        transposed = recurrent.transpose(1, 2)
        row, later, dz_later, carry = dh.shape[1], 0, dz, dz  # the last step has no later one
        for n in reversed(packing.sizes):
            row -= n
            dh_t = dh[:, row : row + n]
            e = to_cell[:, row : row + n]
            if later:
                dh_t[:, :later].baddbmm_(dz_later, transposed)
            e.mul_(dh_t)
            if later:
                e[:, :later].add_(carry)
            both[:, row : row + n].mul_(e.unsqueeze(2))
            to_o[:, row : row + n].mul_(dh_t)
            carry = to_before[:, row : row + n].mul_(e)
            later, dz_later = n, dz[:, row : row + n]
        d_inputs = _product(dz, weight.transpose(1, 2), precision)
        d_x = d_inputs[0].index_select(0, packing.position[0]) + d_inputs[1].index_select(0, packing.position[1])
        d_peepholes = torch.stack([(to_i * c_before).sum(1), (to_o * cell[:, packing.sizes[0] :]).sum(1)])
        d_initial = torch.stack([torch.bmm(dz_later, transposed).sum(1), carry.sum(1)])
        d_weight = _product(inputs.transpose(1, 2), dz, precision)
        d_recurrent = _product(hidden.index_select(1, packing.previous).transpose(1, 2), dz, precision)
        return d_x, d_weight, d_recurrent, dz.sum(1), d_peepholes, d_initial, None, None


class CoupledBiLSTM(nn.Module):
    """A bidirectional coupled-gate LSTM layer; the module's docstring gives the equations.

    Parameters, the first index always the direction (0 forward, 1 backward), gates in the order i, c, o:
    `weight` (2, D, 3H) and `recurrent` (2, H, 3H), Glorot-uniform as one matrix [D + H, 3H]; `bias` (2, 3H), zero;
    and `peepholes` (input gate and output gate, 2, H) in variant "paper" or `initial` (h and c, 2, H) in "neuroner",
    which also starts the input gate's bias at -1.
    """

    def __init__(self, inputs: int, hidden: int, variant: str) -> None:
        super().__init__()
        bound = math.sqrt(6 / (inputs + hidden + 3 * hidden))
        self.weight = nn.Parameter(torch.empty(2, inputs, 3 * hidden).uniform_(-bound, bound))
        self.recurrent = nn.Parameter(torch.empty(2, hidden, 3 * hidden).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(2, 3 * hidden))
        zeros = torch.zeros(2, 2, hidden)
        if variant == "paper":
            self.peepholes = nn.Parameter(torch.empty(2, 2, hidden).uniform_(-bound, bound))
            self.register_buffer("initial", zeros, persistent=False)
        else:
            bound = math.sqrt(6 / (1 + hidden))
            self.initial = nn.Parameter(torch.empty(2, 2, hidden).uniform_(-bound, bound))
            self.register_buffer("peepholes", zeros, persistent=False)
            with torch.no_grad():
                self.bias[:, :hidden] = -1.0

    def forward(self, x: Tensor, packing: Packing, precision: torch.dtype = torch.float32) -> Tensor:
        """Outputs (N, 2H), forward units first, for inputs (N, D) whose sequences lie end to end.

        The products outside the recurrence may be computed in another `precision`.
        """
        arguments = (self.weight, self.recurrent, self.bias, self.peepholes, self.initial, packing)
        if x.dtype == torch.float64:
            precision = torch.float64
        output: Tensor = CoupledLSTM.apply(x, *arguments, precision)  # type: ignore[no-untyped-call]
        return output

    def final(self, x: Tensor, packing: Packing) -> Tensor:
        """Final hidden states (sequences, 2H): the forward one after the last row, the backward one after the first."""
        halves = zip(self(x, packing).chunk(2, dim=1), packing.lasts, strict=True)
        return torch.cat([half.index_select(0, rows) for half, rows in halves], dim=1)
