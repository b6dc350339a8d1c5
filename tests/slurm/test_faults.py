"""Trainings of the finished demonstration that are cancelled, or run out of time or memory; two GPUs."""

import os
import re
import shutil
import signal
from pathlib import Path

import psutil
import pytest

from tests.slurm.conftest import ROOT, Run, SlurmJob, eventually, jobs, text_of

pytestmark = pytest.mark.usefixtures("two_gpus")
LONG = (1, 30)  # epochs that leave time to disturb a training
LIMITS = ["00:01:00", "00:02:00", "00:04:00"]
RUNS = "LIVB/field_notes/baseline/share60"


def target(seed: int) -> str:
    return f"results/runs/{RUNS}/seed{seed}/metrics.json"


def log(folder: Path, seed: int) -> str:
    return (folder / f"logs/finetune/{RUNS}/seed{seed}.log").read_text()


def submitted_after(before: list[SlurmJob]) -> list[SlurmJob]:
    return jobs()[len(before) :]


@pytest.fixture
def project(tmp_path):
    """A function that copies the project, with other first values for the resources of a training."""

    def copy(**first: int) -> Path:
        folder = tmp_path / "project"
        for part in (
            "Snakefile",
            "config.yaml",
            "requirements.lock",
            "rules",
            "workflow_scripts",
            "model",
            "envs",
            "profiles",
        ):
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy2
            folder.mkdir(exist_ok=True)
            copy(ROOT / part, folder / part)
        rules = folder / "rules/train.smk"
        before, training = rules.read_text().split("rule finetune:")
        for name, value in first.items():
            training = re.sub(rf"{name}=doubling\([^)]*\)", f"{name}=doubling({value})", training, count=1)
        rules.write_text(f"{before}rule finetune:{training}")
        return folder

    return copy


def checkpoint(folder: Path, seed: int) -> Path:
    return folder / f"checkpoints/runs/{RUNS}/seed{seed}.safetensors"


def test_two_trainings_at_once_have_a_gpu_each(demo):
    before = jobs()

    def devices() -> set[str]:  # of the two, while both run: Slurm forgets them when a job ends
        running = [job for job in submitted_after(before) if job.state == "RUNNING"]
        return {job.fields["GRES"] for job in running} if len(running) == 2 else set()

    with Run(demo.folder, target(11), target(12)) as run:
        assert eventually(devices) == {"gpu:1(IDX:0)", "gpu:1(IDX:1)"}
        run.wait()


def test_a_cancelled_training_is_submitted_again_and_goes_on(demo):
    before = jobs()
    with Run(demo.folder, target(13), epochs=LONG) as run:
        eventually(checkpoint(demo.folder, 13).exists)
        text_of("scancel", submitted_after(before)[0].id)
        run.wait()
    assert [job.state for job in submitted_after(before)] == ["CANCELLED", "COMPLETED"]
    assert re.search(r"goes on after epoch [1-9]", log(demo.folder, 13))
    assert not checkpoint(demo.folder, 13).exists()


def test_a_requeued_training_goes_on_in_the_same_job(demo):
    before = jobs()
    with Run(demo.folder, target(14), epochs=LONG) as run:
        eventually(checkpoint(demo.folder, 14).exists)
        text_of("scontrol", "requeue", submitted_after(before)[0].id)
        eventually(lambda: submitted_after(before)[0].state == "PENDING")
        text_of("scontrol", "update", f"jobid={submitted_after(before)[0].id}", "starttime=now")  # else minutes later
        run.wait()
    (job,) = submitted_after(before)
    assert (job.state, job.fields["Restarts"]) == ("COMPLETED", "1")
    assert re.search(r"goes on after epoch [1-9]", log(demo.folder, 14))


def test_a_training_out_of_time_gets_twice_the_time_and_goes_on(demo, project):
    before = jobs()
    with Run(demo.folder, target(15), epochs=LONG, project=project(runtime=1)) as run:
        eventually(checkpoint(demo.folder, 15).exists)
        for process in psutil.process_iter(["cmdline"]):  # stopped, so that the minute passes on a fast machine too
            if re.search(rf"{re.escape(str(demo.folder))}.*finetune\.py", " ".join(process.info["cmdline"] or [])):
                os.kill(process.pid, signal.SIGSTOP)
        run.wait()
    # A slow machine may need more than the two attempts that a fast one does.
    *stopped, last = submitted_after(before)
    assert [job.state for job in (*stopped, last)] == ["TIMEOUT"] * max(1, len(stopped)) + ["COMPLETED"]
    assert [job.fields["TimeLimit"] for job in (*stopped, last)] == LIMITS[: 1 + len(stopped)]
    assert re.search(r"goes on after epoch [1-9]", log(demo.folder, 15))


def test_a_training_out_of_memory_gets_twice_the_memory(demo, project):
    before = jobs()
    with Run(demo.folder, target(16), project=project(mem_mb=300)) as run:
        run.wait()
    *failed, last = submitted_after(before)
    assert [job.fields["MinMemoryNode"] for job in (*failed, last)] == ["300M", "600M", "1200M"][: 1 + len(failed)]
    assert failed
    assert last.state == "COMPLETED"
    assert all("emory limit" in Path(job.fields["StdOut"]).read_text() for job in failed)
