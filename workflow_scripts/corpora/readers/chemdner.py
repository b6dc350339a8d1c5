"""Reader of the CHEMDNER patents corpus, CEMP task of BioCreative V (Krallinger et al. 2015).

``*_text.txt`` holds id, title and abstract, ``*_gold_standard_*.tsv`` id, T or A, start, end, text and class; offsets
are those within the title (T) or the abstract (A). Other files, among them ``*_eval.tsv``, are not read.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from corpora.documents import CorpusError, Document, Mention
from corpora.readers.standoff import REMEDY, TextColumn, held, numbered_lines, span


def read(source: Path, patterns: Sequence[str] = ("*",)) -> Iterator[Document]:
    """One patent a document, in the order of the files: title, newline, abstract. Labels are the classes.

    Raises CorpusError for a line that cannot be read, a patent that comes twice or is unknown, a span outside of title
    or abstract, a file whose patents all have no mention, and a source without patents or without mentions.
    """
    files = held(source, patterns, lambda name: _is_text(name) or _is_gold(name))
    titles: dict[str, tuple[str, str]] = {}
    patents: dict[str, list[str]] = {}  # by file
    mentions: dict[str, list[Mention]] = {}
    column = TextColumn()
    for file in filter(lambda file: _is_text(file.name), files):
        for number, line in numbered_lines(io.BytesIO(file.data), file.place):
            fields = line.split("\t")
            if line.strip() and (len(fields) != 3 or not fields[0]):
                problem = f"{line[:80]!r} has not the columns id, title, abstract"
                raise CorpusError(file.place, number, problem, REMEDY)
            if fields[0] in titles:
                raise CorpusError(file.place, number, f"patent {fields[0]!r} comes twice", "narrow `members`")
            if line.strip():
                titles[fields[0]] = (fields[1], fields[2])
                patents.setdefault(file.place, []).append(fields[0])
    for file in filter(lambda file: _is_gold(file.name), files):
        for number, line in numbered_lines(io.BytesIO(file.data), file.place):
            fields = line.split("\t")
            if not line.strip():
                continue
            if len(fields) != 6 or fields[1] not in ("T", "A") or not fields[5]:
                problem = f"{line[:80]!r} has not the columns id, T or A, start, end, text, class"
                raise CorpusError(file.place, number, problem, REMEDY)
            if fields[0] not in titles:
                problem = f"patent {fields[0]!r} is in no *_text.txt file"
                raise CorpusError(file.place, number, problem, "add its text or remove the line")
            title, abstract = titles[fields[0]]
            base, words = (0, title) if fields[1] == "T" else (len(title) + 1, abstract)
            start, end = span(fields[2], fields[3], words, file.place, number)
            column.check(fields[4], words[start:end], file.place, number)
            mentions.setdefault(fields[0], []).append(Mention(fields[5], ((base + start, base + end),)))
    if not titles or not mentions:
        missing = "mentions in files *_gold_standard_*.tsv" if titles else "patents in files *_text.txt"
        raise CorpusError(source, None, f"holds no {missing}", "correct `members` or `format`")
    for place, identifiers in patents.items():
        if mentions.keys().isdisjoint(identifiers):
            problem = "none of its patents has a mention: its *_gold_standard_*.tsv is not there"
            raise CorpusError(place, None, problem, "add that file, or leave this one out with `members`")
    for identifier, (title, abstract) in titles.items():
        yield Document(identifier, f"{title}\n{abstract}", tuple(mentions.get(identifier, ())))
    column.report(source)


def _is_text(name: PurePosixPath) -> bool:
    return name.name.endswith("_text.txt")


def _is_gold(name: PurePosixPath) -> bool:
    return name.suffix == ".tsv" and "gold_standard" in name.name and not name.stem.endswith("_eval")
