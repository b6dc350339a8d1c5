"""What fails under a study: full disk, closed files and folders, a clock set back, two Snakemakes. One clear message each,
and nothing that is corrupt afterwards.
"""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests.rules.conftest import ROOT, Study
from tests.rules.test_chaos import timeless

pytestmark = pytest.mark.workflow

RUN = "results/runs/DISO/toy/baseline/share60/seed1"
# Root may read and write everything; without these capabilities it may not.
CLOSED = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"]


@pytest.fixture
def study(finished, tmp_path):
    """A copy of the finished study, to be spoiled."""
    return copied(finished, tmp_path / "work")


def copied(finished, folder):
    """The study, without what would spare it a training."""
    shutil.copytree(finished.folder, folder, ignore=shutil.ignore_patterns("checkpoints"))
    return Study(finished.project, folder, finished.base)


def unprivileged(study, command):
    if os.getuid() == 0 and not shutil.which("setpriv"):
        pytest.skip("root may read and write everything, and setpriv of util-linux is not there to change that")
    command = [*(CLOSED if os.getuid() == 0 else []), *command]
    return subprocess.run(command, capture_output=True, text=True, cwd=study.project, timeout=900, check=False)


def same(one, other, folder=RUN):
    names = sorted(path.name for path in (one.folder / folder).iterdir())
    assert names == sorted(path.name for path in (other.folder / folder).iterdir())
    assert all(timeless(one.folder / folder / name) == timeless(other.folder / folder / name) for name in names)


def test_a_full_disk_stops_a_training_which_goes_on_when_there_is_room(finished, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("a small disk is a mount, and that takes root")
    try:
        study = copied(finished, disk / "work")
        shutil.rmtree(study.folder / RUN)
        room = os.statvfs(disk)
        with (disk / "filler").open("wb") as filler:
            filler.write(bytes(room.f_bavail * room.f_frsize - 100_000))
        stopped = study.snakemake(f"{RUN}/metrics.json")
        said = stopped.stdout + stopped.stderr
        assert stopped.returncode != 0
        assert re.search(r"finetune: .*No space left on device.*; make room on that disk, then run again", said), said
        assert not list((study.folder / RUN).glob("*"))
        (disk / "filler").unlink()
        assert study.snakemake("--unlock").returncode == 0
        resumed = study.snakemake(f"{RUN}/metrics.json")
        assert resumed.returncode == 0, resumed.stdout + resumed.stderr
        same(finished, study)
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize("part", [".", "results", "results/figures"])
def test_a_folder_that_cannot_be_written_stops_before_any_job(study, part):
    closed = study.folder / part
    command = study.command("--forcerun", "figure1_architecture")
    closed.chmod(0o555)
    try:
        result = unprivileged(study, command)
    finally:
        closed.chmod(0o755)
    said = result.stdout + result.stderr
    assert result.returncode != 0
    assert f"{closed.resolve()} cannot be written; correct that, or choose another folder with --directory" in said
    assert "Traceback" not in said
    assert study.to_be_run() == set()


def test_a_file_that_cannot_be_read_stops_before_any_job(study):
    native = study.folder / "native/cdr_like.PubTator.txt"
    native.chmod(0)
    result = unprivileged(study, study.command("--dry-run"))
    said = result.stdout + result.stderr
    assert result.returncode != 0
    assert "corpora.toy.path: native/cdr_like.PubTator.txt cannot be read; correct its permissions" in said
    assert "Traceback" not in said


def test_a_clock_set_back_reruns_nothing(study):
    """Files of the user's and of the study from the future, as the clock says after it was set back by a day."""
    tomorrow = time.time() + 86_400
    paths = [p for place in ("native", "results/conll", "results/vectors") for p in (study.folder / place).rglob("*")]
    for path in paths:
        os.utime(path, (tomorrow, tomorrow))
    assert len(paths) > 10
    assert study.to_be_run() == set()


def test_durations_come_from_a_clock_that_cannot_be_set_back():
    code = [path for folder in ("model", "workflow_scripts") for path in (ROOT / folder).rglob("*.py")]
    users = sorted(path.name for path in code if re.search(r"\btime\.time\(|datetime\.now\(", path.read_text()))
    assert users == ["progress.py", "provenance.py"]  # the age of logs, the report's date


def test_a_second_snakemake_is_refused_and_the_first_one_ends_well(finished, study):
    shutil.rmtree(study.folder / RUN)
    command = study.command(f"{RUN}/metrics.json")
    first = psutil.Popen(command, cwd=study.project, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    locks = Path(study.folder / ".snakemake/locks")
    while first.poll() is None and not (locks.exists() and any(locks.iterdir())):
        time.sleep(0.02)
    first.suspend()  # with its lock
    try:
        second = study.snakemake(f"{RUN}/metrics.json")
    finally:
        first.resume()
    output = first.communicate(timeout=600)[0].decode()
    assert first.returncode == 0, output
    assert second.returncode != 0
    assert "Directory cannot be locked" in second.stdout + second.stderr
    assert "Traceback" not in second.stdout + second.stderr
    same(finished, study)


LOG = Path(f"logs/finetune/{RUN.removeprefix('results/runs/')}.log")


def orphan_of(study):
    """The training of RUN, suspended, whose Snakemake was killed."""
    shutil.rmtree(study.folder / RUN)
    command = study.command(f"{RUN}/metrics.json", config={})
    first = psutil.Popen(command, cwd=study.project, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    lock = study.folder / LOG.with_name(f".{LOG.name}.lock")
    while not lock.read_text().startswith("process "):
        assert first.poll() is None
        time.sleep(0.02)
    orphan = psutil.Process(int(lock.read_text().split()[1]))
    assert orphan in first.children(recursive=True)
    orphan.suspend()
    first.kill()
    first.wait()
    assert study.snakemake("--unlock").returncode == 0
    return orphan


def test_an_orphaned_training_that_ends_before_the_next_start_is_not_done_again(finished, study):
    orphan = orphan_of(study)
    orphan.resume()
    psutil.wait_procs([orphan], timeout=600)
    made = (study.folder / RUN / "metrics.json").read_bytes()  # with its seconds
    result = study.snakemake(f"{RUN}/metrics.json", config={})
    assert result.returncode == 0, result.stdout + result.stderr
    assert "not trained again" in (study.folder / LOG).read_text()
    assert (study.folder / RUN / "metrics.json").read_bytes() == made
    same(finished, study)


def test_an_orphaned_training_and_its_second_start_are_never_at_work_together(finished, study):
    log, orphan = study.folder / LOG, orphan_of(study)
    command = study.command(f"{RUN}/metrics.json", config={})
    try:
        second = psutil.Popen(command, cwd=study.project, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        waiting = f"process {orphan.pid} on "
        while second.poll() is None and not (log.exists() and waiting in log.read_text()):
            time.sleep(0.05)
    finally:
        orphan.resume()
    output = second.communicate(timeout=600)[0].decode()
    assert second.returncode == 0, output
    assert waiting in output
    assert "has made the outputs" in output
    same(finished, study)
