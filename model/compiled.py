"""The whole tagger by hand for float32 on the CPU: loss with gradients, and tags.

The equations and their order are those of model.tagger, to which the tests hold this. Loops over time are compiled
(model.kernels), products outside of them are numpy's; no product depends on more than one thread.
Letters: N tokens, S sentences, W distinct words of the batch, C characters of those, E numbers of a word vector,
H units of the token LSTM and h of the character LSTM a direction, K tags.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from model import kernels
from model.batches import UNKNOWN, Batch, Words
from model.kernels import Floats, Integers

threadpool_limits(1, user_api="blas")  # what runs at the same time is decided by model.engines


class Layer(NamedTuple):
    """Parameters of a bidirectional layer, or their gradients; the shapes are CoupledBiLSTM's."""

    weight: Floats  # (2, D, 3H)
    recurrent: Floats  # (2, H, 3H)
    bias: Floats  # (2, 3H)
    peepholes: Floats  # (2, 2, H) gate i and o, direction
    initial: Floats  # (2, 2, H) h and c, direction


class Parameters(NamedTuple):
    """A tagger's parameters, or their gradients; all contiguous float32."""

    unknown: Floats  # (E,)
    characters: Floats  # (alphabet + 1, characters' dimension)
    spelling: Layer  # the character LSTM
    tokens: Layer  # the token LSTM
    dense: Floats  # (units, 2H)
    dense_bias: Floats  # (units,)
    labels: Floats  # (K, units)
    labels_bias: Floats  # (K,)
    transitions: Floats  # (K, K)
    start: Floats  # (K,)
    end: Floats  # (K,)


class States(NamedTuple):
    """What a layer's forward pass leaves for its backward pass."""

    gates: Floats  # (2, N, 3H) i, g, o, later the gradients of their arguments
    cells: Floats  # (2, N, H)
    output: Floats  # (N, 2H)


def _of(p: Layer, d: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Peepholes of the input and the output gate, and h and c at the start, of a direction (H,)."""
    return p.peepholes[0, d], p.peepholes[1, d], p.initial[0, d], p.initial[1, d]


def _forward(p: Layer, gates: Floats, firsts: Integers, lengths: Integers) -> States:
    """States of a layer from its products with the inputs (2, N, 3H), which become part of them."""
    rows, units = gates.shape[1], p.recurrent.shape[1]
    states = States(gates, np.empty((2, rows, units), np.float32), np.empty((rows, 2 * units), np.float32))
    for d in (0, 1):
        kernels.lstm_forward(
            *(gates[d], p.recurrent[d], p.bias[d], *_of(p, d), firsts, lengths, d == 1),
            *(states.cells[d], states.output),
        )
    return states


def _backward(
    p: Layer, g: Layer, states: States, x: Floats, d_output: Floats, firsts: Integers, lengths: Integers
) -> None:
    """Gradients of a layer's parameters, given its output's; `states.gates` becomes that of the gates' arguments."""
    h_before = np.empty_like(states.cells[0])
    for d in (0, 1):
        dz = states.gates[d]
        kernels.lstm_backward(
            *(dz, p.recurrent[d], *_of(p, d), firsts, lengths, d == 1),
            *(states.cells[d], states.output, d_output, h_before, *_of(g, d)),
        )
        np.matmul(x.T, dz, out=g.weight[d])
        np.matmul(h_before.T, dz, out=g.recurrent[d])
        np.sum(dz, axis=0, out=g.bias[d])


def _spell(p: Parameters, words: Words) -> tuple[Floats, States, Floats]:
    """Characters' vectors (C, ...), the character LSTM's states, and its final ones for each word (W, 2h)."""
    letters = p.characters[words.letters]
    states = _forward(p.spelling, letters @ p.spelling.weight, words.firsts, words.lengths)
    forward, backward = np.split(states.output, 2, axis=1)
    lasts = words.firsts + words.lengths - 1
    return letters, states, np.concatenate([forward[lasts], backward[words.firsts]], axis=1)


def _inputs(p: Parameters, vectors: Floats, spelled: Floats, rows: Integers) -> Floats:
    """Inputs of the token LSTM (N, 2h + E): spellings (N, 2h) beside the vectors of these rows."""
    x = np.empty((len(rows), spelled.shape[1] + len(p.unknown)), np.float32)
    x[:, : spelled.shape[1]] = spelled
    np.take(vectors, rows, axis=0, out=x[:, spelled.shape[1] :], mode="wrap")
    x[rows == UNKNOWN, spelled.shape[1] :] = p.unknown
    return x


def _scores(p: Parameters, output: Floats) -> tuple[Floats, Floats]:
    """The tanh layer's output (N, units), and the scores (N, K)."""
    hidden = output @ p.dense.T
    hidden += p.dense_bias
    np.tanh(hidden, out=hidden)
    return hidden, hidden @ p.labels.T + p.labels_bias


def loss_and_gradients(
    p: Parameters, g: Parameters, vectors: Floats, batch: Batch, threshold: int, scale: float, sentences: int
) -> float:
    """Negative log-likelihood of the tags, the sum over the batch's sentences divided by `sentences`.

    `g` receives the gradients. A number of the token LSTM's inputs is dropped where the batch's noise is below
    `threshold`, and multiplied by `scale` elsewhere.
    """
    words = Words(batch.rows, batch.letters, batch.word_firsts, batch.word_lengths)
    kept = (batch.noise >= threshold) * np.float32(scale)
    letters, letter_states, spelled = _spell(p, words)
    x = _inputs(p, vectors, spelled[batch.spellings], batch.rows)
    x *= kept
    states = _forward(p.tokens, x @ p.tokens.weight, batch.firsts, batch.lengths)
    hidden, scores = _scores(p, states.output)

    d_scores = np.zeros_like(scores)
    for gradient in (g.transitions, g.start, g.end):
        gradient.fill(0.0)
    loss: float = kernels.crf_loss(
        *(scores, batch.tags, batch.lengths, p.transitions, p.start, p.end),
        *(d_scores, g.transitions, g.start, g.end),
    )
    for gradient in (d_scores, g.transitions, g.start, g.end):
        gradient /= sentences
    np.matmul(d_scores.T, hidden, out=g.labels)
    np.sum(d_scores, axis=0, out=g.labels_bias)
    d_hidden = (d_scores @ p.labels) * (1 - hidden * hidden)
    np.matmul(d_hidden.T, states.output, out=g.dense)
    np.sum(d_hidden, axis=0, out=g.dense_bias)
    _backward(p.tokens, g.tokens, states, x, d_hidden @ p.dense, batch.firsts, batch.lengths)

    # The words' own vectors are frozen: of their columns only the unknown word's need a gradient.
    columns = spelled.shape[1]
    for_spelling, for_vectors = np.split(p.tokens.weight, [columns], axis=1)
    d_characters = states.gates[0] @ for_spelling[0].T + states.gates[1] @ for_spelling[1].T  # (N, 2h)
    d_characters *= kept[:, :columns]
    unknown = np.flatnonzero(batch.rows == UNKNOWN)
    d_unknown = states.gates[0][unknown] @ for_vectors[0].T + states.gates[1][unknown] @ for_vectors[1].T
    d_unknown *= kept[unknown, columns:]
    np.sum(d_unknown, axis=0, out=g.unknown)

    d_spelled = np.zeros_like(spelled)
    kernels.add_rows(d_characters, batch.spellings, d_spelled)
    d_output, half = np.zeros_like(letter_states.output), columns // 2
    d_output[words.firsts + words.lengths - 1, :half] = d_spelled[:, :half]
    d_output[words.firsts, half:] = d_spelled[:, half:]
    _backward(p.spelling, g.spelling, letter_states, letters, d_output, words.firsts, words.lengths)
    weight, gates = p.spelling.weight, letter_states.gates
    g.characters.fill(0.0)
    kernels.add_rows(gates[0] @ weight[0].T + gates[1] @ weight[1].T, words.letters, g.characters)
    return loss / sentences


def project_words(p: Parameters, vectors: Floats, words: Words, projected: Floats) -> None:
    """Products of the token LSTM with its inputs (2, W, 3H), once for each word: without dropout no token differs."""
    np.matmul(_inputs(p, vectors, _spell(p, words)[2], words.rows), p.tokens.weight, out=projected)


def best_tags(p: Parameters, projected: Floats, words: Integers, lengths: Integers, tags: Integers) -> None:
    """The best tags (N,) of sentences whose tokens are these words of `project_words`."""
    firsts = np.cumsum(lengths) - lengths
    states = _forward(p.tokens, np.take(projected, words, axis=1), firsts, lengths)
    kernels.crf_best(_scores(p, states.output)[1], lengths, p.transitions, p.start, p.end, tags)
