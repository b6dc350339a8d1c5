"""What jobs ask a cluster for; docs/clusters.md's settings, by dry run and through stand-ins for clusters' programs."""

import os
import re
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.workflow
PAGE = Path(__file__).parents[2] / "docs/clusters.md"
RUN = "results/runs/DISO/toy/baseline/share60/seed{}/metrics.json"
PROFILES = {  # by the program that submits
    re.search(r"\b(bsub|qsub) ", text)[1]: text
    for text in re.findall(r"```yaml\n(executor: cluster-generic\n.*?)```", PAGE.read_text(), flags=re.DOTALL)
}
# Submission runs the script at once; the status is then that of a job that is done.
PROGRAMS = {
    "bsub": 'for script; do :; done; sh "$script" >&2; echo "Job <17> is submitted to queue <normal>."',
    "bjobs": "echo DONE",
    "qsub": 'for script; do :; done; sh "$script" >&2; echo 17',
    "qstat": "exit 1",
    "qacct": 'echo "exit_status  0"',
}


@pytest.fixture
def calls(tmp_path, monkeypatch):
    """A function that gives the calls of a stand-in: their arguments without the last, which is a script or an id."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, body in PROGRAMS.items():
        (folder / name).write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/{name}.calls\n{body}\n')
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return lambda name: [
        line.rsplit(" ", 1)[0] for line in (tmp_path / f"{name}.calls").read_text().split("\n") if line
    ]


@pytest.fixture
def profile(tmp_path):
    def write(text: str) -> str:
        (tmp_path / "profile").mkdir()
        (tmp_path / "profile/config.yaml").write_text(text)
        return str(tmp_path / "profile")

    return write


@pytest.mark.parametrize(("attempt", "asked"), [(1, (4000, 720)), (2, (8000, 1440)), (3, (16000, 2880))])
def test_each_attempt_asks_for_twice_as_much(finished, attempt, asked):
    result = finished.snakemake("--dry-run", "--attempt", str(attempt), RUN.format(50), config=seeds(50))
    seen = [re.search(rf"\b{name}=(\d+)", result.stdout + result.stderr) for name in ("mem_mb", "runtime")]
    assert tuple(int(match[1]) for match in seen) == asked


def test_every_rule_asks_for_memory_and_time_that_double():
    for file in (PAGE.parents[1] / "rules").glob("*.smk"):
        for rule in re.split(r"^rule ", file.read_text(), flags=re.MULTILINE)[1:]:
            assert re.search(r" mem_mb=doubling\(.*\n +runtime=doubling\(", rule), rule


@pytest.mark.parametrize("program", ["bsub", "qsub"])
def test_the_settings_pass_a_dry_run(finished, profile, program):
    rules = finished.to_be_run("--workflow-profile", profile(PROFILES[program]), RUN.format(51), config=seeds(51))
    assert rules == {"finetune"}


@pytest.mark.parametrize(
    ("program", "seed", "training", "table"),
    [
        ("bsub", 52, "-q normal -n 1 -M 4000 -W 720 -gpu num=1 -o lsf-%J.log sh", "-q normal -n 1 -M 1000 -W 10 -o lsf-%J.log sh"),
        ("qsub", 53, "-terse -cwd -V -pe smp 1 -l h_vmem=4000M -l h_rt=43200 -l gpu=1 -j y -o sge-logs", "-terse -cwd -V -pe smp 1 -l h_vmem=1000M -l h_rt=600 -j y -o sge-logs"),
    ],
)  # fmt: skip
def test_jobs_are_submitted_with_what_they_ask_for(finished, profile, calls, program, seed, training, table):
    targets = [RUN.format(seed), "results/tables/table1_corpora.csv"]
    arguments = ["--workflow-profile", profile(PROFILES[program]), "--force", "--", *targets]
    result = finished.snakemake(*arguments, config=seeds(seed))
    assert result.returncode == 0, result.stdout + result.stderr
    assert sorted(calls(program)) == sorted([training, table])
    assert (finished.folder / RUN.format(seed)).exists()


def test_the_profile_for_slurm_has_the_lines_that_the_page_shows():
    settings = yaml.safe_load((PAGE.parents[1] / "profiles/slurm/config.yaml").read_text())
    shown = re.search(r"```\n(default-resources:\n.*?)```", PAGE.read_text(), flags=re.DOTALL)[1]
    assert settings["default-resources"] == yaml.safe_load(shown)["default-resources"]
    rules = "\n".join(file.read_text() for file in (PAGE.parents[1] / "rules").glob("*.smk"))
    assert {f"rule {rule}:" for rule in settings["groups"]} <= set(re.findall(r"rule \w+:", rules))


def seeds(seed: int) -> dict:
    return {"study": {"seeds": [seed]}}
