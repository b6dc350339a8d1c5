"""The tagger: characters -> character LSTM -> with the word's vector -> token LSTM -> fully connected layer -> CRF.

Source: Giorgi and Bader (2018), section 2.1 and figure 1. Variant "paper" follows the printed equations, "neuroner" the
cell of the program the authors ran (see model.lstm); all other layers are the same. The part of the token embeddings
that is trained is the vector of the unknown word; the words' own vectors are frozen, not a parameter, and not saved.
This is torch's way to compute it, with model.fused on a GPU, and the measure of model.compiled, which does the same.
Letters: N tokens, S sentences, W distinct words, E numbers of a word vector, K tags, H units a direction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torchcrf import CRF

from model.batches import UNKNOWN, Batch, WordVectors
from model.lstm import CoupledBiLSTM
from model.settings import ModelError


@dataclass(frozen=True)
class TaggerConfig:
    """Variant and sizes of a tagger; LSTM sizes are for one direction. The defaults are the paper's."""

    variant: Literal["paper", "neuroner"] = "paper"
    character_dimension: int = 25
    character_hidden: int = 25
    token_hidden: int = 200
    dense: int = 200
    decoding: Literal["free", "bioes"] = "free"  # bioes: only sequences of tags that BIOES allows

    def __post_init__(self) -> None:
        """Raise ModelError for a size below 1."""
        for name, value in vars(self).items():
            if isinstance(value, int) and value < 1:
                raise ModelError(f"tagger: {name} is {value}; give at least 1")


class Dropout:
    """Which of the token LSTM's inputs are set to 0, told from a batch's noise; the others are scaled up.

    A number is dropped where the noise, an even draw from all 16-bit integers, is below `threshold`.
    """

    def __init__(self, rate: float) -> None:
        dropped = min(round(rate * 2**16), 2**16 - 1)
        self.threshold = dropped - 2**15
        self.scale = 2**16 / (2**16 - dropped)


class TokenEmbeddings(nn.Module):
    """Frozen word vectors, and one trained vector that stands for every word without one."""

    vectors: Tensor

    def __init__(self, vectors: WordVectors) -> None:
        super().__init__()
        self.register_buffer("vectors", torch.from_numpy(vectors.matrix), persistent=False)
        self.unknown = nn.Parameter(torch.zeros(vectors.dimension))

    def forward(self, rows: Tensor) -> Tensor:
        """Vectors (N, E) of rows (N,)."""
        known = self.vectors.index_select(0, rows.clamp(min=0))
        return torch.where((rows == UNKNOWN).unsqueeze(1), self.unknown, known)


class Tagger(nn.Module):
    """The LSTM-CRF. Its layers bear the names by which transfer speaks of them, in the same order."""

    def __init__(
        self, config: TaggerConfig, vectors: WordVectors, alphabet: Sequence[str], tags: Sequence[str]
    ) -> None:
        """Fresh parameters from torch's global generator.

        Character 0 is the unknown one, the others follow in the order of `alphabet`.
        """
        super().__init__()
        self.config = config
        self.word_vectors = vectors
        self.alphabet = tuple(alphabet)
        self.tags = tuple(tags)
        self.token_embeddings = TokenEmbeddings(vectors)
        self.character_embeddings = nn.Embedding(len(alphabet) + 1, config.character_dimension)
        self.character_lstm = CoupledBiLSTM(config.character_dimension, config.character_hidden, config.variant)
        self.inputs = 2 * config.character_hidden + vectors.dimension  # of the token LSTM
        self.token_lstm = CoupledBiLSTM(self.inputs, config.token_hidden, config.variant)
        dense = nn.Linear(2 * config.token_hidden, config.dense)
        labels = nn.Linear(config.dense, len(tags))
        self.fully_connected = nn.Sequential(dense, nn.Tanh(), labels)
        self.crf = CRF(len(tags), batch_first=True)
        nn.init.xavier_uniform_(self.character_embeddings.weight)
        with torch.no_grad():
            self.character_embeddings.weight[0] = 0.0  # no training example has an unknown character
        for layer in (dense, labels):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        device: torch.device = self.crf.transitions.device
        return device

    def scores(
        self, there: dict[str, Tensor], dropout: Dropout | None = None, precision: torch.dtype = torch.float32
    ) -> Tensor:
        """Scores (N, K) of each tag at each token of a batch `on_device`; only the token LSTM's inputs are dropped.

        `precision` is that of the token LSTM's products outside the recurrence, the largest ones.
        """
        letters = self.character_embeddings(there["letters"])
        spelled = self.character_lstm.final(letters, there["word_firsts"], there["word_lengths"])
        characters = spelled.index_select(0, there["spellings"])  # (N, 2 * character_hidden)
        x = torch.cat([characters, self.token_embeddings(there["rows"])], dim=1)  # (N, inputs)
        if dropout is not None:
            x = x * ((there["noise"] >= dropout.threshold) * dropout.scale).to(x.dtype)
        x = self.token_lstm(x, there["firsts"], there["lengths"], precision)  # (N, 2H)
        scores: Tensor = self.fully_connected(x)  # (N, K)
        return scores

    def loss(
        self, there: dict[str, Tensor], dropout: Dropout | None = None, precision: torch.dtype = torch.float32
    ) -> Tensor:
        """Negative log-likelihood of the tags of a batch `on_device`, the mean over the sentences."""
        scores = self.scores(there, dropout, precision)
        if self.device.type == "cpu":
            grid, mask = _grid(there, int(there["lengths"][0]))
            likelihood: Tensor = self.crf(_padded(scores, grid), _padded(there["tags"], grid), mask, reduction="mean")
            return -likelihood
        from model import fused

        crf = (self.crf.start_transitions, self.crf.end_transitions, self.crf.transitions)
        return fused.crf_loss(scores, *crf, there["tags"], there["firsts"], there["lengths"])

    @torch.no_grad()
    def best_paths(self, batch: Batch) -> Tensor:
        """Numbers of the best tags (S, longest), those in padding without meaning (Viterbi)."""
        start, end, transitions = self.transition_scores()
        there = on_device(batch, self.device)
        grid, mask = _grid(there, int(batch.lengths[0]))
        steps, running = _padded(self.scores(there), grid).unbind(1), mask.unsqueeze(2).unbind(1)
        best, came_from = start + steps[0], []  # (S, K)
        stays = torch.arange(len(self.tags), device=self.device)
        for step, runs in zip(steps[1:], running[1:], strict=True):
            following, before = (best.unsqueeze(2) + transitions).max(dim=1)
            best = torch.where(runs, following + step, best)
            came_from.append(torch.where(runs, before, stays))
        path = [(best + end).argmax(dim=1, keepdim=True)]
        for before in reversed(came_from):
            path.append(before.gather(1, path[-1]))
        return torch.cat(path[::-1], dim=1)

    def decode(self, batch: Batch) -> list[list[str]]:
        """The best tags of each sentence."""
        paths = zip(self.best_paths(batch).tolist(), batch.lengths, strict=True)
        return [[self.tags[tag] for tag in path[:length]] for path, length in paths]

    @torch.no_grad()
    def transition_scores(self) -> tuple[Tensor, Tensor, Tensor]:
        """Scores of a sequence's start, its end, and of a tag (second axis) after a tag, as decoding uses them."""
        start, end = self.crf.start_transitions.detach(), self.crf.end_transitions.detach()
        transitions = self.crf.transitions.detach()
        if self.config.decoding == "free":
            return start, end, transitions
        opened = torch.tensor([tag[0] in "BI" for tag in self.tags])  # a chunk that must go on
        inside = torch.tensor([tag[0] in "IE" for tag in self.tags])
        same = torch.tensor([[a[2:] == b[2:] for b in self.tags] for a in self.tags])
        allowed = torch.where(opened[:, None], inside & same, ~inside).to(transitions.device)
        never = float("-inf")
        return (
            start.masked_fill(inside.to(start.device), never),
            end.masked_fill(opened.to(end.device), never),
            transitions.masked_fill(~allowed, never),
        )


def on_device(batch: Batch, device: torch.device) -> dict[str, Tensor]:
    """The batch's arrays by name as tensors on a device."""
    if device.type == "cpu":
        return dict(zip(Batch._fields, map(torch.from_numpy, batch), strict=True))
    return unpacked(batch, *(tensor.to(device, non_blocking=True) for tensor in packed(batch, device)))


def packed(batch: Batch, device: torch.device) -> tuple[Tensor, Tensor]:
    """The batch's integers end to end and its noise, where a GPU takes them from without the host's waiting for it."""
    whole, noise = torch.from_numpy(np.concatenate(batch[:-1])), torch.from_numpy(batch.noise)
    return (whole.pin_memory(), noise.pin_memory()) if device.type == "cuda" else (whole, noise)


def unpacked(batch: Batch, whole: Tensor, noise: Tensor) -> dict[str, Tensor]:
    """By name the parts of what was packed, or of its copies, for a batch of this one's sizes."""
    parts = torch.split(whole, [len(array) for array in batch[:-1]])
    return dict(zip(Batch._fields, (*parts, noise), strict=True))


def _grid(there: dict[str, Tensor], longest: int) -> tuple[Tensor, Tensor]:
    """The token at each place of (S, longest), 0 in padding; and False in padding."""
    steps = torch.arange(longest, device=there["lengths"].device)
    mask = steps < there["lengths"].unsqueeze(1)
    return (there["firsts"].unsqueeze(1) + steps) * mask, mask


def _padded(rows: Tensor, grid: Tensor) -> Tensor:
    """Tokens' values (N, ...) as (S, longest, ...), those in padding without meaning."""
    padded: Tensor = rows.index_select(0, grid.flatten()).unflatten(0, grid.shape)  # type: ignore[no-untyped-call]
    return padded
