"""Slots on GPUs: which devices a job may see, who gets which, and that no two jobs hold one slot. No GPU is needed."""

import errno
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

import gpu

SCRIPTS = Path(__file__).parents[2] / "workflow_scripts"
LISTING = """GPU 0: NVIDIA A100 (UUID: GPU-a)
  MIG 1g.10gb     Device  0: (UUID: MIG-0)
GPU 1: NVIDIA A100 (UUID: GPU-b)
"""


@pytest.fixture
def program(tmp_path, monkeypatch):
    """A stand-in for nvidia-smi that lists two GPUs."""
    file = tmp_path / "bin/nvidia-smi"
    file.parent.mkdir()
    file.write_text(f"#!/bin/sh\ncat <<'END'\n{LISTING}END\n")
    file.chmod(0o755)
    monkeypatch.setenv("PATH", f"{file.parent}{os.pathsep}{os.environ['PATH']}")
    return file


def test_gpus_are_listed_in_the_order_of_their_numbers(program):
    assert gpu.installed() == ["GPU-a", "GPU-b"]


def test_a_machine_without_a_gpu_has_none(program, monkeypatch):
    program.write_text("#!/bin/sh\necho 'no driver' >&2\nexit 9\n")
    assert gpu.installed() == []
    monkeypatch.setenv("PATH", "/nowhere")
    assert gpu.installed() == []


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (None, ["GPU-a", "GPU-b"]),
        ("1", ["GPU-b"]),
        ("1, 0", ["GPU-b", "GPU-a"]),
        ("GPU-b", ["GPU-b"]),
        ("MIG-GPU-x/1/0", ["MIG-GPU-x/1/0"]),
        ("0,-1,1", ["GPU-a"]),
        ("", []),
        ("-1", []),
        ("NoDevFiles", []),
        ("2", []),
        ("0,0", ["GPU-a"]),
        ("GPU-b x,0", []),
        ("../../etc", []),
    ],
)
def test_the_devices_that_a_cluster_chose_are_kept(chosen, expected):
    assert gpu.visible(["GPU-a", "GPU-b"], chosen) == expected


def test_jobs_spread_over_the_devices_before_they_share_one(tmp_path):
    with ExitStack() as jobs:
        taken = [jobs.enter_context(gpu.slot(["a", "b"], 2, folder=tmp_path)) for _ in range(4)]
    assert taken == ["a", "b", "a", "b"]


def test_a_job_goes_where_most_slots_are_free(tmp_path):
    first, second, third = (gpu.slot(["a", "b"], 2, folder=tmp_path) for _ in range(3))
    assert [job.__enter__() for job in (first, second, third)] == ["a", "b", "a"]
    second.__exit__(None, None, None)
    with gpu.slot(["a", "b"], 2, folder=tmp_path) as device, gpu.slot(["a", "b"], 2, folder=tmp_path) as other:
        assert [device, other] == ["b", "a"] or [device, other] == ["b", "b"]
    for job in (first, third):
        job.__exit__(None, None, None)


def test_without_a_device_nothing_is_locked(tmp_path):
    with gpu.slot([], 1, folder=tmp_path / "none") as device:
        assert device is None
    assert not (tmp_path / "none").exists()


HOLD = """
import sys, time, gpu
from pathlib import Path
folder, slots = Path(sys.argv[1]), int(sys.argv[2])
with gpu.slot(["a", "b"], slots, folder=folder, seconds=0.05) as device:
    print(device, flush=True)
    began = time.time()
    time.sleep(float(sys.argv[3]))
    (folder / f"{time.time_ns()}.times").write_text(f"{device} {began} {time.time()}")
"""


def holder(folder, slots, seconds):
    command = [sys.executable, "-c", HOLD, str(folder), str(slots), str(seconds)]
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


@pytest.mark.parametrize("slots", [1, 2])
def test_no_more_jobs_share_a_device_than_it_has_slots(tmp_path, slots):
    jobs = [holder(tmp_path, slots, 0.3) for _ in range(10)]
    assert [job.wait(timeout=120) for job in jobs] == [0] * 10
    times = [file.read_text().split() for file in tmp_path.glob("*.times")]
    assert len(times) == 10
    together = {
        (device, began): sum(
            other == device and float(start) <= float(began) < float(end) for other, start, end in times
        )
        for device, began, _ in times
    }
    assert max(together.values()) == slots
    assert {device for device, _ in together} == {"a", "b"}


def test_a_killed_job_leaves_its_slot_to_one_that_waits(tmp_path):
    killed = [holder(tmp_path, 1, 600) for _ in range(2)]
    assert sorted(job.stdout.readline().strip() for job in killed) == ["a", "b"]
    waiting = holder(tmp_path, 1, 0)
    time.sleep(0.5)
    assert waiting.poll() is None
    killed[1].send_signal(signal.SIGKILL)
    assert waiting.stdout.readline().strip() in ("a", "b")
    assert waiting.wait(timeout=60) == 0
    killed[0].kill()


def test_where_a_file_system_has_no_locks_trainings_may_share(tmp_path, monkeypatch, caplog):
    def no_locks(*_arguments):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(gpu.fcntl, "flock", no_locks)
    taken = set()
    for process in (70, 71):  # by their numbers they spread
        monkeypatch.setattr(gpu.os, "getpid", lambda process=process: process)
        with gpu.slot(["a", "b"], 1, folder=tmp_path) as device:
            taken.add(device)
    assert taken == {"a", "b"}
    assert "no locks there" in caplog.text


def test_jobs_of_a_user_share_a_folder_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu.tempfile, "gettempdir", lambda: str(tmp_path))
    with gpu.slot(["a"], 2) as first, gpu.slot(["a"], 2) as second:
        assert (first, second) == ("a", "a")
    [folder] = tmp_path.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700


def test_the_folder_of_another_user_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu.tempfile, "gettempdir", lambda: str(tmp_path))
    with gpu.slot(["a"], 1):
        assert {path.name for path in (tmp_path / f"gpu-slots-{os.getuid()}").iterdir()} == {"turn", "a.slot0"}
    monkeypatch.setattr(gpu.os, "getuid", lambda: 12345)
    with pytest.raises(PermissionError, match="gpu-slots-12345 belongs to another user"), gpu.slot(["a"], 1):
        pass


def test_the_job_sees_its_device_alone(program, tmp_path, monkeypatch):
    monkeypatch.setattr(gpu.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    with gpu.of_its_own(1):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "GPU-b"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "NoDevFiles")
    with gpu.of_its_own(1):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "NoDevFiles"
