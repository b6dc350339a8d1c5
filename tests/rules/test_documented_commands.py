"""The commands of README and docs/: Snakemake reads them as a reader does, and has a rule for what they ask for."""

import ast
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from snakemake.cli import parse_args

ROOT = Path(__file__).parents[2]
COMMAND = re.compile(r"(?:^    |`)snakemake ((?:[^`\n\\]|\\\n)*)", re.MULTILINE)
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS = {
    f"{page.name}: {' '.join(found.split())}": shlex.split(found.replace("\\\n", " "))
    for page in PAGES
    for found in COMMAND.findall(page.read_text(encoding="utf-8"))
}


def targets(words: list[str]) -> list[str]:
    return [word for word in words if word.startswith("results/")]


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS.keys())
def test_no_option_takes_a_target_for_its_value(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    _, arguments = parse_args(words)
    assert sorted(arguments.targets) == sorted(targets(words))


@pytest.mark.workflow
def test_every_item_of_the_readme_can_be_made(tmp_path: Path) -> None:
    wanted = [target for name, words in COMMANDS.items() if name.startswith("README") for target in targets(words)]
    assert len(wanted) >= 15
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(tmp_path)]
    run = subprocess.run(
        [*command, "--dry-run", "--quiet", "rules", "--cores", "8", "--resources", "gpu=1", "--", *wanted],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_examples_import_is_there(page: Path) -> None:
    for block in re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        imports = [node for node in ast.walk(ast.parse(block)) if isinstance(node, ast.Import | ast.ImportFrom)]
        exec(compile(ast.Module(imports, []), page.name, "exec"), {})
