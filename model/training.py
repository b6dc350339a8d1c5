"""Training with early stopping on the development part.

Source: Giorgi and Bader (2018), section 2.1.1. Theirs is one sentence an update, plain stochastic gradient descent at a
constant rate, gradients clipped by value; the settings may say batches, Adam and clipping by norm instead.
"""

from __future__ import annotations

import copy
import logging
import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from model import compiled
from model.corpus import Corpus, Encoded
from model.scores import Scores, score
from model.settings import ModelError
from model.tag import predict
from model.tagger import Tagger

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingConfig:
    """How to train; values are in the workflow's configuration, with their sources."""

    optimizer: Literal["sgd", "adam"]
    learning_rate: float
    batch_sentences: int  # sentences an update
    clipping: Literal["value", "norm"]  # of each number of the gradient, or of the whole gradient's length
    clipping_limit: float
    dropout: float  # share of the token LSTM's inputs set to 0, in [0, 1)
    epochs: int  # at most
    patience: int  # epochs without a better dev F1 before training stops

    def __post_init__(self) -> None:
        """Raise ModelError for a value out of range."""
        for name in ("learning_rate", "batch_sentences", "clipping_limit", "epochs", "patience"):
            value = getattr(self, name)
            if not (value > 0 and math.isfinite(value)):
                raise ModelError(f"training: {name} is {value}; give a number above 0")
        if not 0 <= self.dropout < 1:
            raise ModelError(f"training: dropout is {self.dropout}; give a share in [0, 1)")


@dataclass(frozen=True)
class Outcome:
    """What a training gave: a row an epoch, dev scores before it and of the best epoch (0: the initial parameters)."""

    history: list[dict[str, float]]
    initial: Scores
    best: Scores
    best_epoch: int


@contextmanager
def reproducible(seed: int, threads: int) -> Iterator[None]:
    """Seed torch's generators, fix the number of threads and ask for deterministic operations; undone at the end."""
    threads_before, deterministic_before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.manual_seed(seed)
    try:
        yield
    finally:
        torch.set_num_threads(threads_before)
        torch.use_deterministic_algorithms(deterministic_before)


def choose_device() -> torch.device:
    """The GPU if there is one, else the CPU, with a warning."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    logger.warning("no GPU found; the CPU computes")
    return torch.device("cpu")


def train(config: TrainingConfig, tagger: Tagger, train_part: Corpus, dev: Corpus, *, seed: int, name: str) -> Outcome:
    """Train the tagger in place, on the device where it is; it ends with the parameters of the best epoch.

    The best epoch has the highest dev F1, the first one on ties, and the initial parameters take part as epoch 0.
    Dropout comes from torch's global generator, everything else that is random from `seed`. `name` is for the log.
    Raises ModelError when the loss is no longer finite.
    """
    examples = Encoded(train_part, tagger.word_vectors, tagger.alphabet, tagger.tags)
    dev_examples, dev_gold = Encoded(dev, tagger.word_vectors, tagger.alphabet), dev.sentence_tags()
    optimizer: torch.optim.Optimizer
    if config.optimizer == "sgd":
        optimizer = torch.optim.SGD(tagger.parameters(), lr=config.learning_rate, foreach=True)
    else:
        optimizer = torch.optim.Adam(tagger.parameters(), lr=config.learning_rate, fused=True)
    initial = best = score(dev_gold, predict(tagger, dev_examples))
    best_epoch, best_state = 0, copy.deepcopy(tagger.state_dict())
    history: list[dict[str, float]] = []
    for epoch in range(1, config.epochs + 1):
        began = time.perf_counter()
        loss, norm = _train_epoch(config, tagger, optimizer, examples, seed, epoch, name)
        trained = time.perf_counter()
        scores = score(dev_gold, predict(tagger, dev_examples))
        history.append(
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
        if scores.f1 > best.f1:
            best, best_epoch, best_state = scores, epoch, copy.deepcopy(tagger.state_dict())
        left = (config.epochs - epoch) * sum(row["seconds"] for row in history) / epoch
        logger.info(
            "%s: epoch %d/%d, loss %.4f, dev F1 %.2f (best %.2f in epoch %d), %.0f sentences/s, at most %.0f s left",
            *(name, epoch, config.epochs, loss, scores.f1, best.f1, best_epoch),
            *(history[-1]["sentences_per_second"], left),
        )
        if epoch - best_epoch >= config.patience:
            logger.info("%s: stopped, no better dev F1 for %d epochs", name, config.patience)
            break
    tagger.load_state_dict(best_state)
    return Outcome(history, initial, best, best_epoch)


def _train_epoch(
    config: TrainingConfig,
    tagger: Tagger,
    optimizer: torch.optim.Optimizer,
    examples: Encoded,
    seed: int,
    epoch: int,
    name: str,
) -> tuple[float, float]:
    """One pass; returns the loss a sentence and the mean length of the gradient before clipping."""
    generator = np.random.default_rng([seed, epoch])
    order = examples.training_order(config.batch_sentences, generator)
    parameters = list(tagger.parameters())
    loss_sum = norm_sum = 0.0
    progress = tqdm(order, desc=f"{name}, epoch {epoch}", leave=False, disable=not sys.stderr.isatty())
    for number, sentences in enumerate(progress, start=1):
        batch = examples.batch(sentences, generator).to(tagger.crf.transitions.device)
        optimizer.zero_grad()
        loss = tagger.loss(batch, config.dropout)
        value = loss.item()
        if not math.isfinite(value):
            raise ModelError(
                f"{name}: the loss is {value} in epoch {epoch}, batch {number} of {len(order)}; "
                f"lower learning_rate ({config.learning_rate}) or clipping_limit ({config.clipping_limit})"
            )
        loss.backward()  # type: ignore[no-untyped-call]
        norm = update(config, parameters, optimizer)
        loss_sum += value * len(sentences)
        norm_sum += norm.item()
    return loss_sum / len(examples.lengths), norm_sum / len(order)


def update(config: TrainingConfig, parameters: list[nn.Parameter], optimizer: torch.optim.Optimizer) -> torch.Tensor:
    """Clip the gradient and step; returns its length before clipping."""
    if config.clipping == "norm":
        norm = nn.utils.clip_grad_norm_(parameters, config.clipping_limit)
    elif config.optimizer == "sgd" and compiled.serves(parameters[0]):
        return compiled.sgd_step(parameters, config.learning_rate, config.clipping_limit)
    else:
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        norm = nn.utils.get_total_norm(gradients)
        nn.utils.clip_grad_value_(parameters, config.clipping_limit)
    optimizer.step()
    return norm
