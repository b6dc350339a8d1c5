"""Reader of the Arizona Disease Corpus (Leaman et al. 2009): one table in Latin-1, a mention a row.

Rows hold PMID, sentence number, sentence, start and end, counted from 1 within the sentence, the end that of the last
character; a sentence without mentions has one row without numbers, or with zeros.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from corpora.archives import members
from corpora.documents import CorpusError, Document, Mention
from corpora.readers.standoff import HELD_BYTES, REMEDY, TextColumn, numbered_lines, span

LABEL = "Disease"
_COLUMNS = {"docid": "Doc Id", "sentenceno": "Sentence No.", "sentence": "Sentence", "startpoint": "Start Point",
            "endpoint": "End Point"}  # fmt: skip

Sentences = dict[str, tuple[str, list[tuple[int, int]]]]  # by number: the sentence and its spans


def read(source: Path, patterns: Sequence[str] = ("*",)) -> Iterator[Document]:
    """One abstract a document, in the order of the table: its sentences joined by newlines. The label is ``Disease``.

    Columns are found by their names in the first line; the text of a mention is compared where there is a column
    Phrase. Id and PMID are ``Doc Id``.

    Raises CorpusError for a missing column, a row that cannot be read, a sentence with two texts, a span outside of
    its sentence, and tables of more than HELD_BYTES characters.
    """
    abstracts: dict[str, Sentences] = {}
    column = TextColumn()
    size = 0
    for member in members(source, patterns):
        names: dict[str, int] = {}
        for number, line in numbered_lines(member.open(), member.place, "latin-1"):
            size += len(line)
            if size > HELD_BYTES:
                raise CorpusError(member.place, number, f"the tables have more than {HELD_BYTES} characters", REMEDY)
            fields = line.split("\t")
            if number == 1:
                names = _header(fields, member.place)
            elif line.strip():
                _row(fields, names, abstracts, member.place, number, column)
    if not abstracts:
        raise CorpusError(source, None, "holds no sentences", "correct `members` or `format`")
    for identifier, sentences in abstracts.items():
        mentions = []
        begin = 0
        for sentence, spans in sentences.values():
            mentions += [Mention(LABEL, ((begin + start, begin + end),)) for start, end in spans]
            begin += len(sentence) + 1
        text = "\n".join(sentence for sentence, _ in sentences.values())
        yield Document(identifier, text, tuple(mentions), pmid=identifier.lstrip("0"))
    column.report(source)


def _header(fields: list[str], place: str) -> dict[str, int]:
    names = {re.sub(r"[^a-z]", "", name.lower()): position for position, name in enumerate(fields)}
    for key, name in _COLUMNS.items():
        if key not in names:
            problem = f"the first line names no column {name!r} ({', '.join(fields)[:80]!r})"
            raise CorpusError(place, 1, problem, "add it or correct `format`")
    return names


def _row(
    fields: list[str],
    names: dict[str, int],
    abstracts: dict[str, Sentences],
    place: str,
    number: int,
    column: TextColumn,
) -> None:
    row = {key: fields[position].strip() for key, position in names.items() if position < len(fields)}
    sentence = fields[names["sentence"]] if names["sentence"] < len(fields) else ""
    identifier, sentence_number = row.get("docid", ""), row.get("sentenceno", "")
    if not (identifier.isascii() and identifier.isdigit() and sentence_number and sentence):
        problem = f"the row has no PMID, sentence number or sentence ({', '.join(fields)[:60]!r})"
        raise CorpusError(place, number, problem, REMEDY)
    known, spans = abstracts.setdefault(identifier, {}).setdefault(sentence_number, (sentence, []))
    if known.rstrip() != sentence.rstrip():
        problem = f"sentence {sentence_number!r} of {identifier} has another text than before"
        raise CorpusError(place, number, problem, REMEDY)
    start, end = row.get("startpoint", ""), row.get("endpoint", "")
    if not re.search("[1-9]", start + end):
        return
    spans.append(span(start, end, sentence, place, number, first=1, inclusive=True))
    if "phrase" in row:
        column.check(row["phrase"], sentence[slice(*spans[-1])], place, number)
