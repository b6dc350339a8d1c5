"""Trainings of the real Snakefile that share a GPU, or have one each. The GPUs are a stand-in for nvidia-smi."""

import re

import pytest

from tests.rules.conftest import stand_in_gpus

pytestmark = pytest.mark.workflow
RUN = "DISO/toy/baseline/share60/seed{}"


@pytest.fixture
def gpus(tmp_path, monkeypatch):
    """A function that gives this machine GPUs of these names."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return lambda *names: monkeypatch.setenv("PATH", stand_in_gpus(tmp_path, *names))


def trained(study, seeds, *arguments, slots):
    """The order in which two trainings began and ended, and the GPUs on which they ran."""
    config = {"study": {"seeds": seeds}, "training": {"slots_per_gpu": slots}}
    targets = [f"results/runs/{RUN.format(seed)}/metrics.json" for seed in seeds]
    result = study.snakemake(*arguments, "--", *targets, config=config)
    assert result.returncode == 0, result.stdout + result.stderr
    events = re.findall(r"^(?:local)?(rule finetune|Finished)", result.stdout + result.stderr, flags=re.MULTILINE)
    logs = [(study.folder / f"logs/finetune/{RUN.format(seed)}.log").read_text() for seed in seeds]
    return events, [re.search(r"computes on (\S+)", log)[1] for log in logs]


def provided(result):
    """The GPUs that Snakemake's scheduler counts with."""
    assert result.returncode == 0, result.stdout + result.stderr
    return int(re.search(r"Provided resources: gpu=\D*(\d+)", result.stdout + result.stderr)[1])


def test_one_gpu_with_one_slot_takes_one_training_after_another(finished, gpus):
    gpus("stand-in-a", "stand-in-b")
    events, devices = trained(finished, [31, 32], "--resources", "gpu=1", slots=1)
    assert events == ["rule finetune", "Finished"] * 2
    assert devices == ["stand-in-a", "stand-in-a"]


def test_one_gpu_with_two_slots_takes_two_trainings_at_once(finished, gpus):
    gpus("stand-in-a")
    events, devices = trained(finished, [33, 34], "--resources", "gpu=1", slots=2)
    assert events == ["rule finetune"] * 2 + ["Finished"] * 2
    assert devices == ["stand-in-a", "stand-in-a"]


def test_two_gpus_take_a_training_each(finished, gpus):
    gpus("stand-in-a", "stand-in-b")
    events, devices = trained(finished, [35, 36], "--resources", "gpu=2", slots=1)
    assert events == ["rule finetune"] * 2 + ["Finished"] * 2
    assert set(devices) == {"stand-in-a", "stand-in-b"}


def test_the_default_profile_counts_its_gpu_in_slots_too(finished):
    config = {"study": {"seeds": [37]}, "training": {"slots_per_gpu": 3}}
    target = f"results/runs/{RUN.format(37)}/metrics.json"
    assert provided(finished.snakemake("--", target, config=config)) == 3


def test_on_a_cluster_a_training_has_a_gpu_to_itself(finished):
    config = {"study": {"seeds": [38]}, "training": {"slots_per_gpu": 3}}
    cluster = ["--executor", "cluster-generic", "--cluster-generic-submit-cmd", "sh", "--jobs", "2"]
    target = f"results/runs/{RUN.format(38)}/metrics.json"
    assert provided(finished.snakemake(*cluster, "--resources", "gpu=2", "--", target, config=config)) == 2


def test_slots_retrain_nothing(finished):
    assert finished.to_be_run(config={"training": {"slots_per_gpu": 4}}) == set()
