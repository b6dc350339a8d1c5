"""Fetching from a path, and from a server on this machine that misbehaves."""

import functools
import hashlib
import re
import socket
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from corpora import downloads
from corpora.archives import fetched_file
from corpora.documents import CorpusError
from corpora.fetch import fetch, file_name

DATA = bytes(range(256)) * 4000  # a corpus, as far as HTTP is concerned
DIGEST = hashlib.sha256(DATA).hexdigest()
OTHER = b"another file"
DATE = formatdate(1e9, usegmt=True)


class Handler(BaseHTTPRequestHandler):
    """Answers each request for a path with the next of its planned answers, of which the last repeats."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        plan = self.server.plans.get(self.path, [missing])
        self.server.requests.append((self.path, self.headers.get("Range")))
        (plan.pop(0) if len(plan) > 1 else plan[0])(self)

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in ({"Content_Length": len(body)} | headers).items():
            if value is not None:
                self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def missing(handler):
    handler.answer(404)


def busy(handler):
    handler.answer(503, b"later")


def whole(handler, data=DATA):
    handler.answer(200, data, Last_Modified=DATE)


def other(handler):
    whole(handler, OTHER)


def ranged(handler):
    """The whole, or the part that is asked for, if the date fits."""
    asked = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
    if asked is None or handler.headers["If-Range"] != DATE:
        return whole(handler)
    start = int(asked[1])
    where = f"bytes {start}-{len(DATA) - 1}/{len(DATA)}"
    return handler.answer(206, DATA[start:], Content_Range=where, Last_Modified=DATE)


def truncated(handler, part=slice(0, 300_000), **headers):
    handler.answer(200, DATA[part], **({"Content_Length": len(DATA), "Last_Modified": DATE} | headers))
    handler.close_connection = True


def truncated_without_date(handler, **options):
    truncated(handler, Last_Modified=None, **options)


def stalled(handler):
    handler.answer(200, DATA[:300_000], Content_Length=len(DATA), Last_Modified=DATE)
    time.sleep(1.5)  # longer than the test waits
    handler.close_connection = True


def silent(handler):
    time.sleep(1.5)  # longer than the test waits
    handler.close_connection = True


def wrong_part(handler):
    handler.answer(206, DATA[5:], Content_Range=f"bytes 5-{len(DATA) - 1}/{len(DATA)}")


def too_far(handler):
    handler.answer(416)


def page(handler):
    handler.answer(200, b"<html>Please sign in</html>", Content_Type="text/html; charset=utf-8")


def chunked(handler):
    handler.answer(200, Content_Length=None, Transfer_Encoding="chunked", Last_Modified=DATE)
    for start in range(0, len(DATA), 100_000):
        piece = DATA[start : start + 100_000]
        handler.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
    handler.wfile.write(b"0\r\n\r\n")


def chunked_and_cut(handler):
    handler.answer(200, Content_Length=None, Transfer_Encoding="chunked")
    handler.wfile.write(b"%x\r\n%b\r\n" % (1000, DATA[:1000]))
    handler.close_connection = True


def packed_for_the_way(handler):
    """As servers do that take the name's .gz for a way of sending."""
    handler.answer(200, DATA, Content_Encoding="x-gzip")


def garbage(handler):
    handler.wfile.write(b"\x00\xff nothing that HTTP knows\r\n\r\n")
    handler.close_connection = True


def huge(handler):
    handler.answer(200, Content_Length=10**15)
    handler.close_connection = True


def endless(handler):
    handler.answer(200, DATA, Content_Length=None)
    handler.close_connection = True


def to(address):
    return lambda handler: handler.answer(302, Location=address)


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request, client_address):
        pass  # a client that leaves is what the tests are about


class Server:
    def __init__(self, http):
        self.plans, self.requests = {}, []
        http.plans, http.requests = self.plans, self.requests
        self.root = f"http://127.0.0.1:{http.server_port}"

    def plan(self, path, *answers):
        self.plans[path] = list(answers)
        return self.root + path


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(downloads, "PAUSE", 0.01)
    monkeypatch.setattr(downloads, "TIMEOUT", (3.0, 1.0))  # a busy machine answers late
    http = QuietServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield Server(http)
    http.shutdown()
    http.server_close()


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def get(tmp_path, *urls, sha256=None, checksums=None):
    fetch(tmp_path / "native", path=None, files=[{"urls": list(urls), "sha256": sha256}], checksums=checksums)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    return files(tmp_path / "native")


def refused(tmp_path, *urls, **more):
    with pytest.raises(CorpusError) as error:
        get(tmp_path, *urls, **more)
    assert not (tmp_path / "native").exists()
    message = str(error.value)
    assert "\n" not in message
    for url in urls:
        assert url in message
    assert "fetch it by hand and give its place as `path:`" in message
    return message


def test_a_download_goes_through_the_proxy_that_the_environment_names(tmp_path, server, monkeypatch):
    monkeypatch.setenv("http_proxy", server.root)
    server.plan("http://corpora.invalid/corpus.zip", whole)
    assert get(tmp_path, "http://corpora.invalid/corpus.zip", sha256=DIGEST) == {"corpus.zip": DATA}


def test_a_download_tells_its_size_first(tmp_path, server, caplog):
    caplog.set_level("INFO")
    url = server.plan("/corpus.zip", whole)
    assert get(tmp_path, url, sha256=DIGEST.upper()) == {"corpus.zip": DATA}
    assert f"{url}: 1.0 MB" in caplog.text
    assert "neither https nor a sha256" not in caplog.text


def test_failures_of_the_server_are_tried_again(tmp_path, server):
    url = server.plan("/corpus.zip", busy, silent, garbage, whole)
    assert get(tmp_path, url) == {"corpus.zip": DATA}
    assert len(server.requests) == 4


def test_pauses_between_tries_grow(server):
    with downloads.session() as client:
        retries = client.get_adapter(server.root).max_retries
    assert (retries.backoff_factor, retries.total) == (downloads.PAUSE, downloads.RETRIES)
    assert retries.retry_after_max == retries.backoff_max == downloads.PAUSE_AT_MOST


def test_pauses_after_breaks_grow(tmp_path, server, monkeypatch):
    pauses = []
    monkeypatch.setattr(downloads.time, "sleep", pauses.append)
    monkeypatch.setattr(downloads, "PAUSE_AT_MOST", 5 * downloads.PAUSE)
    refused(tmp_path, server.plan("/cut.zip", chunked_and_cut))
    assert [pause / downloads.PAUSE for pause in pauses] == [1, 2, 4, 5, 5]


@pytest.mark.parametrize("broken", [truncated, stalled])
def test_a_download_that_breaks_off_goes_on_where_it_was(tmp_path, server, broken, caplog):
    url = server.plan("/corpus.zip", broken, ranged)
    assert get(tmp_path, url) == {"corpus.zip": DATA}
    assert server.requests == [("/corpus.zip", None), ("/corpus.zip", "bytes=300000-")]
    assert "broke off after 300.0 kB" in caplog.text


def of_another_file(handler):
    where = f"bytes 300000-{len(DATA) - 1}/{len(DATA)}"
    handler.answer(206, b"x" * (len(DATA) - 300_000), Content_Range=where, Last_Modified=formatdate(2e9, usegmt=True))


@pytest.mark.parametrize("answer", [whole, wrong_part, too_far, of_another_file])
def test_a_server_that_cannot_go_on_sends_it_all_again(tmp_path, server, answer):
    url = server.plan("/corpus.zip", truncated, answer, whole)
    assert get(tmp_path, url) == {"corpus.zip": DATA}
    assert server.requests[1] == ("/corpus.zip", "bytes=300000-")


def test_a_part_that_nothing_vouches_for_is_not_continued(tmp_path, server):
    url = server.plan("/corpus.zip", truncated_without_date, whole)
    assert get(tmp_path, url) == {"corpus.zip": DATA}
    assert server.requests == [("/corpus.zip", None)] * 2


def test_a_server_that_always_breaks_off_is_given_up(tmp_path, server):
    assert "broke off again and again" in refused(tmp_path, server.plan("/corpus.zip", truncated))
    assert "broke off again and again" in refused(tmp_path, server.plan("/cut.zip", chunked_and_cut))


def test_the_next_run_goes_on_with_what_the_last_one_brought(tmp_path, server, monkeypatch):
    monkeypatch.setattr(downloads, "RETRIES", 0)
    url = server.plan("/corpus.zip", truncated, missing, ranged)
    refused(tmp_path, url)
    assert get(tmp_path, url, sha256=DIGEST) == {"corpus.zip": DATA}
    assert server.requests[-1] == ("/corpus.zip", "bytes=300000-")


def test_a_file_that_changed_between_two_runs_is_fetched_anew(tmp_path, server, monkeypatch):
    monkeypatch.setattr(downloads, "RETRIES", 0)
    url = server.plan("/corpus.zip", truncated, missing, other)
    refused(tmp_path, url)
    assert get(tmp_path, url) == {"corpus.zip": OTHER}


def test_a_mirror_does_not_go_on_with_the_part_of_another(tmp_path, server):
    one = server.plan("/corpus.zip", truncated, missing)
    assert get(tmp_path, one, server.plan("/mirror/corpus.zip", ranged)) == {"corpus.zip": DATA}
    assert server.requests[-1] == ("/mirror/corpus.zip", None)


def test_a_dead_mirror_does_not_cost_the_part(tmp_path, server):
    one = server.plan("/corpus.zip", truncated, missing, ranged)
    refused(tmp_path, one, server.root + "/nothing")
    assert get(tmp_path, one) == {"corpus.zip": DATA}
    assert server.requests[-1] == ("/corpus.zip", "bytes=300000-")


def test_a_file_with_another_digest_is_not_kept(tmp_path, server):
    url = server.plan("/corpus.zip", other, whole)
    assert f"instead of {DIGEST}" in refused(tmp_path, url, sha256=DIGEST)
    assert get(tmp_path, url, sha256=DIGEST) == {"corpus.zip": DATA}


@pytest.mark.parametrize("answer", [chunked, packed_for_the_way, endless])
def test_ways_of_sending(tmp_path, server, answer):
    assert get(tmp_path, server.plan("/corpus.gz", answer), sha256=DIGEST) == {"corpus.gz": DATA}


def test_mirrors_are_tried_in_turn(tmp_path, server, caplog):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}/corpus.zip"
    bad = [missing, page, other, huge, garbage, busy, to("/loop"), to("file:///etc/passwd"), silent]
    urls = ["ftp://127.0.0.1/corpus.zip", nobody, *(server.plan(f"/{n}.zip", answer) for n, answer in enumerate(bad))]
    server.plan("/loop", to("/loop"))
    assert get(tmp_path, *urls, server.plan("/good", whole), sha256=DIGEST) == {"corpus.zip": DATA}
    for url, said in zip(
        urls,
        ["no http or https", "refused", "404", "a web page", "gave a file with sha256", "offers 1000000.0 GB",
         "said", "503", "more than 10 other addresses", "leads to 'file:///etc/passwd'", "timed out"],
        strict=True,
    ):  # fmt: skip
        assert re.search(rf"{re.escape(url)} .*{said}", caplog.text), url


def test_when_none_is_good_each_is_named_with_its_reason(tmp_path, server):
    urls = [server.plan("/corpus.zip", other), server.root + "/nothing", "ftp://127.0.0.1/x"]
    message = refused(tmp_path, *urls, sha256=DIGEST)
    assert message.startswith(f"{tmp_path}/native: corpus.zip came from no address: ")
    for reason in (f"instead of {DIGEST}", "404", "is no http or https address"):
        assert reason in message


def test_redirects_are_followed(tmp_path, server):
    server.plan("/there", ranged)
    url = server.plan("/corpus.zip", to("/step"))
    server.plan("/step", to(f"{server.root}/there"))
    assert get(tmp_path, url) == {"corpus.zip": DATA}


def test_the_body_of_a_redirect_is_not_waited_for(tmp_path, server):
    def long(handler):
        handler.answer(302, b"<html>", Location="/there", Content_Length=1 << 40)

    server.plan("/there", whole)
    assert get(tmp_path, server.plan("/corpus.zip", long)) == {"corpus.zip": DATA}


def test_a_server_that_sends_now_less_and_now_more_is_given_up(tmp_path, server):
    less, more = (functools.partial(truncated_without_date, part=slice(0, size)) for size in (5, 10))
    url = server.plan("/corpus.zip", *[less, more] * 50)
    assert "broke off again and again" in refused(tmp_path, url)
    assert len(server.requests) < 20


def test_a_redirect_to_no_address_is_told(tmp_path, server):
    assert "said: " in refused(tmp_path, server.plan("/corpus.zip", to("http://[x/corpus.zip")))


def test_endless_data_stop(tmp_path, server, monkeypatch):
    monkeypatch.setattr(downloads, "DOWNLOAD_BYTES", 100_000)
    assert "sent more than 100.0 kB" in refused(tmp_path, server.plan("/corpus.zip", endless))
    assert "offers 1.0 MB" in refused(tmp_path, server.plan("/corpus2.zip", whole))


def test_a_full_disk_is_told_before_the_download(tmp_path, server, monkeypatch):
    monkeypatch.setattr(downloads.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1000}))
    with pytest.raises(CorpusError, match=r"corpus\.zip cannot be written \(1\.0 MB are to come and 1\.0 kB are free"):
        get(tmp_path, server.plan("/corpus.zip", whole))


def test_first_digest_is_recorded_and_holds(tmp_path, server, caplog):
    table = tmp_path / "checksums" / "corpus.tsv"
    url = server.plan("/corpus.zip", whole, other)
    assert get(tmp_path, url, checksums=table) == {"corpus.zip": DATA}
    assert table.read_text() == f"{url}\t{DIGEST}\t{len(DATA)}\n"
    assert f"{url}: neither https nor a sha256 guards" in caplog.text
    caplog.clear()
    with pytest.raises(CorpusError, match=f"instead of {DIGEST}, found at the first download") as error:
        get(tmp_path, url, checksums=table)
    assert f"if the new file is right, remove {table}" in str(error.value)
    assert files(tmp_path / "native") == {"corpus.zip": DATA}
    mirror = server.plan("/mirror.zip", whole)
    assert get(tmp_path, url, mirror, checksums=table) == {"corpus.zip": DATA}
    assert "neither https" not in caplog.text
    table.unlink()
    assert get(tmp_path, url, checksums=table) == {"corpus.zip": OTHER}


def test_a_stated_digest_goes_before_the_recorded_one(tmp_path, server):
    table = tmp_path / "corpus.tsv"
    url = server.plan("/corpus.zip", other, whole)
    get(tmp_path, url, checksums=table)
    assert get(tmp_path, url, sha256=DIGEST, checksums=table) == {"corpus.zip": DATA}


def test_a_damaged_record_of_digests_is_named(tmp_path, server):
    table = tmp_path / "corpus.tsv"
    table.write_text(f"http://127.0.0.1/a\t{DIGEST}\t5\nhttp://127.0.0.1/b\t{DIGEST[:9]}\n")
    with pytest.raises(CorpusError, match=r"corpus\.tsv:2: .* remove the line"):
        get(tmp_path, server.plan("/corpus.zip", whole), checksums=table)


def test_several_files_lie_side_by_side(tmp_path, server):
    table = tmp_path / "checksums.tsv"
    entries = [
        {"urls": [server.plan("/texts.zip", missing), server.plan("/x", whole)], "sha256": DIGEST},
        {"urls": [server.plan("/mentions.tsv?raw=1", busy, other)], "sha256": None},
    ]
    fetch(tmp_path / "native", path=None, files=entries, checksums=table)
    assert files(tmp_path / "native") == {"texts.zip": DATA, "mentions.tsv": OTHER}
    assert len(table.read_text().splitlines()) == 1


def test_what_came_of_several_files_is_not_fetched_again(tmp_path, server):
    entries = [
        {"urls": [server.plan("/texts.zip", whole)], "sha256": None},
        {"urls": [server.plan("/mentions.tsv", missing, other)], "sha256": None},
    ]
    with pytest.raises(CorpusError, match=r"mentions.tsv came from no .* fetch texts\.zip, mentions\.tsv by hand"):
        fetch(tmp_path / "native", path=None, files=entries)
    fetch(tmp_path / "native", path=None, files=entries)
    assert files(tmp_path / "native") == {"texts.zip": DATA, "mentions.tsv": OTHER}
    assert [path for path, _ in server.requests] == ["/texts.zip", "/mentions.tsv", "/mentions.tsv"]


def test_two_files_of_one_name_are_refused(tmp_path):
    entries = [{"urls": [f"http://127.0.0.1/{part}/corpus.zip"], "sha256": None} for part in ("a", "b")]
    with pytest.raises(CorpusError, match=r"two files have the name corpus\.zip"):
        fetch(tmp_path / "native", path=None, files=entries)
    assert list(tmp_path.iterdir()) == []


def test_copy_of_file_and_folder(tmp_path):
    source = tmp_path / "mine" / "sub"
    source.mkdir(parents=True)
    (source / "a.txt").write_bytes(DATA)
    fetch(tmp_path / "one", path=source / "a.txt", files=[{"urls": None, "sha256": DIGEST}])
    fetch(tmp_path / "two", path=tmp_path / "mine")
    assert files(tmp_path / "one") == {"a.txt": DATA}
    assert files(tmp_path / "two") == {"sub/a.txt": DATA}
    with pytest.raises(CorpusError, match="its sha256 is"):
        fetch(tmp_path / "three", path=source / "a.txt", files=[{"urls": [], "sha256": "0" * 64}])
    (source / "link").symlink_to("/etc")
    with pytest.raises(CorpusError, match="link: is a link"):
        fetch(tmp_path / "three", path=tmp_path / "mine")
    assert not (tmp_path / "three").exists()


def test_nothing_to_fetch_from(tmp_path):
    with pytest.raises(CorpusError, match="no such file"):
        fetch(tmp_path / "native", path=tmp_path / "missing")
    for entries in ([], [{"urls": [], "sha256": None}]):
        with pytest.raises(CorpusError, match="neither `path` nor an address"):
            fetch(tmp_path / "native", path=None, files=entries)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://example.org/a/corpus-1.0.tar.gz/download", "corpus-1.0.tar.gz"),
        ("https://example.org/a%20b.zip?raw=true", "a_b.zip"),
        ("https://example.org/files/175k-x.gz", "175k-x.gz"),
        ("https://example.org/%2e%2e%2fevil", "_evil"),
        ("https://example.org/a~", "a_"),
        ("https://example.org", "download"),
    ],
)
def test_names_of_downloads(url, name):
    assert file_name(url) == name


def test_the_one_file_that_was_fetched(tmp_path):
    (tmp_path / "a.txt").write_bytes(DATA)
    (tmp_path / ".hidden").write_bytes(DATA)
    assert fetched_file(tmp_path) == fetched_file(tmp_path / "a.txt") == tmp_path / "a.txt"
    (tmp_path / "b.txt").write_bytes(DATA)
    with pytest.raises(CorpusError):
        fetched_file(tmp_path)
