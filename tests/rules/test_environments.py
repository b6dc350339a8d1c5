"""The conda environments: pinned as the lock pins, and enough for the scripts of the rules that name them."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import rattler
import yaml
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "envs"))
import pin  # noqa: E402
from environments import installed, refused, scripts, write_for_hook  # noqa: E402  (conftest.py names their folder)

ENVIRONMENTS = sorted((ROOT / "envs").glob("*.yaml"))


@pytest.mark.parametrize("file", ENVIRONMENTS, ids=lambda file: file.stem)
def test_an_environment_is_exact_and_pins_what_the_lock_pins(file):
    text = file.read_text()
    assert text == pin.pinned(file.stem, text), "run `python envs/pin.py`"
    lock = {line for line in (ROOT / "requirements.lock").read_text().split("\n") if "==" in line}
    python, pip, rest = yaml.safe_load(text)["dependencies"]
    assert (python, pip) == ("python =3.11", "pip")
    assert set(rest["pip"]) <= lock
    for line in rest["pip"]:
        assert re.fullmatch(r"[\w.-]+==[0-9]+(\.[0-9]+)*(\.post[0-9]+)?(; sys_platform == \"linux\")?", line), line


def test_make_runs_python_with_the_packages_of_the_lock_alone(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/opt/modules")
    command = ["make", "--no-print-directory", "--eval", "environment: ; @env", "environment"]
    lines = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    assert not [line for line in lines if line.startswith("PYTHONPATH=")]
    assert "PYTHONUTF8=1" in lines


@pytest.mark.parametrize("file", ENVIRONMENTS, ids=lambda file: file.stem)
def test_an_environment_is_valid_by_rattlers_parser(file):
    *packages, _ = yaml.safe_load(file.read_text())["dependencies"]
    assert [rattler.MatchSpec(package).name.normalized for package in packages] == ["python", "pip"]
    for channel in yaml.safe_load(file.read_text())["channels"]:
        assert rattler.Channel(channel).name == channel


def imported(file):
    """Third-party modules that a script imports anywhere, or a module of the project that it imports, and so on."""
    found, queue, seen = set(), [file], set()
    while queue:
        source = queue.pop()
        if source in seen:
            continue
        seen.add(source)
        if source.parent.name == "readers":  # imported by name, when a format is read
            queue += source.parent.glob("*.py")
        for node in ast.walk(ast.parse(source.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            for name in names:
                places = [root / Path(*name.split(".")) for root in (ROOT, ROOT / "workflow_scripts")]
                ours = [p for place in places for p in (place.with_suffix(".py"), place / "__init__.py") if p.exists()]
                queue += ours
                if not ours:
                    found.add(name.partition(".")[0])
    return found


@pytest.mark.parametrize("script", sorted(scripts()))
def test_a_script_imports_only_what_its_environment_brings(script):
    environment = scripts()[script]
    third_party = imported(ROOT / f"workflow_scripts/{script}.py")
    assert not third_party & refused(environment)
    assert third_party & set(installed())  # or this test has not looked


def test_an_environment_brings_nothing_that_is_not_imported():
    for file in ENVIRONMENTS:
        used = {
            name
            for script, environment in scripts().items()
            if environment == file.stem
            for module in imported(ROOT / f"workflow_scripts/{script}.py")
            for name in installed().get(module, ())
        }
        optional = {"tabulate", "jinja2"}  # pandas asks for them at work: Markdown and LaTeX
        assert {canonicalize_name(name) for name in pin.asked(file.read_text())} - used <= optional


@pytest.mark.parametrize(
    ("script", "module", "found"),
    [
        ("finetune", "torch", True),
        ("finetune", "pandas", False),
        ("figure1_architecture", "pandas", True),
        ("figure1_architecture", "torch", False),
        ("nobodys", "pandas", True),
    ],
)
def test_the_hook_refuses_what_an_environment_does_not_bring(tmp_path, script, module, found):
    """The workflow's tests run with this hook (conftest.py), so that what a script imports at work is seen too."""
    (tmp_path / "job.py").touch()
    file = tmp_path / f"tmp123.{script}.py"
    file.write_text(f"import {module}, json, job\nimport {module}.testing\n")
    environment = write_for_hook(tmp_path / "told.json")
    result = subprocess.run(
        [sys.executable, str(file)], env=os.environ | environment, capture_output=True, text=True, check=False
    )
    assert (result.returncode == 0) == found, result.stderr
    assert found or "does not bring" in result.stderr
