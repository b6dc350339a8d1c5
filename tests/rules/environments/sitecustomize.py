"""Lets a rule's script import what its conda environment brings, and nothing else of what is installed here.

On the search path of a test's Snakemake, by which Python runs it first in every process. It does nothing but in a
process that runs one of Snakemake's copies of a rule's script, ``….{rule}.py``, and there nothing before the script's
own first import: what Snakemake needs to hand over the job comes from Snakemake's own environment.
"""

import json
import os
import sys
from pathlib import Path

OURS = {"analysis", "corpora", "job", "model", "sources", "study"}


class OnlyEnvironment:
    """The first finder of modules: refuses those that other packages brought."""

    def __init__(self, script, environment, refused):
        self.script, self.environment, self.refused, self.begun = script, environment, refused, False

    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in OURS and not self.begun:
            self.begun = True
            for module in [m for m in sys.modules if m.partition(".")[0] in self.refused]:
                del sys.modules[module]  # Snakemake's, so that an import of them is asked for again
        if self.begun and top in self.refused:
            raise ModuleNotFoundError(
                f"{self.script} imports {name}, which envs/{self.environment}.yaml does not bring"
            )


def only_environment(script):
    """The finder for a script, or None."""
    told = json.loads(Path(os.environ["ONLY_ENVIRONMENTS"]).read_text())
    environment = told["rules"].get(script)
    return environment and OnlyEnvironment(script, environment, set(told["refused"][environment]))


if "ONLY_ENVIRONMENTS" in os.environ and sys.orig_argv[-1].endswith(".py"):
    finder = only_environment(Path(sys.orig_argv[-1]).name.split(".")[-2])
    if finder:
        sys.meta_path.insert(0, finder)
