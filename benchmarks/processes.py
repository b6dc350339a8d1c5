"""Seconds and peak memory of a stage of a benchmark, run in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]


class Stage(NamedTuple):
    """Wall and CPU seconds, and the largest resident memory in MiB."""

    stage: str
    seconds: float
    cpu_seconds: float
    peak_mib: int


def measured(module: str, stage: str, arguments: Sequence[str]) -> Stage:
    """Run ``python -m module arguments --stage stage`` from the project's folder, and print what it took.

    Raises SystemExit where it fails. The caller should be small: a process counts its parent's memory as its own.
    """
    began = time.perf_counter()
    command = [sys.executable, "-m", module, *arguments, "--stage", stage]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'workflow_scripts'}"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment)  # noqa: S603  (this program itself)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{stage} failed with exit code {process.returncode}")
    seconds = round(time.perf_counter() - began, 1)
    result = Stage(stage, seconds, round(usage.ru_utime + usage.ru_stime, 1), round(usage.ru_maxrss / 1024))
    print(f"{stage}: {seconds} s ({result.cpu_seconds} s of CPU), {result.peak_mib} MiB", flush=True)
    return result
