"""The compiled loops of `model.kernels` as torch functions, for float32 on the CPU.

Everything here has a slower equal that runs anywhere: `model.lstm.CoupledLSTM`, torchcrf, torch.optim.SGD.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

if TYPE_CHECKING:
    from model.lstm import Packing

logger = logging.getLogger(__name__)


class Learned(NamedTuple):
    """The part of an input's gradient that is needed: the first `columns` of all rows, and all columns of `rows`."""

    columns: int
    rows: Tensor


@cache
def _kernels() -> ModuleType | None:
    """The compiled loops, imported at first use because numba takes half a second; None where there is no numba."""
    try:
        from model import kernels
    except ImportError as error:
        logger.warning("numba is missing (%s); torch computes, more slowly on a CPU", error)
        return None
    return kernels


def serves(x: Tensor) -> bool:
    """Whether this module computes with tensors like `x`."""
    return x.device.type == "cpu" and x.dtype == torch.float32 and _kernels() is not None


@cache
def _second_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1)


def _both(function: Any, calls: list[tuple[Any, ...]]) -> None:
    """Call once for each direction, at the same time where torch may use two threads."""
    if torch.get_num_threads() > 1:
        other = _second_thread().submit(function, *calls[1])
        function(*calls[0])
        other.result()
    else:
        for call in calls:
            function(*call)


class _CoupledLSTM(torch.autograd.Function):
    """As `model.lstm.CoupledLSTM`; rows stay where they are, and a direction is one call."""

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
        learned: Learned | None,
        final: bool,
    ) -> Tensor:
        units = recurrent.shape[1]
        gates = x.new_empty(2, len(x), 3 * units)
        for d in (0, 1):
            torch.addmm(bias[d], x, weight[d], out=gates[d])
        output = x.new_empty(len(x), 2 * units)
        cells = x.new_empty(2, len(x), units)
        ctx.packing, ctx.learned, ctx.final = packing, learned, final
        ctx.save_for_backward(x, weight, recurrent, peepholes, initial, gates, output, cells)
        directions = _directions(packing, gates, recurrent, peepholes, initial, output, cells)
        _both(_loaded().lstm_forward, [(direction,) for direction in directions])
        if final:
            return torch.cat([output[packing.lasts, :units], output[packing.firsts, units:]], dim=1)
        return output

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, recurrent, peepholes, initial, gates, output, cells = ctx.saved_tensors
        units = recurrent.shape[1]
        dz, before = torch.empty_like(gates), torch.empty_like(cells)
        d_peepholes, d_initial = gates.new_zeros(2, 2, units), gates.new_zeros(2, 2, units)
        directions = _directions(ctx.packing, gates, recurrent, peepholes, initial, output, cells)
        if ctx.final:
            finals, grad = grad, torch.zeros_like(output)
            grad[ctx.packing.lasts, :units] = finals[:, :units]
            grad[ctx.packing.firsts, units:] = finals[:, units:]
        grads = grad.contiguous().numpy()
        written = [value.numpy() for value in (dz, before, d_peepholes, d_initial)]
        calls = [(direction, grads, *(array[d] for array in written)) for d, direction in enumerate(directions)]
        _both(_loaded().lstm_backward, calls)
        d_x = _input_gradient(dz, weight, ctx.learned) if ctx.needs_input_grad[0] else None
        d_weight, d_recurrent = torch.empty_like(weight), torch.empty_like(recurrent)
        for d in (0, 1):
            torch.mm(x.t(), dz[d], out=d_weight[d])
            torch.mm(before[d].t(), dz[d], out=d_recurrent[d])
        return (
            d_x,
            d_weight,
            d_recurrent,
            dz.sum(1),
            d_peepholes.transpose(0, 1),
            d_initial.transpose(0, 1),
            None,
            None,
            None,
        )


def _loaded() -> Any:
    return _kernels()


def _directions(packing: Packing, *tensors: Tensor) -> list[Any]:
    """What `model.kernels` calls a Direction, for both."""
    gates, recurrent, peepholes, initial, output, cells = (tensor.numpy() for tensor in tensors)
    firsts, lengths = packing.by_length()
    return [
        _loaded().Direction(
            *(gates[d], recurrent[d], np.ascontiguousarray(peepholes[:, d]), np.ascontiguousarray(initial[:, d])),
            *(firsts, lengths, d == 1, output, cells[d]),
        )
        for d in (0, 1)
    ]


def _input_gradient(dz: Tensor, weight: Tensor, learned: Learned | None) -> Tensor:
    if learned is None:
        return torch.addmm(dz[0] @ weight[0].t(), dz[1], weight[1].t())
    columns, rows = learned
    d_x = dz.new_zeros(dz.shape[1], weight.shape[1])
    d_x[:, :columns] = torch.addmm(dz[0] @ weight[0, :columns].t(), dz[1], weight[1, :columns].t())
    if len(rows):
        picked = dz.index_select(1, rows)
        d_x[rows, columns:] = torch.addmm(picked[0] @ weight[0, columns:].t(), picked[1], weight[1, columns:].t())
    return d_x


def coupled_lstm(
    x: Tensor,
    weight: Tensor,
    recurrent: Tensor,
    bias: Tensor,
    peepholes: Tensor,
    initial: Tensor,
    packing: Packing,
    learned: Learned | None = None,
    final: bool = False,
) -> Tensor:
    """The layer of `model.lstm.CoupledBiLSTM`, whose parameters these are; with `final` only its final states."""
    output: Tensor = _CoupledLSTM.apply(  # type: ignore[no-untyped-call]
        x.contiguous(), weight, recurrent, bias, peepholes, initial, packing, learned, final
    )
    return output


class _CRFLoss(torch.autograd.Function):
    """The gradient is computed with the loss, in one call."""

    @staticmethod
    def forward(
        ctx: Any,
        scores: Tensor,
        transitions: Tensor,
        start: Tensor,
        end: Tensor,
        tags: Tensor,
        lengths: NDArray[np.int64],
    ) -> Tensor:
        parameters = (scores, transitions, start, end)
        gradients = [torch.zeros_like(value) for value in parameters]
        arrays = [value.numpy() for value in parameters]
        total = _loaded().crf_loss(
            arrays[0], tags.numpy(), lengths, *arrays[1:], *(gradient.numpy() for gradient in gradients)
        )
        ctx.sentences = len(lengths)
        ctx.save_for_backward(*gradients)
        return scores.new_tensor(total / len(lengths))

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        factor = grad / ctx.sentences
        return (*(gradient * factor for gradient in ctx.saved_tensors), None, None)


def crf_loss(
    scores: Tensor, tags: Tensor, lengths: NDArray[np.int64], transitions: Tensor, start: Tensor, end: Tensor
) -> Tensor:
    """Negative log-likelihood of tags (N,), the mean over sentences, given scores (N, K) and a CRF's parameters."""
    loss: Tensor = _CRFLoss.apply(  # type: ignore[no-untyped-call]
        scores.contiguous(), transitions, start, end, tags, lengths
    )
    return loss


def crf_best(
    scores: Tensor, lengths: NDArray[np.int64], transitions: Tensor, start: Tensor, end: Tensor
) -> NDArray[np.int64]:
    """The best tags (N,) of sentences that lie end to end; arguments as for `crf_loss`."""
    tags = np.empty(len(scores), dtype=np.int64)
    arrays = [value.detach().contiguous().numpy() for value in (scores, transitions, start, end)]
    _loaded().crf_best(arrays[0], lengths, *arrays[1:], tags)
    return tags


@torch.no_grad()
def sgd_step(parameters: Sequence[Tensor], rate: float, limit: float) -> Tensor:
    """Clip the gradients by value and step, in one pass over them; returns their length before clipping."""
    squares = 0.0
    for parameter in parameters:
        if parameter.grad is not None:
            gradient = parameter.grad.contiguous().view(-1).numpy()
            squares += _loaded().sgd_step(parameter.view(-1).numpy(), gradient, rate, limit)
    return torch.tensor(squares).sqrt()
