"""The digests that say when a rule is run again: of code, packages and contents."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import digests

ROOT = Path(__file__).parents[2]
RULES = {
    match[1]: (match[0], match[2])
    for file in sorted((ROOT / "rules").glob("*.smk"))
    for match in re.finditer(r'^rule (\w+):.*?workflow_scripts/(\w+)\.py"$', file.read_text(), re.MULTILINE | re.DOTALL)
}
SCRIPTS = sorted({script for _, script in RULES.values()})

# In one process, since to load the packages takes longest: each script is loaded by a copy of it.
LOADED = """
import importlib, importlib.util, json, os, sys
for package in sys.argv[2].split():
    importlib.import_module(package)
found = {}
for script in sys.argv[3:]:
    reader, writer = os.pipe()
    if os.fork() == 0:
        spec = importlib.util.spec_from_file_location("script", script)
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
        files = [getattr(module, "__file__", None) or "" for module in list(sys.modules.values())]
        os.write(writer, json.dumps(files).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as file:
        found[script] = json.loads(file.read())
    os.wait()
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def loaded():
    """For each script the files of the project that it loads before it does anything, itself not among them."""
    packages = (
        "numpy pandas seaborn matplotlib_venn scipy.stats statsmodels.stats.multitest torch torchcrf safetensors.torch"
    )
    command = [sys.executable, "-c", LOADED, ".", packages, *(f"workflow_scripts/{script}.py" for script in SCRIPTS)]
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'workflow_scripts'}"}
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    inside = f"{ROOT}{os.sep}"
    return {
        Path(script).stem: {file.removeprefix(inside) for file in files if file.startswith(inside)}
        for script, files in json.loads(result.stdout).items()
    }


def lazy(files):
    """Names that functions in these modules import."""
    names = set()
    for file in files:
        for node in ast.walk(ast.parse((ROOT / file).read_text())):
            if isinstance(node, ast.Import | ast.ImportFrom) and node.col_offset:
                module = [node.module] if isinstance(node, ast.ImportFrom) else []
                names |= {*module, *(".".join([*module, alias.name]) for alias in node.names)}
    return names


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_digest_covers_what_its_script_loads_and_no_more(loaded, script):
    start = f"workflow_scripts/{script}.py"
    files = {file for file in digests.dependencies(ROOT, start)[0] if file.endswith(".py")} - {start}
    seen = {file for file in loaded[script] if not file.startswith(".venv")}
    assert len(seen) > 1
    assert not seen - files, "loaded, and no part of the digest"
    later, _ = digests.dependencies(ROOT, *_files_of(lazy(files)))
    assert not files - seen - later, "in the digest, and never loaded"


def _files_of(names):
    return [file for name in names for file in digests._modules(ROOT, name)]


def test_every_rule_has_the_digest_of_its_script():
    assert len(RULES) > 20
    for rule, (text, script) in RULES.items():
        if rule != "fetch":  # what it brings is told by checksums and contents
            assert re.search(rf'^        code=.*code\("{script}"', text, re.MULTILINE), rule


def test_every_package_behind_a_digest_is_pinned():
    packages = set().union(*(digests.dependencies(ROOT, f"workflow_scripts/{script}.py")[1] for script in SCRIPTS))
    assert {"torch", "numpy", "pandas", "spacy", "lxml"} - packages == {"lxml"}  # readers are named by the rules
    assert packages <= digests._pins(ROOT / "requirements.lock").keys()


@pytest.fixture
def digest(tmp_path):
    """A small project, and a function that gives the digest of its script after a file was written anew."""
    files = {
        "requirements.lock": "numpy==1.0\nPyYAML==1.0\npytest==1.0\n",
        "workflow_scripts/script.py": '"""Doc."""\nfrom package import a\n\n\ndef f(x):\n    """Doc."""\n    return a.g(x)\n',
        "workflow_scripts/package/__init__.py": "",
        "workflow_scripts/package/a.py": 'import yaml\nimport other.b\nTABLE = "data/table.csv"\n',
        "workflow_scripts/package/c.py": "import numpy\n",
        "workflow_scripts/package/data/table.csv": "1\n",
        "other/b.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import numpy\n",
    }

    def after(name=None, text=""):
        for file in files:
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).write_text(text if file == name else files[file])
        digests.code_digest.cache_clear()
        digests._code.cache_clear()
        digests._pins.cache_clear()
        return digests.code_digest(tmp_path, "workflow_scripts/script.py")

    yield lambda name, change: after(name, change(files[name])) != after()
    digests.code_digest.cache_clear()
    digests._code.cache_clear()
    digests._pins.cache_clear()


@pytest.mark.parametrize(
    ("name", "change", "moves"),
    [
        ("workflow_scripts/script.py", lambda text: "# why\n" + text.replace("Doc", "Words"), False),
        ("workflow_scripts/script.py", lambda text: text.replace("g(x)", "g(x + 1)"), True),
        ("workflow_scripts/package/__init__.py", lambda text: "x = 1\n", True),
        ("workflow_scripts/package/a.py", lambda text: text + "x = 1\n", True),
        ("workflow_scripts/package/c.py", lambda text: text + "x = 1\n", False),
        ("workflow_scripts/package/data/table.csv", lambda text: "2\n", True),
        ("other/b.py", lambda text: text + "x = 1\n", True),
        ("requirements.lock", lambda text: text.replace("PyYAML==1.0", "PyYAML==2.0"), True),
        ("requirements.lock", lambda text: text.replace("numpy==1.0", "numpy==2.0"), False),
        ("requirements.lock", lambda text: text.replace("pytest==1.0", "pytest==2.0"), False),
    ],
)
def test_a_digest_moves_with_what_the_script_depends_on(digest, name, change, moves):
    assert digest(name, change) == moves


def test_every_version_of_python_gives_the_same_digest(tmp_path):
    file = tmp_path / "module.py"
    file.write_text(
        "import os\nclass A:\n    @property\n    def f(self, *x: int, y=1.5) -> str:\n"
        "        match x:\n            case [int(), *_]: return f\"{y:.{os.sep}} {y!r} a\"\n        return lambda: b'1'\n"
    )
    assert digests._code(file)[0][:16] == "a78aa299c0cf7c19"


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / "a.txt", tmp_path / "b.txt"]
    for path in paths:
        path.write_text(path.name)
    return [str(path) for path in paths]


def test_contents_are_seen_whatever_the_times_say(tmp_path, files):
    memory = tmp_path / "memory.json"
    before = digests.Contents(memory).digest(files)
    path = Path(files[0])
    stat = path.stat()
    path.write_text("A.txt")  # as long as before
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert digests.Contents(memory).digest(files) != before
    path.write_text("a.txt")
    os.utime(path, (4e9, 4e9))  # in the future
    assert digests.Contents(memory).digest(files) == before
    copy = tmp_path / "copy"
    copy.write_bytes(path.read_bytes())
    copy.replace(path)
    assert digests.Contents(memory).digest(files) == before


def test_contents_are_read_once(tmp_path, files, monkeypatch):
    memory = tmp_path / "new/memory.json"
    before = digests.Contents(memory).digest(files)
    monkeypatch.setattr(digests.hashlib, "file_digest", lambda *_: pytest.fail("read again"))
    assert digests.Contents(memory).digest(files) == before


@pytest.mark.parametrize("damage", ["", "{", "[1]", '{"a": 1}'])
def test_a_damaged_memory_is_written_anew(tmp_path, files, damage):
    memory = tmp_path / "memory.json"
    before = digests.Contents(memory).digest(files)
    memory.write_text(damage.replace('"a"', json.dumps(files[0])))
    assert digests.Contents(memory).digest(files) == before
    assert set(json.loads(memory.read_text())) >= set(files)


def test_a_memory_that_cannot_be_written_is_a_warning(tmp_path, files, caplog):
    (tmp_path / "file").write_text("")
    digests.Contents(tmp_path / "file/memory.json").digest(files)
    assert "the files are read again the next time" in caplog.text


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(OSError, match="nowhere"):
        digests.Contents(tmp_path / "memory.json").digest([str(tmp_path / "nowhere")])
