"""Reader of MMAX2 projects, as FSU-PRGE has them (Hahn et al. 2010): words, and markables that span them.

A project is a folder with ``Basedata/Basedata.xml`` (words), ``Markables/sentence.xml``, ``Markables/proteins.xml`` and
``Basedata.uri``, which holds the PMID.
"""

from __future__ import annotations

import io
import logging
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from corpora.archives import Member, members
from corpora.documents import CorpusError, Document, Mention
from corpora.readers.elements import elements
from corpora.readers.standoff import HELD_BYTES, REMEDY, decode, in_order, read_whole

logger = logging.getLogger(__name__)

BROKEN_SHARE = 0.02

_PARTS = {
    "Basedata.uri": "uri",
    "Basedata/Basedata.xml": "word",
    "Markables/sentence.xml": "sentence",
    "Markables/proteins.xml": "protein",
}
_ATTRIBUTE = "proteins"  # holds the class of a markable

Markable = tuple[str, list[tuple[str, str]], int]  # class, first and last words of its ranges, line


def read(source: Path, patterns: Sequence[str] = ("*",)) -> Iterator[Document]:
    """One project a document; words are joined by blanks, and newlines where a sentence begins.

    The id is the last two names of the project's path but for "mmax"; labels are the classes of the proteins; a
    markable of several ranges is discontinuous. A project that lacks a file is passed over and logged, as are broken
    ones if they are few: the corpus has some of both.

    Raises CorpusError for a source without projects, and where more than BROKEN_SHARE of them are no XML of this form
    or have spans of unknown words, then that of the first; and above HELD_BYTES in unfinished projects.
    """
    projects: dict[PurePosixPath, dict[str, tuple[str, Any]]] = {}
    done: set[PurePosixPath] = set()
    broken: dict[PurePosixPath, CorpusError] = {}
    waiting = Counter[PurePosixPath]()
    for member in members(source, patterns):
        name = PurePosixPath(member.name)
        part = next((p for p in _PARTS if name.parts[-p.count("/") - 1 :] == PurePosixPath(p).parts), None)
        if part is None:
            continue
        folder = name.parents[part.count("/")]
        if folder in done or part in projects.setdefault(folder, {}):
            raise CorpusError(member.place, None, "is twice in the archive", "pack the archive anew")
        parts = projects[folder]
        data = read_whole(member.open(), member.place)
        waiting[folder] += len(data)
        if waiting.total() > HELD_BYTES:
            problem = f"the unfinished projects up to this file have more than {HELD_BYTES} bytes"
            raise CorpusError(member.place, None, problem, "pack the archive project by project")
        try:
            parts[part] = (member.place, _part(data, member, _PARTS[part]))
            if len(parts) < len(_PARTS) or folder in broken:
                continue
            document = _document(folder, parts)
        except CorpusError as error:
            parts[part] = (member.place, None)
            broken.setdefault(folder, error)
            continue
        done.add(folder)
        del projects[folder], waiting[folder]
        yield document
    if len(broken) > BROKEN_SHARE * (len(done) + len(broken)):
        raise next(iter(broken.values()))
    for folder, fault in broken.items():
        del projects[folder]
        logger.warning("%s; project %s is passed over", fault, folder)
    for folder, parts in projects.items():
        missing = ", ".join(sorted(set(_PARTS) - set(parts)))
        logger.warning("%s: project %s has no %s and is passed over", source, folder, missing)
    if not done:
        raise CorpusError(source, None, "holds no whole MMAX2 project", "correct `members` or `format`")


def _part(data: bytes, member: Member, kind: str) -> Any:
    """The number in a Basedata.uri, else the words with their ids, or markables."""
    if kind == "uri":
        match = re.search(r"[0-9]+", decode(data, member.place))
        return match[0].lstrip("0") if match else ""
    tag, root = ("word", "words") if kind == "word" else ("markable", "markables")
    found: list[Any] = []
    for line, element in elements(Member(member.name, member.place, lambda: io.BytesIO(data)), tag, root=root):
        if kind == "word":
            word = "".join(element.itertext()).strip()
            if not element.get("id") or not word:
                raise CorpusError(member.place, line, "a word has no id or no text", REMEDY)
            found.append((element.get("id"), word))
        else:
            ranges = [span.partition("..") for span in (element.get("span") or "").split(",")]
            found.append((element.get(_ATTRIBUTE) or "", [(a.strip(), (b or a).strip()) for a, _, b in ranges], line))
    return found


def _document(folder: PurePosixPath, parts: dict[str, tuple[str, Any]]) -> Document:
    place, words = parts["Basedata/Basedata.xml"]
    order = {identifier: position for position, (identifier, _) in enumerate(words)}
    if len(order) != len(words):
        raise CorpusError(place, None, "two words have one id", REMEDY)
    sentences, proteins = parts["Markables/sentence.xml"], parts["Markables/proteins.xml"]
    begins = {_positions(markable, order, sentences[0])[0][0] for markable in sentences[1]}
    text = ""
    spans = []
    for position, (_, word) in enumerate(words):
        if text:
            text += "\n" if position in begins else " "
        spans.append((len(text), len(text) + len(word)))
        text += word
    mentions = []
    for markable in proteins[1]:
        if not markable[0]:
            problem = f"a markable has no attribute {_ATTRIBUTE!r}"
            raise CorpusError(proteins[0], markable[2], problem, "add it or remove the markable")
        ranges = _positions(markable, order, proteins[0])
        pairs = in_order(((spans[a][0], spans[b][1]) for a, b in ranges), proteins[0], markable[2])
        mentions.append(Mention(markable[0], pairs))
    names = [part for part in folder.parts if part != "mmax"]
    return Document("-".join(names[-2:]) or "project", text, tuple(mentions), pmid=parts["Basedata.uri"][1])


def _positions(markable: Markable, order: dict[str, int], place: str) -> list[tuple[int, int]]:
    positions = []
    for first, last in markable[1]:
        if first not in order or last not in order or order[first] > order[last]:
            problem = f"span '{first[:40]}..{last[:40]}' is not of words in Basedata.xml"
            raise CorpusError(place, markable[2], problem, REMEDY)
        positions.append((order[first], order[last]))
    return sorted(positions)
