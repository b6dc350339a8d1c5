"""How far a study is: `make status`, STUDY=demo or STUDY=real for those; `watch make status` keeps looking.

One line a training, then what the other jobs do, then for each failed job the end of its log and the command that
repeats it, then a summary. Reads files alone, so that it may look on while Snakemake or a cluster works.
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from tabulate import tabulate

import configuration
from progress import Job, duration, jobs, time_left

ROOT = Path(__file__).parents[1]


def report(all_jobs: Sequence[Job], command: Sequence[str]) -> Iterator[str]:
    """The lines to print; `command` is Snakemake's, to which the file to make is added."""
    is_training = [job.name.startswith(("runs/", "source/")) for job in all_jobs]
    header = ["", "training", "epoch", "F1", "of", "sentences/s", "time", ""]
    rows = [_row(job) for job, training in zip(all_jobs, is_training, strict=True) if training]
    yield tabulate(rows, header, tablefmt="plain", disable_numparse=True, colalign=_ALIGNED if rows else None)
    others = [job for job, training in zip(all_jobs, is_training, strict=True) if not training]
    if others:
        yield ""
        yield tabulate([(job.state, job.name, job.note) for job in others], ["", "other job", ""], tablefmt="plain")
    for job in all_jobs:
        if job.state == "failed":
            yield f"\nfailed: {job.name}{', ' * bool(job.note)}{job.note}"
            yield f"  {job.log} ends with"
            yield from (f"    {line}" for line in job.tail or ["(nothing)"])
            yield f"  again: {shlex.join([*command, '--', job.outputs[0]])}"
    counts = Counter(job.state for job, training in zip(all_jobs, is_training, strict=True) if training)
    parts = [f"{counts[state]} {state}" for state in ("done", "running", "waiting", "stopped", "failed")]
    left = time_left(all_jobs)
    pace = "" if left is None else f"; about {duration(left)} left as things go"
    yield f"\n{sum(counts.values())} trainings: {', '.join(parts)}{pace}; other jobs failed: {_failed(others)}"


_ALIGNED = ("left", "left", "right", "right", "left", "right", "right", "left")


def _failed(others: Sequence[Job]) -> int:
    return sum(job.state == "failed" for job in others)


def _row(job: Job) -> list[str]:
    return [
        job.state,
        job.name,
        job.epoch,
        "" if job.f1 is None else f"{job.f1:.2f}",
        job.part,
        "" if job.speed is None else f"{job.speed:.0f}",
        "" if job.seconds is None else duration(job.seconds),
        job.note or "left, at most" * (job.state == "running" and job.seconds is not None),
    ]


def snakemake_command(options: argparse.Namespace) -> list[str]:
    """Snakemake as the study's options say, one job at a time, from the folder where this is called."""
    program = os.path.relpath(Path(sys.executable).with_name("snakemake"))
    command = [program, "--snakefile", os.path.relpath(ROOT / "Snakefile"), "--directory", options.directory]
    command += ["--cores", "1", "--resources", "gpu=1"]
    command += ["--configfile", *options.configfile] * bool(options.configfile)
    return command + ["--config", *options.config] * bool(options.config)


def main(arguments: list[str]) -> int:
    """Print how far the study is; exit code 1 if its configuration or folder cannot be used."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directory", default=".", help="the study's working folder")
    parser.add_argument("--configfile", nargs="*", default=[], help="files laid over config.yaml")
    parser.add_argument("--config", nargs="*", default=[], help="settings given to Snakemake; for the commands shown")
    options = parser.parse_args(arguments)
    if not Path(options.directory).is_dir():
        print(f"{options.directory}: there is no such folder; correct --directory", file=sys.stderr)
        return 1
    try:
        config = configuration.load(options.configfile)
        all_jobs = list(jobs(Path(options.directory), config))
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join(report(all_jobs, snakemake_command(options))))
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` ends it without a traceback
    sys.exit(main(sys.argv[1:]))
