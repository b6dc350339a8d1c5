"""Lets a rule's script import what its conda environment brings, and nothing else of what is installed here.

On the search path of a test's Snakemake, so that Python runs it first in every process. It does nothing but in a process
that runs one of Snakemake's copies of a rule's script, ``….{rule}.py``, and there nothing before the script imports a
module of the project: until then Snakemake hands over the job, whose code and what that imports stay as they are.
"""

import builtins
import importlib
import json
import os
import sys
from pathlib import Path

OURS = {"analysis", "corpora", "job", "model", "sources", "study"}


def allow_only(script, environment, refused):
    """Refuse the import of modules, by top-level name, to all that are not among them."""
    begun = False
    usual_import, usual_import_module = builtins.__import__, importlib.import_module

    def check(name, importer):
        nonlocal begun
        top = name.partition(".")[0]
        begun = begun or top in OURS
        if begun and top in refused and importer.partition(".")[0] not in refused:
            raise ModuleNotFoundError(f"{script} imports {name}, which envs/{environment}.yaml does not bring")

    def checked_import(name, globals=None, locals=None, fromlist=(), level=0):
        if level == 0:
            check(name, (globals or {}).get("__name__", ""))
        return usual_import(name, globals, locals, fromlist, level)

    def checked_import_module(name, package=None):
        if not name.startswith("."):
            check(name, sys._getframe(1).f_globals.get("__name__", ""))
        return usual_import_module(name, package)

    builtins.__import__, importlib.import_module = checked_import, checked_import_module


if "ONLY_ENVIRONMENTS" in os.environ and sys.orig_argv[-1].endswith(".py"):
    told = json.loads(Path(os.environ["ONLY_ENVIRONMENTS"]).read_text())
    name = Path(sys.orig_argv[-1]).name.split(".")[-2]
    if name in told["rules"]:
        allow_only(name, told["rules"][name], set(told["refused"][told["rules"][name]]))
