"""A real Slurm on this machine with fake GPUs, and the demonstration run through it with profiles/slurm."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
import yaml

from demo.generate import generate
from tests.rules.conftest import stand_in_gpus

ROOT = Path(__file__).parents[2]
PROGRAMS = ["munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol"]
MISSING = [f"{program} is not installed" for program in PROGRAMS if shutil.which(program) is None]
OBSTACLES = [*MISSING, *(["Slurm's daemons need root"] if os.geteuid() else [])]

# The profile's groups, and fine-tunings in fives, as docs/clusters.md says.
GROUPS = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text())["groups"] | {"finetune": "trainings"}
GROUPED = [
    *("--groups", *(f"{rule}={group}" for rule, group in GROUPS.items())),
    *("--group-components", "corpora=2", "tables=6", "trainings=5"),
    *("--resources", "gpu=1", "--set-resource-scopes", "gpu=local"),
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slurm)
            item.add_marker(pytest.mark.skipif(bool(OBSTACLES), reason=f"no Slurm: {', '.join(OBSTACLES)}"))


def text_of(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def eventually(look: Callable[[], object], seconds: float = 900) -> object:
    """What `look` gives once it gives something."""
    end = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < end, f"{look} gave nothing in {seconds} s"
        time.sleep(0.3)
    return seen


@dataclass(frozen=True)
class SlurmJob:
    """What Slurm says of a job; times in seconds of the epoch, whole ones, and NaN before they are known."""

    fields: dict[str, str]

    @property
    def id(self) -> str:
        return self.fields["JobId"]

    @property
    def state(self) -> str:
        return self.fields["JobState"]

    @property
    def partition(self) -> str:
        return self.fields["Partition"]

    @property
    def start(self) -> float:
        return self._time("StartTime")

    @property
    def end(self) -> float:
        return self._time("EndTime")

    def _time(self, name: str) -> float:
        value = self.fields[name]
        return float("nan") if value == "Unknown" else datetime.fromisoformat(value).timestamp()


def jobs() -> list[SlurmJob]:
    """All jobs of the cluster, finished ones too, in the order of submission."""
    lines = text_of("scontrol", "--details", "--oneliner", "show", "job").split("\n")
    found = [dict(re.findall(r"(?:^| )([A-Za-z:/]+)=(\S+)", line)) for line in lines if line.startswith("JobId=")]
    return sorted(map(SlurmJob, found), key=lambda job: int(job.id))


def node() -> str:
    return text_of("sinfo", "--noheader", "--format=%n", "--partition=cpu").strip()


@contextmanager
def cluster(folder: Path, gpus: int) -> Iterator[None]:
    script = str(Path(__file__).with_name("cluster.sh"))
    subprocess.run([script, "start", str(folder), str(gpus)], check=True)
    try:
        yield
    finally:
        subprocess.run([script, "stop", str(folder)], check=True)


class Run:
    """Snakemake, started on the demonstration with profiles/slurm, and killed on leaving; its output goes to a file.

    The trainings end after `epochs`, (of a source tagger, of a target).
    """

    def __init__(self, folder: Path, *arguments: str, epochs: tuple[int, int] = (1, 2), project: Path = ROOT) -> None:
        number = time.time_ns()
        self.file, overlay = folder / f"snakemake{number}.out", folder / f"overlay{number}.yaml"
        settings = ({"epochs": count, "patience": count} for count in epochs)
        overlay.write_text(
            yaml.safe_dump({"training": {"fast": dict(zip(("source", "target"), settings, strict=True))}})
        )
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(project / "Snakefile")]
        command += ["--directory", str(folder), "--configfile", str(ROOT / "overlays/demo.yaml"), str(overlay)]
        command += ["--workflow-profile", str(project / "profiles/slurm")]
        command += ["--set-resources", "pretrain:slurm_partition=gpu", "finetune:slurm_partition=gpu"]
        command += ["--slurm-init-seconds-before-status-checks", "2", *arguments]
        # Slurm numbers its fake GPUs, which a torch that is built for GPUs would look for.
        environment = os.environ | {"PATH": stand_in_gpus(folder, "stand-in-0", "stand-in-1")}
        with self.file.open("w") as file:
            self.process = subprocess.Popen(
                command, stdout=file, stderr=subprocess.STDOUT, cwd=project, env=environment
            )

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def wait(self, seconds: float = 1800) -> None:
        assert self.process.wait(timeout=seconds) == 0, self.file.read_text()


@dataclass(frozen=True)
class Demo:
    """The demonstration run through Slurm: its folder, Slurm's jobs, and when its node was drained and returned."""

    folder: Path
    jobs: list[SlurmJob]
    drained: float
    returned: float


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """One node with one GPU, drained for a while as soon as a training runs; then another's job comes for its CPUs."""

    def training() -> list[SlurmJob]:
        return [job for job in jobs() if job.partition == "gpu" and job.state == "RUNNING"]

    folder = tmp_path_factory.mktemp("demo")
    generate(folder / "native")
    with cluster(tmp_path_factory.mktemp("one_gpu"), 1):
        with Run(folder, *GROUPED) as run:
            eventually(training, 1800)
            text_of("scontrol", "update", f"nodename={node()}", "state=drain", "reason=test")
            drained = time.time()
            eventually(lambda: not [j for j in jobs() if j.state in ("RUNNING", "COMPLETING")])
            time.sleep(5)
            returned = time.time()
            text_of("scontrol", "update", f"nodename={node()}", "state=resume")
            eventually(training)
            text_of("sbatch", "--partition=cpu", "--mem=100", "--output=/dev/null", "--wrap=sleep 30")
            run.wait(3600)
        return Demo(folder, jobs(), drained, returned)
