"""The real Snakefile on toy corpora: a copy of the project whose files a test may edit, and one finished study."""

import os
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

PARTS = ["Snakefile", "config.yaml", "rules", "workflow_scripts", "model", "envs", "profiles"]

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


class Study:
    """A working folder with toy corpora, and the project that runs there."""

    def __init__(self, project: Path, folder: Path) -> None:
        self.project, self.folder = project, folder

    def snakemake(self, *arguments: str, config: dict | None = None) -> subprocess.CompletedProcess[str]:
        overlays = [TOY] if config is None else [TOY, config]
        files = []
        for number, overlay in enumerate(overlays):
            files.append(self.folder / f"overlay{number}.yaml")
            files[-1].write_text(yaml.safe_dump(overlay))
        command = [sys.executable, "-m", "snakemake", "--configfile", *map(str, files), "--directory", str(self.folder)]
        command += ["--snakefile", str(self.project / "Snakefile"), "--cores", "2", *arguments]
        # Each script may import what its conda environment brings, and no more.
        environment = os.environ | write_for_hook(self.folder / "environments.json")
        return subprocess.run(
            command, capture_output=True, text=True, cwd=self.project, env=environment, timeout=900, check=False
        )

    def to_be_run(self, *arguments: str, config: dict | None = None) -> set[str]:
        """Rules that a dry run would run."""
        result = self.snakemake("--dry-run", *arguments, config=config)
        assert result.returncode == 0, result.stdout + result.stderr
        lines = (result.stdout + result.stderr).split("\n")
        return {line.split()[1].rstrip(":") for line in lines if line.startswith(("rule ", "localrule "))} - {"all"}


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A toy study run to its end; tests may not change it."""
    base = tmp_path_factory.mktemp("study")
    project = base / "project"
    project.mkdir()
    for part in PARTS:
        source = ROOT / part
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, project / part, ignore=ignore) if source.is_dir() else shutil.copy2(source, project)
    study = Study(project, base / "work")
    generate(study.folder / "native", gold_documents=20, silver_documents=80)
    result = study.snakemake("--resources", "gpu=2")
    assert result.returncode == 0, result.stdout + result.stderr
    return study


@pytest.fixture
def edited(finished: Study) -> Iterator[Callable[[str, Callable[[str], str]], None]]:
    """A function that edits a file of the project; the file is as before after the test."""
    before: dict[Path, str] = {}

    def edit(name: str, change: Callable[[str], str]) -> None:
        path = finished.project / name
        before.setdefault(path, path.read_text())
        changed = change(before[path])
        assert changed != before[path]
        path.write_text(changed)

    yield edit
    for path, text in before.items():
        path.write_text(text)
