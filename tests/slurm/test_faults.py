"""Trainings that are cancelled, requeued, or run out of time or memory, on a node with two GPUs."""

import os
import re
import signal
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.rules.conftest import copy_of_project
from tests.slurm.conftest import Run, SlurmJob, cluster, eventually, jobs, text_of

RUNS = "LIVB/field_notes/baseline/share60"
CANCELLED, REQUEUED, SLOW, LARGE = SEEDS = 11, 12, 13, 14


@dataclass(frozen=True)
class Disturbed:
    """What became of a training for each seed: Slurm's jobs for it, its log, its checkpoint; and the GPUs of pairs."""

    folder: Path
    jobs: dict[int, list[SlurmJob]]
    pairs: set[tuple[str, ...]]

    def log(self, seed: int) -> str:
        return (self.folder / f"logs/finetune/{RUNS}/seed{seed}.log").read_text()


def checkpoint(folder: Path, seed: int) -> Path:
    return folder / f"checkpoints/runs/{RUNS}/seed{seed}.safetensors"


def jobs_of(seed: int) -> list[SlurmJob]:
    return [job for job in jobs() if Path(job.fields["StdOut"]).parent.name.endswith(f"_{seed}")]


def with_limits(project: Path) -> Path:
    """The project with a minute for the slow training and 300 MB for the large one."""
    rules = project / "rules/train.smk"
    before, training = rules.read_text().split("rule finetune:")
    for name, seed, first in [("runtime", SLOW, 1), ("mem_mb", LARGE, 300)]:
        value = f'({first} if wildcards.seed == "{seed}" else 1000) * 2 ** (attempt - 1)'
        before_it, after_it = re.split(rf"{name}=doubling\(.*\)", training, maxsplit=1)
        training = f"{before_it}{name}=lambda wildcards, attempt: {value}{after_it}"
    rules.write_text(f"{before}rule finetune:{training}")
    return project


def stop(job: SlurmJob) -> None:
    """Stop the processes of a training, so that its minute passes on a fast machine too."""
    for process in psutil.process_iter(["environ", "name"]):
        if (process.info["environ"] or {}).get("SLURM_JOB_ID") == job.id and "python" in process.info["name"]:
            os.kill(process.pid, signal.SIGSTOP)


@pytest.fixture(scope="module")
def disturbed(demo, tmp_path_factory):
    """Four trainings of the finished demonstration, each disturbed as soon as it has a checkpoint."""
    folder, pairs = demo.folder, set()
    actions = {
        CANCELLED: lambda job: text_of("scancel", job.id),
        REQUEUED: lambda job: text_of("scontrol", "requeue", job.id),
        SLOW: stop,
    }

    def all_disturbed() -> bool:
        running = [job for job in jobs() if job.state == "RUNNING"]
        if len(running) == 2:
            pairs.add(tuple(sorted(job.fields["GRES"] for job in running)))
        for seed in [seed for seed in actions if checkpoint(folder, seed).exists()]:
            actions.pop(seed)(jobs_of(seed)[-1])
        return not actions

    with cluster(tmp_path_factory.mktemp("two_gpus"), 2):
        targets = [f"results/runs/{RUNS}/seed{seed}/metrics.json" for seed in SEEDS]
        project = with_limits(copy_of_project(tmp_path_factory.mktemp("slurm") / "project"))
        with Run(folder, *targets, epochs=(1, 30), project=project) as run:
            eventually(all_disturbed)
            eventually(lambda: jobs_of(REQUEUED)[0].state == "PENDING")
            text_of("scontrol", "update", f"jobid={jobs_of(REQUEUED)[0].id}", "starttime=now")  # else minutes later
            run.wait()
        return Disturbed(folder, {seed: jobs_of(seed) for seed in SEEDS}, pairs)


def test_two_trainings_at_once_have_a_gpu_each(disturbed):
    assert disturbed.pairs == {("gpu:1(IDX:0)", "gpu:1(IDX:1)")}
    last = [re.search(r"computes on (\S+)", disturbed.log(seed))[1] for seed in SEEDS]  # of the attempts, not all
    assert set(last) <= {"stand-in-0", "stand-in-1"}


def test_a_cancelled_training_is_submitted_again_and_goes_on(disturbed):
    assert [job.state for job in disturbed.jobs[CANCELLED]] == ["CANCELLED", "COMPLETED"]
    assert re.search(r"goes on after epoch [1-9]", disturbed.log(CANCELLED))
    assert not checkpoint(disturbed.folder, CANCELLED).exists()


def test_a_requeued_training_goes_on_in_the_same_job(disturbed):
    (job,) = disturbed.jobs[REQUEUED]
    assert (job.state, job.fields["Restarts"]) == ("COMPLETED", "1")
    assert re.search(r"goes on after epoch [1-9]", disturbed.log(REQUEUED))


def test_a_training_out_of_time_gets_twice_the_time_and_goes_on(disturbed):
    # A slow machine may need more than the two attempts that a fast one does.
    *stopped, last = disturbed.jobs[SLOW]
    assert [job.state for job in (*stopped, last)] == ["TIMEOUT"] * max(1, len(stopped)) + ["COMPLETED"]
    limits = ["00:01:00", "00:02:00", "00:04:00"]
    assert [job.fields["TimeLimit"] for job in (*stopped, last)] == limits[: 1 + len(stopped)]
    assert re.search(r"goes on after epoch [1-9]", disturbed.log(SLOW))


def test_a_training_out_of_memory_gets_twice_the_memory(disturbed):
    *failed, last = disturbed.jobs[LARGE]
    assert [job.fields["MinMemoryNode"] for job in (*failed, last)] == ["300M", "600M", "1200M"][: 1 + len(failed)]
    assert failed
    assert last.state == "COMPLETED"
    assert all("emory limit" in Path(job.fields["StdOut"]).read_text() for job in failed)
