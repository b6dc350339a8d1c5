"""SIGKILL at random moments, the same command again: the results are those of a run that nobody disturbed.

`make chaos` does it CHAOS_KILLS times to the demonstration, at moments drawn by CHAOS_SEED.
"""

import csv
import io
import json
import os
import random
import shutil
import statistics
import subprocess
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest
import yaml

from demo.generate import generate
from tests.rules.conftest import ROOT, Study, copy_of_project

pytestmark = pytest.mark.workflow

KILLS = int(os.environ.get("CHAOS_KILLS", "3"))
SEED = int(os.environ.get("CHAOS_SEED", "1"))
ON_DEMO = os.environ.get("CHAOS_STUDY", "toy") == "demo"
SECONDS = {"seconds", "sentences_per_second"}  # the only values that two undisturbed runs do not share


@pytest.fixture
def undisturbed(request, tmp_path):
    """A study that ran to its end."""
    if not ON_DEMO:
        return request.getfixturevalue("finished")
    base = yaml.safe_load((ROOT / "overlays/demo.yaml").read_text())
    study = Study(copy_of_project(tmp_path / "project"), tmp_path / "undisturbed", base)
    generate(study.folder / "native")
    began = time.monotonic()
    result = study.snakemake("--resources", "gpu=2")
    assert result.returncode == 0, result.stdout + result.stderr
    print(f"undisturbed: {time.monotonic() - began:.0f} s", flush=True)
    return study


class Run:
    """A Snakemake of ours and the processes that it started, which outlive it."""

    def __init__(self, study: Study) -> None:
        self.output = study.folder / "output.txt"
        with self.output.open("a") as output:
            self.begin = output.tell()
            command = study.command("--resources", "gpu=2")
            self.snakemake = psutil.Popen(command, cwd=study.project, stdout=output, stderr=subprocess.STDOUT)

    def finished(self) -> int:
        """Jobs that this Snakemake saw end."""
        with self.output.open("rb") as output:
            output.seek(self.begin)
            return output.read().count(b"Finished jobid: ")

    def jobs(self) -> list[psutil.Process]:
        """The running scripts of rules."""
        found = []
        for process in self.snakemake.children(recursive=True):
            try:
                command = process.cmdline()
            except psutil.Error:  # it has just ended
                continue
            if len(command) > 1 and "/.snakemake/scripts/" in command[1]:
                found.append(process)
        return found

    def kill(self, whom: str, chance: random.Random) -> tuple[str, list[psutil.Process]]:
        """SIGKILL of a job, of Snakemake or of both; whom it hit, and the jobs that go on without Snakemake."""
        self.snakemake.suspend()  # so that no job starts meanwhile
        jobs = self.jobs()
        if whom == "job" and jobs:
            job = chance.choice(jobs)
            name = Path(job.cmdline()[1]).suffixes[-2][1:]
            job.kill()
            self.snakemake.resume()
            self.snakemake.wait()
            return name, []
        self.snakemake.kill()
        self.snakemake.wait()
        if whom != "both":
            return "snakemake", jobs
        for job in jobs:
            job.kill()
        return "snakemake and its jobs", []


def test_a_study_killed_at_random_moments_ends_like_one_left_alone(undisturbed, tmp_path):
    chance = random.Random(SEED)
    study = Study(undisturbed.project, tmp_path / "disturbed", undisturbed.base)
    # So many jobs end between two kills at most: they fall on all of the study, however fast this machine is just now.
    benchmarks = [*(undisturbed.folder / "results/benchmarks").rglob("*.tsv")]
    most_jobs = 2 * len(benchmarks) // max(KILLS, 1)
    longest = 2 * statistics.mean(float(csv_rows(table.read_bytes(), "\t")[0]["s"]) for table in benchmarks)
    kills, orphans, rounds = Counter(), [], 0
    try:
        while rounds == 0 or kills.total() < KILLS:
            rounds += 1
            shutil.rmtree(study.folder, ignore_errors=True)
            shutil.copytree(undisturbed.folder / "native", study.folder / "native")
            while True:
                run = Run(study)
                if kills.total() < KILLS and lasts(run, chance.randint(0, most_jobs), chance.uniform(0, longest)):
                    whom, left = run.kill(chance.choice(["job", "snakemake", "both"]), chance)
                    kills[whom] += 1
                    orphans += left
                    print(f"kill {kills.total()}: {whom}, leaving {len(left)} jobs", flush=True)
                    if whom.startswith("snakemake"):
                        unlocked = study.snakemake("--unlock")
                        assert unlocked.returncode == 0, unlocked.stdout + unlocked.stderr
                elif run.snakemake.wait() == 0:
                    break
                else:
                    pytest.fail(f"nothing was killed, but Snakemake failed:\n{run.output.read_text()[-5000:]}")
            assert not alive(orphans)
            assert study.to_be_run() == set()
            compare(undisturbed.folder / "results", study.folder / "results")
            remaining = [path for path in (study.folder / "checkpoints").rglob("*") if path.is_file()]
            assert {path.parent.suffix for path in remaining} == {".made"}  # no checkpoint, and what trainings made
    finally:
        for orphan in alive(orphans):
            orphan.kill()
    print(f"seed {SEED}: {kills.total()} kills in {rounds} rounds: {dict(sorted(kills.items()))}")
    waited = study.folder.rglob("*.log")
    print(
        f"{sum('waiting for it to end' in log.read_text() for log in waited)} jobs of the last round waited for another"
    )


def lasts(run: Run, jobs: int, seconds: float) -> bool:
    """Wait until so many jobs have ended, one runs, and that many seconds more; whether the run goes on then."""
    end = None
    while run.snakemake.poll() is None and (end is None or time.monotonic() < end):
        if end is None and run.finished() >= jobs and run.jobs():
            end = time.monotonic() + seconds
        time.sleep(0.05)
    return run.snakemake.poll() is None


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [process for process in processes if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def compare(expected: Path, found: Path) -> None:
    """The same files with the same bytes, but for benchmarks and for columns and fields that hold seconds."""
    names = [{p.relative_to(f).as_posix() for p in f.rglob("*") if p.is_file()} for f in (expected, found)]
    names = [
        {name for name in part if not name.startswith(("benchmarks/", "predictions/", "report"))} for part in names
    ]
    assert names[1] <= names[0]  # other tests may have left runs of their own in the finished study
    differ = [n for n in sorted(names[1]) if timeless(expected / n) != timeless(found / n)]
    assert not differ
    print(f"{len(names[1])} files compared")


def timeless(path: Path) -> object:
    if path.name == "metrics.json":
        return {key: value for key, value in json.loads(path.read_text()).items() if key not in SECONDS}
    if path.name in ("history.tsv", "scores.csv"):
        rows = csv_rows(path.read_bytes(), "\t" if path.suffix == ".tsv" else ",")
        return [{key: value for key, value in row.items() if key not in SECONDS} for row in rows]
    return path.read_bytes()


def csv_rows(content: bytes, delimiter: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode()), delimiter=delimiter))
