"""The LSTM and the CRF on a GPU: Triton kernels that go through all steps of a sequence without returning to the host.

Source of the equations: model.lstm for the cell; Lafferty et al. (2001) for the CRF. All of it is float32; from compute
capability 8.0 on a product in the recurrence is done by tensor cores in three parts of TF32, which together keep
float32's precision. A kernel only reads from an array, or writes each place of it once before a barrier and reads it
after. Rows of no sequence may follow the others: their outputs and gradients are 0.
Letters: N rows of sequences laid end to end, S sequences, the longest first, D inputs, H units a direction, K tags.
"""

from __future__ import annotations

import math
import subprocess
from collections.abc import Callable
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import once_differentiable
from triton.errors import TritonError

from model.settings import ModelError

_NEVER = tl.constexpr(-1e9)  # the score of a tag that only fills the kernel's block
_LEAST_UNITS = 32  # of a program: fewer would only wait
_SEQUENCES = 16  # that a program computes together, the least that tensor cores multiply
_MOST_UNITS = 512  # that fit into the shared memory of all GPUs since 2018
_MOST_TAGS = 128  # that fit into a program's registers
_SMALL = 2**14  # numbers of a matrix that only a few processors would sum over all rows
_PARTS = 128  # at most, in which they then sum side by side
# These differ from batch to batch, and a kernel would be compiled anew for each divisor and alignment of them.
_jit = triton.jit(do_not_specialize=["rows", "sequences"], do_not_specialize_on_alignment=["firsts", "lengths", "tags"])


@triton.jit
def _tanh(x):
    return 2 * tl.sigmoid(2 * x) - 1


@triton.jit
def _meet(arrivals, shares: tl.constexpr, times):
    """Return when all programs that share sequences have come `times` times, and what they wrote can be read."""
    tl.debug_barrier()
    if shares > 1:
        tl.atomic_add(arrivals, 1, sem="release")
        while tl.atomic_add(arrivals, 0, sem="acquire") < shares * times:
            pass
        tl.debug_barrier()


@triton.jit
def _sequences(firsts, lengths, sequences, together: tl.constexpr):
    """A program's direction and sequences, their lengths and the rows where they begin, and the step between rows."""
    direction = tl.program_id(1)
    sequence = tl.program_id(2) * together + tl.arange(0, together)
    length = tl.load(lengths + sequence, mask=sequence < sequences, other=0).to(tl.int32)
    first = tl.load(firsts + sequence, mask=sequence < sequences, other=0).to(tl.int32)
    return direction, sequence, length, first + direction * tl.maximum(length - 1, 0), 1 - 2 * direction


@triton.jit
def _pair(array, direction, u, own, units: tl.constexpr):
    """A direction's units (1, wide) of both parts of an array (2, 2, H), such as the peepholes."""
    first = tl.load(array + direction * units + u, mask=own, other=0.0)
    second = tl.load(array + (2 + direction) * units + u, mask=own, other=0.0)
    return first[None, :], second[None, :]


@_jit
def _lstm_forward(
    gates, recurrent, peepholes, initial, firsts, lengths,
    states, h_before, c_before, output, arrivals,
    rows, sequences,
    units: tl.constexpr, together: tl.constexpr, wide: tl.constexpr, block: tl.constexpr, shares: tl.constexpr,
    final: tl.constexpr,
):  # fmt: skip
    """One direction of some sequences: from the products with the inputs and the bias, `gates` (2, N, 3H), all states.

    Writes `states` (2, N, 3H), i, g and o; `h_before` and `c_before` (2, N, H), those of the step before; and `output`,
    (N, 2H) or with `final` (S, 2H). The other arrays have the shapes of CoupledBiLSTM. A program computes `wide` units,
    and `shares` of them all, which meet after each step by their counter of `arrivals`, zeros (programs, 2).
    """
    direction, sequence, length, start, onward = _sequences(firsts, lengths, sequences, together)
    u = tl.program_id(0) * wide + tl.arange(0, wide)
    own = u < units
    arrivals += tl.program_id(2) * 2 + direction
    gates += direction * rows * 3 * units
    states += direction * rows * 3 * units
    recurrent += direction * units * 3 * units
    h_before += direction * rows * units
    c_before += direction * rows * units
    output += direction * units
    w_ci, w_co = _pair(peepholes, direction, u, own, units)
    h_start, c = _pair(initial, direction, u, own, units)
    c += tl.zeros([together, wide], tl.float32)
    h_start += tl.zeros([together, wide], tl.float32)
    tl.store(h_before + start[:, None] * units + u[None, :], h_start, mask=(length > 0)[:, None] & own[None, :])
    _meet(arrivals, shares, 1)
    for t in range(0, tl.max(length, 0)):
        running = (t < length)[:, None]
        row = (start + t * onward)[:, None]
        here = running & own[None, :]
        place = row * 3 * units + u[None, :]
        # Added after the loop: sums that began with them would keep the first weights waiting.
        x_i = tl.load(gates + place, mask=here, other=0.0)
        x_g = tl.load(gates + place + units, mask=here, other=0.0)
        x_o = tl.load(gates + place + 2 * units, mask=here, other=0.0)
        z_i = tl.zeros([together, wide], tl.float32)
        z_g = tl.zeros([together, wide], tl.float32)
        z_o = tl.zeros([together, wide], tl.float32)
        for first in range(0, units, block):
            k = first + tl.arange(0, block)
            part = tl.load(h_before + row * units + k[None, :], mask=running & (k < units)[None, :], other=0.0)
            w = recurrent + k[:, None] * 3 * units + u[None, :]
            inside = (k < units)[:, None] & own[None, :]
            z_i = tl.dot(part, tl.load(w, mask=inside, other=0.0), z_i, input_precision="tf32x3")
            z_g = tl.dot(part, tl.load(w + units, mask=inside, other=0.0), z_g, input_precision="tf32x3")
            z_o = tl.dot(part, tl.load(w + 2 * units, mask=inside, other=0.0), z_o, input_precision="tf32x3")
        i = tl.sigmoid(x_i + z_i + w_ci * c)
        g = _tanh(x_g + z_g)
        tl.store(c_before + row * units + u[None, :], c, mask=here)
        c += i * (g - c)
        o = tl.sigmoid(x_o + z_o + w_co * c)
        h = o * _tanh(c)
        tl.store(states + place, i, mask=here)
        tl.store(states + place + units, g, mask=here)
        tl.store(states + place + 2 * units, o, mask=here)
        if final:
            last = (t + 1 == length)[:, None] & own[None, :]
            tl.store(output + sequence[:, None] * 2 * units + u[None, :], h, mask=last)
        else:
            tl.store(output + row * 2 * units + u[None, :], h, mask=here)
        following = (t + 1 < length)[:, None] & own[None, :]
        tl.store(h_before + (row + onward) * units + u[None, :], h, mask=following)
        _meet(arrivals, shares, t + 2)


@_jit
def _lstm_backward(
    states, transposed, peepholes, firsts, lengths, c_before, grad,
    dz, sums, arrivals,
    rows, sequences,
    units: tl.constexpr, together: tl.constexpr, wide: tl.constexpr, block: tl.constexpr, shares: tl.constexpr,
    final: tl.constexpr,
):  # fmt: skip
    """One direction of some sequences, given `grad`, the gradient of the output, as large.

    Writes `dz` (2, N, 3H), the gradient of the gates' arguments, and `sums` (programs, 2, 4, H), this program's part of
    the gradients of w_ci, w_co and the initial h and c. `transposed` (2, 3H, H) is `recurrent`, turned; the others are
    as in the way forward.
    """
    direction, sequence, length, start, onward = _sequences(firsts, lengths, sequences, together)
    u = tl.program_id(0) * wide + tl.arange(0, wide)
    own = u < units
    arrivals += tl.program_id(2) * 2 + direction
    states += direction * rows * 3 * units
    dz += direction * rows * 3 * units
    transposed += direction * 3 * units * units
    c_before += direction * rows * units
    grad += direction * units
    w_ci, w_co = _pair(peepholes, direction, u, own, units)
    dh = tl.zeros([together, wide], tl.float32)
    dc = tl.zeros([together, wide], tl.float32)
    d_ci = tl.zeros([together, wide], tl.float32)
    d_co = tl.zeros([together, wide], tl.float32)
    longest = tl.max(length, 0)
    for back in range(0, longest):
        t = longest - 1 - back
        running = (t < length)[:, None]
        row = (start + t * onward)[:, None]
        here = running & own[None, :]
        place = row * 3 * units + u[None, :]
        i = tl.load(states + place, mask=here, other=0.0)
        g = tl.load(states + place + units, mask=here, other=0.0)
        o = tl.load(states + place + 2 * units, mask=here, other=0.0)
        before = tl.load(c_before + row * units + u[None, :], mask=here, other=0.0)
        if final:
            last = (t + 1 == length)[:, None] & own[None, :]
            dh += tl.load(grad + sequence[:, None] * 2 * units + u[None, :], mask=last, other=0.0)
        else:
            dh += tl.load(grad + row * 2 * units + u[None, :], mask=here, other=0.0)
        c = before + i * (g - before)
        squashed = _tanh(c)
        dz_o = dh * squashed * o * (1 - o)
        dc += dh * o * (1 - squashed * squashed) + w_co * dz_o
        dz_i = dc * (g - before) * i * (1 - i)
        dz_g = dc * i * (1 - g * g)
        dc = dc * (1 - i) + w_ci * dz_i
        d_ci += dz_i * before
        d_co += dz_o * c
        tl.store(dz + place, dz_i, mask=here)
        tl.store(dz + place + units, dz_g, mask=here)
        tl.store(dz + place + 2 * units, dz_o, mask=here)
        _meet(arrivals, shares, back + 1)
        dh = tl.zeros([together, wide], tl.float32)
        for first in range(0, 3 * units, block):
            k = first + tl.arange(0, block)
            part = tl.load(dz + row * 3 * units + k[None, :], mask=running & (k < 3 * units)[None, :], other=0.0)
            inside = (k < 3 * units)[:, None] & own[None, :]
            w = tl.load(transposed + k[:, None] * units + u[None, :], mask=inside, other=0.0)
            dh = tl.dot(part, w, dh, input_precision="tf32x3")
    sums += (tl.program_id(2) * 2 + direction) * 4 * units + u
    tl.store(sums, tl.sum(d_ci, 0), mask=own)
    tl.store(sums + units, tl.sum(d_co, 0), mask=own)
    tl.store(sums + 2 * units, tl.sum(dh, 0), mask=own)
    tl.store(sums + 3 * units, tl.sum(dc, 0), mask=own)


@_jit
def _crf_loss(
    scores, tags, firsts, lengths, start, end, transitions,
    alphas, losses, d_scores, d_start, d_end, d_transitions,
    count: tl.constexpr, wide: tl.constexpr,
):  # fmt: skip
    """Minus the log-likelihood of one sentence's tags, and its gradients, which are this sentence's own rows of `d_*`.

    `scores` (N, K); writes `losses` (S,), `d_scores` (N, K), `d_start` and `d_end` (S, K), `d_transitions` (S, K, K).
    `alphas` (N, wide) is scratch: the logarithms of the forward algorithm less their largest, so that no sentence is
    too long for float32. `wide` is K rounded up to a power of 2.
    """
    sentence = tl.program_id(0)
    first = tl.load(firsts + sentence).to(tl.int32)
    length = tl.load(lengths + sentence).to(tl.int32)
    j = tl.arange(0, wide)  # the tag before
    k = tl.arange(0, wide)  # the tag
    own = k < count
    pairs = (j < count)[:, None] & own[None, :]
    places = j[:, None] * count + k[None, :]
    moves = tl.load(transitions + places, mask=pairs, other=_NEVER)
    tag = tl.load(tags + first)
    alpha = tl.load(start + k, mask=own, other=_NEVER) + tl.load(scores + first * count + k, mask=own, other=_NEVER)
    loss = -tl.sum(tl.where(k == tag, alpha, 0.0), 0)
    top = tl.max(alpha, 0)
    alpha -= top
    loss += top
    tl.store(alphas + first * wide + k, alpha)
    for row in range(first + 1, first + length):
        emission = tl.load(scores + row * count + k, mask=own, other=_NEVER)
        both = alpha[:, None] + moves
        top_k = tl.max(both, 0)
        alpha = top_k + tl.log(tl.sum(tl.exp(both - top_k[None, :]), 0)) + emission
        before = tag
        tag = tl.load(tags + row)
        gold = tl.sum(tl.where((j == before)[:, None] & (k == tag)[None, :], moves, 0.0))
        gold += tl.sum(tl.where(k == tag, emission, 0.0), 0)
        top = tl.max(alpha, 0)
        alpha -= top
        loss += top - gold
        tl.store(alphas + row * wide + k, alpha)
    last = tl.load(end + k, mask=own, other=_NEVER)
    top = tl.max(alpha + last, 0)
    share = tl.exp(alpha + last - top)
    total = tl.sum(share, 0)
    share /= total
    loss += top + tl.log(total) - tl.sum(tl.where(k == tag, last, 0.0), 0)
    tl.store(losses + sentence, loss)
    tl.store(d_end + sentence * count + k, share - tl.where(k == tag, 1.0, 0.0), mask=own)
    tl.debug_barrier()
    d_moves = tl.zeros([wide, wide], tl.float32)
    for back in range(1, length):
        row = first + length - back
        tl.store(d_scores + row * count + k, share - tl.where(k == tag, 1.0, 0.0), mask=own)
        both = tl.load(alphas + (row - 1) * wide + j)[:, None] + moves
        choice = tl.exp(both - tl.max(both, 0)[None, :])
        choice = choice / tl.sum(choice, 0)[None, :] * share[None, :]
        before = tl.load(tags + row - 1)
        d_moves += choice - tl.where((j == before)[:, None] & (k == tag)[None, :], 1.0, 0.0)
        share = tl.sum(choice, 1)
        tag = before
    at_first = share - tl.where(k == tag, 1.0, 0.0)
    tl.store(d_scores + first * count + k, at_first, mask=own)
    tl.store(d_start + sentence * count + k, at_first, mask=own)
    tl.store(d_transitions + sentence * count * count + places, d_moves, mask=pairs)


def _launch(kernel: Any, grid: tuple[int, ...], *arguments: Any, **constants: Any) -> None:
    """Kernels know of no strides, and Triton of no device but the current one."""
    assert all(argument.is_contiguous() for argument in arguments if isinstance(argument, Tensor))
    with torch.cuda.device_of(arguments[0]):  # type: ignore[no-untyped-call]
        kernel[grid](*arguments, **constants)


def _processors(device: torch.device) -> int:
    """Programs that run at once, at least."""
    return torch.cuda.get_device_properties(device).multi_processor_count if device.type == "cuda" else 1


def _blocks(sequences: int, units: int, matrices: int, processors: int) -> tuple[tuple[int, int, int], dict[str, Any]]:
    """Programs, and the sizes of what one computes at a time: as much as the registers and shared memory hold.

    Units are shared as far as there are processors: all programs that wait for one another must run at once. They are
    started one after another, and a cooperative launch fails where there is no room for all. `matrices` is the number
    of those whose rows are there together, a block at a time.
    """
    if units > _MOST_UNITS:
        raise ModelError(f"an LSTM layer of {units} units a direction; on a GPU it has at most {_MOST_UNITS}")
    programs, wide = triton.cdiv(sequences, _SEQUENCES), triton.next_power_of_2(max(units, 16))
    while wide > _LEAST_UNITS and 2 * programs * triton.cdiv(units, wide // 2) <= processors:
        wide //= 2
    shares = triton.cdiv(units, wide)
    sizes = {"units": units, "together": _SEQUENCES, "wide": wide, "block": 32 if matrices * wide <= 256 else 16}
    options = {"num_warps": 8 if wide > 64 else 4, "num_stages": 3 if wide <= 256 else 1}
    options["launch_cooperative_grid"] = shares > 1
    return (shares, 2, programs), {**sizes, "shares": shares, **options}


def _products(x: Tensor, dz: Tensor) -> Tensor:
    """Sums (2, D, 3H) over the rows of products of inputs (N, D) or (2, N, D) and gradients (2, N, 3H)."""
    parts = math.gcd(dz.shape[1], _PARTS) if x.shape[-1] * dz.shape[-1] < _SMALL else 1
    x, dz = (rows.view(*rows.shape[:-2], parts, -1, rows.shape[-1]) for rows in (x, dz))
    return torch.matmul(x.transpose(-1, -2), dz).float().sum(1)


class _BiLSTM(torch.autograd.Function):
    """Outputs (N, 2H) of a bidirectional layer for inputs (N, D), differentiable; parameters as in CoupledBiLSTM.

    `firsts` and `lengths` (S,) are each sequence's first row and its rows, falling. The products outside the recurrence
    are computed in `precision`. With `final` the outputs are each direction's last (S, 2H).
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, recurrent: Tensor, bias: Tensor, peepholes: Tensor, initial: Tensor,
        firsts: Tensor, lengths: Tensor, precision: torch.dtype = torch.float32, final: bool = False,
    ) -> Tensor:  # fmt: skip
        rows, units = len(x), recurrent.shape[1]
        x, weight = x.detach().to(precision), weight.detach().to(precision)  # else matmul would copy what it multiplies
        gates = torch.matmul(x, weight).float().add_(bias.unsqueeze(1))  # (2, N, 3H)
        states = torch.empty_like(gates)
        h_before, c_before = gates.new_zeros(2, rows, units), gates.new_empty(2, rows, units)
        output = gates.new_zeros(len(lengths) if final else rows, 2 * units)
        grid, constants = _blocks(len(lengths), units, 3, _processors(x.device))
        inputs = (gates, recurrent, peepholes, initial, firsts, lengths)
        outputs = (states, h_before, c_before, output, lengths.new_zeros(grid[1:], dtype=torch.int32))
        _launch(_lstm_forward, grid, *inputs, *outputs, rows, len(lengths), **constants, final=final)
        ctx.final = final
        ctx.save_for_backward(x, weight, recurrent, peepholes, firsts, lengths, states, h_before, c_before)
        return output

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, recurrent, peepholes, firsts, lengths, states, h_before, c_before = ctx.saved_tensors
        rows, units = len(x), recurrent.shape[1]
        grid, constants = _blocks(len(lengths), units, 1, _processors(x.device))
        dz, arrivals = torch.zeros_like(states), lengths.new_zeros(grid[1:], dtype=torch.int32)
        sums = dz.new_empty(grid[2], 2, 4, units)
        transposed = recurrent.transpose(1, 2).contiguous()
        inputs = (states, transposed, peepholes, firsts, lengths, c_before, grad.contiguous())
        _launch(_lstm_backward, grid, *inputs, dz, sums, arrivals, rows, len(lengths), **constants, final=ctx.final)
        rounded = dz.to(x.dtype)
        d_x = torch.matmul(rounded, weight.transpose(1, 2)).float().sum(0) if ctx.needs_input_grad[0] else None
        d_weight, d_recurrent = _products(x, rounded), _products(h_before.to(x.dtype), rounded)
        d_peepholes, d_initial = sums.sum(0).transpose(0, 1).chunk(2)  # (2, 2, H) each
        return d_x, d_weight, d_recurrent, dz.sum(1), d_peepholes, d_initial, *[None] * 4


bilstm: Callable[..., Tensor] = _BiLSTM.apply


class _CrfLoss(torch.autograd.Function):
    """Negative log-likelihood of the tags (N,), the mean over the sentences, differentiable.

    `scores` (N, K) of each tag at each token; `start`, `end` (K,) and `transitions` (K, K), from a tag to the next, are
    the CRF's; `firsts` and `lengths` (S,) are each sentence's first token and its tokens.
    """

    @staticmethod
    def forward(
        ctx: Any, scores: Tensor, start: Tensor, end: Tensor, transitions: Tensor, tags: Tensor, firsts: Tensor,
        lengths: Tensor,
    ) -> Tensor:  # fmt: skip
        scores = scores.contiguous()
        rows, count = scores.shape
        if count > _MOST_TAGS:
            raise ModelError(f"{count} tags; on a GPU there are at most {_MOST_TAGS}")
        sentences = len(lengths)
        wide = triton.next_power_of_2(max(count, 2))
        alphas, d_scores = scores.new_empty(rows, wide), torch.zeros_like(scores)
        losses, d_transitions = scores.new_empty(sentences), scores.new_empty(sentences, count, count)
        d_start, d_end = (scores.new_empty(sentences, count) for _ in range(2))
        inputs = (scores, tags, firsts, lengths, start, end, transitions)
        outputs = (alphas, losses, d_scores, d_start, d_end, d_transitions)
        _launch(_crf_loss, (sentences,), *inputs, *outputs, count=count, wide=wide, num_warps=max(1, wide // 16))
        ctx.save_for_backward(d_scores / sentences, d_start.mean(0), d_end.mean(0), d_transitions.mean(0))
        return losses.mean()

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return *(grad * gradient for gradient in ctx.saved_tensors), None, None, None


crf_loss: Callable[..., Tensor] = _CrfLoss.apply


def try_out(device: str = "cuda") -> None:
    """Compute a little there. Raises ImportError, OSError or RuntimeError where kernels cannot be built or run."""

    def zeros(*shape: int) -> Tensor:
        return torch.zeros(*shape, device=device, requires_grad=True)

    layer = zeros(2, 16, 600), zeros(2, 200, 600), zeros(2, 600), zeros(2, 2, 200), zeros(2, 2, 200)  # the paper's size
    zero, one = torch.tensor([[0], [1]], device=device)
    try:
        scores = bilstm(zeros(1, 16), *layer, zero, one)[:, :2]
        loss: Any = crf_loss(scores, zeros(2), zeros(2), zeros(2, 2), zero, zero, one)
        loss.backward()
        layer[0].grad.sum().item()  # type: ignore[union-attr]  # a GPU is waited for
    except (TritonError, subprocess.CalledProcessError) as error:
        raise RuntimeError(error) from error
