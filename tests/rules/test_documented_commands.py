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
    return [word for word in words if word.startswith(("results/", "resources/"))]


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


def test_the_arrows_of_the_readmes_diagram_are_the_workflows(tmp_path: Path) -> None:
    diagram = re.search(r"^```mermaid\n(.*?)^```", PAGES[0].read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert diagram is not None
    drawn = {
        (begin, end)
        for begin, end in re.findall(r"^ +(\w+)\S*(?: [^-]*)? --.*> (\w+)", diagram[1], re.MULTILINE)
        if end != "results"
    }
    assert len(drawn) == diagram[1].count("-->") - 1
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(tmp_path)]
    run = "results/runs/DISO/ncbi_disease/transfer/share60/seed1/metrics.json"
    graph = subprocess.run([*command, "--rulegraph", "--", run], capture_output=True, text=True, check=True).stdout
    names = dict(re.findall(r'(\d+)\[label = "(\w+)', graph))
    assert drawn <= {(names[begin], names[end]) for begin, end in re.findall(r"(\d+) -> (\d+)", graph)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_examples_import_is_there(page: Path) -> None:
    for block in re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        imports = [node for node in ast.walk(ast.parse(block)) if isinstance(node, ast.Import | ast.ImportFrom)]
        exec(compile(ast.Module(imports, []), page.name, "exec"), {})
