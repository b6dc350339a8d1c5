"""Exact-match precision, recall and F1 over the chunks of a corpus, by conlleval's rules.

Source: the shared task script conlleval (Tjong Kim Sang and Buchholz, 2000), with the tags E and S read as in its IOBES
ports; Giorgi and Bader (2018), section 2.7. Sequences that BIOES forbids occur in predictions. The rule for them: a
token continues the chunk of the token before it exactly if that one has B or I, this one has I or E, and both have the
same type; any other token that is not O starts a new chunk. So a chunk may start with I or E, and E and S always end
one. NeuroNER maps BIOES to BIO before it scores, which glues an I or E to an E or S of the same type before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from model.settings import ModelError


@dataclass(frozen=True)
class Scores:
    """Counts of chunks, and the percentages that follow from them; a share of nothing is 0."""

    gold: int
    predicted: int
    correct: int

    @property
    def precision(self) -> float:
        """Percent of the predicted chunks that are correct."""
        return 100 * self.correct / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        """Percent of the gold chunks that were found."""
        return 100 * self.correct / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, in percent."""
        return 200 * self.correct / (self.gold + self.predicted) if self.correct else 0.0

    def as_dict(self) -> dict[str, float]:
        """All six numbers by name, as `metrics.json` holds them."""
        return {name: getattr(self, name) for name in ("precision", "recall", "f1", "gold", "predicted", "correct")}


def chunks(tags: Sequence[str]) -> list[tuple[str, int, int]]:
    """The chunks of one sentence: type, first token and token after the last, in order.

    >>> chunks(["B-DISO", "E-DISO", "I-DISO", "O", "S-DISO"])
    [('DISO', 0, 2), ('DISO', 2, 3), ('DISO', 4, 5)]
    """
    found: list[tuple[str, int, int]] = []
    before = "O"
    for position, tag in enumerate(tags):
        if tag != "O":
            if before[0] in "BI" and tag[0] in "IE" and before[1:] == tag[1:]:
                found[-1] = (*found[-1][:2], position + 1)
            else:
                found.append((tag[2:], position, position + 1))
        before = tag
    return found


def score(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> Scores:
    """Count the chunks of all sentences; `gold` and `predicted` are the tags, sentence by sentence.

    A predicted chunk is correct if a gold chunk of its sentence has both borders and the type in common.
    Raises ModelError if the sentences do not match in number and length.
    """
    if [len(tags) for tags in gold] != [len(tags) for tags in predicted]:
        raise ModelError("gold and predicted tags differ in the number or the lengths of their sentences")
    expected = [set(chunks(tags)) for tags in gold]
    found = [set(chunks(tags)) for tags in predicted]
    correct = sum(len(a & b) for a, b in zip(expected, found, strict=True))
    return Scores(sum(map(len, expected)), sum(map(len, found)), correct)
