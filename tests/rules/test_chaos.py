"""SIGKILL at random moments, the same command again: the results are those of a run that nobody disturbed.

`make chaos` does it CHAOS_KILLS times to the demonstration, at moments drawn by CHAOS_SEED; and as root on Linux as many
times more by a failure of the power, after which a disk holds what it was told to keep, and little else.
"""

import csv
import fcntl
import io
import json
import os
import random
import shutil
import statistics
import struct
import subprocess
import time
from collections import Counter
from collections.abc import Callable
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
    most_jobs, longest = between_kills(undisturbed)
    kills, orphans, rounds = Counter(), [], 0

    def kill(run):
        if kills.total() >= KILLS or not lasts(run, chance.randint(0, most_jobs), chance.uniform(0, longest)):
            return False
        whom, left = run.kill(chance.choice(["job", "snakemake", "both"]), chance)
        kills[whom] += 1
        orphans.extend(left)
        print(f"kill {kills.total()}: {whom}, leaving {len(left)} jobs", flush=True)
        if whom.startswith("snakemake"):
            unlock(study)
        return True

    try:
        while rounds == 0 or kills.total() < KILLS:
            rounds += 1
            shutil.rmtree(study.folder, ignore_errors=True)
            shutil.copytree(undisturbed.folder / "native", study.folder / "native")
            run_to_its_end(study, kill)
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


class Disk:
    """A disk of its own, a file with ext4 that is mounted while the `with` lasts."""

    def __init__(self, folder: Path) -> None:
        self.image, self.folder = folder / "image", folder / "disk"

    def __enter__(self) -> "Disk":
        self.folder.mkdir(parents=True)
        with self.image.open("wb") as image:
            image.truncate(6 << 30)
        subprocess.run(["mkfs.ext4", "-q", self.image], check=True)
        self.mount()
        return self

    def __exit__(self, *_: object) -> None:
        self.unmount()
        self.image.unlink()

    def mount(self) -> None:
        subprocess.run(["mount", "-o", "loop", self.image, self.folder], check=True)

    def unmount(self) -> None:
        """After all that run there have been killed."""
        for _ in range(50):
            for process in psutil.process_iter():
                try:
                    if str(self.folder) in " ".join([process.cwd(), *process.cmdline()]):
                        process.kill()
                except psutil.Error:
                    pass
            if subprocess.run(["umount", self.folder], capture_output=True, check=False).returncode == 0:
                return
            time.sleep(0.2)
        pytest.fail(f"{self.folder} cannot be unmounted")

    def lose_power(self) -> None:
        """From now on nothing reaches the disk, what waits in its journal neither; then it is there again."""
        descriptor = os.open(self.folder, os.O_RDONLY)
        fcntl.ioctl(descriptor, 0x8004587D, struct.pack("I", 2))  # EXT4_IOC_SHUTDOWN, without flushing the journal
        os.close(descriptor)
        self.unmount()
        self.mount()


@pytest.mark.skipif(not ON_DEMO or os.geteuid() != 0, reason="mounts a disk: `make chaos` does so as root")
def test_a_study_whose_power_fails_at_random_moments_ends_like_one_left_alone(undisturbed, tmp_path):
    chance = random.Random(SEED)
    most_jobs, longest = between_kills(undisturbed)
    cuts, rounds = 0, 0

    def cut(run):
        nonlocal cuts
        if cuts >= KILLS or not lasts(run, chance.randint(0, most_jobs), chance.uniform(0, longest)):
            return False
        disk.lose_power()
        run.snakemake.wait()
        cuts += 1
        print(f"cut {cuts}", flush=True)
        unlock(study)
        return True

    with Disk(tmp_path / "power") as disk:
        while rounds == 0 or cuts < KILLS:
            rounds += 1
            for part in ("project", "study"):
                shutil.rmtree(disk.folder / part, ignore_errors=True)
            study = Study(copy_of_project(disk.folder / "project"), disk.folder / "study", undisturbed.base)
            shutil.copytree(undisturbed.folder / "native", study.folder / "native")
            study.command()  # writes the overlay
            os.sync()
            run_to_its_end(study, cut)
            assert study.to_be_run() == set()
            compare(undisturbed.folder / "results", study.folder / "results")
    print(f"seed {SEED}: {cuts} cuts in {rounds} rounds")


def run_to_its_end(study: Study, disturb: Callable[[Run], bool]) -> None:
    """The same command again for as long as `disturb` says that it has ended a run."""
    while disturb(run := Run(study)):
        pass
    if run.snakemake.wait():
        pytest.fail(f"nothing disturbed it, but Snakemake failed:\n{run.output.read_text()[-5000:]}")


def unlock(study: Study) -> None:
    unlocked = study.snakemake("--unlock")
    assert unlocked.returncode == 0, unlocked.stdout + unlocked.stderr


def between_kills(study: Study) -> tuple[int, float]:
    """Jobs that end between two kills at most, and seconds more.

    So they fall on all of the study, however fast this machine is just now.
    """
    benchmarks = [*(study.folder / "results/benchmarks").rglob("*.tsv")]
    longest = 2 * statistics.mean(float(csv_rows(table.read_bytes(), "\t")[0]["s"]) for table in benchmarks)
    return 2 * len(benchmarks) // max(KILLS, 1), longest


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
