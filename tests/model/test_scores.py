"""Chunk scores against an independent reading of conlleval's rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.scores import chunks, score
from model.settings import ModelError

TAGS = ["O", *(f"{prefix}-{kind}" for prefix in "BIES" for kind in ("X", "Y"))]
sentences = st.lists(st.lists(st.sampled_from(TAGS), max_size=9), max_size=6)


def end_of_chunk(before: str, tag: str, type_before: str, kind: str) -> bool:
    """The script's endOfChunk: a table of pairs of tags, then the change of type."""
    if before in ("E", "S"):
        return True
    if (before, tag) in {(a, b) for a in "BI" for b in "BSO"}:
        return True
    return before != "O" and type_before != kind


def start_of_chunk(before: str, tag: str, type_before: str, kind: str) -> bool:
    """The script's startOfChunk."""
    if tag in ("B", "S"):
        return True
    if (before, tag) in {(a, b) for a in "ESO" for b in "EI"}:
        return True
    return tag != "O" and type_before != kind


def conlleval(gold: list[list[str]], predicted: list[list[str]]) -> tuple[int, int, int]:
    """The script's loop: one pass over all tokens that follows both columns at once."""
    found_gold = found_predicted = correct = 0
    inside = False
    last_gold = last_guess = ("O", "")
    tokens = [pair for a, b in zip(gold, predicted, strict=True) for pair in [*zip(a, b, strict=True), ("O", "O")]]
    for truth, guess in tokens:
        now_gold, now_guess = (truth[0], truth[2:]), (guess[0], guess[2:])
        ended_gold = end_of_chunk(last_gold[0], now_gold[0], last_gold[1], now_gold[1])
        ended_guess = end_of_chunk(last_guess[0], now_guess[0], last_guess[1], now_guess[1])
        if inside:
            if ended_gold and ended_guess and last_gold[1] == last_guess[1]:
                inside = False
                correct += 1
            elif ended_gold != ended_guess or now_gold[1] != now_guess[1]:
                inside = False
        started_gold = start_of_chunk(last_gold[0], now_gold[0], last_gold[1], now_gold[1])
        started_guess = start_of_chunk(last_guess[0], now_guess[0], last_guess[1], now_guess[1])
        if started_gold and started_guess and now_gold[1] == now_guess[1]:
            inside = True
        found_gold += started_gold
        found_predicted += started_guess
        last_gold, last_guess = now_gold, now_guess
    return found_gold, found_predicted, correct


@given(sentences, st.data())
def test_counts_are_those_of_conlleval(gold: list[list[str]], data: st.DataObject) -> None:
    predicted = [[data.draw(st.sampled_from([tag, *TAGS])) for tag in sentence] for sentence in gold]
    found = score(gold, predicted)
    assert (found.gold, found.predicted, found.correct) == conlleval(gold, predicted)


@given(st.lists(st.tuples(st.sampled_from("XY"), st.integers(0, 2), st.integers(1, 4)), max_size=5))
def test_chunks_of_legal_tags_are_the_ones_written(plan: list[tuple[str, int, int]]) -> None:
    tags: list[str] = []
    expected = []
    for kind, gap, length in plan:
        tags += ["O"] * gap
        expected.append((kind, len(tags), len(tags) + length))
        tags += [f"S-{kind}"] if length == 1 else [f"B-{kind}", *[f"I-{kind}"] * (length - 2), f"E-{kind}"]
    assert chunks(tags) == expected


def test_percentages() -> None:
    found = score([["S-X", "O", "S-X", "S-X", "S-X", "S-X"]], [["S-X", "S-X", "S-X", "S-X", "O", "O"]])
    assert (found.precision, found.recall) == (75.0, 60.0)
    assert found.f1 == pytest.approx(2 * 75 * 60 / (75 + 60))
    nothing = score([["O"]], [["O"]])
    assert (nothing.precision, nothing.recall, nothing.f1) == (0.0, 0.0, 0.0)


def test_sentences_of_other_lengths_are_refused() -> None:
    with pytest.raises(ModelError, match="lengths"):
        score([["O", "O"]], [["O"]])
