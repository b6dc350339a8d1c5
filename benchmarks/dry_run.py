"""Time and memory that Snakemake takes to plan the whole study, and to schedule its jobs.

    python -m benchmarks.dry_run [--seeds 25] [--schedule greedy ilp]

Plans the study of config.yaml (``snakemake --dry-run``), then the same with that many seeds everywhere; no corpus
is needed. ``--schedule`` also goes through all jobs with that scheduler, on 8 cores and one GPU, by ``--touch`` in an
empty folder, where a job is nothing but its place in the plan. Prints jobs, seconds, seconds of CPU and the largest
resident memory; the last line is a JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import yaml

from benchmarks.processes import ROOT


class Plan(NamedTuple):
    """Jobs, wall and CPU seconds, and the largest resident memory in MiB."""

    what: str
    jobs: int
    seconds: float
    cpu_seconds: float
    peak_mib: int


def snakemake(what: str, seeds: int | None, *arguments: str) -> Plan:
    """Run Snakemake with these arguments in an empty folder, with that many seeds or the study's own.

    Raises SystemExit where it fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", folder]
        if seeds is not None:
            drawn = {"seeds": list(range(1, seeds + 1))}
            overlay = Path(folder, "seeds.yaml")
            overlay.write_text(yaml.safe_dump({"study": drawn, "figures": {"learning_curves": drawn, "layers": drawn}}))
            command += ["--configfile", str(overlay)]
        began = time.perf_counter()
        with tempfile.TemporaryFile("w+") as output:
            process = subprocess.Popen([*command, *arguments], stdout=output, stderr=subprocess.STDOUT)  # noqa: S603  (Snakemake)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            seconds = time.perf_counter() - began
            output.seek(0)
            said = output.read()
    totals = re.findall(r"^total\s+(\d+)$", said, re.MULTILINE)
    if process.returncode or not totals:
        raise SystemExit(f"{what} failed with exit code {process.returncode}:\n{said[-2000:]}")
    cpu = usage.ru_utime + usage.ru_stime
    plan = Plan(what, int(totals[0]), round(seconds, 1), round(cpu, 1), round(usage.ru_maxrss / 1024))
    print(f"{what}: {plan.jobs} jobs, {plan.seconds} s ({plan.cpu_seconds} s of CPU), {plan.peak_mib} MiB", flush=True)
    return plan


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=25, help="of the larger study; 25 give about 5,000 jobs")
    parser.add_argument("--schedule", nargs="*", default=[], choices=["greedy", "ilp"], help="minutes with many seeds")
    options = parser.parse_args()
    plans = []
    for name, seeds in (("the study", None), (f"{options.seeds} seeds", options.seeds)):
        plans.append(snakemake(f"dry run, {name}", seeds, "--dry-run", "--quiet", "rules", "reason"))
        for scheduler in options.schedule:
            arguments = ["--touch", "--cores", "8", "--resources", "gpu=1", "--scheduler", scheduler]
            plans.append(snakemake(f"scheduling with {scheduler}, {name}", seeds, *arguments))
    print(json.dumps([plan._asdict() for plan in plans]))


if __name__ == "__main__":
    main()
