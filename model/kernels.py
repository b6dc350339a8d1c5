"""Compiled loops for the CPU: the cell of model.lstm over time, and the CRF.

Source of the equations: model.lstm for the cell; Lafferty et al. (2001) for the CRF, Rabiner (1989) for its best path.
The exponential is Cephes' expf: range reduction and a polynomial, which the compiler turns into vector instructions, as
it cannot with the C library's. Floating point: products and sums may be contracted, nothing else. Compiled code is kept
beside this file or in the user's cache folder; where neither can be written it is compiled anew.
Letters: N rows of sequences laid end to end, S sequences, the longest first, D inputs, H units a direction, K tags.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar, cast

import llvmlite.binding as llvm
import numba
import numpy as np
from numba import njit
from numba.core.caching import FunctionCache
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Integers = NDArray[np.int64]
# numba writes its index before the code that it names, over that of an earlier version: a kill between the two would
# leave the old code in the new one's place. So each version has a folder.
_VERSION = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]
numba.config.CACHE_DIR = numba.config.CACHE_DIR or str(Path(__file__).parent / "__pycache__" / _VERSION)

_Function = TypeVar("_Function", bound=Callable[..., Any])

# LLVM's own limits keep these loops from becoming vector instructions: it checks at most 8 pairs of arrays for overlap,
# and 8 rows have more; and what a vector of 16 leaves over (8 of 200 units, 9 of 25) it computes one by one. LLVM's
# options differ between versions, so llvmlite is pinned with numba.
llvm.set_option("model.kernels", "--runtime-memory-check-threshold=1000")
llvm.set_option("model.kernels", "--epilogue-vectorization-force-VF=8")

_CONTRACT = {"contract"}
_f = np.float32


class _Cache(FunctionCache):  # type: ignore[misc]  # numba has no types
    """numba's own, but what a machine's failure left without its bytes is compiled and written anew."""

    def load_overload(self, *which: Any) -> Any:
        """The compiled code; None where there is none."""
        try:
            return super().load_overload(*which)
        except Exception:  # of half a file anything may come
            self.flush()
            return None


def _compiled(fastmath: set[str] = _CONTRACT, inline: str = "never") -> Callable[[_Function], _Function]:
    """Compile without the interpreter's lock and without checks for division by zero, which would forbid vectors."""

    def compile_(function: _Function) -> _Function:
        result: Any = njit(fastmath=fastmath, inline=inline, error_model="numpy", nogil=True)(function)
        with suppress(RuntimeError):  # no folder for the cache can be written
            result._cache = _Cache(function)
        return cast(_Function, result)

    return compile_


@_compiled(inline="always")
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


@_compiled(inline="always")
def _sigmoid(x: Any) -> Any:
    return _f(1.0) / (_f(2.0) + _expm1(-x))


@_compiled(inline="always")
def _tanh(x: Any) -> Any:
    e = _expm1(_f(2.0) * x)
    return e / (e + _f(2.0))


@_compiled()
def _multiply(a: Floats, b: Floats, c: Floats, rows: int) -> None:
    """Write the first rows of a b into c, by blocks of four, for which both have up to three more that nobody needs."""
    inner = a.shape[1]
    whole = inner - inner % 4
    for r in range(0, rows, 4):
        a0, a1, a2, a3 = a[r], a[r + 1], a[r + 2], a[r + 3]
        c0, c1, c2, c3 = c[r], c[r + 1], c[r + 2], c[r + 3]
        for j in range(len(c0)):
            c0[j] = c1[j] = c2[j] = c3[j] = _f(0.0)
        for k in range(0, whole, 4):
            b0, b1, b2, b3 = b[k], b[k + 1], b[k + 2], b[k + 3]
            a00, a01, a02, a03 = a0[k], a0[k + 1], a0[k + 2], a0[k + 3]
            a10, a11, a12, a13 = a1[k], a1[k + 1], a1[k + 2], a1[k + 3]
            a20, a21, a22, a23 = a2[k], a2[k + 1], a2[k + 2], a2[k + 3]
            a30, a31, a32, a33 = a3[k], a3[k + 1], a3[k + 2], a3[k + 3]
            for j in range(len(c0)):
                v0, v1, v2, v3 = b0[j], b1[j], b2[j], b3[j]
                c0[j] = c0[j] + a00 * v0 + a01 * v1 + a02 * v2 + a03 * v3
                c1[j] = c1[j] + a10 * v0 + a11 * v1 + a12 * v2 + a13 * v3
                c2[j] = c2[j] + a20 * v0 + a21 * v1 + a22 * v2 + a23 * v3
                c3[j] = c3[j] + a30 * v0 + a31 * v1 + a32 * v2 + a33 * v3
        for k in range(whole, inner):
            b0, a00, a10, a20, a30 = b[k], a0[k], a1[k], a2[k], a3[k]
            for j in range(len(c0)):
                c0[j] += a00 * b0[j]
                c1[j] += a10 * b0[j]
                c2[j] += a20 * b0[j]
                c3[j] += a30 * b0[j]


@_compiled()
def _multiply_row(a: Floats, b: Floats, c: Floats) -> None:
    """Write the product of the row a with b into the row c; twice as fast for one row as a BLAS is."""
    whole = len(a) - len(a) % 8
    for j in range(len(c)):
        c[j] = _f(0.0)
    for k in range(0, whole, 8):
        b0, b1, b2, b3, b4, b5, b6, b7 = b[k], b[k + 1], b[k + 2], b[k + 3], b[k + 4], b[k + 5], b[k + 6], b[k + 7]
        a0, a1, a2, a3, a4, a5, a6, a7 = a[k], a[k + 1], a[k + 2], a[k + 3], a[k + 4], a[k + 5], a[k + 6], a[k + 7]
        for j in range(len(c)):
            low = a0 * b0[j] + a1 * b1[j] + a2 * b2[j] + a3 * b3[j]
            c[j] = c[j] + low + a4 * b4[j] + a5 * b5[j] + a6 * b6[j] + a7 * b7[j]
    for k in range(whole, len(a)):
        b0, a0 = b[k], a[k]
        for j in range(len(c)):
            c[j] += a0 * b0[j]


@_compiled()
def _copy(x: Floats, to: Floats) -> None:
    """Assignment of a row; numba's own takes seconds to compile."""
    for j in range(len(to)):
        to[j] = x[j]


@_compiled()
def _cell(gates: Floats, z: Floats, bias: Floats, w_ci: Floats, w_co: Floats, before: Floats, c: Floats) -> None:
    """One row of one direction; `gates` holds the products with the inputs and becomes i, g, o, and `z` becomes h."""
    units = len(c)
    # Slices, since an index like units + j might be negative to the compiler, which forbids vectors.
    gate_i, gate_g, gate_o = gates[:units], gates[units : 2 * units], gates[2 * units :]
    z_i, z_g, z_o = z[:units], z[units : 2 * units], z[2 * units :]
    b_i, b_g, b_o = bias[:units], bias[units : 2 * units], bias[2 * units :]
    for j in range(units):
        i = _sigmoid(gate_i[j] + z_i[j] + b_i[j] + w_ci[j] * before[j])
        g = _tanh(gate_g[j] + z_g[j] + b_g[j])
        cell = before[j] + i * (g - before[j])
        o = _sigmoid(gate_o[j] + z_o[j] + b_o[j] + w_co[j] * cell)
        gate_i[j], gate_g[j], gate_o[j], c[j] = i, g, o, cell
        z_i[j] = o * _tanh(cell)


@_compiled()
def lstm_forward(
    gates: Floats, recurrent: Floats, bias: Floats, w_ci: Floats, w_co: Floats, h_start: Floats, c_start: Floats,
    firsts: Integers, lengths: Integers, reverse: bool, cells: Floats, output: Floats,
) -> None:  # fmt: skip
    """One direction of a layer: from its products with the inputs (N, 3H), which become i, g, o, write all its states.

    `recurrent` (H, 3H), `bias` (3H,), peepholes and initial states (H,); `firsts` and `lengths` (S,) are the first row
    of each sequence and its length, the longest first; with `reverse` a sequence is read from its last row to its
    first. Writes `cells` (N, H) and the direction's half of `output` (N, 2H).
    """
    units, active = len(recurrent), len(lengths)
    half = units if reverse else 0
    h = np.zeros((active + 3, units), gates.dtype)
    z = np.zeros((active + 3, 3 * units), gates.dtype)
    _multiply_row(h_start, recurrent, z[0])
    for s in range(1, active):
        _copy(z[0], z[s])
    for t in range(lengths[0]):
        while lengths[active - 1] <= t:
            active -= 1
        if t and active == 1:
            _multiply_row(h[0], recurrent, z[0])
        elif t:
            _multiply(h, recurrent, z, active)
        for s in range(active):
            row = firsts[s] + (lengths[s] - 1 - t if reverse else t)
            before = cells[row + (1 if reverse else -1)] if t else c_start
            _cell(gates[row], z[s], bias, w_ci, w_co, before, cells[row])
            _copy(z[s, :units], h[s])
            _copy(h[s], output[row, half : half + units])


@_compiled()
def _cell_backward(
    gates: Floats, z: Floats, w_ci: Floats, w_co: Floats, before: Floats, c: Floats, grad: Floats, dh: Floats,
    carry: Floats, d_ci: Floats, d_co: Floats,
) -> None:  # fmt: skip
    """One row of one direction, from i, g, o; they become the gradient of their arguments, and `z` a copy of it.

    `grad` is the gradient of the row's output, `dh` and `carry` what the step after gave to h and c; `carry` becomes
    what this step gives to the c before. The letters are those of the module's equations, differentiated.
    """
    units = len(c)
    gate_i, gate_g, gate_o = gates[:units], gates[units : 2 * units], gates[2 * units :]
    z_i, z_g, z_o = z[:units], z[units : 2 * units], z[2 * units :]
    for j in range(units):
        i, g, o, squashed = gate_i[j], gate_g[j], gate_o[j], _tanh(c[j])
        dh_j = dh[j] + grad[j]
        dz_o = dh_j * squashed * o * (_f(1.0) - o)
        dc = carry[j] + dh_j * o * (_f(1.0) - squashed * squashed) + w_co[j] * dz_o
        dz_i = dc * (g - before[j]) * i * (_f(1.0) - i)
        dz_g = dc * i * (_f(1.0) - g * g)
        carry[j] = dc * (_f(1.0) - i) + w_ci[j] * dz_i
        gate_i[j], gate_g[j], gate_o[j] = dz_i, dz_g, dz_o
        z_i[j], z_g[j], z_o[j] = dz_i, dz_g, dz_o
        d_ci[j] += dz_i * before[j]
        d_co[j] += dz_o * c[j]


@_compiled()
def lstm_backward(
    gates: Floats, recurrent: Floats, w_ci: Floats, w_co: Floats, h_start: Floats, c_start: Floats,
    firsts: Integers, lengths: Integers, reverse: bool, cells: Floats, output: Floats, grad: Floats,
    h_before: Floats, d_ci: Floats, d_co: Floats, d_h_start: Floats, d_c_start: Floats,
) -> None:  # fmt: skip
    """Backward pass of `lstm_forward`, after it, given `grad` (N, 2H), the gradient of the layer's output.

    `gates` becomes the gradient of the gates' arguments, from which those of the inputs, weights and bias follow;
    writes `h_before` (N, H), each row's h of the step before, and the gradients of peepholes and initial states (H,).
    """
    units, active = len(recurrent), 0
    half, capacity = units if reverse else 0, len(lengths) + 3
    dh = np.zeros((capacity, units), gates.dtype)
    carry = np.zeros((capacity, units), gates.dtype)
    z = np.zeros((capacity, 3 * units), gates.dtype)
    transposed = recurrent.T.copy()
    for j in range(units):
        d_ci[j] = d_co[j] = d_h_start[j] = d_c_start[j] = _f(0.0)
    for t in range(lengths[0] - 1, -1, -1):
        while active < len(lengths) and lengths[active] > t:
            active += 1
        for s in range(active):
            row = firsts[s] + (lengths[s] - 1 - t if reverse else t)
            last = row + (1 if reverse else -1)
            before = cells[last] if t else c_start
            _copy(output[last, half : half + units] if t else h_start, h_before[row])
            grad_row = grad[row, half : half + units]
            _cell_backward(gates[row], z[s], w_ci, w_co, before, cells[row], grad_row, dh[s], carry[s], d_ci, d_co)
        if active == 1:
            _multiply_row(z[0], transposed, dh[0])
        else:
            _multiply(z, transposed, dh, active)
    for s in range(active):
        for j in range(units):
            d_h_start[j] += dh[s, j]
            d_c_start[j] += carry[s, j]


@_compiled()
def add_rows(x: Floats, places: Integers, total: Floats) -> None:
    """Add each row of x to the row of `total` that `places` names."""
    for n in range(len(x)):
        values, own = total[places[n]], x[n]
        for j in range(len(values)):
            values[j] += own[j]


@_compiled(set())
def crf_loss(
    scores: Floats, tags: Integers, lengths: Integers, transitions: Floats, start: Floats, end: Floats,
    d_scores: Floats, d_transitions: Floats, d_start: Floats, d_end: Floats,
) -> float:  # fmt: skip
    """Sum over sequences of minus the log-likelihood of their tags; adds its gradients to arrays that hold zeros.

    `scores` (N, K), `tags` (N,), sequences of `lengths` end to end, the longest first. All is computed in float64 and
    in logarithms, so no score, however large, overflows; the backward pass reuses the forward one's soft choices of
    the tag before.
    """
    count = scores.shape[1]
    choice = np.empty((lengths[0], count, count))  # of the tag before (first axis), given the tag
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
            _copy(following, alpha)
        top, total = -np.inf, 0.0
        for k in range(count):
            alpha[k] += end[k]
            top = max(top, alpha[k])
        for k in range(count):
            total += math.exp(alpha[k] - top)
        for k in range(count):
            share[k] = math.exp(alpha[k] - top) / total
            d_end[k] += share[k]
        loss += top + math.log(total) - gold
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
                _copy(earlier, share)
        for k in range(count):
            d_start[k] += share[k]
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
            _copy(following, best)
        last = 0
        for k in range(count):
            best[k] += end[k]
            if best[k] > best[last]:
                last = k
        tags[row + length - 1] = last
        for t in range(row + length - 1, row, -1):
            tags[t - 1] = came_from[t, tags[t]]
        row += length
