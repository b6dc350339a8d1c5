"""The bidirectional LSTM with coupled gates.

Source: Giorgi and Bader (2018), section 2.1 (after Lample et al., 2016). For one direction, with row vectors:

    i_t = sigmoid(x_t W_i + h_{t-1} U_i + w_ci * c_{t-1} + b_i)
    c_t = (1 - i_t) * c_{t-1} + i_t * tanh(x_t W_c + h_{t-1} U_c + b_c)
    o_t = sigmoid(x_t W_o + h_{t-1} U_o + w_co * c_t + b_o)
    h_t = o_t * tanh(c_t)

NeuroNER, the program that the authors ran, uses the cell without peepholes (w_ci = w_co = 0), with trainable initial
states, and with a forget gate f = sigmoid(a + 1) in place of i. As f = 1 - sigmoid(-a - 1), that is the cell above with
the input gate's weights negated and its bias lower by 1; the initialisation is symmetric, so the same cell serves both
variants and NeuroNER's only differs in where the input gate's bias starts.

With g_t for the tanh in the second line and dz_i, dz_g, dz_o for the gradients of what the three functions are given,
going back in time, dh_t being the output's own gradient and what t+1 gave, dc_t what t+1 gave:

    dz_o = dh_t * tanh(c_t) * o_t * (1 - o_t)
    dc_t += dh_t * o_t * (1 - tanh(c_t)^2) + w_co * dz_o
    dz_i = dc_t * (g_t - c_{t-1}) * i_t * (1 - i_t)
    dz_g = dc_t * i_t * (1 - g_t^2)
    dc_{t-1} = dc_t * (1 - i_t) + w_ci * dz_i
    dh_{t-1} = dz_i U_i^T + dz_g U_c^T + dz_o U_o^T

and with sums over t dW_i = x_t^T dz_i, dU_i = h_{t-1}^T dz_i, db_i = dz_i, dw_ci = dz_i * c_{t-1}, dw_co = dz_o * c_t.

This module differentiates it by autograd, the plain way; by hand do model.compiled on the CPU and model.fused on a GPU.
Letters: N rows (tokens or characters of all sequences, end to end), S sequences, the longest first, D inputs, H units
a direction.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Integers = NDArray[np.int64]


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

    def forward(self, x: Tensor, firsts: Tensor, lengths: Tensor, precision: torch.dtype = torch.float32) -> Tensor:
        """Outputs (N, 2H), forward units first, for inputs (N, D).

        `firsts` and `lengths` (S,) are each sequence's first row and its rows, falling. `precision` is that of the
        products outside the recurrence on a GPU.
        """
        if x.device.type == "cpu":
            return torch.cat([self._direction(d, x, firsts.numpy(), lengths.numpy()) for d in (0, 1)], dim=1)
        return self._fused(x, firsts, lengths, precision)

    def final(self, x: Tensor, firsts: Tensor, lengths: Tensor) -> Tensor:
        """Final hidden states (S, 2H): the forward one after the last row, the backward one after the first."""
        if x.device.type != "cpu":
            return self._fused(x, firsts, lengths, final=True)
        lasts = torch.stack([2 * (firsts + lengths - 1), 2 * firsts + 1], dim=1)  # among each row's two halves
        halves: Tensor = self(x, firsts, lengths).view(2 * len(x), -1)  # (2N, H)
        return halves.index_select(0, lasts.flatten()).view(len(firsts), -1)

    def _fused(
        self, x: Tensor, firsts: Tensor, lengths: Tensor, precision: torch.dtype = torch.float32, final: bool = False
    ) -> Tensor:
        from model import fused

        parameters = (self.weight, self.recurrent, self.bias, self.peepholes, self.initial)
        return fused.bilstm(x, *parameters, firsts, lengths, precision, final)

    def _direction(self, d: int, x: Tensor, firsts: Integers, lengths: Integers) -> Tensor:
        """Outputs (N, H) of one direction; sequences still running are the first ones, and nothing is masked."""
        running = [int((lengths > t).sum()) for t in range(lengths[0])]
        rows = [firsts[:n] + (t if d == 0 else lengths[:n] - 1 - t) for t, n in enumerate(running)]
        order = torch.from_numpy(np.concatenate(rows))
        w_ci, w_co = self.peepholes[:, d]
        h, c = (state.expand(len(lengths), -1) for state in self.initial[:, d])
        outputs = []
        projected = torch.addmm(self.bias[d], x[order], self.weight[d])  # x_t W + b of all steps
        for n, gates in zip(running, torch.split(projected, running), strict=True):
            z_i, z_c, z_o = (gates + h[:n] @ self.recurrent[d]).chunk(3, dim=1)  # (n, H) each
            i = torch.sigmoid(z_i + w_ci * c[:n])
            c = (1 - i) * c[:n] + i * torch.tanh(z_c)
            o = torch.sigmoid(z_o + w_co * c)
            h = o * torch.tanh(c)
            outputs.append(h)
        return torch.cat(outputs)[order.argsort()]
