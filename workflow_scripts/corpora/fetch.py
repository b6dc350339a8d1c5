"""Fetch a corpus as its makers offer it, from a local path or an address, into ``resources/native/{corpus}/``."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pooch

from corpora.archives import written_whole
from corpora.documents import CorpusError

logger = logging.getLogger(__name__)

TIMEOUT = (30, 120)  # seconds to connect, and between two pieces of an answer
RETRIES = 2  # an address, with a pause that grows


def fetch(destination: Path, *, path: Path | None, urls: Sequence[str] = (), sha256: str | None = None) -> None:
    """Fill the folder ``destination`` with a copy of ``path``, or with what the first good one of ``urls`` gives.

    The copy is untouched; a folder is copied with everything in it. ``sha256``, in hexadecimal digits, is
    checked for a file; without one, the digest found is logged. ``destination`` appears whole or not at all.

    Raises CorpusError where ``path`` is missing or holds links, where the checksum differs, and where no
    address gives the file, with what each of them said.
    """
    with written_whole(destination) as folder:
        if path is not None:
            _copy(path, folder, sha256)
        elif urls:
            _download(destination, folder, urls, sha256)
        else:
            raise CorpusError(destination, None, "there is neither `path` nor `urls` to fetch from", "give one of them")


def _copy(path: Path, folder: Path, sha256: str | None) -> None:
    if path.is_file():
        folder.mkdir()
        shutil.copyfile(path, folder / path.name)
        _check(folder / path.name, path, sha256)
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


def _check(file: Path, origin: Path | str, sha256: str | None) -> None:
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if sha256 is None:
        logger.info("%s: its sha256 is %s", origin, digest)
    elif digest != sha256.lower():
        raise CorpusError(origin, None, f"its sha256 is {digest}, not {sha256}", "correct `sha256` or the file")


def _download(destination: Path, folder: Path, urls: Sequence[str], sha256: str | None) -> None:
    answers = []
    for url in urls:
        if urlsplit(url).scheme not in ("http", "https"):
            answers.append(f"{url} is no http or https address")
            continue
        if url.startswith("http:") and sha256 is None:
            logger.warning("%s: neither https nor a sha256 guards what it gives", url)
        name = _file_name(url)
        source = pooch.create(
            path=folder,
            base_url="",
            registry={name: f"sha256:{sha256.lower()}" if sha256 else None},
            urls={name: url},
            retry_if_failed=RETRIES,
        )
        downloader = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=TIMEOUT)
        try:
            source.fetch(name, downloader=downloader)
        except (OSError, ValueError) as error:  # those of requests and pooch, a wrong checksum among them
            answers.append(f"{url} said: {' '.join(str(error).split())}")
            logger.warning("%s", answers[-1])
            continue
        _check(folder / name, url, sha256)
        logger.info("%s: %d bytes", url, (folder / name).stat().st_size)
        return
    problem = f"no address gave the file ({'; '.join(answers)})"
    raise CorpusError(destination, None, problem, "fetch it by hand and give its place as `path:`")


def _file_name(url: str) -> str:
    """The last part of an address that looks like a file's name: ".../corpus.tar.gz/download" is corpus.tar.gz."""
    parts = [unquote(part) for part in urlsplit(url).path.split("/") if part]
    named = [part for part in parts if "." in part] or parts or ["download"]
    return re.sub(r"[^\w.+-]", "_", named[-1]).lstrip(".") or "download"


def fetched_file(source: Path) -> Path:
    """The one file of a source that `fetch` brought; a path that is a file already is that file.

    Hidden files do not count. Raises CorpusError where the folder holds no file or several.
    """
    if source.is_file():
        return source
    files = sorted(path for path in source.rglob("*") if path.is_file() and not path.name.startswith("."))
    if len(files) != 1:
        raise CorpusError(source, None, f"holds {len(files)} files instead of one", "give a single file in its place")
    return files[0]
