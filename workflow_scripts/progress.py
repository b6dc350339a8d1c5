"""How far a study is, read from the files that its jobs leave: so it serves while a cluster runs, from any machine.

A training is *done* when its metrics are there; *running* while its log or checkpoint moves; *failed* when its log ends
with an error, or Snakemake's log names it as failed; *stopped* when it fell silent, as a killed one does, which goes on
from its checkpoint in the next run; *waiting* otherwise. Whether finished files are up to date, `snakemake -n` says.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from statistics import mean
from typing import Any, Literal, NamedTuple

import study

State = Literal["done", "running", "failed", "stopped", "waiting"]

SILENT = 3600  # seconds without a line after which a job counts as stopped; or three of its epochs, if that is more
_ENDS = 65_536  # bytes of a log's beginning and of its end that are read
_HEADER = 16_777_216  # bytes that a checkpoint's header may have

_RECORD = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ([A-Z]+) ")  # as job.run writes them
_EPOCH = re.compile(
    r"^(?P<time>[-\d]{10} [:\d]{8}) INFO .*: epoch (?P<epoch>\d+)/(?P<epochs>\d+), .* "
    r"\(best (?P<f1>[\d.]+) in epoch \d+\), (?P<speed>\d+) sentences/s, at most (?P<left>\d+) s left$",
    re.MULTILINE,
)


class Log(NamedTuple):
    """What a job's log says: the outputs it is to make, whether it ends with an error, its epochs, its last lines."""

    outputs: list[str]
    error: bool
    epochs: list[dict[str, str]]
    resumed: bool
    tail: list[str]
    moved: float  # seconds since 1970


class Failure(NamedTuple):
    """A job that Snakemake's log names as failed."""

    when: float
    outputs: list[str]
    message: str


class Job(NamedTuple):
    """A training, or any other job that left a log. Times are in seconds, F1 in percent; None where not known."""

    name: str
    state: State
    log: Path
    outputs: list[str]
    epoch: str = ""
    f1: float | None = None
    part: str = ""  # that F1 is of: "test" when done, if the run has a test set, else "dev", of the best epoch so far
    speed: float | None = None  # sentences a second
    seconds: float | None = None  # taken when done, at most left when running
    note: str = ""
    tail: Sequence[str] = ()


def trainings(config: Mapping[str, Any]) -> list[str]:
    """The folders of every training of the study: source taggers first, then fine-tunings."""
    runs = study.run_folders(config)
    transfers = (run.split("/") for run in runs if "/baseline/" not in run)
    return [*dict.fromkeys(f"results/source/{parts[2]}/{parts[-1]}" for parts in transfers), *runs]


def jobs(folder: Path, config: Mapping[str, Any]) -> Iterator[Job]:
    """Every training of the study in that working folder, then the other jobs that are running, stopped or failed."""
    now = time.time()
    failures, ended = snakemake_says(folder)
    wanted = trainings(config)
    for run in wanted:
        yield _training(folder, run, failures, ended, now)
    for path in sorted((folder / "logs").rglob("*.log")):
        log_file = path.relative_to(folder).as_posix()
        if log_file.startswith(("logs/finetune/", "logs/pretrain/")):
            continue  # the study's have been told; others are of another configuration
        log, failure = read_log(path), failures.get(log_file)
        outputs = log.outputs or (failure.outputs if failure else [])
        if outputs and not all((folder / output).exists() for output in outputs):
            state, note = _unfinished(log, failure, ended, now)
            name = log_file.removeprefix("logs/").removesuffix(".log")
            yield Job(name, state, path, outputs, note=note, tail=log.tail)


def _training(folder: Path, run: str, failures: Mapping[str, Failure], ended: float, now: float) -> Job:
    kind, place = run.removeprefix("results/").split("/", 1)
    log_file = f"logs/{'pretrain' if kind == 'source' else 'finetune'}/{place}.log"
    name, path, outputs = run.removeprefix("results/"), folder / log_file, [f"{run}/metrics.json"]
    try:
        metrics = json.loads((folder / run / "metrics.json").read_text(encoding="utf-8"))
        part = "test" if metrics["test"] else "dev"
        return Job(
            *(name, "done", path, outputs, str(metrics["epochs"]), metrics[part]["f1"], part),
            seconds=metrics["seconds"],
        )
    except FileNotFoundError:
        pass
    except (ValueError, KeyError, TypeError, OSError) as error:
        return Job(name, "failed", path, outputs, note=f"metrics.json cannot be read: {error!r}")
    saved, saved_at = read_checkpoint(folder / f"checkpoints/{kind}/{place}.safetensors")
    if not path.exists():
        note = f"goes on after epoch {len(saved['history'])}" if saved else ""
        return Job(name, "waiting", path, outputs, f1=_f1(saved), part="dev" * bool(saved), note=note)
    log = read_log(path)
    log = log._replace(moved=max(log.moved, saved_at))
    state, note = _unfinished(log, failures.get(log_file), ended, now)
    if log.epochs:
        last = log.epochs[-1]
        left = max(0.0, float(last["left"]) - (now - log.moved)) if state == "running" else None
        return Job(
            *(name, state, path, outputs, f"{last['epoch']}/{last['epochs']}", float(last["f1"]), "dev"),
            *(float(last["speed"]), left, note, log.tail),
        )
    known = saved if log.resumed or state != "running" else None
    epoch = str(len(known["history"])) if known else ""
    return Job(name, state, path, outputs, epoch, _f1(known), "dev" * bool(known), note=note, tail=log.tail)


def _unfinished(log: Log, failure: Failure | None, ended: float, now: float) -> tuple[State, str]:
    """State, and a remark, of a job that has begun and whose outputs are not all there."""
    if failure and log.moved <= failure.when + 1:
        return "failed", failure.message
    if log.error:
        return "failed", ""
    times = [datetime.fromisoformat(epoch["time"]).timestamp() for epoch in log.epochs]
    longest = max((b - a for a, b in pairwise(times)), default=0)
    if ended > log.moved or now - log.moved > max(SILENT, 3 * longest):
        return "stopped", f"silent for {duration(now - log.moved)}"
    return "running", ""


def _f1(saved: Mapping[str, Any] | None) -> float | None:
    """Dev F1 of the best epoch so far, of which a training that began with a source's parameters has one numbered 0."""
    if saved is None:
        return None
    best = saved["best"]
    return 200 * best["correct"] / (best["gold"] + best["predicted"]) if best["correct"] else 0.0


def read_log(path: Path) -> Log:
    """A job's log; one that cannot be read says nothing."""
    try:
        with path.open("rb") as file:
            moved = path.stat().st_mtime
            text = file.read(_ENDS)
            if (size := path.stat().st_size) > 2 * _ENDS:
                file.seek(size - _ENDS)
            text += file.read(_ENDS)
    except OSError as error:
        return Log([], False, [], False, [str(error)], 0.0)
    lines = text.decode("utf-8", "replace").removesuffix("\n").split("\n")
    first = lines[0].partition(" INFO makes ")[2] if lines else ""
    said = lines[: next((n for n, line in enumerate(lines) if line.endswith(" ERROR the traceback")), None)]
    levels = [match[1] for line in lines if (match := _RECORD.match(line))]
    return Log(
        outputs=first.split(", ") if first else [],
        error=bool(levels) and levels[-1] == "ERROR",
        epochs=[match.groupdict() for match in _EPOCH.finditer("\n".join(lines))],
        resumed=any(": goes on after epoch " in line for line in lines),
        tail=said[-5:],
        moved=moved,
    )


def read_checkpoint(path: Path) -> tuple[dict[str, Any] | None, float]:
    """Where a training stood when it saved its checkpoint, with its history, and when that was.

    From the header of a safetensors file alone: its length in eight bytes, then JSON. None and 0 without a sound file.
    """
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(min(length, _HEADER)))
        state = json.loads(header["__metadata__"]["state"])
        if state["history"] and all(isinstance(state["best"][key], int) for key in ("correct", "gold", "predicted")):
            return state, path.stat().st_mtime
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        pass
    return None, 0.0


def snakemake_says(folder: Path) -> tuple[dict[str, Failure], float]:
    """The last failure that Snakemake's logs name for a job's log file, and when its last run ended (0: it has not)."""
    failures: dict[str, Failure] = {}
    ended = 0.0
    for path in sorted((folder / ".snakemake/log").glob("*.snakemake.log")):
        when, outputs, message, works = 0.0, [""], "", False
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.strip().partition(": ")
            if line.startswith("[") and line.endswith("]"):
                try:
                    when = datetime.strptime(line[1:-1], "%a %b %d %H:%M:%S %Y").timestamp()
                except ValueError:
                    continue
            elif line == "Select jobs to execute...":  # not a dry run's log, or one that met a lock
                works, ended = True, 0.0
            elif line.startswith("Error in "):
                message = ""
            elif key == "message":
                message = "" if value == "None" else value
            elif key == "output":
                outputs = value.split(", ")
            elif key == "log" and value.endswith(" (check log file(s) for error details)"):
                for log in value.removesuffix(" (check log file(s) for error details)").split(", "):
                    failures[log] = Failure(when, outputs, message)
            elif key == "Complete log(s)" and works:
                ended = path.stat().st_mtime
    return failures, ended


def time_left(all_jobs: Sequence[Job]) -> float | None:
    """Seconds until the trainings end if as many run as now, by those of the same data set that are done, else of all.

    None where nothing runs, or no training like a waiting one has been done.
    """
    running = [job for job in all_jobs if job.state == "running" and job.part]
    ahead = [
        job for job in all_jobs if job.state in ("waiting", "stopped") and job.name.startswith(("runs/", "source/"))
    ]
    seconds: dict[str, list[float]] = {}
    for job in all_jobs:
        if job.state == "done" and job.seconds is not None:
            for alike in (_data_set(job.name), job.name.partition("/")[0]):
                seconds.setdefault(alike, []).append(job.seconds)
    total = sum(job.seconds or 0.0 for job in running)
    for job in ahead:
        known = seconds.get(_data_set(job.name)) or seconds.get(job.name.partition("/")[0])
        if known is None:
            return None
        total += mean(known)
    return total / len(running) if running else None


def _data_set(name: str) -> str:
    return "/".join(name.split("/")[: 3 if name.startswith("runs/") else 2])


def duration(seconds: float) -> str:
    """Hours, minutes and seconds.

    >>> duration(3725.4)
    '1:02:05'
    """
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
