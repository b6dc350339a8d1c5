"""The GPU's kernels against the plain way, on a GPU where there is one, else by Triton's interpreter."""

import json
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial, partialmethod
from itertools import pairwise, product
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pytest
import torch

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
if DEVICE == "cpu":
    os.environ["TRITON_INTERPRET"] = "1"  # read when the kernels are imported
pytest.importorskip("triton", reason="Triton, which torch brings for GPUs, is not installed")

from torchcrf import CRF  # noqa: E402
from triton.runtime import interpreter  # noqa: E402
from triton.runtime.errors import OutOfResources  # noqa: E402

from model import fused  # noqa: E402
from model.batches import Encoded  # noqa: E402
from model.corpus import Corpus  # noqa: E402
from model.engines import Engine, GraphEngine  # noqa: E402
from model.lstm import CoupledBiLSTM  # noqa: E402
from model.settings import ModelError, TrainingConfig  # noqa: E402
from model.tagger import Tagger  # noqa: E402
from model.training import Optimizer, choose_device, reproducible  # noqa: E402

FORK = multiprocessing.get_context("fork")
# One sequence; more than a program takes; several of one length; hidden units below, at and above a block of 16.
SHAPES = [([7], 3, 2), ([5, 5, 4, 1], 4, 16), ([6, *[3] * 17, 1, 1], 5, 20), ([40, 2], 3, 33)]
launch = fused._launch


def launch_at_once(kernel: Any, grid: tuple[int, ...], *arguments: Any, **constants: Any) -> None:
    """Each program in a process of its own: the interpreter runs one after another, and the first would wait for ever."""
    for argument in arguments:
        if isinstance(argument, torch.Tensor):
            argument.share_memory_()

    def run(place: tuple[int, ...]) -> None:
        interpreter.interpreter_builder.set_grid_idx = lambda *_: None
        interpreter.interpreter_builder.grid_idx = place
        interpreter.GridExecutor._restore_args_dev = lambda *_: None  # would write what others have written since
        launch(kernel, (1, 1, 1), *arguments, **constants)

    programs = [FORK.Process(target=run, args=(place,), daemon=True) for place in product(*map(range, grid))]
    for program in programs:
        program.start()
    for program in programs:
        program.join(60)
    assert {program.exitcode for program in programs} == {0}


def borders(lengths: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """First rows and lengths of sequences laid end to end."""
    return torch.tensor(lengths).cumsum(0) - torch.tensor(lengths), torch.tensor(lengths)


@pytest.mark.parametrize("final", [False, True])
@pytest.mark.parametrize("variant", ["paper", "neuroner"])
@pytest.mark.parametrize(("lengths", "inputs", "units"), SHAPES)
def test_outputs_and_gradients_of_the_lstm_are_the_plain_ones(
    variant: str, lengths: list[int], inputs: int, units: int, final: bool
) -> None:
    torch.manual_seed(units)
    lstm = CoupledBiLSTM(inputs, units, variant)
    with torch.no_grad():
        for parameter in lstm.parameters():  # biases too: zeros would hide mistakes
            parameter.add_(torch.randn_like(parameter), alpha=0.3)
    x = torch.randn(sum(lengths), inputs, requires_grad=True)
    probe = torch.randn(len(lengths) if final else sum(lengths), 2 * units)
    names = ["weight", "recurrent", "bias", "peepholes", "initial"]
    sequences = borders(lengths)

    def gradients(output: torch.Tensor, wanted: list[torch.Tensor]) -> list[torch.Tensor]:
        return [output, *torch.autograd.grad((output * probe.to(output)).sum(), wanted)]

    own = [getattr(lstm, name) for name in names]
    trained = [number for number, value in enumerate(own) if value.requires_grad]
    exact = lstm.double()
    x64 = x.detach().double().requires_grad_()
    expected = gradients((exact.final if final else exact)(x64, *sequences), [x64, *exact.parameters()])
    there = [value.detach().float().to(DEVICE).requires_grad_() for value in own]
    x_there = x.detach().to(DEVICE).requires_grad_()
    output = fused.bilstm(x_there, *there, *(tensor.to(DEVICE) for tensor in sequences), torch.float32, final)
    order = [names.index(name) for name, _ in exact.named_parameters()]
    assert sorted(order) == trained
    found = gradients(output, [x_there, *(there[number] for number in order)])
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.dtype == torch.float32
        assert (ours.cpu() - theirs).norm() <= 2e-6 * theirs.norm()


@pytest.mark.parametrize("variant", ["paper", "neuroner"])
@pytest.mark.parametrize(("sequences", "final"), [(1, False), (17, True)])
def test_programs_that_share_the_units_of_a_layer_compute_the_same(
    variant: str, sequences: int, final: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    lstm = CoupledBiLSTM(4, 70, variant)
    names = ["weight", "recurrent", "bias", "peepholes", "initial"]
    x, order = torch.randn(3 * sequences, 4), borders([3] * sequences)
    results = []
    for processors in (1, 132):
        monkeypatch.setattr(fused, "_processors", lambda _, count=processors: count)
        if DEVICE == "cpu" and processors > 1:
            monkeypatch.setattr(fused, "_launch", launch_at_once)
        there = [x.to(DEVICE), *(getattr(lstm, name).detach().to(DEVICE) for name in names)]
        for tensor in there:
            tensor.requires_grad_()
        output = fused.bilstm(*there, *(tensor.to(DEVICE) for tensor in order), torch.float32, final)
        results.append([output, *torch.autograd.grad(output.square().sum(), there)])
    assert fused._blocks(sequences, 70, 1, 132)[0] == (3, 2, -(-sequences // 16))
    for alone, shared in zip(*results, strict=True):
        torch.testing.assert_close(shared, alone, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("lengths", "tags"), [([4], 2), ([6, 3, 3, 1], 5), ([300, 2], 9)])
def test_loss_and_gradients_of_the_crf_are_pytorch_crfs(lengths: list[int], tags: int) -> None:
    torch.manual_seed(tags)
    crf = CRF(tags, batch_first=True)
    with torch.no_grad():
        for parameter in crf.parameters():
            parameter.mul_(10)
    scores = torch.randn(sum(lengths), tags) * 3
    gold = torch.randint(tags, (sum(lengths),))
    firsts, _ = borders(lengths)
    every = torch.ones(1, max(lengths), dtype=torch.bool)
    exact = crf.double()
    scores64 = scores.double().requires_grad_()
    expected = torch.zeros((), dtype=torch.float64)
    for first, length in zip(firsts, lengths, strict=True):
        sentence = slice(first, first + length)
        expected = expected - exact(scores64[sentence][None], gold[sentence][None], every[:, :length]) / len(lengths)
    wanted = [exact.start_transitions, exact.end_transitions, exact.transitions]
    theirs = [expected, *torch.autograd.grad(expected, [scores64, *wanted])]

    there = [value.detach().float().to(DEVICE).requires_grad_() for value in (scores, *wanted)]
    loss = fused.crf_loss(*there, gold.to(DEVICE), *(tensor.to(DEVICE) for tensor in borders(lengths)))
    ours = [loss, *torch.autograd.grad(2 * loss, there)]
    for factor, a, b in zip([1, 2, 2, 2, 2], ours, theirs, strict=True):
        assert (a.cpu() - factor * b).norm() <= 5e-6 * (1 + b.norm())


def test_loss_of_the_crf_is_that_of_an_enumeration() -> None:
    torch.manual_seed(0)
    scores, start, end, transitions = torch.randn(3, 2), torch.randn(2), torch.randn(2), torch.randn(2, 2)

    def path_score(path: tuple[int, ...]) -> float:
        total = start[path[0]] + end[path[-1]] + sum(scores[t, k] for t, k in enumerate(path))
        return float(total + sum(transitions[a, b] for a, b in pairwise(path)))

    gold = (1, 0, 1)
    expected = np.logaddexp.reduce([path_score(path) for path in product(range(2), repeat=3)]) - path_score(gold)
    there = [value.to(DEVICE) for value in (scores, start, end, transitions, torch.tensor(gold))]
    loss = fused.crf_loss(*there, torch.tensor([0]).to(DEVICE), torch.tensor([3]).to(DEVICE))
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_products_in_half_precision_keep_float32_state() -> None:
    torch.manual_seed(0)
    lstm, sequences = CoupledBiLSTM(30, 20, "paper"), borders([9, 6, 6, 2])
    names = ["weight", "recurrent", "bias", "peepholes", "initial"]
    results = []
    for precision in (torch.float32, torch.bfloat16):
        x = torch.randn(23, 30, generator=torch.Generator().manual_seed(1)).to(DEVICE).requires_grad_()
        there = [getattr(lstm, name).detach().to(DEVICE).requires_grad_() for name in names]
        output = fused.bilstm(x, *there, *(tensor.to(DEVICE) for tensor in sequences), precision)
        gradients = torch.autograd.grad(output.square().sum(), [x, *there])
        assert {tensor.dtype for tensor in (output, *gradients)} == {torch.float32}
        results.append(torch.cat([tensor.flatten() for tensor in (output, *gradients)]))
    error = (results[1] - results[0]).norm() / results[0].norm()
    assert 1e-5 < error < 2e-2  # bfloat16 has 8 bits


def test_what_no_gpu_holds_is_refused() -> None:
    with pytest.raises(ModelError, match="513 units"):
        fused._blocks(32, 513, 3, 1)
    scores, tags, firsts, lengths = torch.zeros(1, 129), *torch.tensor([[0], [0], [1]])
    with pytest.raises(ModelError, match="129 tags"):
        fused.crf_loss(scores, torch.zeros(129), torch.zeros(129), torch.zeros(129, 129), tags, firsts, lengths)


def test_scores_may_lie_in_any_order() -> None:
    torch.manual_seed(0)
    scores, crf = torch.randn(3, 4), (torch.randn(4), torch.randn(4), torch.randn(4, 4))
    whole = torch.tensor([[0, 2, 1], [0, 0, 0], [3, 0, 0]])
    rest = [tensor.to(DEVICE) for tensor in (*crf, whole[0], whole[1, :1], whole[2, :1])]
    results = []
    for given in (scores.to(DEVICE), scores.to(DEVICE).T.contiguous().T):
        given.requires_grad_()
        loss = fused.crf_loss(given, *rest)
        results.append(torch.cat([loss.reshape(1), torch.autograd.grad(loss, given)[0].flatten()]))
    assert torch.equal(*results)


def test_the_kernels_are_tried_out(monkeypatch: pytest.MonkeyPatch) -> None:
    fused.try_out(DEVICE)

    def fail(*_arguments: object, **_constants: object) -> None:
        raise OutOfResources(200, 100, "shared memory")

    monkeypatch.setattr(fused, "_launch", fail)
    with pytest.raises(RuntimeError, match="out of resource: shared memory"):
        fused.try_out(DEVICE)


class Graph:
    """In place of a CUDA graph where there is no GPU: computes again what was computed while it was recorded."""

    def __init__(self) -> None:
        self.recorded: list[tuple[torch.Tensor, Callable[[], torch.Tensor]]] = []

    def replay(self) -> None:
        for loss, compute in self.recorded:
            loss.copy_(compute())


def without_cuda(patch: pytest.MonkeyPatch, tagger: Tagger) -> None:
    """Let a GraphEngine compute on the CPU, by the GPU's kernels, what is recorded by `Graph`."""

    def loss(there: dict[str, torch.Tensor], *how: Any) -> torch.Tensor:
        crf = (tagger.crf.start_transitions, tagger.crf.end_transitions, tagger.crf.transitions)
        return fused.crf_loss(tagger.scores(there, *how), *crf, there["tags"], there["firsts"], there["lengths"])

    @contextmanager
    def record(graph: Graph, *_: object) -> Iterator[None]:
        def compute(engine: GraphEngine, there: dict[str, torch.Tensor]) -> torch.Tensor:
            step = partial(Engine._compute, engine, there)
            graph.recorded.append((step().clone(), step))
            return graph.recorded[-1][0]

        with patch.context() as inner:
            inner.setattr(GraphEngine, "_compute", compute)
            yield

    patch.setattr(tagger, "loss", loss)
    patch.setattr(CoupledBiLSTM, "forward", CoupledBiLSTM._fused)
    patch.setattr(CoupledBiLSTM, "final", partialmethod(CoupledBiLSTM._fused, final=True))
    for name, stand_in in (("CUDAGraph", Graph), ("graph", record), ("Stream", MagicMock()), ("stream", MagicMock())):
        patch.setattr(torch.cuda, name, stand_in)
    for name in ("current_stream", "graph_pool_handle"):
        patch.setattr(torch.cuda, name, lambda: None)


def test_recorded_steps_have_the_gradients_of_others(
    corpus: Corpus, make_tagger: Callable[..., Tagger], monkeypatch: pytest.MonkeyPatch
) -> None:
    taggers = [make_tagger(corpus).to(DEVICE) for _ in range(2)]
    if DEVICE == "cpu":
        without_cuda(monkeypatch, taggers[1])
    engines = Engine(taggers[0], 0.5), GraphEngine(taggers[1], 0.5)
    examples = Encoded(corpus, taggers[0].word_vectors, taggers[0].alphabet, taggers[0].tags)
    for seed, sentences in enumerate([[1, 0, 3, 2], [0, 3], [1, 2], [2]]):
        found = []
        for engine in engines:
            loss = engine.loss(examples, np.array(sentences), np.random.default_rng(seed))
            found.append(torch.cat([loss.reshape(1), engine.gradient]))
        torch.testing.assert_close(*found, rtol=1e-5, atol=1e-6)
    assert len(engines[1]._recordings) == 3  # of four, two and one sentence


@contextmanager
def no_waiting() -> Iterator[None]:
    """Whatever makes the host wait for the GPU raises RuntimeError."""
    torch.cuda.set_sync_debug_mode("error" if DEVICE == "cuda" else "default")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


COMPILE = """
import json, sys
from triton import compile
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from model import fused

capability, integers, whole = int(sys.argv[1]), {"rows", "sequences"}, {"firsts", "lengths", "tags"}
calls = [(fused._crf_loss, {"count": 5, "wide": 8, "num_warps": 1})]
for units, processors in ((25, 1), (200, 1), (200, 16), (200, 132), (512, 1), (512, 132)):
    for kernel, matrices in ((fused._lstm_forward, 3), (fused._lstm_backward, 1)):
        calls.append((kernel, fused._blocks(32, units, matrices, processors)[1] | {"final": units == 25}))
for kernel, constants in calls:
    names = ("num_warps", "num_stages", "launch_cooperative_grid")
    options = {name: constants.pop(name) for name in names if name in constants}
    kinds = {
        name: "constexpr" if name in constants else "i32" if name in integers else "*i64" if name in whole
        else "*i32" if name == "arrivals" else "*fp32"
        for name in kernel.arg_names
    }
    aligned = {(i,): [["tt.divisibility", 16]] for i, kind in enumerate(kinds.values()) if kind.startswith("*")}
    source = ASTSource(kernel, signature=kinds, constexprs=constants, attrs=aligned)
    compiled = compile(source, target=GPUTarget("cuda", capability, 32), options=options)
    print(json.dumps([kernel.__name__, compiled.metadata.shared]))
"""


@pytest.mark.parametrize("capability", [75, 86, 90, 120])
def test_every_kernel_compiles_and_fits_into_shared_memory(capability: int) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    command = [sys.executable, "-c", COMPILE, str(capability)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    kernels = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(kernels) == 13
    # What a block may have: 64 KiB on Turing, and since then 99 KiB on the smallest GPUs.
    assert max(shared for _, shared in kernels) <= (64 if capability == 75 else 99) * 1024


@pytest.mark.skipif(DEVICE == "cpu", reason="there is no GPU")
@pytest.mark.parametrize("variant", ["paper", "neuroner"])
def test_a_training_on_the_gpu_is_that_of_the_cpu(
    variant: str, corpus: Corpus, make_tagger: Callable[..., Tagger]
) -> None:
    results = []
    for device in (torch.device("cpu"), choose_device(), choose_device()):
        with reproducible(0, 1):
            kind = Engine if device.type == "cpu" else GraphEngine
            engine = kind(make_tagger(corpus, variant).to(device), 0.5)
            examples = Encoded(corpus, engine.tagger.word_vectors, engine.tagger.alphabet, engine.tagger.tags)
            config, generator = TrainingConfig("adam", 0.01, 4, "norm", 5.0, 0.5, 1, 1), np.random.default_rng(0)
            optimizer = Optimizer(config, engine)
            for step in range(6):  # of two sizes, each recorded at first
                with no_waiting() if step > 1 else nullcontext():
                    engine.loss(examples, np.array([[1, 0, 3, 2], [0, 3]][step % 2]), generator)
                    optimizer.update()
            trained = torch.cat([parameter.detach().flatten().cpu() for parameter in engine.tagger.parameters()])
            results.append((trained, engine.tags(examples)))
    (plain, plain_tags), (first, first_tags), (second, second_tags) = results
    torch.testing.assert_close(first, plain, rtol=1e-3, atol=1e-4)
    assert torch.equal(first, second)
    assert plain_tags == first_tags == second_tags
