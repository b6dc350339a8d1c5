"""The real Snakefile on toy corpora: a copy of the project whose files a test may edit, and one finished study."""

import multiprocessing
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from demo.generate import generate

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests/rules/environments"))
from environments import write_for_hook  # noqa: E402

PARTS = ["Snakefile", "config.yaml", "requirements.lock", "rules", "workflow_scripts", "model", "envs", "profiles"]

TOY = {
    "study": {"corpora": ["toy"], "entities": ["DISO"], "seeds": [1]},
    "figures": {"learning_curves": {"data_sets": ["DISO/toy"], "shares": [60], "seeds": [1]}},
    "corpora": {
        "toy": {
            "format": "pubtator",
            "path": "native/cdr_like.PubTator.txt",
            "entities": {"DISO": ["Disease"]},
            "composite": "drop",
        }
    },
    "silver": {
        "corpus": {"path": "native/silver.iexml.gz"},
        "documents": 60,
        "blacklists": {"DISO": {"path": "native/blacklist_diso.txt", "sha256": None}},
    },
    "word_vectors": {"urls": [], "dimension": 10, "training": {"epochs": 2}},
    "tagger": {"token_hidden": 10, "dense": 10},
    "training": {"fast": {"source": {"epochs": 2}, "target": {"epochs": 2, "batch_sentences": 8}}},
}


FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["snakemake.cli"])


def in_process(arguments: list[str], folder: Path, output: Path) -> None:
    """Snakemake in this process, which it ends with its exit code; what it says goes to a file."""
    from snakemake.cli import main

    with output.open("w") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    os.chdir(folder)
    main(arguments)


class Study:
    """A working folder with toy corpora, and the project that runs there."""

    def __init__(self, project: Path, folder: Path, base: dict = TOY) -> None:
        self.project, self.folder, self.base = project, folder, base

    def command(self, *arguments: str, config: dict | None = None) -> list[str]:
        overlays = [self.base] if config is None else [self.base, config]
        files = []
        for number, overlay in enumerate(overlays):
            files.append(self.folder / f"overlay{number}.yaml")
            files[-1].write_text(yaml.safe_dump(overlay))
        command = [sys.executable, "-m", "snakemake", "--configfile", *map(str, files), "--directory", str(self.folder)]
        return [*command, "--snakefile", str(self.project / "Snakefile"), "--cores", "2", *arguments]

    def snakemake(self, *arguments: str, config: dict | None = None) -> subprocess.CompletedProcess[str]:
        command = self.command(*arguments, config=config)
        # Each script may import what its conda environment brings, and no more.
        environment = os.environ | write_for_hook(self.folder / "environments.json")
        return subprocess.run(
            command, capture_output=True, text=True, cwd=self.project, env=environment, timeout=3000, check=False
        )

    def to_be_run(self, *arguments: str, config: dict | None = None) -> set[str]:
        """Rules that a dry run would run."""
        return {job.split()[0] for job in self.jobs_to_be_run(*arguments, config=config)}

    def jobs_to_be_run(self, *arguments: str, config: dict | None = None) -> set[str]:
        """Jobs that a dry run would run, each as its rule and its wildcards, "finetune DISO toy baseline 60 1"."""
        output = self.folder / "dry_run.txt"
        command = self.command("--dry-run", *arguments, config=config)
        # From a process that has loaded Snakemake already, which takes as long as the dry run itself.
        process = FORKS.Process(target=in_process, args=(command[3:], self.project, output))
        process.start()
        process.join(900)
        text = output.read_text()
        assert process.exitcode == 0, text
        jobs = set()
        for block in re.split(r"^(?:local)?rule ", text, flags=re.MULTILINE)[1:]:
            wildcards = re.search(r"^    wildcards: (.*)$", block, re.MULTILINE)
            values = [pair.split("=")[1] for pair in wildcards[1].split(", ")] if wildcards else []
            jobs.add(" ".join([block.split(":")[0], *values]))
        return jobs - {"all"}


def stand_in_gpus(folder: Path, *names: str) -> str:
    """A PATH on which nvidia-smi, written into `folder`, finds GPUs of these names, and torch none: the CPU computes."""
    lines = "".join(f"echo 'GPU {number}: Stand-in (UUID: {name})'\n" for number, name in enumerate(names))
    (folder / "nvidia-smi").write_text(f"#!/bin/sh\n{lines}")
    (folder / "nvidia-smi").chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def copy_of_project(project: Path) -> Path:
    """What a study needs of the project, in a new folder."""
    project.mkdir()
    for part in PARTS:
        source = ROOT / part
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, project / part, ignore=ignore) if source.is_dir() else shutil.copy2(source, project)
    return project


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A toy study run to its end; tests may add runs of further seeds, and change nothing."""
    base = tmp_path_factory.mktemp("study")
    study = Study(copy_of_project(base / "project"), base / "work")
    generate(study.folder / "native", gold_documents=20, silver_documents=80)
    result = study.snakemake("--resources", "gpu=2")
    assert result.returncode == 0, result.stdout + result.stderr
    return study


@pytest.fixture
def edited(finished: Study) -> Iterator[Callable[[str, Callable[[str], str]], None]]:
    """A function that edits a file of the project, or below native/, and sets its time back; undone after the test."""
    before: dict[Path, tuple[str, os.stat_result]] = {}

    def write(path: Path, text: str) -> None:
        path.write_text(text)
        os.utime(path, ns=(before[path][1].st_atime_ns, before[path][1].st_mtime_ns))

    def edit(name: str, change: Callable[[str], str]) -> None:
        path = (finished.folder if name.startswith("native/") else finished.project) / name
        before.setdefault(path, (path.read_text(), path.stat()))
        changed = change(before[path][0])
        assert changed != before[path][0]
        write(path, changed)

    yield edit
    for path, (text, _) in before.items():
        write(path, text)
