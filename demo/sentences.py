"""Our own sentence patterns, and how one pattern becomes a sentence with its mentions.

A pattern holds slots: {C} chemical, {D} disease, {L} living being, {P} gene or protein, {PD} a disease named after a
missing protein (a mention within a mention), {n} a number, {method} and {people}. Verbs are in the past tense, so that
singular and plural names fit alike.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from random import Random

from demo.lexicons import AFTER, BEFORE, LOOKALIKES, NAMES, coordination, draw, expand, short_form

CLASS_OF_SLOT = {"C": "CHED", "D": "DISO", "L": "LIVB", "P": "PRGE"}

PATTERNS = {
    group: tuple(line.strip() for line in lines.strip().split("\n"))
    for group, lines in {
        "CHED": """
            treatment with {C} reduced {D} in {n} of the {people}
            {C} and {C} were given to {people} with {D}
            we compared {C}, {C} and {C} in {people}
            the drug was replaced by {C} after {n} weeks
            {D} followed a single dose of {C}
            {C} blocked {P} and prevented {D}
            serum was tested for {C} by {method}
            {L} exposed to {C} developed {D}
            {people} who stopped {C} recovered within {n} days
            {C} ({n} mg) or {C} ({n} mg) was added to the drinking supply
            no interaction between {C} and {C} was found
            the response to {C} depended on {P}
            switching from {C} to {C} resolved {D}
            controls received {C} instead of {C}
        """,
        "DISO": """
            {D} was diagnosed in {n} {people}
            {people} with {D} often reported {D}
            {D} and {D} were the main causes of death
            we describe two families with {D} and {D}
            the disease resembled {D} but not {D}
            {PD} was confirmed by {method}
            the risk of {D} rose with {C}
            {n} {people} had a history of {D}, {D} or {D}
            {C} induced {D} within {n} hours
            carriers of {P} were free of {D}
            {D} in {L} mimicked {D}
            {method} revealed {D}
            {people} without {D} served as a reference
            {PD} led to {D} in {L}
        """,
        "LIVB": """
            {L} were caught near the station and kept for {n} days
            {L} and {L} shared the same roost
            we isolated {L} from {L}
            samples of {L}, {L} and {L} were sent to the laboratory
            the range of {L} has shifted northwards
            {L} fed mainly on {L}
            {P} was cloned from {L}
            {C} killed {L} but spared {L}
            {n} {L} were marked with {method}
            antibodies to {L} were common in {L}
            infection with {L} caused {D}
            hybrids of {L} with {L} were sterile
            genomes of {L} were compared with {L}
            unlike {L}, these animals avoided {L}
        """,
        "PRGE": """
            {P} bound {P} in vitro
            {P} and {P} were expressed in {L}
            loss of {P} activated {P}
            the gene encodes a homologue of {P}
            {P} was phosphorylated by {P} within {n} min
            we mapped {P} by {method}
            {C} lowered {P} and raised {P}
            variants of {P}, {P} and {P} were linked to {D}
            the protein interacted with {P}
            {P} was not detected in {L}
            silencing {P} with siRNA abolished the effect of {P}
            {method} showed that {P} colocalised with {P}
            {PD} altered the level of {P}
            transgenic {L} lacking {P} survived
        """,
        "": """
            the study was approved by the local committee
            {n} {people} were enrolled between two visits
            data were analysed by {method}
            these results need to be confirmed in a larger series
            the mechanism remains unknown
            the gene, the protein and the drug are discussed
            most patients completed the questionnaire
            follow-up lasted {n} months
            the difference was not significant (P = 0.{n})
            animals were housed under standard conditions
            the disease was stable in {n} {people}
            the receptor was studied further
        """,
    }.items()
}
TITLES = {
    group: tuple(line.strip() for line in lines.strip().split("\n"))
    for group, lines in {
        "CHED": """
            {C} and {D}: a controlled trial
            effects of {C} on {P} in {L}
            {D} related to {C}
            use of {C} in {D}
        """,
        "DISO": """
            {D} with {D}: report of {n} cases
            {PD} as a cause of {D}
            a family with {D}
            {C} for {D}
        """,
        "LIVB": """
            {L} as hosts of {L}
            first record of {L} in {L}
            {D} among {L}
            diet of {L} in winter
        """,
        "PRGE": """
            {P} regulates {P}
            cloning of {P} from {L}
            role of {P} in {D}
            {P}, a partner of {P}
        """,
    }.items()
}
OPENERS = "{||||||in this series, |by contrast, |as expected, |moreover, |in brief, |overall, }"
TAILS = "{|||, although the sample was small| (P < 0.05)| in week {number}|, as shown by light microscopy}"
OTHER_SLOTS = {
    "n": "{number}",
    "method": "{PCR|ELISA|CAT scans|light microscopy|angiography|a Morland test|mass spectrometry|FISH}",
    "people": "{patients|women|children|adults|men|participants}",
}

LOOKALIKE_SHARE = {"CHED": 0.22, "DISO": 0.22, "LIVB": 0.3, "PRGE": 0.3}  # of the slots hold no name at all
RECURRENCE = 0.6  # of the names come from the document's own few
_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Mention:
    """A name of class ``entity``; ``spans`` are 0-based, end-exclusive offsets into the sentence.

    ``members`` holds the full names behind a composite mention ("renal failure", "hepatic failure").
    """

    entity: str
    spans: tuple[tuple[int, int], ...]
    members: tuple[str, ...] = ()

    def shifted(self, by: int) -> Mention:
        """The same mention in a text where its sentence starts at ``by``."""
        return Mention(self.entity, tuple((start + by, end + by) for start, end in self.spans), self.members)


@dataclass(frozen=True)
class Sentence:
    """A text and the mentions in it, sorted by position."""

    text: str
    mentions: tuple[Mention, ...] = ()


@dataclass
class Cast:
    """The names that recur in one document, and the abbreviations introduced so far."""

    names: dict[str, list[str]]
    short: dict[str, str] = field(default_factory=dict)

    @classmethod
    def draw(cls, rng: Random) -> Cast:
        """Three names of each class."""
        return cls({entity: [draw(patterns, rng) for _ in range(3)] for entity, patterns in NAMES.items()})


def _joined(parts: list[Sentence | str]) -> Sentence:
    text, mentions = "", []
    for part in parts:
        piece = Sentence(part) if isinstance(part, str) else part
        mentions += [mention.shifted(len(text)) for mention in piece.mentions]
        text += piece.text
    return Sentence(text, tuple(sorted(mentions, key=lambda m: (m.spans[0][0], -m.spans[-1][1]))))


def _named(entity: str, name: str) -> Sentence:
    return Sentence(name, (Mention(entity, ((0, len(name)),)),))


def _coordinated(entity: str, rng: Random) -> Sentence:
    """One composite mention for chemicals and diseases; for the others two mentions, the first discontinuous."""
    first, second, head = coordination(entity, rng)
    text = f"{first} and {second} {head}"
    if entity in ("CHED", "DISO"):
        return Sentence(text, (Mention(entity, ((0, len(text)),), (f"{first} {head}", f"{second} {head}")),))
    at_head, at_second = len(text) - len(head), len(first) + len(" and ")
    split = Mention(entity, ((0, len(first)), (at_head, len(text))))
    return Sentence(text, (split, Mention(entity, ((at_second, len(text)),))))


def _filled(entity: str, cast: Cast, rng: Random) -> Sentence:
    """What stands in a slot: a lookalike, a coordination, or a name with or without company."""
    if rng.random() < LOOKALIKE_SHARE[entity]:
        return Sentence(draw(LOOKALIKES[entity], rng))
    if rng.random() < 0.04:
        return _coordinated(entity, rng)
    if rng.random() >= RECURRENCE:
        name = draw(NAMES[entity], rng)
    else:
        name = rng.choice(cast.names[entity])
        if name in cast.short:
            return _named(entity, cast.short[name] if rng.random() < 0.7 else name)
        short = short_form(entity, name)
        if short and rng.random() < 0.6:
            cast.short[name] = short
            if entity != "LIVB":  # a genus is shortened without notice
                return _joined([_named(entity, name), " (", _named(entity, short), ")"])
    company = rng.random()
    if company < 0.2:
        return _joined([expand(BEFORE[entity], rng) + " ", _named(entity, name)])
    if company < 0.3:
        return _joined([_named(entity, name), " " + expand(AFTER[entity], rng)])
    return _named(entity, name)


def _protein_deficiency(rng: Random) -> Sentence:
    protein = draw(NAMES["PRGE"], rng)
    text = f"{protein} deficiency"
    return Sentence(text, (Mention("DISO", ((0, len(text)),)), Mention("PRGE", ((0, len(protein)),))))


def sentence(pattern: str, cast: Cast, rng: Random) -> Sentence:
    """A sentence made from a pattern: slots filled, first letter a capital, full stop at the end."""
    parts: list[Sentence | str] = []
    for position, piece in enumerate(_SLOT.split(pattern)):
        if position % 2 == 0:
            parts.append(piece)
        elif piece in OTHER_SLOTS:
            parts.append(expand(OTHER_SLOTS[piece], rng))
        elif piece == "PD":
            parts.append(_protein_deficiency(rng))
        else:
            while (filled := _filled(CLASS_OF_SLOT[piece], cast, rng)) in parts:
                pass  # no sentence names the same thing twice
            parts.append(filled)
    made = _joined([*parts, "."])
    return Sentence(made.text[0].upper() + made.text[1:], made.mentions)


def abstract(topics: tuple[str, ...], rng: Random) -> list[Sentence]:
    """A title and five to eight sentences, most of them about one of ``topics`` (classes)."""
    cast = Cast.draw(rng)
    made = [sentence(rng.choice(TITLES[rng.choice(topics)]), cast, rng)]
    for _ in range(rng.randint(5, 8)):
        chance = rng.random()
        group = "" if chance < 0.15 else rng.choice(topics) if chance < 0.8 else rng.choice(list(NAMES))
        tail = expand(TAILS, rng) if group else ""
        made.append(sentence(expand(OPENERS, rng) + rng.choice(PATTERNS[group]) + tail, cast, rng))
    return made
