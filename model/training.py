"""Training with early stopping on the development part.

Source: Giorgi and Bader (2018), section 2.1.1. Theirs is one sentence an update, plain stochastic gradient descent at a
constant rate, gradients clipped by value; the settings may say batches, Adam and clipping by norm instead.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim.adam import adam
from torch.optim.sgd import sgd
from tqdm import tqdm

from model.batches import Encoded
from model.checkpoint import Checkpoint
from model.corpus import Corpus
from model.engines import Engine, engine_for
from model.scores import Scores, score
from model.settings import ModelError, TrainingConfig
from model.tagger import Tagger

logger = logging.getLogger(__name__)

_CHECK = 64  # batches after which their losses are looked at: a GPU is waited for no more often


@dataclass
class Outcome:
    """What a training gave so far: a row an epoch, dev scores before it and of the best epoch (0: before training)."""

    history: list[dict[str, float]]
    initial: Scores
    best: Scores
    best_epoch: int
    seconds_before: float = 0.0  # of the epochs that an earlier process trained


@contextmanager
def reproducible(seed: int, threads: int) -> Iterator[None]:
    """Seed torch's generators, fix the number of threads and ask for deterministic operations.

    Undone at the end, but that the generators go on from where they are.
    """
    threads_before, mode_before = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    deterministic: Any = torch.utils.deterministic
    fill_before = deterministic.fill_uninitialized_memory
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode("warn")  # torch.use_deterministic_algorithms takes 3 s to load a compiler
    deterministic.fill_uninitialized_memory = False  # a pass over each new array, all of which are written before read
    torch.manual_seed(seed)
    try:
        yield
    finally:
        torch.set_num_threads(threads_before)
        torch.set_deterministic_debug_mode(mode_before)
        deterministic.fill_uninitialized_memory = fill_before


@contextmanager
def enough_memory() -> Iterator[None]:
    """Raises ModelError where a GPU's memory does not suffice."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise ModelError(
            f"{str(error).splitlines()[0]} Let fewer trainings share the GPU (slots_per_gpu), or lower batch_sentences"
        ) from error


def choose_device() -> torch.device:
    """The GPU if there is one, else the CPU, with a warning.

    Raises ModelError for a GPU in CUDA_VISIBLE_DEVICES that torch does not see, and where kernels cannot be built.
    """
    if not torch.cuda.is_available():
        chosen = os.environ.get("CUDA_VISIBLE_DEVICES", "")
        if torch.version.cuda and chosen.startswith(("GPU-", "MIG-", *"0123456789")):
            raise ModelError(
                f"torch sees no GPU, though CUDA_VISIBLE_DEVICES is {chosen}; see to the driver, or set it to nothing "
                "and the CPU computes"
            )
        logger.warning("no GPU found; the CPU computes")
        return torch.device("cpu")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # or its products differ from run to run
    try:
        from model import fused

        fused.try_out()
    except torch.OutOfMemoryError:
        raise
    except (ImportError, OSError, RuntimeError) as error:
        raise ModelError(
            f"the GPU's kernels cannot be built: {error}; they need triton, gcc and Python's headers "
            "(CUDA_VISIBLE_DEVICES= lets the CPU compute)"
        ) from error
    return torch.device("cuda")


def train(
    config: TrainingConfig,
    tagger: Tagger,
    train_part: Corpus,
    dev: Corpus,
    *,
    seed: int,
    name: str,
    threads: int = 1,
    checkpoint: Checkpoint | None = None,
    transferred: bool = False,
) -> Outcome:
    """Train the tagger in place, on the device where it is; it ends with the parameters of the best epoch.

    The best epoch has the highest dev F1, the first one on ties, and the initial parameters take part as epoch 0. What
    fresh parameters find by chance is no reason to stop: patience begins with the first epoch that is better, or at
    once where the tagger is `transferred`, all of it from a source.
    All that is random comes from `seed` and the epoch's number, so that a training that goes on from its `checkpoint`
    ends like one that was never stopped. `name` is for the log. Raises ModelError when the loss is no longer finite.
    """
    config = config.for_part(len(train_part))
    examples = Encoded(train_part, tagger.word_vectors, tagger.alphabet, tagger.tags)
    dev_examples, dev_gold = Encoded(dev, tagger.word_vectors, tagger.alphabet), dev.sentence_tags()
    engine = engine_for(tagger, config.dropout, threads, getattr(torch, config.precision))
    parameters, optimizer = engine.parameters, Optimizer(config, engine)
    resumed = _resume(checkpoint, parameters, optimizer)
    if resumed:
        outcome, best_parameters = resumed
        logger.info("%s: goes on after epoch %d", name, len(outcome.history))
    else:
        scores = score(dev_gold, engine.tags(dev_examples))
        outcome, best_parameters = Outcome([], scores, scores, 0), parameters.detach().clone()
    for epoch in range(len(outcome.history) + 1, config.epochs + 1):
        if (transferred or outcome.best_epoch) and epoch - 1 - outcome.best_epoch >= config.patience:
            break
        began = time.perf_counter()
        loss, norm = _train_epoch(config, engine, optimizer, examples, seed, epoch, name)
        trained = time.perf_counter()
        scores = score(dev_gold, engine.tags(dev_examples))
        outcome.history.append(
            {
                "epoch": epoch,
                "loss": loss,
                "precision": scores.precision,
                "recall": scores.recall,
                "f1": scores.f1,
                "learning_rate": config.learning_rate,
                "gradient_norm": norm,
                "sentences_per_second": len(train_part) / (trained - began),
                "seconds": time.perf_counter() - began,
            }
        )
        if scores.f1 > outcome.best.f1:
            outcome.best, outcome.best_epoch = scores, epoch
            best_parameters.copy_(parameters.detach())
        _save(checkpoint, outcome, parameters, optimizer, best_parameters)
        left = (config.epochs - epoch) * sum(row["seconds"] for row in outcome.history) / epoch
        logger.info(
            "%s: epoch %d/%d, loss %.4f, dev F1 %.2f (best %.2f in epoch %d), %.0f sentences/s, at most %.0f s left",
            *(name, epoch, config.epochs, loss, scores.f1, outcome.best.f1, outcome.best_epoch),
            *(outcome.history[-1]["sentences_per_second"], left),
        )
    if len(outcome.history) < config.epochs:
        logger.info("%s: stopped, no better dev F1 for %d epochs", name, config.patience)
    if outcome.best_epoch == 0 and not transferred:
        logger.warning(
            "%s: dev F1 never rose above the %.2f of the fresh parameters, which stay: nothing was learnt; "
            "more epochs, or documents?",
            *(name, outcome.initial.f1),
        )
    parameters.data.copy_(best_parameters)
    return outcome


class Optimizer:
    """SGD, or Adam (Kingma and Ba, 2015), over all of an engine's parameters: torch's own kernels, each one pass.

    The classes of torch.optim call the same, but first load torch's compiler, for a second or more of each training.
    """

    def __init__(self, config: TrainingConfig, engine: Engine) -> None:
        self._config, self._engine = config, engine
        vector = engine.parameters.detach()
        moments = {"exp_avg": torch.zeros_like(vector), "exp_avg_sq": torch.zeros_like(vector)}
        moments["step"] = torch.zeros((), device=vector.device)
        self.moments: dict[str, Tensor] = moments if config.optimizer == "adam" else {}

    def update(self) -> Tensor:
        """Clip the gradient and step; returns the gradient's length before clipping."""
        gradient, limit = self._engine.gradient, self._config.clipping_limit
        norm: Tensor = gradient.norm()
        if self._config.clipping == "norm":
            gradient.mul_((limit / norm).clamp(max=1))
        else:
            gradient.clamp_(-limit, limit)
        places = [self._engine.parameters.detach()], [gradient]
        common: Any = {"lr": self._config.learning_rate, "weight_decay": 0.0, "maximize": False, "fused": True}
        if self._config.optimizer == "adam":
            mean, square, step = ([self.moments[name]] for name in ("exp_avg", "exp_avg_sq", "step"))
            adam(*places, mean, square, [], step, amsgrad=False, beta1=0.9, beta2=0.999, eps=1e-8, **common)
        else:
            sgd(*places, [None], momentum=0.0, dampening=0.0, nesterov=False, **common)
        return norm


def _train_epoch(
    config: TrainingConfig,
    engine: Engine,
    optimizer: Optimizer,
    examples: Encoded,
    seed: int,
    epoch: int,
    name: str,
) -> tuple[float, float]:
    """One pass; returns the loss a sentence and the mean length of the gradient before clipping."""
    generator = np.random.default_rng([seed, epoch])
    order = examples.training_order(config.batch_sentences, generator)
    losses, norms = torch.zeros(2, len(order), device=engine.parameters.device)
    progress = tqdm(order, desc=f"{name}, epoch {epoch}", leave=False, disable=not sys.stderr.isatty())
    for number, sentences in enumerate(progress):
        losses[number] = engine.loss(examples, sentences, generator)
        norms[number] = optimizer.update()
        if (number + 1) % _CHECK == 0 or number + 1 == len(order):
            bad = (~(losses + norms)[: number + 1].isfinite()).nonzero()
            if len(bad):
                first = int(bad[0])
                raise ModelError(
                    f"{name}: the loss is {losses[first].item()} and the gradient's length {norms[first].item()} "
                    f"in epoch {epoch}, batch {first + 1} of {len(order)}; "
                    f"lower learning_rate ({config.learning_rate}) or clipping_limit ({config.clipping_limit})"
                )
    sizes = torch.tensor([len(sentences) for sentences in order], device=losses.device)
    return float((losses.double() * sizes).sum() / sizes.sum()), float(norms.double().mean())


def _save(
    checkpoint: Checkpoint | None,
    outcome: Outcome,
    parameters: Tensor,
    optimizer: Optimizer,
    best_parameters: Tensor,
) -> None:
    if checkpoint is not None:
        checkpoint.save({"parameters": parameters, "best": best_parameters, **optimizer.moments}, asdict(outcome))


def _resume(checkpoint: Checkpoint | None, parameters: Tensor, optimizer: Optimizer) -> tuple[Outcome, Tensor] | None:
    """What `_save` saved, put back; None if there is nothing to go on from."""
    found = checkpoint.load() if checkpoint is not None else None
    if found is None:
        return None
    tensors, state = found
    best_parameters = tensors.pop("best").to(parameters.device)
    parameters.data.copy_(tensors.pop("parameters"))
    for name, moment in optimizer.moments.items():
        moment.copy_(tensors[name])
    initial, best = Scores(**state["initial"]), Scores(**state["best"])
    seconds = sum(row["seconds"] for row in state["history"])
    outcome = Outcome(state["history"], initial, best, state["best_epoch"], seconds)
    return outcome, best_parameters
