"""Fetching from a path and from a server on this machine."""

import hashlib
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from corpora import fetch as module
from corpora.documents import CorpusError
from corpora.fetch import fetch, fetched_file

DATA = b"an invented corpus"
DIGEST = hashlib.sha256(DATA).hexdigest()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def address(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "RETRIES", 0)
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "corpus.txt").write_bytes(DATA)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=tmp_path / "served"))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_download(tmp_path, address):
    fetch(tmp_path / "native", path=None, urls=[f"{address}/corpus.txt"], sha256=DIGEST.upper())
    assert files(tmp_path / "native") == {"corpus.txt": DATA}


def test_second_address_is_tried_and_unknown_digest_is_told(tmp_path, address, caplog):
    urls = [f"{address}/missing.txt", f"{address}/corpus.txt"]
    caplog.set_level("INFO")
    fetch(tmp_path / "native", path=None, urls=urls)
    assert files(tmp_path / "native") == {"corpus.txt": DATA}
    assert "404" in caplog.text
    assert DIGEST in caplog.text


def test_wrong_checksum_leaves_nothing(tmp_path, address):
    urls = [f"{address}/corpus.txt", f"{address}/missing.txt", "ftp://127.0.0.1/x"]
    with pytest.raises(CorpusError, match="no address gave the file") as error:
        fetch(tmp_path / "native", path=None, urls=urls, sha256="0" * 64)
    for part in (*urls, "404", "SHA256 hash", "no http or https", "`path:`"):
        assert part in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["served"]


def test_copy_of_file_and_folder(tmp_path):
    source = tmp_path / "mine" / "sub"
    source.mkdir(parents=True)
    (source / "a.txt").write_bytes(DATA)
    fetch(tmp_path / "one", path=source / "a.txt", sha256=DIGEST)
    fetch(tmp_path / "two", path=tmp_path / "mine")
    assert files(tmp_path / "one") == {"a.txt": DATA}
    assert files(tmp_path / "two") == {"sub/a.txt": DATA}
    with pytest.raises(CorpusError, match="its sha256 is"):
        fetch(tmp_path / "three", path=source / "a.txt", sha256="0" * 64)
    (source / "link").symlink_to("/etc")
    with pytest.raises(CorpusError, match="link: is a link"):
        fetch(tmp_path / "three", path=tmp_path / "mine")
    assert not (tmp_path / "three").exists()


def test_nothing_to_fetch_from(tmp_path):
    with pytest.raises(CorpusError, match="no such file"):
        fetch(tmp_path / "native", path=tmp_path / "missing")
    with pytest.raises(CorpusError, match="neither `path` nor `urls`"):
        fetch(tmp_path / "native", path=None)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://example.org/a/corpus-1.0.tar.gz/download", "corpus-1.0.tar.gz"),
        ("https://example.org/a%20b.zip?raw=true", "a_b.zip"),
        ("https://example.org/files/175k-x.gz", "175k-x.gz"),
        ("https://example.org/%2e%2e%2fevil", "_evil"),
        ("https://example.org", "download"),
    ],
)
def test_names_of_downloads(url, name):
    assert module._file_name(url) == name


def test_the_one_file_that_was_fetched(tmp_path):
    (tmp_path / "a.txt").write_bytes(DATA)
    (tmp_path / ".hidden").write_bytes(DATA)
    assert fetched_file(tmp_path) == fetched_file(tmp_path / "a.txt") == tmp_path / "a.txt"
    (tmp_path / "b.txt").write_bytes(DATA)
    with pytest.raises(CorpusError):
        fetched_file(tmp_path)
