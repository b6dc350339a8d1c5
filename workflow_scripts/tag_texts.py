"""Tag texts with a tagger of the study: `make tag RUN=results/runs/… TEXTS=folder OUTPUT=folder`.

Texts are the .txt files of a folder or archive, or one such file; the mentions come as Brat standoff beside them.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from tqdm import tqdm

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT))

from corpora.archives import fetched_file, members  # noqa: E402
from corpora.brat import write_brat  # noqa: E402
from corpora.documents import Document, Mention  # noqa: E402
from corpora.readers.standoff import decode, read_whole  # noqa: E402
from corpora.tokens import sentences  # noqa: E402
from corpora.vectors import lookup_order  # noqa: E402
from corpora.word2vec import read_word2vec  # noqa: E402
from model.batches import WordVectors  # noqa: E402
from model.bundle import load_bundle, vectors_wanted  # noqa: E402
from model.scores import chunks  # noqa: E402
from model.settings import ModelError  # noqa: E402
from model.tag import tag  # noqa: E402
from model.tagger import Tagger  # noqa: E402

_TOGETHER = 256  # documents, for speed only


def texts(source: Path) -> Iterator[Document]:
    """The .txt files, in order; the id is the file's name, with those of its folders before it."""
    for member in members(source, ("*.txt",)):
        name = "-".join(PurePosixPath(member.name).with_suffix("").parts)
        text = decode(read_whole(member.open(), member.place), member.place)
        yield Document(name, text.removeprefix("\ufeff"))  # or its first word would be none that has a vector


def tagged(tagger: Tagger, documents: Iterable[Document]) -> Iterator[Document]:
    """The documents with the mentions that the tagger finds, cut into tokens as the corpora it was trained on."""
    documents = iter(documents)
    while some := list(islice(documents, _TOGETHER)):
        cut = [sentences(document.text) for document in some]
        words = [
            [document.text[start:end] for start, end in sentence]
            for document, own in zip(some, cut, strict=True)
            for sentence in own
        ]
        tags = iter(tag(tagger, words, threads=torch.get_num_threads()))
        for document, own in zip(some, cut, strict=True):
            found = [
                Mention(label, ((sentence[first].start, sentence[last - 1].end),))
                for sentence in own
                for label, first, last in chunks(next(tags))
            ]
            yield Document(document.id, document.text, tuple(found))


def vectors_of(run: Path) -> Path:
    """The word2vec file of the study that a run belongs to; ModelError where it is not found."""
    for place in (run.absolute(), run.resolve()):  # the run, or the study, may be a link
        for results in (parent for parent in place.parents if parent.name == "results"):
            kind, entity, corpus, *_ = *place.relative_to(results).parts, "", ""
            described = results / "vectors" / entity / ("silver" if kind == "source" else corpus) / "vectors.json"
            if described.exists():
                native = results.parent / "resources/native/word_vectors"
                file = native if _given(described) else results / "vectors/trained.bin"
                if file.exists():
                    return fetched_file(file)
    raise ModelError(f"{run}: its study's word vectors are not found; give the word2vec file as WORD_VECTORS=...")


def _given(described: Path) -> bool:
    """Whether vectors were given, and not trained by the study."""
    try:
        return bool(json.loads(described.read_bytes())["origin"] == "given")
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise ModelError(
            f"{described}: no description of word vectors ({error!r:.80}); delete it and run again"
        ) from error


def word_vectors(file: Path, source: Path, dimension: int) -> WordVectors:
    """The vectors that the texts' words have in a word2vec file. Raises CorpusError as `read_word2vec`."""
    tokens = {
        document.text[start:end]
        for document in texts(source)
        for sentence in sentences(document.text)
        for start, end in sentence
    }
    found = read_word2vec(file, {word.encode() for token in tokens for word in lookup_order(token)}, dimension)
    rows = {word.decode(): row for word, row in found.words.items()}
    matrix = np.array(found.rows) if rows else np.zeros((1, dimension), np.float32)  # one that no word has
    return WordVectors(rows, matrix, found.sha256)


def main(arguments: list[str]) -> int:
    """Tag and write; exit code 1 for texts, a tagger or vectors that cannot be used."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", help="the folder of a trained tagger")
    parser.add_argument("texts", help="a folder or archive of .txt files, or one of them")
    parser.add_argument("output", help="the folder to write, or an archive if it ends with .zip")
    parser.add_argument("--word-vectors", type=Path, help="the word2vec file of its study, where that is elsewhere now")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        for name, value in (("RUN", options.run), ("TEXTS", options.texts), ("OUTPUT", options.output)):
            if not value:
                raise ModelError(f"{name} is empty; say make tag RUN=... TEXTS=... OUTPUT=...")
        options.run, options.texts, options.output = map(Path, (options.run, options.texts, options.output))
        if not options.texts.exists():
            raise ModelError(f"{options.texts}: there is no such file or folder; correct TEXTS")
        if options.output.absolute().is_relative_to(options.texts.absolute()):
            raise ModelError(f"{options.output}: lies in {options.texts}, and would be read as texts the next time")
        if options.output.exists():
            raise ModelError(f"{options.output}: is there already; remove it or give another place")
        dimension = vectors_wanted(options.run)[1]
        file = options.word_vectors or vectors_of(options.run)
        tagger = load_bundle(options.run, word_vectors(fetched_file(file), options.texts, dimension))
        documents = tqdm(texts(options.texts), unit=" texts", disable=not sys.stderr.isatty())
        rows = write_brat(tagged(tagger, documents), options.output)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    mentions = sum(row.mentions for row in rows)
    print(f"{options.output}: texts {len(rows):,}, mentions {mentions:,}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
