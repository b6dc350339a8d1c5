"""Compiled loops for the CPU: the coupled LSTM cell's, the CRF's, and the update of stochastic gradient descent.

Plain arrays in, plain arrays out; `model.compiled` makes torch functions of them. Source of the equations: model.lstm
for the cell; Lafferty et al. (2001) for the CRF, Rabiner (1989) for its best path. The exponential is Cephes' expf:
range reduction and a polynomial, which the compiler turns into vector instructions, as it cannot with the C library's.
Floating point: products and sums may be contracted, and the sums of `_multiply_transposed` reordered; nothing else.
Compiled code is kept beside this file or in the user's cache folder; where neither can be written it is compiled anew.
Letters: N rows, S sequences, H units, K tags.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import llvmlite.binding as llvm
import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Integers = NDArray[np.int64]
_Function = TypeVar("_Function", bound=Callable[..., Any])

# LLVM's own limits keep these loops from becoming vector instructions: it checks at most 8 pairs of arrays for overlap,
# and 16 rows have more; and what a vector of 16 leaves over (8 of 200 units, 9 of 25) it computes one by one. LLVM's
# options differ between versions, so llvmlite is pinned with numba.
llvm.set_option("model.kernels", "--runtime-memory-check-threshold=1000")
llvm.set_option("model.kernels", "--epilogue-vectorization-force-VF=8")


class Direction(NamedTuple):
    """One direction of the layer; all arrays contiguous, all floats float32."""

    gates: Floats  # (N, 3H) x W + b before the forward pass, i, g, o after it
    recurrent: Floats  # (H, 3H)
    peepholes: Floats  # (2, H) of the input gate and the output gate
    initial: Floats  # (2, H) h and c
    firsts: Integers  # (S,) first row of each sequence, the longest first
    lengths: Integers  # (S,) falling
    reverse: bool  # whether each sequence is read from its last row to its first
    output: Floats  # (N, 2H) the forward pass writes one half
    cells: Floats  # (N, H) written by the forward pass


_f = np.float32
_CONTRACT = {"contract"}
_REORDER = {"contract", "reassoc", "nsz"}


def _compiled(fastmath: set[str], inline: str = "never") -> Callable[[_Function], _Function]:
    """Compile without the interpreter's lock and without checks for division by zero, which would forbid vectors."""

    def compile_(function: _Function) -> _Function:
        options = {"fastmath": fastmath, "inline": inline, "error_model": "numpy", "nogil": True}
        try:
            compiled: _Function = njit(cache=True, **options)(function)
        except RuntimeError:  # no folder for the cache can be written
            compiled = njit(**options)(function)
        return compiled

    return compile_


@_compiled(_CONTRACT, inline="always")
def _expm1(x: Any) -> Any:
    """exp(x) - 1 for float32, with small relative error near 0 too."""
    x = min(max(x, _f(-87.0)), _f(88.0))
    n = np.floor(x * _f(1.4426950408889634) + _f(0.5))
    r = (x - n * _f(0.693359375)) + n * _f(2.12194440e-4)  # ln 2 in two parts
    q = _f(1.9875691500e-4)
    q = q * r + _f(1.3981999507e-3)
    q = q * r + _f(8.3334519073e-3)
    q = q * r + _f(4.1665795894e-2)
    q = q * r + _f(1.6666665459e-1)
    q = q * r + _f(5.0000001201e-1)
    q = q * r * r + r
    power = np.int32((np.int32(n) + np.int32(127)) << np.int32(23)).view(np.float32)
    return power * q + (power - _f(1.0))


@_compiled(_CONTRACT, inline="always")
def _sigmoid(x: Any) -> Any:
    return _f(1.0) / (_f(2.0) + _expm1(-x))


@_compiled(_CONTRACT, inline="always")
def _tanh(x: Any) -> Any:
    e = _expm1(_f(2.0) * x)
    return e / (e + _f(2.0))


@_compiled(_CONTRACT)
def _multiply(a: Floats, b: Floats, c: Floats) -> None:
    """Write a b into c, by blocks of four rows of each: as fast as a BLAS for many rows, twice as fast for one."""
    rows, inner = a.shape
    for r in range(0, rows - rows % 4, 4):
        c0, c1, c2, c3 = c[r], c[r + 1], c[r + 2], c[r + 3]
        for j in range(len(c0)):
            c0[j] = c1[j] = c2[j] = c3[j] = _f(0.0)
        for k in range(0, inner - inner % 4, 4):
            b0, b1, b2, b3 = b[k], b[k + 1], b[k + 2], b[k + 3]
            a00, a01, a02, a03 = a[r, k], a[r, k + 1], a[r, k + 2], a[r, k + 3]
            a10, a11, a12, a13 = a[r + 1, k], a[r + 1, k + 1], a[r + 1, k + 2], a[r + 1, k + 3]
            a20, a21, a22, a23 = a[r + 2, k], a[r + 2, k + 1], a[r + 2, k + 2], a[r + 2, k + 3]
            a30, a31, a32, a33 = a[r + 3, k], a[r + 3, k + 1], a[r + 3, k + 2], a[r + 3, k + 3]
            for j in range(len(c0)):
                v0, v1, v2, v3 = b0[j], b1[j], b2[j], b3[j]
                c0[j] = c0[j] + a00 * v0 + a01 * v1 + a02 * v2 + a03 * v3
                c1[j] = c1[j] + a10 * v0 + a11 * v1 + a12 * v2 + a13 * v3
                c2[j] = c2[j] + a20 * v0 + a21 * v1 + a22 * v2 + a23 * v3
                c3[j] = c3[j] + a30 * v0 + a31 * v1 + a32 * v2 + a33 * v3
        for k in range(inner - inner % 4, inner):
            b0 = b[k]
            a00, a10, a20, a30 = a[r, k], a[r + 1, k], a[r + 2, k], a[r + 3, k]
            for j in range(len(c0)):
                c0[j] += a00 * b0[j]
                c1[j] += a10 * b0[j]
                c2[j] += a20 * b0[j]
                c3[j] += a30 * b0[j]
    for r in range(rows - rows % 4, rows):
        c0 = c[r]
        for j in range(len(c0)):
            c0[j] = _f(0.0)
        for k in range(0, inner - inner % 4, 4):
            b0, b1, b2, b3 = b[k], b[k + 1], b[k + 2], b[k + 3]
            a00, a01, a02, a03 = a[r, k], a[r, k + 1], a[r, k + 2], a[r, k + 3]
            for j in range(len(c0)):
                c0[j] = c0[j] + a00 * b0[j] + a01 * b1[j] + a02 * b2[j] + a03 * b3[j]
        for k in range(inner - inner % 4, inner):
            b0, a00 = b[k], a[r, k]
            for j in range(len(c0)):
                c0[j] += a00 * b0[j]


@_compiled(_REORDER)
def _multiply_transposed(a: Floats, b: Floats, c: Floats) -> None:
    """Write a b^T into c, by blocks of four rows of each."""
    rows, columns = c.shape
    for k in range(0, columns - columns % 4, 4):
        b0, b1, b2, b3 = b[k], b[k + 1], b[k + 2], b[k + 3]
        for r in range(0, rows - rows % 4, 4):
            a0, a1, a2, a3 = a[r], a[r + 1], a[r + 2], a[r + 3]
            s00 = s01 = s02 = s03 = s10 = s11 = s12 = s13 = _f(0.0)
            s20 = s21 = s22 = s23 = s30 = s31 = s32 = s33 = _f(0.0)
            for j in range(len(b0)):
                v0, v1, v2, v3 = b0[j], b1[j], b2[j], b3[j]
                u0, u1, u2, u3 = a0[j], a1[j], a2[j], a3[j]
                s00, s01, s02, s03 = s00 + u0 * v0, s01 + u0 * v1, s02 + u0 * v2, s03 + u0 * v3
                s10, s11, s12, s13 = s10 + u1 * v0, s11 + u1 * v1, s12 + u1 * v2, s13 + u1 * v3
                s20, s21, s22, s23 = s20 + u2 * v0, s21 + u2 * v1, s22 + u2 * v2, s23 + u2 * v3
                s30, s31, s32, s33 = s30 + u3 * v0, s31 + u3 * v1, s32 + u3 * v2, s33 + u3 * v3
            c[r, k], c[r, k + 1], c[r, k + 2], c[r, k + 3] = s00, s01, s02, s03
            c[r + 1, k], c[r + 1, k + 1], c[r + 1, k + 2], c[r + 1, k + 3] = s10, s11, s12, s13
            c[r + 2, k], c[r + 2, k + 1], c[r + 2, k + 2], c[r + 2, k + 3] = s20, s21, s22, s23
            c[r + 3, k], c[r + 3, k + 1], c[r + 3, k + 2], c[r + 3, k + 3] = s30, s31, s32, s33
        for r in range(rows - rows % 4, rows):
            a0 = a[r]
            s00 = s01 = s02 = s03 = _f(0.0)
            for j in range(len(b0)):
                u0 = a0[j]
                s00, s01, s02, s03 = s00 + u0 * b0[j], s01 + u0 * b1[j], s02 + u0 * b2[j], s03 + u0 * b3[j]
            c[r, k], c[r, k + 1], c[r, k + 2], c[r, k + 3] = s00, s01, s02, s03
    for k in range(columns - columns % 4, columns):
        b0 = b[k]
        for r in range(rows):
            a0 = a[r]
            s00 = _f(0.0)
            for j in range(len(b0)):
                s00 += a0[j] * b0[j]
            c[r, k] = s00


@_compiled(_CONTRACT)
def _cell(gates: Floats, z: Floats, peepholes: Floats, c_before: Floats, c: Floats, h: Floats, output: Floats) -> None:
    """One row of one direction; `gates` holds the products with the inputs and becomes i, g, o."""
    units = len(c)
    w_ci, w_co = peepholes[0], peepholes[1]
    # Slices, since an index like units + j might be negative to the compiler, which forbids vectors.
    gate_i, gate_g, gate_o = gates[:units], gates[units : 2 * units], gates[2 * units :]
    z_i, z_g, z_o = z[:units], z[units : 2 * units], z[2 * units :]
    for j in range(units):
        i = _sigmoid(gate_i[j] + z_i[j] + w_ci[j] * c_before[j])
        g = _tanh(gate_g[j] + z_g[j])
        cell = c_before[j] + i * (g - c_before[j])
        o = _sigmoid(gate_o[j] + z_o[j] + w_co[j] * cell)
        hidden = o * _tanh(cell)
        gate_i[j], gate_g[j], gate_o[j] = i, g, o
        c[j], h[j], output[j] = cell, hidden, hidden


@_compiled(_CONTRACT)
def lstm_forward(direction: Direction) -> None:
    """Write gates, output and cells of a direction."""
    gates, recurrent, peepholes, initial, firsts, lengths, reverse, output, cells = direction
    units, half = len(recurrent), len(recurrent) if reverse else 0
    active = len(lengths)
    h = np.empty((active, units), gates.dtype)
    z = np.empty((active, 3 * units), gates.dtype)
    _multiply(initial[:1], recurrent, z[:1])
    for t in range(lengths[0]):
        while lengths[active - 1] <= t:
            active -= 1
        if t:
            _multiply(h[:active], recurrent, z[:active])
        for s in range(active):
            row = firsts[s] + (lengths[s] - 1 - t if reverse else t)
            c_before = cells[row + (1 if reverse else -1)] if t else initial[1]
            _cell(gates[row], z[s if t else 0], peepholes, c_before, cells[row], h[s], output[row][half : half + units])


@_compiled(_CONTRACT)
def _cell_backward(
    saved: tuple[Floats, Floats, Floats],
    peepholes: Floats,
    grad: Floats,
    state: tuple[Floats, Floats, Floats],
    dz_row: Floats,
    d_peepholes: Floats,
) -> None:
    """One row of one direction: from dh and the carry of the step after to dz, and to the carry of the step before."""
    gates, c_before, c = saved
    dh, carry, dz = state
    units = len(c)
    w_ci, w_co = peepholes[0], peepholes[1]
    d_ci, d_co = d_peepholes[0], d_peepholes[1]
    gate_i, gate_g, gate_o = gates[:units], gates[units : 2 * units], gates[2 * units :]
    dz_i, dz_g, dz_o = dz[:units], dz[units : 2 * units], dz[2 * units :]
    row_i, row_g, row_o = dz_row[:units], dz_row[units : 2 * units], dz_row[2 * units :]
    for j in range(units):
        i, g, o, before = gate_i[j], gate_g[j], gate_o[j], c_before[j]
        tanh_c = _tanh(c[j])
        dh_j = grad[j] + dh[j]
        to_o = dh_j * tanh_c * o * (_f(1.0) - o)
        dc = carry[j] + dh_j * o * (_f(1.0) - tanh_c * tanh_c) + w_co[j] * to_o
        to_i = dc * (g - before) * i * (_f(1.0) - i)
        to_g = dc * i * (_f(1.0) - g * g)
        carry[j] = dc * (_f(1.0) - i) + w_ci[j] * to_i
        d_ci[j] += to_i * before
        d_co[j] += to_o * c[j]
        dz_i[j], dz_g[j], dz_o[j] = to_i, to_g, to_o
        row_i[j], row_g[j], row_o[j] = to_i, to_g, to_o


@_compiled(_CONTRACT)
def lstm_backward(
    direction: Direction, grad: Floats, dz: Floats, before: Floats, d_peepholes: Floats, d_initial: Floats
) -> None:
    """The gradient of `lstm_forward`, after it, given `grad` (N, 2H), that of its output.

    Writes `dz` (N, 3H), the gradient of x W + b; `before` (N, H), each row's h of the step before; and, to arrays that
    hold zeros, `d_peepholes` and `d_initial`.
    """
    gates, recurrent, peepholes, initial, firsts, lengths, reverse, output, cells = direction
    units, half = len(recurrent), len(recurrent) if reverse else 0
    dh = np.zeros((len(lengths), units), gates.dtype)
    carry = np.zeros((len(lengths), units), gates.dtype)
    dz_step = np.empty((len(lengths), 3 * units), gates.dtype)
    active = 0
    for t in range(lengths[0] - 1, -1, -1):
        while active < len(lengths) and lengths[active] > t:
            active += 1
        for s in range(active):
            row = firsts[s] + (lengths[s] - 1 - t if reverse else t)
            last = row + (1 if reverse else -1)
            c_before = cells[last] if t else initial[1]
            h_before = output[last][half : half + units] if t else initial[0]
            saved, state = (gates[row], c_before, cells[row]), (dh[s], carry[s], dz_step[s])
            _cell_backward(saved, peepholes, grad[row][half : half + units], state, dz[row], d_peepholes)
            for j in range(units):
                before[row, j] = h_before[j]
        if t:
            _multiply_transposed(dz_step[:active], recurrent, dh[:active])
    for s in range(1, active):
        for j in range(3 * units):
            dz_step[0, j] += dz_step[s, j]
    _multiply_transposed(dz_step[:1], recurrent, d_initial[:1])
    for s in range(active):
        for j in range(units):
            d_initial[1, j] += carry[s, j]


@_compiled(set())
def crf_loss(
    scores: Floats,
    tags: Integers,
    lengths: Integers,
    transitions: Floats,
    start: Floats,
    end: Floats,
    d_scores: Floats,
    d_transitions: Floats,
    d_start: Floats,
    d_end: Floats,
) -> float:
    """Sum over sequences of minus the log-likelihood of their tags; adds its gradients to arrays that hold zeros.

    `scores` (N, K), `tags` (N,), sequences of `lengths` end to end. All is computed in float64 and in logarithms, so
    no score, however large, overflows; the backward pass reuses the forward one's soft choices of the tag before.
    """
    count = scores.shape[1]
    choice = np.empty((lengths.max(), count, count))  # of the tag before (first axis), given the tag
    alpha, following, share, earlier = np.empty(count), np.empty(count), np.empty(count), np.empty(count)
    loss, row = 0.0, 0
    for length in lengths:
        for k in range(count):
            alpha[k] = np.float64(start[k]) + scores[row, k]
        gold = np.float64(start[tags[row]]) + scores[row, tags[row]] + end[tags[row + length - 1]]
        for t in range(1, length):
            gold += np.float64(transitions[tags[row + t - 1], tags[row + t]]) + scores[row + t, tags[row + t]]
            for k in range(count):
                top = -np.inf
                for j in range(count):
                    choice[t, j, k] = alpha[j] + transitions[j, k]
                    top = max(top, choice[t, j, k])
                total = 0.0
                for j in range(count):
                    choice[t, j, k] = math.exp(choice[t, j, k] - top)
                    total += choice[t, j, k]
                for j in range(count):
                    choice[t, j, k] /= total
                following[k] = top + math.log(total) + scores[row + t, k]
            alpha[:] = following
        alpha += end
        top, total = alpha.max(), 0.0
        for k in range(count):
            share[k] = math.exp(alpha[k] - top)
            total += share[k]
        share /= total
        loss += top + math.log(total) - gold
        d_end += share
        d_end[tags[row + length - 1]] -= 1.0
        for t in range(length - 1, -1, -1):
            for k in range(count):
                d_scores[row + t, k] = share[k]
            d_scores[row + t, tags[row + t]] -= 1.0
            if t:
                for j in range(count):
                    earlier[j] = 0.0
                    for k in range(count):
                        both = choice[t, j, k] * share[k]
                        earlier[j] += both
                        d_transitions[j, k] += both
                d_transitions[tags[row + t - 1], tags[row + t]] -= 1.0
                share[:] = earlier
        d_start += share
        d_start[tags[row]] -= 1.0
        row += length
    return loss


@_compiled(set())
def crf_best(
    scores: Floats, lengths: Integers, transitions: Floats, start: Floats, end: Floats, tags: Integers
) -> None:
    """Write the best path of each sequence into `tags` (N,); of equally good tags the first one. Shapes: `crf_loss`."""
    rows, count = scores.shape
    came_from = np.empty((rows, count), np.int64)
    best, following = np.empty(count, scores.dtype), np.empty(count, scores.dtype)
    row = 0
    for length in lengths:
        for k in range(count):
            best[k] = start[k] + scores[row, k]
        for t in range(row + 1, row + length):
            for k in range(count):
                following[k] = -np.inf
                came_from[t, k] = 0
                for j in range(count):
                    value = best[j] + transitions[j, k] + scores[t, k]
                    if value > following[k]:
                        following[k], came_from[t, k] = value, j
            best[:] = following
        best += end
        tags[row + length - 1] = np.argmax(best)
        for t in range(row + length - 1, row, -1):
            tags[t - 1] = came_from[t, tags[t]]
        row += length


@_compiled(_REORDER)
def sgd_step(parameter: Floats, gradient: Floats, rate: float, limit: float) -> float:
    """Subtract rate * gradient, each number of the gradient cut to [-limit, limit], from a parameter; both flat.

    Returns the sum of squares of the gradient before it is cut.
    """
    squares = gradient.dtype.type(0.0)
    rate_, limit_ = gradient.dtype.type(rate), gradient.dtype.type(limit)
    for j in range(len(gradient)):
        g = gradient[j]
        squares += g * g
        parameter[j] -= rate_ * min(max(g, -limit_), limit_)
    return float(squares)
