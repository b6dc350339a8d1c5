"""Reader of the BioCreative II gene mention corpus, in the format of its parent GENETAG (Smith et al. 2008).

``*.in`` holds a sentence a line, after its id and a blank; ``GENE.eval`` beside it the mentions, as
``id|start end|text``, where offsets count the characters that are not white space, and the end is the last one's;
``*.idmap`` gives the source of sentences whose ids were made anonymous. ``ALTGENE.eval``, alternative boundaries that
the scorer accepts, is not read.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from corpora.documents import CorpusError, Document, Mention
from corpora.readers.standoff import REMEDY, File, TextColumn, held, numbered_lines, span, split_of

LABEL = "GENE"
_EVAL = "GENE.eval"
_SOURCE = re.compile(r"P(\d{1,20})[A-Z]\d+[a-z]?", re.ASCII)  # PMID, title or abstract, offset of the sentence


def read(source: Path, patterns: Sequence[str] = ("*",)) -> Iterator[Document]:
    """One document a sentence, in the order of the files; the text is the sentence and a newline.

    All mentions have the label GENE. The PMID is that of the id, or of the id that ``*.idmap`` gives for it; the
    split is the name of the ``.in`` file. A span whose text has punctuation before what the text column says, as
    one of the corpus has, loses it. All this is what the paper's authors released.

    Raises CorpusError for a line that cannot be read, an id that comes twice or is unknown, a span outside of the
    sentence, and an ``.in`` file without a GENE.eval.
    """
    files = held(source, patterns, lambda name: name.suffix in (".in", ".idmap") or name.name == _EVAL)
    evaluations = [file for file in files if file.name.name == _EVAL]
    sentences = _sentences([file for file in files if file.name.suffix == ".in"], evaluations)
    if not sentences:
        raise CorpusError(source, None, "holds no sentences in files named *.in", "correct `members` or `format`")
    origins = _origins([file for file in files if file.name.suffix == ".idmap"])
    column = TextColumn()
    mentions: dict[str, list[Mention]] = {}
    for file in evaluations:
        for number, line in numbered_lines(io.BytesIO(file.data), file.place):
            if line.strip():
                identifier, mention = _mention(line, sentences, file.place, number, column)
                mentions.setdefault(identifier, []).append(mention)
    for identifier, (sentence, split) in sentences.items():
        origin = _SOURCE.fullmatch(origins.get(identifier, identifier))
        found = tuple(mentions.get(identifier, ()))
        yield Document(identifier, sentence + "\n", found, pmid=origin[1].lstrip("0") if origin else "", split=split)
    column.report(source)


def _sentences(files: list[File], evaluations: list[File]) -> dict[str, tuple[str, str]]:
    """Sentence and split of each id."""
    folders: set[PurePosixPath] = {file.name.parent for file in evaluations}
    sentences: dict[str, tuple[str, str]] = {}
    for file in files:
        if file.name.parent not in folders:
            raise CorpusError(file.place, None, f"has no {_EVAL} beside it", "fetch the corpus again or add the file")
        for number, line in numbered_lines(io.BytesIO(file.data), file.place):
            identifier, _, sentence = line.partition(" ")
            if not line.strip():
                continue
            if not identifier or not sentence:
                problem = f"{line[:80]!r} has not the form: id, blank, sentence"
                raise CorpusError(file.place, number, problem, REMEDY)
            if identifier in sentences:
                raise CorpusError(file.place, number, f"sentence {identifier!r} comes twice", "narrow `members`")
            sentences[identifier] = (sentence, split_of(file.name))
    return sentences


def _origins(files: list[File]) -> dict[str, str]:
    origins = {}
    for file in files:
        for number, line in numbered_lines(io.BytesIO(file.data), file.place):
            fields = line.split()
            if fields and (len(fields) != 2 or not _SOURCE.fullmatch(fields[0])):
                problem = f"{line[:80]!r} has not the form: id with PMID, blank, id of the sentence"
                raise CorpusError(file.place, number, problem, REMEDY)
            if fields:
                origins[fields[1]] = fields[0]
    return origins


def _mention(
    line: str, sentences: dict[str, tuple[str, str]], place: str, number: int, column: TextColumn
) -> tuple[str, Mention]:
    fields = line.split("|", 2)
    offsets = fields[1].split(" ") if len(fields) == 3 else []
    if len(offsets) != 2:
        raise CorpusError(place, number, f"{line[:80]!r} does not read as id|start end|text", REMEDY)
    if fields[0] not in sentences:
        remedy = "add its *.in file or correct the id"
        raise CorpusError(place, number, f"sentence {fields[0]!r} is in no *.in file", remedy)
    sentence, _ = sentences[fields[0]]
    visible = [position for position, character in enumerate(sentence) if not character.isspace()]
    squeezed = "".join(sentence[position] for position in visible)
    first, last = span(offsets[0], offsets[1], squeezed, place, number, inclusive=True)
    start, end = visible[first], visible[last - 1] + 1
    before = sentence[start:end].removesuffix(fields[2])
    if fields[2] and len(before) < end - start and not any(character.isalnum() for character in before):
        start += len(before)
    column.check(fields[2], sentence[start:end], place, number)
    return fields[0], Mention(LABEL, ((start, end),))
