"""What a user could pick instead: torch's own layers with pytorch-crf, and flair, at the sizes of the paper's."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence
from torchcrf import CRF

from model.batches import Batch, WordVectors
from model.corpus import Corpus, alphabet
from model.scores import chunks
from model.settings import TrainingConfig
from model.tagger import TaggerConfig, TokenEmbeddings


class PlainTorch(nn.Module):
    """nn.LSTM (four gates, no peepholes) in place of the coupled cell, packed, characters once a distinct word."""

    def __init__(self, vectors: WordVectors, characters: int, tags: int) -> None:
        super().__init__()
        sizes = TaggerConfig()
        self.token_embeddings = TokenEmbeddings(vectors)
        self.character_embeddings = nn.Embedding(characters + 1, sizes.character_dimension)
        width = 2 * sizes.character_hidden
        self.character_lstm = nn.LSTM(sizes.character_dimension, sizes.character_hidden, bidirectional=True)
        self.token_lstm = nn.LSTM(width + vectors.dimension, sizes.token_hidden, bidirectional=True)
        self.fully_connected = nn.Sequential(
            nn.Linear(2 * sizes.token_hidden, sizes.dense), nn.Tanh(), nn.Linear(sizes.dense, tags)
        )
        self.crf = CRF(tags, batch_first=True)

    def scores(self, batch: Batch, dropout: float = 0.0) -> Tensor:
        """Emissions (S, longest, K)."""
        lengths = torch.from_numpy(batch.word_lengths)
        places = self._grid(batch.word_firsts, batch.word_lengths)[0].t()  # (L, W)
        letters = self.character_embeddings(self._there(batch.letters)[places])
        _, (final, _) = self.character_lstm(pack_padded_sequence(letters, lengths))
        spelled = torch.cat([final[0], final[1]], dim=1)
        spellings, rows = self._there(batch.spellings), self._there(batch.rows)
        x = torch.cat([spelled[spellings], self.token_embeddings(rows)], dim=1)
        x = F.dropout(x, dropout, training=dropout > 0)
        padded = x[self._grid(batch.firsts, batch.lengths)[0].t()]  # (longest, S, D)
        packed = pack_padded_sequence(padded, torch.from_numpy(batch.lengths))
        hidden: PackedSequence = self.token_lstm(packed)[0]
        emissions: Tensor = self.fully_connected(hidden.data)
        return pad_packed_sequence(hidden._replace(data=emissions), batch_first=True)[0]

    def loss(self, batch: Batch, dropout: float = 0.0) -> Tensor:
        """Negative log-likelihood, the mean over the sentences."""
        grid, mask = self._grid(batch.firsts, batch.lengths)
        tags = self._there(batch.tags)[grid]
        likelihood: Tensor = self.crf(self.scores(batch, dropout), tags, mask, reduction="mean")
        return -likelihood

    @torch.no_grad()
    def decode(self, batch: Batch) -> Any:
        """The best paths."""
        return self.crf.decode(self.scores(batch), self._grid(batch.firsts, batch.lengths)[1])

    def _there(self, array: NDArray[Any]) -> Tensor:
        there = self.crf.transitions.device
        tensor = torch.from_numpy(array)
        return (tensor.pin_memory() if there.type == "cuda" else tensor).to(there, non_blocking=True)

    def _grid(self, firsts: NDArray[np.int64], lengths: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """The row at each place of (sequences, longest), 0 in padding; and False in padding."""
        steps = np.arange(lengths[0])
        mask = steps < lengths[:, None]
        return self._there((firsts[:, None] + steps) * mask), self._there(mask)


def plain_step(tagger: PlainTorch, config: TrainingConfig) -> Callable[[Batch], None]:
    """A training step as torch's own documentation would have it."""
    parameters = list(tagger.parameters())
    optimizer: torch.optim.Optimizer
    if config.optimizer == "sgd":
        optimizer = torch.optim.SGD(parameters, lr=config.learning_rate)
    else:
        optimizer = torch.optim.Adam(parameters, lr=config.learning_rate, fused=True)

    def step(batch: Batch) -> None:
        optimizer.zero_grad()
        loss = tagger.loss(batch, config.dropout)
        loss.backward()  # type: ignore[no-untyped-call]
        if config.clipping == "value":
            nn.utils.clip_grad_value_(parameters, config.clipping_limit)
        else:
            nn.utils.clip_grad_norm_(parameters, config.clipping_limit)
        optimizer.step()

    return step


class Flair:
    """Flair's tagger, trained by its own trainer at its defaults. Raises ImportError where flair is not installed."""

    def __init__(self, corpus: Corpus, names: Sequence[str], vectors: WordVectors) -> None:
        from flair.data import Corpus as FlairCorpus
        from flair.data import Dictionary
        from flair.embeddings import CharacterEmbeddings, StackedEmbeddings, WordEmbeddings
        from flair.models import SequenceTagger
        from gensim.models import KeyedVectors

        logging.getLogger("flair").setLevel(logging.ERROR)
        with tempfile.TemporaryDirectory() as folder:
            keyed = KeyedVectors(vectors.dimension)
            keyed.add_vectors(names, vectors.matrix)
            keyed.save(str(Path(folder) / "vectors.gensim"))
            letters = Dictionary()  # its own list of characters would be downloaded
            for letter in alphabet(corpus):
                letters.add_item(letter)
            words = WordEmbeddings(str(Path(folder) / "vectors.gensim"))
            embeddings = StackedEmbeddings([words, CharacterEmbeddings(letters)])
        data = self.sentences(corpus)
        whole = FlairCorpus(train=data, dev=data[:1], test=data[:1], sample_missing_splits=False)
        labels = whole.make_label_dictionary("ner", add_unk=False)
        self._tagger = SequenceTagger(
            embeddings, labels, "ner", hidden_size=200, rnn_layers=1, use_crf=True, tag_format="BIOES"
        )

    @staticmethod
    def sentences(corpus: Corpus) -> list[Any]:
        """The corpus as flair takes it."""
        from flair.data import Sentence

        data = []
        for tags, (first, last) in zip(corpus.sentence_tags(), pairwise(corpus.borders), strict=True):
            sentence = Sentence([corpus.vocabulary[word] for word in corpus.words[first:last]])
            for kind, begin, end in chunks(tags):
                sentence[begin:end].add_label("ner", kind)
            data.append(sentence)
        return data

    def train(self, data: list[Any]) -> None:
        """An epoch over these sentences."""
        from flair.data import Corpus as FlairCorpus
        from flair.trainers import ModelTrainer

        corpus = FlairCorpus(train=data, dev=data[:1], test=data[:1], sample_missing_splits=False)
        with tempfile.TemporaryDirectory() as folder:
            ModelTrainer(self._tagger, corpus).train(
                folder, max_epochs=1, save_final_model=False, monitor_test=False, train_with_dev=True
            )

    def tags(self, data: list[Any]) -> list[list[str]]:
        """The BIOES tags that it predicts."""
        self._tagger.predict(data, mini_batch_size=64, label_name="predicted")
        result = []
        for sentence in data:
            tags = ["O"] * len(sentence)
            for span in sentence.get_spans("predicted"):
                first, last, kind = span[0].idx - 1, span[-1].idx - 1, span.get_label("predicted").value
                tags[first : last + 1] = [f"I-{kind}"] * (last + 1 - first)
                tags[first], tags[last] = f"B-{kind}", f"E-{kind}"
                if first == last:
                    tags[first] = f"S-{kind}"
            sentence.remove_labels("predicted")
            result.append(tags)
        return result
