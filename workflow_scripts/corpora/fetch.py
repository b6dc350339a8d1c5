"""Fetch a corpus as its makers offer it, from a local path or an address, into ``resources/native/{corpus}/``."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import requests

from corpora.archives import written_whole
from corpora.documents import CorpusError
from corpora.downloads import DownloadError, download, forget, session

logger = logging.getLogger(__name__)


class Checksums:
    """The SHA-256 found by first downloads: a table of address, digest and bytes, a file for each source.

    One job alone writes the file of a source, so that jobs beside one another need no lock.
    """

    def __init__(self, table: Path | None) -> None:
        self.table = table
        self._rows: dict[str, tuple[str, str]] = {}
        lines = table.read_text(encoding="utf-8").splitlines() if table is not None and table.exists() else []
        for number, line in enumerate(lines, start=1):
            match = re.fullmatch(r"(\S+)\t([0-9a-f]{64})\t(\d+)", line)
            if match is None:
                problem = f"{line[:80]!r} is no address with its sha256 and bytes"
                raise CorpusError(str(table), number, problem, "remove the line; the next download records it anew")
            self._rows[match[1]] = (match[2], match[3])

    def of(self, urls: Sequence[str]) -> str | None:
        """The digest of the file that these addresses offer, None if none of them was fetched before."""
        return next((self._rows[url][0] for url in urls if url in self._rows), None)

    def record(self, url: str, digest: str, size: int) -> None:
        """Add the file at an address; the table is replaced whole."""
        if self.table is None:
            return
        self._rows[url] = (digest, str(size))
        with written_whole(self.table) as temporary:
            rows = ("\t".join((url, *row)) + "\n" for url, row in sorted(self._rows.items()))
            temporary.write_text("".join(rows), encoding="utf-8")


def fetch(
    destination: Path,
    *,
    path: Path | None,
    files: Sequence[Mapping[str, Any]] = (),
    checksums: Path | None = None,
) -> None:
    """Fill the folder ``destination`` with a copy of ``path``, or with ``files`` from their addresses.

    Each of ``files`` has ``urls``, addresses of the same file in the order of trust, which are tried in turn, and
    ``sha256`` in hexadecimal digits or None. It gets the name that its first address says. Where there is no
    ``sha256``, the one found at the first download goes to the table ``checksums``, and later downloads must agree.
    The copy of ``path`` is untouched, a folder with everything in it; the ``sha256`` of a single file holds for it.

    ``destination`` appears whole or not at all. What a failed download brought stays in a hidden folder beside it,
    from where the next call goes on.

    Raises CorpusError where ``path`` is missing or holds links, two files have one name, a file cannot be written,
    a checksum differs, and where no address gives a file, with what each of them said.
    """
    if path is not None:
        with written_whole(destination) as folder:
            _copy(path, folder, files[0].get("sha256") if len(files) == 1 else None)
        return
    named = [(file_name(entry["urls"][0]), entry) for entry in files if entry["urls"]]
    if not named:
        raise CorpusError(destination, None, "there is neither `path` nor an address to fetch from", "give one of them")
    names = [name for name, _ in named]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise CorpusError(destination, None, f"two files have the name {twice[0]}", "correct their addresses")
    known = Checksums(checksums)
    partial = destination.with_name(f".{destination.name}.partial")
    by_hand = "fetch it by hand" if len(named) == 1 else f"fetch {', '.join(names)} by hand into one folder"
    with session() as client:
        for name, entry in named:
            try:
                partial.mkdir(parents=True, exist_ok=True)
                _download(client, partial / name, entry["urls"], entry.get("sha256"), known)
            except DownloadError as error:
                remedy = f"{by_hand} and give its place as `path:`"
                raise CorpusError(destination, None, f"{name} came from no address: {error}", remedy) from error
            except OSError as error:
                problem = f"{name} cannot be written ({error.strerror or error})"
                raise CorpusError(partial, None, problem, "make room or correct the folder, then run again") from error
    with written_whole(destination) as folder:
        folder.mkdir()
        for name in names:
            (partial / name).replace(folder / name)
    shutil.rmtree(partial)


def _copy(path: Path, folder: Path, sha256: str | None) -> None:
    if path.is_file():
        folder.mkdir()
        shutil.copyfile(path, folder / path.name)
        digest = _digest(folder / path.name)
        if sha256 is None:
            logger.info("%s: its sha256 is %s", path, digest)
        elif digest != sha256.lower():
            remedy = "correct the file, or the `sha256` beside its path (null: none)"
            raise CorpusError(path, None, f"its sha256 is {digest}, not {sha256}", remedy)
    elif path.is_dir():
        for parent, folders, files in os.walk(path):
            for name in sorted(folders + files):
                entry = Path(parent, name)
                if entry.is_symlink() or not (entry.is_dir() or entry.is_file()):
                    raise CorpusError(entry, None, "is a link or a device", "put a plain file or folder in its place")
        shutil.copytree(path, folder, copy_function=shutil.copyfile)
        if sha256:
            logger.warning("%s is a folder: its sha256 is not checked", path)
    else:
        raise CorpusError(path, None, "there is no such file or folder", "correct `path`")


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _download(
    client: requests.Session, target: Path, urls: Sequence[str], sha256: str | None, known: Checksums
) -> None:
    """Bring a file to ``target`` from the first of its addresses that gives it, with the checksum that it must have.

    Raises DownloadError with what each address said.
    """
    recorded = known.of(urls) if sha256 is None else None
    expected = sha256.lower() if sha256 else recorded
    answers = []
    for url in urls:
        try:
            download(client, url, target, guarded=expected is not None)
        except DownloadError as error:
            answers.append(f"{url} {error}")
            logger.warning("%s", answers[-1])
            continue
        digest = _digest(target)
        if expected not in (None, digest):
            forget(target)  # or the next call would go on with it
            answers.append(f"{url} gave a file with sha256 {digest} instead of {expected}")
            if recorded:
                answers[-1] += f", found at the first download (if the new file is right, remove {known.table})"
            logger.warning("%s", answers[-1])
            continue
        if expected is None:
            known.record(url, digest, target.stat().st_size)
            logger.info("%s: its sha256 is %s; later downloads must agree", url, digest)
        return
    raise DownloadError("; ".join(answers))


def file_name(url: str) -> str:
    """The last part of an address that looks like a file's name: ".../corpus.tar.gz/download" is corpus.tar.gz."""
    parts = [unquote(part) for part in urlsplit(url).path.split("/") if part]
    named = [part for part in parts if "." in part] or parts or ["download"]
    return re.sub(r"[^\w.+-]", "_", named[-1]).lstrip(".") or "download"
