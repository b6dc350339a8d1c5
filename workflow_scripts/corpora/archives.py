"""The files that corpora come in: members of files, folders and archives; results that appear whole or not at all.

Nothing is ever unpacked to disk: members are read as streams, in the order of the archive, so that a name in an
archive cannot lead anywhere, and what could fill the memory is limited by the bytes really read.
"""

from __future__ import annotations

import fnmatch
import gzip
import io
import os
import re
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, TypeAlias, cast

from corpora.documents import CorpusError

MEMBER_BYTES = 4 << 30  # the whole CALBC-SSC-III-Small is below 2 GiB
ARCHIVE_BYTES = 32 << 30
ARCHIVE_MEMBERS = 2_000_000  # ten times the files of a class's silver corpus as Brat
HEADER_BYTES = 1 << 20  # what a tar archive may hold between two members: extended headers, padding
PAX_BYTES = 8192  # of one extended header, which the standard library looks through in quadratic time

FAULTS = (  # what reading a damaged file or archive raises
    EOFError,
    OSError,
    zlib.error,
    zipfile.BadZipFile,
    tarfile.TarError,
    RuntimeError,
    OverflowError,
    ValueError,
)
_REMEDY = "fetch it again or pack it anew"
_UNREAD = {b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"7z\xbc\xaf\x27\x1c": "7z", b"\x28\xb5\x2f\xfd": "zstd"}


@dataclass(frozen=True, slots=True)
class Member:
    """A file of a corpus: ``name`` with "/" below its folder or archive, ``place`` for messages, ``open`` to read it.

    The stream that ``open`` gives is valid until the next member is taken.
    """

    name: str
    place: str
    open: Callable[[], BinaryIO]


Found: TypeAlias = tuple[str, str, Callable[[], BinaryIO] | None]


class _Checked(io.RawIOBase):
    """Bytes with a budget; faults of an archive become a CorpusError that names it."""

    def __init__(self, raw: IO[bytes], place: str, budget: int) -> None:
        super().__init__()
        self._raw = raw
        self._place = place
        self.budget = budget
        self._total = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        try:
            data = self._raw.read(len(buffer))
        except CorpusError:
            raise
        except FAULTS as error:
            raise _damaged(self._place, error) from error
        self.budget -= len(data)
        self._total += len(data)
        if self.budget < 0 or self._total > ARCHIVE_BYTES:
            raise CorpusError(self._place, None, "holds more bytes than a corpus may when unpacked", _REMEDY)
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


def _damaged(place: str, error: Exception) -> CorpusError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return CorpusError(place, None, f"is damaged ({reason})", _REMEDY)


def _stream(raw: IO[bytes], place: str) -> BinaryIO:
    return io.BufferedReader(_Checked(raw, place, MEMBER_BYTES))


def members(source: Path, patterns: Sequence[str] = ("*",)) -> Iterator[Member]:
    """Members of ``source`` whose name matches one of the shell ``patterns`` ("*" crosses "/" too).

    ``source`` is a file, a gzipped file, a tar (also gzipped) or zip archive, or a folder, which is taken
    recursively and in sorted order; archives in it are entered, archives in archives are not. Names are those
    below the folder or inside the archive; the name of a gzipped file loses its ".gz". Hidden files and
    "__MACOSX" are passed over.

    Raises CorpusError for a missing or damaged source, a member with an absolute name or "..", a matching
    member that is a link, a device, encrypted, packed in a rare way, too large or there twice, too many members,
    and where nothing matches.
    """
    wanted = re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns) or r"(?!)")
    others: list[str] = []
    archive, names = "", set[str]()  # the one that is being read, and its members so far
    found = False
    for count, (raw_name, place, opener) in enumerate(_all_members(source), start=1):
        name = _safe_name(raw_name, place)
        if count > ARCHIVE_MEMBERS:
            raise CorpusError(source, None, f"holds more than {ARCHIVE_MEMBERS:,} files", _REMEDY)
        if name is None:
            continue
        if wanted.match(name):
            if (inside := place.removesuffix(raw_name)) != archive:
                archive, names = inside, set()
            if name in names:
                raise CorpusError(place, None, "is twice in the archive", "pack the archive anew")
            names.add(name)
            if opener is None:
                problem = "is a link, a device, encrypted, or packed in a way that is not read"
                raise CorpusError(place, None, problem, "put a plain file in its place, or pack the archive anew")
            found = True
            yield Member(name, place, opener)
        elif len(others) < 3:
            others.append(name)
    if not found:
        seen = f"it holds {', '.join(others)}" if others else "it holds no files"
        raise CorpusError(source, None, f"no file in it matches {', '.join(patterns)}", f"{seen}; correct `members`")


def _safe_name(name: str, place: str) -> str | None:
    """The name without "." parts, None for a hidden one."""
    name = name.replace("\\", "/")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or re.match(r"[A-Za-z]:", name) or ".." in parts:
        raise CorpusError(place, None, f"has the unsafe member name {name!r}", _REMEDY)
    if re.search("[\ud800-\udfff]", name):  # so Python stands for bytes that it cannot decode
        raise CorpusError(place, None, "has a name that is not UTF-8", _REMEDY)
    if not parts or any(part.startswith(".") or part == "__MACOSX" for part in parts):
        return None
    return "/".join(parts)


def _all_members(source: Path) -> Iterator[Found]:
    """Name, place and how to open it, None where it is no plain file."""
    if source.is_dir():
        for folder, subfolders, files in os.walk(source):
            subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
            linked = [name for name in subfolders if Path(folder, name).is_symlink()]
            for path in (Path(folder, name) for name in sorted(files + linked)):
                name = path.relative_to(source).as_posix()
                if path.is_symlink() or not path.is_file():
                    yield name, str(path), None
                elif _safe_name(name, str(path)) is not None:
                    yield from _file_members(path, name)
    elif source.is_file():
        yield from _file_members(source, source.name)
    else:
        raise CorpusError(source, None, "there is no such file or folder", "correct `path` or fetch the corpus")


def _file_members(path: Path, name: str) -> Iterator[Found]:
    """The members of one file: what it is, is read off its first bytes, since downloads may be named anyhow."""
    place = str(path)
    with path.open("rb") as file:
        head = file.read(512)
        gzipped = head.startswith(b"\x1f\x8b")
        if gzipped:
            with _stream(_gzip(path), place) as unpacked:
                head = unpacked.read(512)
    lower = name.lower()
    if head.startswith(b"Rar!\x1a\x07"):
        # No free library reads RAR: what there is are programs, or a C library, to be let loose on a foreign file.
        remedy = "unpack it, as with `unar`, `bsdtar -xf` or `unrar x`, and give the folder as `path:`"
        raise CorpusError(place, None, "is a RAR archive, which is not read", remedy)
    kind = packing(head)
    if kind in _UNREAD.values():
        raise CorpusError(place, None, f"is a {kind} file, which is not read", "unpack it and give that as `path:`")
    if kind == "zip" and not gzipped:
        yield from _zip_members(path)
    elif kind == "tar" or lower.endswith((".tar", ".tar.gz", ".tgz")):
        yield from _tar_members(path, gzipped)
    elif gzipped:
        name = PurePosixPath(name).with_suffix("").as_posix() if lower.endswith(".gz") else name
        yield name, place, lambda: _stream(_gzip(path), place)
    elif lower.endswith((".gz", ".zip")):
        raise CorpusError(place, None, "is no archive, although its name says so", _REMEDY)
    else:
        yield name, place, lambda: _stream(path.open("rb"), place)


def packing(head: bytes) -> str | None:
    """How a file is packed that begins with these bytes (512 of them show all): "zip", "tar", "bzip2"; None if not."""
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    if head[257:262] == b"ustar":
        return "tar"
    return next((kind for magic, kind in _UNREAD.items() if head.startswith(magic)), None)


def _gzip(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path))


class _StrictTarInfo(tarfile.TarInfo):
    """A broken header in the middle of an archive is an error; the standard library takes it for the end."""

    @classmethod
    def fromtarfile(cls, tarfile_: tarfile.TarFile) -> tarfile.TarInfo:  # type: ignore[override]
        try:
            return super().fromtarfile(tarfile_)
        except (tarfile.InvalidHeaderError, tarfile.TruncatedHeaderError) as error:  # type: ignore[attr-defined]
            raise tarfile.ReadError(str(error)) from error

    def _proc_pax(self, tarfile_: tarfile.TarFile) -> tarfile.TarInfo:
        if self.size > PAX_BYTES:
            raise tarfile.ReadError(f"an extended header of {self.size} bytes")
        return super()._proc_pax(tarfile_)  # type: ignore[misc,no-any-return]


def _tar_members(path: Path, gzipped: bool) -> Iterator[Found]:
    place = str(path)
    with (
        _Checked(_gzip(path) if gzipped else path.open("rb"), place, HEADER_BYTES) as checked,
        _open_tar(checked, place) as archive,
    ):
        while (info := _next_in_tar(archive, place)) is not None:
            inner = f"{place}!{info.name}"
            if info.size > MEMBER_BYTES:
                raise CorpusError(inner, None, f"has {info.size} bytes, more than a corpus may", _REMEDY)
            checked.budget = info.size + HEADER_BYTES
            if not info.isdir():
                plain = info.isreg() and not info.issparse()
                yield info.name, inner, _tar_opener(archive, info, inner) if plain else None
            archive.members.clear()  # type: ignore[attr-defined]  # the library keeps every header it has read
            archive.pax_headers = {}
        while checked.read(1 << 20):  # to the end, where gzip's own checksum stands
            pass


def _open_tar(checked: _Checked, place: str) -> tarfile.TarFile:
    try:
        return tarfile.open(fileobj=checked, mode="r|", bufsize=1 << 16, tarinfo=_StrictTarInfo)  # type: ignore[call-overload,no-any-return]
    except CorpusError:
        raise
    except FAULTS as error:
        raise _damaged(place, error) from error


def _next_in_tar(archive: tarfile.TarFile, place: str) -> tarfile.TarInfo | None:
    try:
        return archive.next()
    except CorpusError:
        raise
    except FAULTS as error:
        raise _damaged(place, error) from error


def _tar_opener(archive: tarfile.TarFile, info: tarfile.TarInfo, place: str) -> Callable[[], BinaryIO]:
    def open_member() -> BinaryIO:
        raw = archive.extractfile(info)
        assert raw is not None
        return _stream(raw, place)

    return open_member


def _zip_members(path: Path) -> Iterator[Found]:
    place = str(path)
    try:
        archive = zipfile.ZipFile(path)
    except FAULTS as error:
        raise _damaged(place, error) from error
    with archive:
        if sum(info.file_size for info in archive.infolist()) > ARCHIVE_BYTES:
            raise CorpusError(place, None, "holds more bytes than a corpus may when unpacked", _REMEDY)
        for info in archive.infolist():
            inner = f"{place}!{info.filename}"
            if not info.filename:
                raise CorpusError(place, None, "has a member without a name", _REMEDY)
            if info.file_size > MEMBER_BYTES:
                raise CorpusError(inner, None, f"has {info.file_size} bytes, more than a corpus may", _REMEDY)
            kind = stat.S_IFMT(info.external_attr >> 16)
            if not info.is_dir():
                # Of other methods the standard library unpacks a member whole before it gives any of it.
                read = info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
                plain = kind in (0, stat.S_IFREG) and not info.flag_bits & 1 and read
                yield info.filename, inner, _zip_opener(archive, info, inner) if plain else None


def _zip_opener(archive: zipfile.ZipFile, info: zipfile.ZipInfo, place: str) -> Callable[[], BinaryIO]:
    def open_member() -> BinaryIO:
        try:
            return _stream(archive.open(info), place)
        except FAULTS as error:
            raise _damaged(place, error) from error

    return open_member


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


@contextmanager
def written_whole(destination: Path) -> Iterator[Path]:
    """A temporary path beside ``destination``, to be written to as a file or folder.

    It takes the place of ``destination`` when the block ends, and is removed when the block fails, in which
    case ``destination`` stays as it was.
    """
    destination.parent.mkdir(parents=True, exist_ok=True)
    temporary = destination.with_name(f".{destination.name}.part")
    _remove(temporary)  # of a process that was killed
    try:
        yield temporary
        if temporary.is_dir() or destination.is_dir():
            _remove(destination)  # no folder that holds something is replaced
        temporary.replace(destination)
    finally:
        _remove(temporary)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
