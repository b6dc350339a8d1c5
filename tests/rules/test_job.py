"""What a rule's script does around its call: alone, in one line when it fails."""

import errno
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

import digests
import job as job_module

SCRIPTS = Path(__file__).parents[2] / "workflow_scripts"


def test_code_that_has_changed_since_the_plan_stops_a_job() -> None:
    starts = ["workflow_scripts/convert_corpus.py", "workflow_scripts/corpora/readers/pubtator.py"]
    digest = digests.code_digest(SCRIPTS.parent, *starts)
    job_module._check_code([digest, *starts, "read_pubtator"])
    job_module._check_code(None)
    with pytest.raises(ValueError, match=r"convert_corpus\.py or what it imports has changed since Snakemake started"):
        job_module._check_code([digest, starts[0], "read_pubtator"])


# A job that says when it has begun, and ends when it is told to or fails as it is told to.
JOB = """
import errno, os, sys, time, warnings
from pathlib import Path
from types import SimpleNamespace
import job as job_module
from job import run

class Named(list):
    def items(self):
        return [("seed", sys.argv[1])]

    def get(self, name):
        return ["0" * 64, "workflow_scripts/job.py"] if sys.argv[2:] == ["other code"] else None

ERRORS = {
    "bad input": ValueError("a.txt:3: no number\\n; correct it"),
    "forged": ValueError("label 'x\\x1b[2J\\u2028\\x85' ERROR"),
    "full disk": OSError(errno.ENOSPC, "No space left on device"),
    "closed disk": OSError(errno.EROFS, "Read-only file system", "results"),
    "our fault": KeyError("label"),
}

def main(job):
    with open("begun", "a") as file:
        file.write(f"{os.getpid()}\\n")
    if sys.argv[2:] not in ([], ["no power"]):
        raise ERRORS[sys.argv[2]]
    while not Path("go").exists():
        time.sleep(0.02)
    warnings.warn("overflow", RuntimeWarning)
    for name in ("output", "more"):
        Path(name).write_text(str(os.getpid()))
    if sys.argv[2:] == ["no power"]:
        job_module._to_disk = lambda outputs: os.kill(os.getpid(), 9)

given = {"log": ["logs/toy.log"], "rule": "toy", "params": Named(), "threads": 1, "resources": {}}
run(main, SimpleNamespace(input=["input"], output=["output", "more"], **given))
"""


@pytest.fixture
def start(tmp_path):
    """A function that starts the job with a seed, and perhaps an error to raise; what still runs is ended after."""
    (tmp_path / "input").write_text("data")
    started = []

    def begin(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-c", JOB, *arguments],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(SCRIPTS)},
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def until(condition):
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("waited for a minute")


def lines(path):
    return path.read_text().splitlines() if path.exists() else []


def waits(folder):
    return any("waiting for it to end" in line for line in lines(folder / "logs/toy.log"))


def test_a_second_start_waits_and_takes_what_the_first_made(tmp_path, start):
    first = start("1")
    until(lambda: lines(tmp_path / "begun"))
    (tmp_path / "logs/toy.log").unlink()  # as Snakemake does before an attempt
    second = start("1")
    until(lambda: waits(tmp_path))
    assert f"process {first.pid} on " in (tmp_path / "logs/toy.log").read_text()
    (tmp_path / "go").touch()
    assert (first.wait(60), second.wait(60)) == (0, 0)
    assert lines(tmp_path / "begun") == lines(tmp_path / "output") == [str(first.pid)]


@pytest.mark.parametrize("change", ["seed", "input", "no output"])
def test_a_second_start_of_something_else_does_it_all(tmp_path, start, change):
    first = start("1")
    until(lambda: lines(tmp_path / "begun"))
    if change == "input":
        (tmp_path / "input").write_text("other data")
    second = start("2" if change == "seed" else "1")
    until(lambda: waits(tmp_path))
    (tmp_path / "go").touch()
    if change == "no output":
        (tmp_path / "go").unlink()
        first.kill()
        until(lambda: len(lines(tmp_path / "begun")) == 2)
        (tmp_path / "go").touch()
    assert second.wait(60) == 0
    assert lines(tmp_path / "begun") == [str(first.pid), str(second.pid)]
    assert lines(tmp_path / "output") == [str(second.pid)]


def test_outputs_that_may_not_be_on_the_disk_are_made_again(tmp_path, start):
    (tmp_path / "go").touch()
    killed = start("1", "no power")
    assert killed.wait(60) == -signal.SIGKILL
    second = start("1")  # the outputs are there, and nobody said that they are safe
    assert second.wait(60) == 0
    assert lines(tmp_path / "output") == [str(second.pid)]
    third = start("1")
    assert third.wait(60) == 0
    assert lines(tmp_path / "output") == [str(second.pid)]


def test_outputs_are_flushed_once_a_folder_and_a_failure_is_told(tmp_path, monkeypatch):
    flushed, code = [], 0

    def syncfs(descriptor):
        flushed.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        return code

    monkeypatch.setattr(job_module.ctypes, "CDLL", lambda _name: SimpleNamespace(syncfs=syncfs))
    (tmp_path / "b").mkdir()
    outputs = [tmp_path / "one", tmp_path / "two", tmp_path / "b/three"]
    job_module._to_disk(outputs)
    assert flushed == [tmp_path, tmp_path / "b"]
    code = -1
    with pytest.raises(OSError, match="did not reach the disk"):
        job_module._to_disk(outputs)


def test_where_a_file_system_has_no_locks_a_warning_says_so(tmp_path, monkeypatch, caplog):
    def fails(*_arguments):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(job_module.fcntl, "flock", fails)
    number = errno.ENOLCK
    with job_module.alone(tmp_path / "lock") as record:
        assert record.read() == ""
    assert "this file system has no locks" in caplog.text
    number = errno.EIO
    with pytest.raises(OSError, match=os.strerror(errno.EIO)), job_module.alone(tmp_path / "lock"):
        pass


def test_a_killed_job_lets_go(tmp_path, start):
    first = start("1")
    until(lambda: lines(tmp_path / "begun"))
    first.send_signal(signal.SIGKILL)
    first.wait()
    (tmp_path / "go").touch()
    second = start("1")
    assert second.wait(60) == 0
    assert lines(tmp_path / "output") == [str(second.pid)]
    assert not waits(tmp_path)


def test_a_warning_is_one_line_that_says_where(tmp_path, start):
    (tmp_path / "go").touch()
    job = start("1")
    assert re.fullmatch(r"toy: <string>:\d+: RuntimeWarning: overflow\n", job.communicate(timeout=60)[1])
    assert job.returncode == 0


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("bad input", "toy: a.txt:3: no number ; correct it"),
        ("forged", r"toy: label 'x\x1b[2J\u2028\x85' ERROR"),
        ("full disk", "make room on that disk, then run again"),
        ("closed disk", "choose a folder that can be written"),
    ],
)
def test_bad_input_and_a_failing_system_end_in_one_line(tmp_path, start, error, said):
    job = start("1", error)
    stderr = job.communicate(timeout=60)[1]
    assert job.returncode == 1
    assert said in stderr
    assert stderr.count("\n") == 1
    assert "Traceback" in (tmp_path / "logs/toy.log").read_text()


def test_a_fault_of_ours_shows_its_traceback_and_ends_the_job(tmp_path, start):
    job = start("1", "our fault")
    stderr = job.communicate(timeout=60)[1]
    assert job.returncode == 1
    assert "toy: unexpected failure; please report it with logs/toy.log" in stderr
    for text in (stderr, (tmp_path / "logs/toy.log").read_text()):
        assert "Traceback" in text and text.rstrip().endswith("KeyError: 'label'")


def test_other_code_than_was_planned_with_makes_nothing(tmp_path, start):
    job = start("1", "other code")
    stderr = job.communicate(timeout=60)[1]
    assert (job.returncode, lines(tmp_path / "begun")) == (1, [])
    assert "workflow_scripts/job.py or what it imports has changed since Snakemake started; run again" in stderr
