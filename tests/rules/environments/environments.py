"""Which packages the conda environments bring, for the tests and for the hook in sitecustomize.py."""

import json
import re
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import yaml
from packaging.utils import canonicalize_name

HOOK = Path(__file__).parent
ROOT = HOOK.parents[2]


@cache
def scripts():
    """The script of every rule, and the environment that the rule names."""
    rules = "".join(file.read_text() for file in sorted((ROOT / "rules").glob("*.smk")))
    pattern = r'conda:\n\s+"\.\./envs/(\w+)\.yaml"(?:(?!\nrule ).)*?script:\n\s+"\.\./workflow_scripts/(\w+)\.py"'
    pairs = {(script, environment) for environment, script in re.findall(pattern, rules, re.DOTALL)}
    assert len(pairs) == len(dict(pairs)) == len(set(re.findall(r"scripts/(\w+)\.py\"$", rules, re.M)))
    return dict(pairs)


@cache
def installed():
    """Top-level modules that are installed here, and the canonical names of the distributions that hold them."""
    return {top: {canonicalize_name(name) for name in names} for top, names in packages_distributions().items()}


def packages(environment):
    """Canonical names of all that the environment brings."""
    dependencies = yaml.safe_load((ROOT / f"envs/{environment}.yaml").read_text())["dependencies"]
    return {canonicalize_name(line.partition("==")[0]) for line in dependencies[-1]["pip"]}


@cache
def refused(environment):
    """Top-level modules that are installed here and that the environment does not bring."""
    brought = packages(environment)
    return {top for top, names in installed().items() if not names & brought} - {"pip"}


def write_for_hook(path):
    """Write what sitecustomize.py reads; the environment variables that put it to work."""
    told = {"rules": scripts(), "refused": {e: sorted(refused(e)) for e in set(scripts().values())}}
    path.write_text(json.dumps(told))
    return {"ONLY_ENVIRONMENTS": str(path), "PYTHONPATH": str(HOOK)}
