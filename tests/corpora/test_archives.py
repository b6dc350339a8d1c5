"""Members of files, folders and archives, and what hostile or broken ones say."""

import bz2
import gzip
import io
import lzma
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from corpora import archives
from corpora.archives import members, written_whole
from corpora.documents import CorpusError

FILES = {"set/a.txt": b"alpha", "set/b.ann": b"", "set/deep/c.txt": "gr\u00fcn".encode(), ".DS_Store": b"x"}
FILES |= {"set/._a.txt": b"x", "__MACOSX/set/a.txt": b"x"}
VISIBLE = {name: data for name, data in FILES.items() if name in ("set/a.txt", "set/b.ann", "set/deep/c.txt")}


def make_tar(path: Path, files: dict[str, bytes], *infos: tarfile.TarInfo, mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for info in infos:
            archive.addfile(info)
    return path


def make_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def make_folder(path: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def contents(source: Path, *patterns: str) -> dict[str, bytes]:
    return {member.name: member.open().read() for member in members(source, patterns or ("*",))}


@pytest.mark.parametrize("kind", ["folder", "zip", "tar", "tar.gz", "tgz", "named anyhow"])
def test_all_containers_hold_the_same_visible_members(tmp_path, kind):
    if kind == "folder":
        source = make_folder(tmp_path / "corpus", FILES)
    elif kind == "zip":
        source = make_zip(tmp_path / "corpus.zip", FILES)
    else:
        name = "download" if kind == "named anyhow" else f"corpus.{kind}"
        source = make_tar(tmp_path / name, FILES, mode="w" if kind == "tar" else "w:gz")
    assert contents(source) == VISIBLE
    assert list(contents(source, "*/deep/*", "*.ann")) == ["set/b.ann", "set/deep/c.txt"]


def test_folder_of_archives_is_entered_one_level(tmp_path):
    inner = make_zip(tmp_path / "inner.zip", {"x.txt": b"x"}).read_bytes()
    folder = tmp_path / "native"
    folder.mkdir()
    make_zip(folder / "two.zip", {"b.txt": b"b", "inner.zip": inner})
    make_tar(folder / "one.tar.gz", {"./a.txt": b"a"})
    (folder / "three.xml.gz").write_bytes(gzip.compress(b"c"))
    assert contents(folder) == {"a.txt": b"a", "three.xml": b"c", "b.txt": b"b", "inner.zip": inner}
    assert [member.place for member in members(folder, ("b.txt",))] == [f"{folder}/two.zip!b.txt"]


def test_a_zip_of_files_with_their_permissions(tmp_path):
    folder = make_folder(tmp_path / "folder", {"set/a.txt": b"alpha"})
    with zipfile.ZipFile(tmp_path / "corpus.zip", "w") as archive:
        for path in (folder / "set", folder / "set/a.txt"):
            archive.write(path, path.relative_to(folder))
    assert contents(tmp_path / "corpus.zip") == {"set/a.txt": b"alpha"}


def test_plain_and_gzipped_file(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"plain")
    (tmp_path / "b.xml.gz").write_bytes(gzip.compress(b"packed"))
    assert contents(tmp_path / "a.txt") == {"a.txt": b"plain"}
    assert contents(tmp_path / "b.xml.gz") == {"b.xml": b"packed"}


@pytest.mark.parametrize("name", ["../evil.txt", "a/../../evil.txt", "/etc/evil.txt", "..\\evil.txt", "C:/evil.txt"])
@pytest.mark.parametrize("make", [make_tar, make_zip])
def test_unsafe_names_are_refused(tmp_path, name, make):
    source = make(tmp_path / "corpus", {"good.txt": b"", name: b"evil"})
    with pytest.raises(CorpusError, match="unsafe member name") as error:
        contents(source)
    assert str(source) in str(error.value)


def test_names_that_are_not_utf8_are_refused(tmp_path):
    with tarfile.open(tmp_path / "corpus", "w", encoding="latin-1", format=tarfile.USTAR_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo("gr\u00fcn.txt"))
    packed = make_zip(tmp_path / "corpus.zip", {"gr\u00fcn.txt": b""})
    packed.write_bytes(packed.read_bytes().replace("\u00fc".encode(), b"\xfc\xfc"))
    for source in (tmp_path / "corpus", packed):
        with pytest.raises(CorpusError, match="corpus") as error:
            contents(source)
        str(error.value).encode()
        assert "fetch it again or pack it anew" in str(error.value)


@pytest.mark.parametrize("make", [make_tar, make_zip])
def test_deep_names_lead_nowhere(tmp_path, make):
    deep = "/".join(["d"] * 2000) + "/a.txt"
    source = make(tmp_path / "corpus", {deep: b"a", "./b/./c.txt": b"c"})
    assert contents(source) == {deep: b"a", "b/c.txt": b"c"}
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("second", ["set/a.txt", "./set//a.txt", "set\\a.txt"])
@pytest.mark.parametrize("make", [make_tar, make_zip])
def test_a_member_that_comes_twice_is_refused(tmp_path, make, second):
    first = {"b.txt": b"b", "set/a.txt": b"a"}
    if make is make_tar:
        source = make_tar(tmp_path / "corpus", first, tarfile.TarInfo(second))
    else:
        source = make_zip(tmp_path / "corpus", first)
        with zipfile.ZipFile(source, "a") as archive:
            archive.writestr(second, b"other")
    with pytest.raises(CorpusError, match=r"a\.txt: is twice in the archive"):
        contents(source)
    assert list(contents(source, "b.txt")) == ["b.txt"]


def test_a_member_without_a_name_is_refused(tmp_path):
    source = make_zip(tmp_path / "corpus", {"a": b"text"})
    # Python refuses to write such a name; a NUL in front cuts it off for readers.
    source.write_bytes(source.read_bytes().replace(b"a" + b"text", b"\0text").replace(b"\0\0\0\0a", b"\0\0\0\0\0"))
    with pytest.raises(CorpusError, match="has a member without a name"):
        contents(source)


def test_two_archives_of_a_folder_may_hold_the_same_name(tmp_path):
    for part in ("dev.zip", "train.zip"):
        make_zip(tmp_path / part, {"a.txt": part.encode()})
    assert [m.open().read() for m in members(tmp_path, ("*",))] == [b"dev.zip", b"train.zip"]


@pytest.mark.parametrize("make", [make_tar, make_zip])
def test_members_without_number_are_refused(tmp_path, monkeypatch, make):
    monkeypatch.setattr(archives, "ARCHIVE_MEMBERS", 100)
    source = make(tmp_path / "corpus", {f"{n}.txt": b"" for n in range(101)})
    with pytest.raises(CorpusError, match="more than 100 files"):
        contents(source, "7.txt")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path, kind):
    info = tarfile.TarInfo("set/link.txt")
    info.type = kind
    info.linkname = "/etc/passwd"
    source = make_tar(tmp_path / "corpus.tar.gz", {"set/a.txt": b"a"}, info)
    with pytest.raises(CorpusError, match=r"set/link\.txt: is a link"):
        contents(source)
    assert contents(source, "*/a.txt") == {"set/a.txt": b"a"}


def test_links_in_zip_and_folder_are_refused(tmp_path):
    info = zipfile.ZipInfo("link.txt")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "corpus.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    folder = make_folder(tmp_path / "folder", {"a.txt": b"a"})
    linked = make_folder(tmp_path / "linked", {"a.txt": b"a"})
    (folder / "link.txt").symlink_to("/etc/passwd")
    (linked / "more").symlink_to(folder)
    for source in (tmp_path / "corpus.zip", folder, linked):
        with pytest.raises(CorpusError, match="is a link"):
            contents(source)


@pytest.mark.parametrize("kind", ["gz", "tar.gz", "zip"])
def test_bombs_stop_at_the_limit(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(archives, "MEMBER_BYTES", 100_000)
    zeros = bytes(2_000_000)
    source = tmp_path / f"bomb.{kind}"
    if kind == "gz":
        source.write_bytes(gzip.compress(zeros))
    else:
        (make_tar if kind == "tar.gz" else make_zip)(source, {"a.txt": zeros})
    with pytest.raises(CorpusError, match=r"bomb\..*bytes"):
        contents(source)


@pytest.mark.parametrize("make", [make_tar, make_zip])
def test_many_members_together_are_limited(tmp_path, monkeypatch, make):
    monkeypatch.setattr(archives, "ARCHIVE_BYTES", 100_000)
    source = make(tmp_path / "bomb", {f"{n}.txt": bytes(5_000) for n in range(40)})
    with pytest.raises(CorpusError, match="more bytes than"):
        contents(source)


def test_bomb_in_an_extended_tar_header_is_refused(tmp_path):
    source = tmp_path / "bomb.tar.gz"
    with tarfile.open(source, "w:gz", format=tarfile.GNU_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo("x" * 3_000_000))
    with pytest.raises(CorpusError, match="more bytes than"):
        contents(source)


@pytest.mark.parametrize("make", [make_tar, make_zip])
@pytest.mark.parametrize("damage", ["cut", "flipped", "page"])
def test_damaged_archives_are_named(tmp_path, make, damage):
    source = make(tmp_path / ("corpus.zip" if make is make_zip else "corpus.tgz"), {"a.txt": os.urandom(5000)})
    data = bytearray(source.read_bytes())
    if damage == "cut":
        del data[len(data) // 2 :]
    elif damage == "flipped":
        data[len(data) // 2] ^= 0xFF
    else:
        data[:] = b"<html>not found</html>"
    source.write_bytes(data)
    with pytest.raises(CorpusError, match="corpus") as error:
        contents(source)
    assert "fetch it again" in str(error.value)


def test_a_gzipped_tar_is_checked_to_its_end(tmp_path):
    plain = make_tar(tmp_path / "corpus.tar", {"a.txt": b"a"}, mode="w").read_bytes()
    data = bytearray(gzip.compress(plain + bytes(1 << 17)))  # zeros behind the last member, as tar's -b makes them
    data[-8] ^= 0xFF  # of gzip's checksum
    (tmp_path / "corpus.tgz").write_bytes(data)
    with pytest.raises(CorpusError, match="damaged"):
        contents(tmp_path / "corpus.tgz")


def test_broken_header_inside_a_plain_tar_is_an_error(tmp_path):
    source = make_tar(tmp_path / "corpus.tar", {"a.txt": b"a", "b.txt": b"b"}, mode="w")
    data = bytearray(source.read_bytes())
    data[1024:1034] = b"\xff" * 10  # the name in the second header, whose checksum then fails
    source.write_bytes(data)
    with pytest.raises(CorpusError, match="damaged"):
        contents(source)


def test_nothing_matches_and_nothing_there(tmp_path):
    make_folder(tmp_path / "corpus", {"a.xml": b""})
    with pytest.raises(CorpusError, match=r"no file in it matches \*\.txt; it holds a\.xml"):
        contents(tmp_path / "corpus", "*.txt")
    with pytest.raises(CorpusError, match="no such file"):
        contents(tmp_path / "missing")


def test_what_a_killed_write_left_is_gone(tmp_path):
    make_folder(tmp_path / ".out.part", {"stale.txt": b"stale"})
    with written_whole(tmp_path / "out") as temporary:
        make_folder(temporary, {"new.txt": b"new"})
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["new.txt"]


def test_a_failed_write_leaves_what_was_there(tmp_path):
    target = make_folder(tmp_path / "out", {"old.txt": b"old"})
    with pytest.raises(RuntimeError), written_whole(target) as temporary:
        temporary.mkdir()
        (temporary / "new.txt").write_text("new")
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (target / "old.txt").read_bytes() == b"old"
    with written_whole(target) as temporary:
        make_folder(temporary, {"new.txt": b"new"})
    assert [path.name for path in target.iterdir()] == ["new.txt"]


@pytest.mark.parametrize("version", [b"\x00", b"\x01\x00"])
def test_a_rar_archive_is_refused_with_what_to_do(tmp_path, version):
    source = tmp_path / "Patent_Corpus.rar"
    source.write_bytes(b"Rar!\x1a\x07" + version + b"\xcf\x90s")
    with pytest.raises(CorpusError, match=r"Patent_Corpus\.rar: is a RAR archive, .*; unpack it, .* as `path:`"):
        list(members(source))


@pytest.mark.parametrize(("kind", "pack"), [("bzip2", bz2.compress), ("xz", lzma.compress)])
def test_a_file_packed_otherwise_is_told(tmp_path, kind, pack):
    (tmp_path / "corpus.tar.packed").write_bytes(pack(b"anything"))
    with pytest.raises(CorpusError, match=rf"corpus\.tar\.packed: is a {kind} file, which is not read; unpack it"):
        list(members(tmp_path / "corpus.tar.packed", ("*",)))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_members_that_are_unpacked_whole_before_their_size_is_seen_are_refused(tmp_path, method):
    with zipfile.ZipFile(tmp_path / "c.zip", "w", method) as archive:
        archive.writestr("a.txt", b"a" * 1000)
    with pytest.raises(CorpusError, match=r"c\.zip!a\.txt: .*packed in a way that is not read"):
        contents(tmp_path / "c.zip")


def tar_of(path: Path, *headers: tuple[bytes, bytes]) -> Path:
    """A tar of extended headers, each a type and a content, and a member behind them."""
    with path.open("wb") as file:
        for kind, data in headers:
            info = tarfile.TarInfo("././@LongLink")
            info.type, info.size = kind, len(data)
            file.write(info.tobuf(tarfile.USTAR_FORMAT) + data + bytes(-len(data) % 512))
        file.write(tarfile.TarInfo("a.txt").tobuf(tarfile.USTAR_FORMAT) + bytes(1024))
    return path


@pytest.mark.parametrize(
    "headers",
    [
        [(tarfile.XHDTYPE, b"1" * 50_000)],  # the standard library looks through it in quadratic time
        [(tarfile.XHDTYPE, b"9" * 5000 + b" path=a\n")],
        [(tarfile.GNUTYPE_LONGNAME, b"a")] * 2000,  # it calls itself for each
        [(tarfile.XHDTYPE, b"19 GNU.sparse.map=a\n")],
    ],
    ids=["long", "number", "deep", "sparse"],
)
def test_hostile_tar_headers_are_one_error(tmp_path, headers):
    with pytest.raises(CorpusError, match=r"c\.tar(!\S*)?: "):
        contents(tar_of(tmp_path / "c.tar", *headers))


def test_headers_for_all_members_do_not_pile_up(tmp_path, monkeypatch):
    opened = []
    open_tar = archives._open_tar
    monkeypatch.setattr(archives, "_open_tar", lambda *given: opened.append(open_tar(*given)) or opened[0])
    assert contents(tar_of(tmp_path / "c.tar", (tarfile.XGLTYPE, b"11 key=abc\n"))) == {"a.txt": b""}
    assert not opened[0].pax_headers


def test_a_zip_whose_member_begins_nowhere_is_damaged(tmp_path):
    source = make_zip(tmp_path / "c.zip", {"a.txt": b"a"})
    data = bytearray(source.read_bytes())
    at = data.rindex(b"PK\x01\x02")
    extra = b"\x01\x00\x08\x00" + b"\xff" * 8  # the offset in 64 bits
    data[at + 42 : at + 46] = b"\xff" * 4
    data[at + 30 : at + 32] = len(extra).to_bytes(2, "little")
    data[at + 46 + len("a.txt") : at + 46 + len("a.txt")] = extra
    end = data.rindex(b"PK\x05\x06")
    data[end + 12 : end + 16] = (end - at).to_bytes(4, "little")
    source.write_bytes(data)
    with pytest.raises(CorpusError, match=r"c\.zip(!a\.txt)?: is damaged"):
        contents(source)
