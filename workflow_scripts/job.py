"""What every rule's script does around its one call: run alone, log, take a GPU, and fail in one line."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import hashlib
import json
import logging
import os
import socket
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, TextIO

import digests
import gpu
from printable import printable

_REMEDIES = {
    errno.ENOSPC: "make room on that disk, then run again",
    errno.EDQUOT: "make room within your quota, then run again",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f), then run again",
    errno.EROFS: "choose a folder that can be written with --directory",
    errno.EACCES: "correct the permissions, then run again",
    errno.EPERM: "correct the permissions, then run again",
}


def run(main: Callable[[Any], None], job: Any) -> None:
    """Call `main` with Snakemake's job object; while it runs, a rule with the resource `gpu` holds a slot on one GPU.

    Messages go to the rule's log file, which begins with the job's outputs, and to the terminal too. Bad input and
    failures of the system (ValueError, OSError) end in one line on the terminal and a traceback in the log file;
    anything else is a fault of ours and shows its traceback in both. Exit code 1 in either case. So does a job whose
    code is no longer what Snakemake planned with: its results would count as those of the other code.

    A job whose Snakemake was killed goes on. Its second start waits for the first to end, and does nothing if that
    one has made the outputs out of the same inputs and params.
    """
    log, outputs = Path(job.log[0]), [Path(path) for path in job.output]
    try:
        _log_to(log, job.rule)
        logging.info("makes %s", ", ".join(job.output), extra={"file_only": True})  # `make status` looks for them
        _check_code(job.params.get("code"))
        with alone(log.with_name(f".{log.name}.lock")) as record:
            identity = _identity(job)
            if record.read() == identity and all(path.exists() for path in outputs):
                logging.info("an earlier start of this job, which outlived its Snakemake, has made the outputs")
            else:
                _write(record, f"process {os.getpid()} on {socket.gethostname()}")
                slot = gpu.of_its_own(job.config["training"]["slots_per_gpu"]) if job.resources.get("gpu") else None
                with slot or nullcontext():
                    main(job)
                _to_disk(outputs)  # or a machine that fails may leave outputs that count as finished, and are empty
                _write(record, identity)
    except (ValueError, OSError) as error:
        remedy = _REMEDIES.get(error.errno or 0, "") if isinstance(error, OSError) else ""
        logging.error("%s%s", " ".join(str(error).split("\n")), remedy and f" (in {Path.cwd()}); {remedy}")
        logging.error("the traceback", exc_info=True, extra={"file_only": True})
        sys.exit(1)
    except Exception:
        logging.exception("unexpected failure; please report it with %s", log)
        sys.exit(1)


class _OneLine(logging.Formatter):
    """A record is one line, whatever a corpus or a server put into it, and moves no terminal's cursor."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  (the name that logging calls)
        return printable(super().formatMessage(record))


def _log_to(log: Path, rule: str) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    file = logging.FileHandler(log, mode="w", encoding="utf-8")
    file.setFormatter(_OneLine("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%d %H:%M:%S"))
    terminal = logging.StreamHandler(sys.stderr)
    terminal.setFormatter(_OneLine(f"{rule}: %(message)s"))
    terminal.addFilter(lambda record: not getattr(record, "file_only", False))
    logging.basicConfig(level=logging.INFO, handlers=[file, terminal], force=True)
    logging.captureWarnings(True)
    warnings.formatwarning = _in_one_line
    logging.raiseExceptions = False  # a log on a full disk is no reason for a traceback a line
    for chatty in ("gensim", "smart_open", "matplotlib", "fontTools", "numba"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _in_one_line(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    return f"{filename}:{lineno}: {category.__name__}: {message}"


@contextmanager
def alone(lock: Path) -> Iterator[TextIO]:
    """Hold the file `lock`, waiting for the process that has it; gives it open, with what was left there to be read.

    The system lets go of it when the process ends in whatever way. Where it knows no locks, a warning says so.
    """
    with lock.open("a+", encoding="utf-8") as record:
        record.seek(0)
        try:
            fcntl.flock(record, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            logging.warning(
                "%s, left by a Snakemake that was killed, is at this very job; waiting for it to end", record.read()
            )
            fcntl.flock(record, fcntl.LOCK_EX)
            record.seek(0)
        except OSError as error:
            if error.errno not in gpu.NO_LOCKS:
                raise
            logging.warning("%s: this file system has no locks; see to it that no job runs twice at once", lock)
        yield record


def _write(record: TextIO, text: str) -> None:
    record.truncate(0)
    record.write(text)
    record.flush()


def _to_disk(outputs: list[Path]) -> None:
    """Wait until the outputs' file systems hold all that was written to them; of others, one might not answer."""
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "syncfs"):  # it is Linux's
        return
    for folder in dict.fromkeys(path.parent for path in outputs):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            if libc.syncfs(descriptor):
                raise OSError(errno.EIO, "the outputs did not reach the disk", str(folder))
        finally:
            os.close(descriptor)


def _check_code(planned: list[str] | None) -> None:
    """Raise ValueError where the code that has just been imported is not that of the digest, a rule's first `code`."""
    if planned is not None:
        starts = [start for start in planned[1:] if start.endswith(".py")]  # what follows names a reader's function
        if digests.code_digest(Path(__file__).parents[1], *starts) != planned[0]:
            raise ValueError(f"{starts[0]} or what it imports has changed since Snakemake started; run again")


def _identity(job: Any) -> str:
    """A digest of all that this start of the job was given: params, threads, inputs with their sizes and times."""
    inputs = [(str(path), Path(path).stat().st_size, Path(path).stat().st_mtime_ns) for path in job.input]
    given = [job.rule, sorted(job.params.items()), job.threads, inputs]
    return hashlib.sha256(json.dumps(given, default=str).encode()).hexdigest()
