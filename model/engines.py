"""How gradients and tags are computed: by compiled loops for float32 on the CPU, by torch elsewhere, with model.fused.

Both engines compute the same from the same batches. For training they lay a tagger's parameters out in one vector and
their gradient in another, so that an update is a few passes over memory.
"""

from __future__ import annotations

import importlib.util
import logging
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from model.batches import Batch, Encoded
from model.corpus import Integers
from model.lstm import CoupledBiLSTM
from model.tagger import Dropout, Tagger, on_device, packed, unpacked

logger = logging.getLogger(__name__)

BATCH_SENTENCES = 64  # of prediction: speed only, sentences do not see one another
_WIDER = 8  # times as many on a GPU
_APART = 64  # a GPU's loads are wide where each parameter begins at a multiple of this; what lies between stays 0
_CHUNK = 1024  # sentences whose words are looked at together in prediction
_WORDS = 512  # distinct ones that a thread computes at a time
LETTERS = 6  # of the distinct words of a recorded step, for each token


class Engine:
    """Torch's engine, on the device where the tagger is."""

    def __init__(self, tagger: Tagger, dropout: float = 0.0, precision: torch.dtype = torch.float32) -> None:
        self.tagger = tagger
        self.dropout = Dropout(dropout)
        self.precision = precision

    @cached_property
    def parameters(self) -> nn.Parameter:
        """All parameters in one vector, whose `grad` is their gradient; the tagger's own become views of it."""
        own, apart = list(self.tagger.parameters()), 1 if self.tagger.device.type == "cpu" else _APART
        vector = nn.Parameter(torch.zeros(sum(_room(one, apart) for one in own)).to(own[0]))
        vector.grad = torch.zeros_like(vector)
        views = _views(own, vector.data, apart), _views(own, vector.grad, apart)
        for parameter, value, gradient in zip(own, *views, strict=True):
            value.copy_(parameter.detach())
            parameter.data, parameter.grad = value, gradient
        return vector

    @property
    def gradient(self) -> Tensor:
        """The gradient of `parameters`, one vector."""
        assert self.parameters.grad is not None
        return self.parameters.grad

    def loss(self, examples: Encoded, sentences: Integers, generator: np.random.Generator) -> Tensor:
        """The loss of a batch, a number on the tagger's device; `parameters.grad` becomes its gradient."""
        return self._compute(on_device(examples.batch(sentences, generator, self.tagger.inputs), self.tagger.device))

    def _compute(self, there: dict[str, Tensor]) -> Tensor:
        self.gradient.zero_()
        loss = self.tagger.loss(there, self.dropout, self.precision)
        loss.backward()  # type: ignore[no-untyped-call]
        result: Tensor = loss.detach()
        return result

    def tags(self, examples: Encoded) -> list[list[str]]:
        """The best tags of every sentence, in the corpus's order."""
        result: list[list[str]] = [[] for _ in examples.lengths]
        wider = 1 if self.tagger.device.type == "cpu" else _WIDER
        for sentences in examples.prediction_order(wider * BATCH_SENTENCES):
            for sentence, tags in zip(sentences, self.tagger.decode(examples.batch(sentences)), strict=True):
                result[sentence] = tags
        return result


class _Recording(NamedTuple):
    """A step as a CUDA graph: where it takes its batch from, and its loss."""

    integers: Tensor
    noise: Tensor
    graph: torch.cuda.CUDAGraph
    loss: Tensor


class GraphEngine(Engine):
    """A GPU's: each step is one call to replay a recording, as its hundred kernels end before the host could call them.

    A recording is for arrays of fixed sizes. A batch is filled up to one of few sizes, which changes no gradient.
    """

    def __init__(self, tagger: Tagger, dropout: float = 0.0, precision: torch.dtype = torch.float32) -> None:
        super().__init__(tagger, dropout, precision)
        self._recordings: dict[tuple[int, int], _Recording] = {}
        self._stream = torch.cuda.Stream(tagger.device)  # type: ignore[no-untyped-call]
        self._memory = torch.cuda.graph_pool_handle()

    def loss(self, examples: Encoded, sentences: Integers, generator: np.random.Generator) -> Tensor:
        """As `Engine.loss`; the loss's place is used again."""
        batch = examples.batch(sentences, generator, self.tagger.inputs)
        tokens = room_for(batch)
        filled = batch.filled(tokens, LETTERS * tokens)
        integers, noise = packed(filled, self.tagger.device)
        sizes = tokens, len(sentences)
        if sizes not in self._recordings:
            self._recordings[sizes] = self._record(filled, integers.to(self.tagger.device))
        step = self._recordings[sizes]
        step.integers.copy_(integers, non_blocking=True)
        step.noise[: len(noise)].copy_(noise, non_blocking=True)
        step.graph.replay()
        return step.loss

    def _record(self, batch: Batch, integers: Tensor) -> _Recording:
        noise = torch.zeros(len(batch.rows), batch.noise.shape[1], dtype=torch.int16, device=self.tagger.device)
        there = unpacked(batch, integers, noise)
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            self._compute(there)  # what is compiled or loaded at first use cannot be while it is recorded
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, self._memory, self._stream):
            loss = self._compute(there)
        return _Recording(integers, noise, graph, loss)


class CompiledEngine(Engine):
    """The compiled loops. Threads share each batch's sentences in training; in prediction words, and then batches."""

    def __init__(self, tagger: Tagger, dropout: float = 0.0, threads: int = 1) -> None:
        super().__init__(tagger, dropout)
        from model import compiled  # half a second, where nothing is computed it is not needed

        self._loops = compiled
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads)
        self._vectors = tagger.token_embeddings.vectors.numpy()

    @cached_property
    def _training(self) -> tuple[Any, list[Any], list[Tensor]]:
        """The parameters and each thread's gradient as the loops take them, and the others' gradients as vectors."""
        own = list(self.tagger.parameters())
        vectors = [self.gradient, *(torch.zeros_like(self.parameters) for _ in range(self._threads - 1))]
        gradients = [self._arrays(_views(own, vector)) for vector in vectors]
        return self._arrays(own), gradients, vectors[1:]

    def _arrays(self, tensors: Any) -> Any:
        """Tensors, one a parameter, as the loops take them, with stand-ins for what the variant does not have."""
        named = dict(zip(dict(self.tagger.named_parameters()), tensors, strict=True))

        def layer(name: str) -> Any:
            module: CoupledBiLSTM = getattr(self.tagger, name)
            fields = self._loops.Layer._fields
            tensors = [named.get(f"{name}.{field}", getattr(module, field).detach().clone()) for field in fields]
            return self._loops.Layer(*(tensor.detach().numpy() for tensor in tensors))

        def array(name: str) -> Any:
            return named[name].detach().numpy()

        return self._loops.Parameters(
            array("token_embeddings.unknown"),
            array("character_embeddings.weight"),
            layer("character_lstm"),
            layer("token_lstm"),
            *(array(f"fully_connected.{place}") for place in ("0.weight", "0.bias", "2.weight", "2.bias")),
            *(array(f"crf.{place}") for place in ("transitions", "start_transitions", "end_transitions")),
        )

    def loss(self, examples: Encoded, sentences: Integers, generator: np.random.Generator) -> Tensor:
        """As `Engine.loss`; the order in which shares are summed is fixed."""
        values, gradients, others = self._training
        calls = [
            (values, gradient, self._vectors, examples.batch(share, generator, self.tagger.inputs),
             self.dropout.threshold, self.dropout.scale, len(sentences))
            for i, gradient in enumerate(gradients)
            if len(share := sentences[i :: len(gradients)])
        ]  # fmt: skip
        waiting = [self._pool.submit(self._loops.loss_and_gradients, *call) for call in calls[1:]]
        total = self._loops.loss_and_gradients(*calls[0])
        for result, gradient in zip(waiting, others, strict=False):  # a small batch has fewer shares
            total += result.result()
            self.gradient.add_(gradient)
        return torch.tensor(total)

    def tags(self, examples: Encoded) -> list[list[str]]:
        """As `Engine.tags`; a word's part in its tokens' gates is computed once for many sentences."""
        start, end, transitions = (value.numpy() for value in self.tagger.transition_scores())
        values = self._arrays(self.tagger.parameters())._replace(start=start, end=end, transitions=transitions)
        names = np.array(self.tagger.tags, dtype=object)
        result: list[list[str]] = [[] for _ in examples.lengths]
        for chunk in examples.prediction_order(_CHUNK):
            tags = names[self._best(values, examples, chunk)].tolist()
            ends = np.cumsum(examples.lengths[chunk])
            for sentence, end in zip(chunk, ends, strict=True):
                result[sentence] = tags[end - examples.lengths[sentence] : end]
        return result

    def _best(self, values: Any, examples: Encoded, chunk: Integers) -> NDArray[np.int64]:
        """Numbers of the best tags of these sentences, end to end."""
        distinct, tokens = np.unique(examples.tokens(chunk), return_inverse=True)
        lengths = examples.lengths[chunk]
        borders = np.cumsum([0, *lengths])
        projected = np.empty((2, len(distinct), values.tokens.weight.shape[2]), np.float32)
        best = np.empty(len(tokens), np.int64)

        def project(first: int) -> None:
            part = slice(first, first + _WORDS)
            self._loops.project_words(values, self._vectors, examples.words(distinct[part]), projected[:, part])

        def tag(first: int) -> None:
            own = lengths[first : first + BATCH_SENTENCES]
            part = slice(borders[first], borders[first + len(own)])
            self._loops.best_tags(values, projected, tokens[part], own, best[part])

        for work, count, step in ((project, len(distinct), _WORDS), (tag, len(chunk), BATCH_SENTENCES)):
            list(self._pool.map(work, range(0, count, step)))
        return best


def room_for(batch: Batch) -> int:
    """Tokens, and LETTERS times as many letters, to fill a batch up to: a multiple of 16, four in each power of 2."""
    letters = len(batch.letters) - len(batch.word_firsts)  # but for one a word
    needed = max(16, len(batch.rows), -(-letters // (LETTERS - 1)))
    return 16 * math.ceil(2 ** (math.ceil(4 * math.log2(needed)) / 4) / 16)


def _views(parameters: list[nn.Parameter], vector: Tensor, apart: int = 1) -> Iterator[Tensor]:
    """The parts of a vector that stand for each parameter, in their shapes, each begun at a multiple of `apart`."""
    first = 0
    for parameter in parameters:
        yield vector[first : first + parameter.numel()].view_as(parameter)
        first += _room(parameter, apart)


def _room(parameter: nn.Parameter, apart: int) -> int:
    return -(-parameter.numel() // apart) * apart


def engine_for(
    tagger: Tagger, dropout: float = 0.0, threads: int = 1, precision: torch.dtype = torch.float32
) -> Engine:
    """The fastest engine for a tagger where it is; loops use `threads` and torch on a GPU `precision`."""
    if tagger.device.type == "cpu" and precision != torch.float32:
        logger.warning("precision: %s is for GPUs; the CPU computes in float32", str(precision).removeprefix("torch."))
    if tagger.device.type == "cpu" and tagger.crf.transitions.dtype == torch.float32:
        if importlib.util.find_spec("numba"):
            return CompiledEngine(tagger, dropout, threads)
        logger.warning("numba is missing; torch computes, more slowly on a CPU")
    kind = GraphEngine if tagger.device.type == "cuda" else Engine
    return kind(tagger, dropout, precision)
