"""The whole tagger in compiled loops for float32 on the CPU: loss with gradients, and tags, each in one call.

The equations and their order are those of model.tagger, to which the tests hold this; large products are those of the
BLAS in scipy. Everything runs on the calling thread and without the interpreter's lock.
Letters: N tokens, S sentences, W distinct words of the batch, C characters of those, E numbers of a word vector,
H units of the token LSTM and h of the character LSTM a direction, K tags.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cython_blas  # noqa: F401  # numba calls its products; loaded, so that the limit below holds
from threadpoolctl import threadpool_limits

from model.batches import UNKNOWN, Batch
from model.kernels import (
    REORDER,
    Floats,
    Integers,
    Layer,
    States,
    compiled,
    crf_best,
    crf_loss,
    lstm_backward,
    lstm_forward,
    sgd_step,
    tanh,
)

__all__ = ["Layer", "Parameters", "best_tags", "loss_and_gradients", "project_words", "sgd_step"]

threadpool_limits(1, user_api="blas")  # what runs at the same time is decided by model.training
_f = np.float32


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


@compiled()
def _run(layer: Layer, x: Floats, firsts: Integers, lengths: Integers) -> States:
    """Forward pass of a layer over inputs (N, D)."""
    units = layer.recurrent.shape[1]
    gates = np.empty((2, len(x), 3 * units), x.dtype)
    for d in range(2):
        np.dot(x, layer.weight[d], gates[d])
    return _run_gates(layer, gates, firsts, lengths)


@compiled()
def _run_gates(layer: Layer, gates: Floats, firsts: Integers, lengths: Integers) -> States:
    """Forward pass of a layer from its products with the inputs (2, N, 3H), which it overwrites."""
    rows, units = gates.shape[1], layer.recurrent.shape[1]
    states = States(gates, np.empty((2, rows, units), gates.dtype), np.empty((rows, 2 * units), gates.dtype))
    for d in range(2):
        lstm_forward(layer, states, d, firsts, lengths)
    return states


@compiled()
def _spell(p: Parameters, letters: Integers, firsts: Integers, lengths: Integers) -> tuple[States, Floats]:
    """States of the character LSTM, and the final ones of each word (W, 2h)."""
    states = _run(p.spelling, p.characters[letters], firsts, lengths)
    units = states.output.shape[1] // 2
    spelled = np.empty((len(lengths), 2 * units), _f)
    for w in range(len(lengths)):
        spelled[w, :units] = states.output[firsts[w] + lengths[w] - 1, :units]
        spelled[w, units:] = states.output[firsts[w], units:]
    return states, spelled


@compiled()
def _inputs(p: Parameters, vectors: Floats, spelled: Floats, spellings: Integers, rows: Integers) -> Floats:
    """Inputs of the token LSTM (N, 2h + E): each token's spelling beside its word's vector."""
    x = np.empty((len(rows), spelled.shape[1] + len(p.unknown)), _f)
    for n in range(len(rows)):
        x[n, : spelled.shape[1]] = spelled[spellings[n]]
        x[n, spelled.shape[1] :] = p.unknown if rows[n] == UNKNOWN else vectors[rows[n]]
    return x


@compiled()
def _drop(x: Floats, noise: NDArray[np.int16], threshold: int, scale: float) -> None:
    """Set to 0 where the noise is below the threshold, and scale what stays."""
    limit, factor = np.int16(threshold), _f(scale)
    for n in range(len(x)):
        values, own = x[n], noise[n]
        for j in range(len(values)):
            values[j] = values[j] * factor if own[j] >= limit else _f(0.0)


@compiled()
def _score(p: Parameters, output: Floats) -> tuple[Floats, Floats]:
    """The tanh layer's output (N, units), and the scores (N, K)."""
    hidden = np.dot(output, p.dense.T)
    for n in range(len(hidden)):
        row = hidden[n]
        for j in range(len(row)):
            row[j] = tanh(row[j] + p.dense_bias[j])
    return hidden, np.dot(hidden, p.labels.T) + p.labels_bias


@compiled(REORDER)
def loss_and_gradients(
    p: Parameters, g: Parameters, vectors: Floats, batch: Batch, threshold: int, scale: float, sentences: int
) -> float:
    """Negative log-likelihood of the tags, the sum over the batch's sentences divided by `sentences`.

    `g` receives the gradients. A number of the token LSTM's inputs is dropped where the batch's noise is below
    `threshold`, and multiplied by `scale` elsewhere.
    """
    char_states, spelled = _spell(p, batch.letters, batch.word_firsts, batch.word_lengths)
    x = _inputs(p, vectors, spelled, batch.spellings, batch.rows)
    _drop(x, batch.noise, threshold, scale)
    states = _run(p.tokens, x, batch.firsts, batch.lengths)
    hidden, scores = _score(p, states.output)
    d_scores = np.empty_like(scores)
    g.transitions[:] = _f(0.0)
    g.start[:] = g.end[:] = _f(0.0)
    loss = crf_loss(
        scores, batch.tags, batch.lengths, p.transitions, p.start, p.end, d_scores, g.transitions, g.start, g.end
    )
    share = _f(1.0 / sentences)
    for gradient in (g.transitions, d_scores):
        gradient *= share
    g.start[:] *= share
    g.end[:] *= share

    np.dot(d_scores.T, hidden, g.labels)
    g.labels_bias[:] = d_scores.sum(0)
    d_hidden = np.dot(d_scores, p.labels)
    for n in range(len(hidden)):
        row, output = d_hidden[n], hidden[n]
        for j in range(len(row)):
            row[j] *= _f(1.0) - output[j] * output[j]
    np.dot(d_hidden.T, states.output, g.dense)
    g.dense_bias[:] = d_hidden.sum(0)
    _back(p.tokens, g.tokens, x, batch.firsts, batch.lengths, states, np.dot(d_hidden, p.dense))

    d_spelled = _spelled_gradient(p, g, batch, states.gates, threshold, scale, spelled.shape[1])
    d_output, units = np.zeros_like(char_states.output), spelled.shape[1] // 2
    for w in range(len(batch.word_lengths)):
        d_output[batch.word_firsts[w] + batch.word_lengths[w] - 1, :units] = d_spelled[w, :units]
        d_output[batch.word_firsts[w], units:] = d_spelled[w, units:]
    embedded = p.characters[batch.letters]
    _back(p.spelling, g.spelling, embedded, batch.word_firsts, batch.word_lengths, char_states, d_output)
    d_letters = np.dot(char_states.gates[0], p.spelling.weight[0].T)
    d_letters += np.dot(char_states.gates[1], p.spelling.weight[1].T)
    g.characters[:] = _f(0.0)
    for c in range(len(d_letters)):
        g.characters[batch.letters[c]] += d_letters[c]
    return loss / sentences


@compiled()
def _back(p: Layer, g: Layer, x: Floats, firsts: Integers, lengths: Integers, states: States, d_output: Floats) -> None:
    """Backward pass of a layer; `states.gates` becomes the gradient of its gates' arguments."""
    for d in range(2):
        lstm_backward(p, states, d, firsts, lengths, d_output, g)
        np.dot(x.T, states.gates[d], g.weight[d])


@compiled()
def _spelled_gradient(
    p: Parameters, g: Parameters, batch: Batch, d_gates: Floats, threshold: int, scale: float, columns: int
) -> Floats:
    """Gradient of the words' spellings (W, 2h), and in `g` that of the unknown word's vector.

    The words' own vectors are frozen, so only these columns of the token LSTM's inputs have a gradient that is used.
    """
    limit, factor = np.int16(threshold), _f(scale)
    d_x = np.dot(d_gates[0], p.tokens.weight[0, :columns].T) + np.dot(d_gates[1], p.tokens.weight[1, :columns].T)
    d_spelled = np.zeros((len(batch.word_lengths), columns), _f)
    for n in range(len(d_x)):
        for j in range(columns):
            if batch.noise[n, j] >= limit:
                d_spelled[batch.spellings[n], j] += d_x[n, j] * factor
    unknown = np.flatnonzero(batch.rows == UNKNOWN)
    g.unknown[:] = _f(0.0)
    if len(unknown):
        d_words = np.dot(d_gates[0][unknown], p.tokens.weight[0, columns:].T)
        d_words += np.dot(d_gates[1][unknown], p.tokens.weight[1, columns:].T)
        for m in range(len(unknown)):
            for j in range(len(g.unknown)):
                if batch.noise[unknown[m], columns + j] >= limit:
                    g.unknown[j] += d_words[m, j] * factor
    return d_spelled


@compiled()
def project_words(
    p: Parameters, vectors: Floats, rows: Integers, letters: Integers, firsts: Integers, lengths: Integers
) -> Floats:
    """Products of the token LSTM with its inputs (2, W, 3H), once for each word: without dropout no token differs."""
    spelled = _spell(p, letters, firsts, lengths)[1]
    x = _inputs(p, vectors, spelled, np.arange(len(rows)), rows)
    projected = np.empty((2, len(x), p.tokens.weight.shape[2]), _f)
    for d in range(2):
        np.dot(x, p.tokens.weight[d], projected[d])
    return projected


@compiled()
def best_tags(p: Parameters, projected: Floats, words: Integers, firsts: Integers, lengths: Integers) -> Integers:
    """The best tags (N,) of sentences whose tokens are these words of `project_words`."""
    gates = np.empty((2, len(words), projected.shape[2]), _f)
    for d in range(2):
        for n in range(len(words)):
            gates[d, n] = projected[d, words[n]]
    scores = _score(p, _run_gates(p.tokens, gates, firsts, lengths).output)[1]
    tags = np.empty(len(words), np.int64)
    crf_best(scores, lengths, p.transitions, p.start, p.end, tags)
    return tags
