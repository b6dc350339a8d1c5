"""One file from one address by HTTP: with retries, time-outs and a progress bar, going on where it broke off.

Requests asks, urllib3 beneath it repeats what failed with growing pauses. Neither goes on with a partial file, nor does
pooch, which builds on them: that is what this module adds.
"""

from __future__ import annotations

import json
import logging
import re
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from tqdm import tqdm

logger = logging.getLogger(__name__)

TIMEOUT = (30.0, 120.0)  # seconds to connect, and between two pieces of an answer
RETRIES = 4  # of a request; and of a download that breaks off again without anything new
PAUSE = 1.0  # seconds, doubled with each retry
PAUSE_AT_MOST = 60  # seconds, whatever the server asks for
REDIRECTS = 10
DOWNLOAD_BYTES = 64 << 30  # the largest file of the study, the word vectors, has 4 GiB
BUSY = (408, 429, 500, 502, 503, 504)  # HTTP statuses after which asking again may help
_PIECE = 1 << 18


class DownloadError(Exception):
    """What an address gave is not the file; the message says what it was."""


class _BrokenOffError(Exception):
    """The answer broke off; asking again may bring the rest."""


class _Session(requests.Session):  # type: ignore[misc]  # requests has no types
    """Follows no redirect, even where it is told to: it would read the body, however large, into memory."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


@contextmanager
def session() -> Iterator[requests.Session]:
    """A session that repeats requests after failures of the network and of a busy server, with growing pauses."""
    retries = urllib3.Retry(
        RETRIES,
        status_forcelist=BUSY,
        raise_on_status=False,
        backoff_factor=PAUSE,
        backoff_max=PAUSE_AT_MOST,
        retry_after_max=PAUSE_AT_MOST,
    )
    with _Session() as opened:
        for scheme in ("http://", "https://"):
            opened.mount(scheme, requests.adapters.HTTPAdapter(max_retries=retries))
        yield opened


def download(client: requests.Session, url: str, target: Path, *, guarded: bool) -> None:
    """Bring the file at ``url`` to ``target``, going on from what lies there of it from an earlier call.

    ``guarded`` says that the caller knows a checksum. Beside ``target`` lies, until ``forget`` is called, a note of
    where its bytes come from; a part is only continued if the server says that its file is still the same.

    Raises DownloadError with what the address said, and OSError where ``target`` cannot be written.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise DownloadError("is no http or https address")
    idle, most = 0, _bytes_of(target)
    while True:
        try:
            _receive(client, url, target, guarded)
            return
        except _BrokenOffError as error:
            idle = 0 if _bytes_of(target) > most else idle + 1
            most = max(most, _bytes_of(target))
            if idle > RETRIES:
                raise DownloadError(f"broke off again and again ({error})") from error
            logger.warning("%s broke off after %s (%s); going on", url, size_told(_bytes_of(target)), error)
            time.sleep(min(PAUSE * 2**idle, PAUSE_AT_MOST))
        except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
            raise DownloadError(f"said: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """What went wrong, without the story of its repetitions."""
    cause = error.args[0] if error.args else None
    if isinstance(cause, urllib3.exceptions.MaxRetryError) and cause.reason is not None:
        error = cause.reason
    return " ".join(str(error).split()) or type(error).__name__


def forget(target: Path) -> None:
    """Remove a partial or whole file and the note of where it comes from."""
    target.unlink(missing_ok=True)
    _note(target).unlink(missing_ok=True)


def size_told(size: int) -> str:
    """A number of bytes in words.

    >>> size_told(4_100_000_000), size_told(999)
    ('4.1 GB', '999 bytes')
    """
    for unit, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size} bytes"


def _receive(client: requests.Session, url: str, target: Path, guarded: bool) -> None:
    """Ask once for what is missing and write it; return when the file is whole."""
    have, size, validator = _known(target, url)
    if have and have == size:
        return
    headers = {"Accept-Encoding": "identity"}  # the bytes of the file, not packed for the way
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": validator}
    steps = [url]
    with _answer(client, steps, headers) as response:
        if response.status_code == 416:  # the file there has become shorter than the part here
            forget(target)
            raise _BrokenOffError("the file has changed there")
        response.raise_for_status()
        if response.status_code == 206 and have:
            stated = re.fullmatch(rf"bytes {have}-\d+/(\d+)", response.headers.get("Content-Range", ""))
            now = response.headers.get("ETag" if validator.startswith('"') else "Last-Modified", validator)
            if stated is None or int(stated[1]) != size or now != validator:
                forget(target)
                raise _BrokenOffError("the server sent another part than was asked for")
        elif response.status_code == 200:
            have, size = 0, _stated_size(response)
            _begin(target, url, size, response)
        else:
            raise DownloadError(f"answered with status {response.status_code} instead of the file")
        _warn_of_open_ways(steps, guarded)
        _enough_room(target, size, have)
        logger.info("%s: %s%s", url, size_told(size) if size else "of unknown size", f", {have:,} here" * bool(have))
        _write(response, target, size, have)
    if size and _bytes_of(target) != size:
        raise _BrokenOffError(f"{_bytes_of(target):,} of {size:,} bytes came")
    _note(target).write_text(json.dumps([url, validator, _bytes_of(target)]), encoding="utf-8")


def _answer(client: requests.Session, steps: list[str], headers: Mapping[str, str]) -> requests.Response:
    """The answer at the end of redirects, whose addresses are added to `steps`."""
    while True:
        response = client.get(steps[-1], headers=headers, stream=True, timeout=TIMEOUT)
        target = requests.Session.get_redirect_target(client, response)
        if target is None:
            return response
        response.close()
        steps.append(urljoin(steps[-1], target))
        if urlsplit(steps[-1]).scheme not in ("http", "https"):
            raise DownloadError(f"leads to {steps[-1][:200]!r}, which is no http or https address")
        if len(steps) > REDIRECTS:
            raise DownloadError(f"leads to more than {REDIRECTS} other addresses one after the other")


def _write(response: requests.Response, target: Path, size: int, have: int) -> None:
    bar = tqdm(
        total=size or None, initial=have, unit="B", unit_scale=True, desc=target.name, disable=not sys.stderr.isatty()
    )
    with target.open("ab") as file, bar:
        while True:
            try:
                piece = response.raw.read1(_PIECE, decode_content=False)
            except urllib3.exceptions.HTTPError as error:
                raise _BrokenOffError(_reason(error)) from error
            if not piece:
                return
            file.write(piece)
            bar.update(len(piece))
            if file.tell() > DOWNLOAD_BYTES:
                raise DownloadError(f"sent more than {size_told(DOWNLOAD_BYTES)}")


def _begin(target: Path, url: str, size: int, response: requests.Response) -> None:
    """Start the file anew, with a note by which a part of it can be continued."""
    kind = response.headers.get("Content-Type", "")
    if kind.startswith("text/html") and target.suffix.lower() not in (".html", ".htm"):
        raise DownloadError("gave a web page instead of the file")
    tag = response.headers.get("ETag", "")
    validator = tag if tag.startswith('"') else response.headers.get("Last-Modified", "")
    forget(target)
    _note(target).write_text(json.dumps([url, validator, size]), encoding="utf-8")


def _stated_size(response: requests.Response) -> int:
    stated = response.headers.get("Content-Length", "")
    size = int(stated) if re.fullmatch("[0-9]{1,18}", stated) else 0
    if size > DOWNLOAD_BYTES:
        raise DownloadError(f"offers {size_told(size)}, more than {size_told(DOWNLOAD_BYTES)}")
    return size


def _enough_room(target: Path, size: int, have: int) -> None:
    free = shutil.disk_usage(target.parent).free
    if size - have > free:
        raise OSError(None, f"{size_told(size - have)} are to come and {size_told(free)} are free", str(target))


def _warn_of_open_ways(steps: Sequence[str], guarded: bool) -> None:
    for step in steps:
        if not guarded and step.lower().startswith("http:"):
            logger.warning("%s: neither https nor a sha256 guards what %s gives", steps[0], step)
            return


def _known(target: Path, url: str) -> tuple[int, int, str]:
    """Bytes here, bytes of the whole (0 if unknown) and validator, if they are of this address and can be continued."""
    try:
        origin, validator, size = json.loads(_note(target).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0, 0, ""
    have = _bytes_of(target)
    if origin != url or not size or have > size or (have < size and not validator):
        return 0, 0, ""
    return have, size, validator


def _note(target: Path) -> Path:
    return target.with_name(f"{target.name}~")  # no file has such a name, see fetch.file_name


def _bytes_of(target: Path) -> int:
    return target.stat().st_size if target.exists() else 0
