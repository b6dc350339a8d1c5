"""The tagger: characters -> character LSTM -> with the word's vector -> token LSTM -> fully connected layer -> CRF.

Source: Giorgi and Bader (2018), section 2.1 and figure 1. Variant "paper" follows the printed equations, "neuroner" the
cell of the program the authors ran (see model.lstm); all other layers are the same. The part of the token embeddings
that is trained is the vector of the unknown word; the words' own vectors are frozen, not a parameter, and not saved.
Letters: N tokens, S sentences, K tags, H units a direction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchcrf import CRF

from model import compiled
from model.compiled import Learned
from model.corpus import UNKNOWN, Batch, WordVectors
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

    def __post_init__(self) -> None:
        """Raise ModelError for a size below 1."""
        for name, value in vars(self).items():
            if name != "variant" and value < 1:
                raise ModelError(f"tagger: {name} is {value}; give at least 1")


class TokenEmbeddings(nn.Module):
    """Frozen word vectors, and one trained vector that stands for every word without one."""

    vectors: Tensor

    def __init__(self, vectors: WordVectors) -> None:
        super().__init__()
        self.register_buffer("vectors", torch.from_numpy(vectors.matrix), persistent=False)
        self.unknown = nn.Parameter(torch.zeros(vectors.dimension))

    def forward(self, rows: Tensor) -> Tensor:
        """Vectors (N, dimension) of rows (N,)."""
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
        inputs = 2 * config.character_hidden + vectors.dimension
        self.token_lstm = CoupledBiLSTM(inputs, config.token_hidden, config.variant)
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

    def scores(self, batch: Batch, dropout: float = 0.0) -> Tensor:
        """Scores (N, K) of each tag at each token.

        `dropout` is the share of the token LSTM's inputs that is set to 0, the only place where units are dropped.
        """
        spelled = self.character_lstm.final(self.character_embeddings(batch.characters), batch.spelled)
        characters = spelled.index_select(0, batch.spellings)  # (N, 2 * character_hidden)
        x = torch.cat([characters, self.token_embeddings(batch.rows)], dim=1)
        # The words' own vectors are frozen: of their columns only the unknown words' need a gradient.
        learned = Learned(characters.shape[1], batch.unknown)
        x = self.token_lstm(F.dropout(x, dropout, training=dropout > 0), batch.sentences, learned)  # (N, 2H)
        scores: Tensor = self.fully_connected(x)  # (N, K)
        return scores

    def emissions(self, batch: Batch, dropout: float = 0.0) -> Tensor:
        """The scores as (S, longest, K), those in padding without meaning."""
        return _padded(self.scores(batch, dropout), batch)

    def loss(self, batch: Batch, dropout: float = 0.0) -> Tensor:
        """Negative log-likelihood of the tags, the mean over the sentences."""
        scores = self.scores(batch, dropout)
        if compiled.serves(scores):
            return compiled.crf_loss(scores, batch.tags, batch.sentences.lengths, *self._crf_parameters())
        tags = _padded(batch.tags, batch)
        likelihood: Tensor = self.crf(_padded(scores, batch), tags, batch.mask, reduction="mean")
        return -likelihood

    @torch.no_grad()
    def decode(self, batch: Batch) -> list[list[str]]:
        """The best tags of each sentence (Viterbi)."""
        scores = self.scores(batch)
        if compiled.serves(scores):
            lengths = batch.sentences.lengths
            best = compiled.crf_best(scores, lengths, *self._crf_parameters()).tolist()
            names = [self.tags[tag] for tag in best]
            ends = lengths.cumsum().tolist()
            return [names[end - length : end] for end, length in zip(ends, lengths.tolist(), strict=True)]
        paths = self.crf.decode(_padded(scores, batch), batch.mask)
        return [[self.tags[tag] for tag in path] for path in paths]

    def _crf_parameters(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.crf.transitions, self.crf.start_transitions, self.crf.end_transitions


def _padded(rows: Tensor, batch: Batch) -> Tensor:
    """Tokens' values (N, ...) as (S, longest, ...), those in padding without meaning."""
    padded: Tensor = rows.index_select(0, batch.grid.flatten()).unflatten(0, batch.grid.shape)  # type: ignore[no-untyped-call]
    return padded
