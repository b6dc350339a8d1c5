"""Pin the conda environments: `python envs/pin.py`, which `make lock` calls.

An environment names what its rules import, under "asked for"; this adds what that brings, all of it at the versions
that are installed where it runs, which are those of requirements.lock.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ASKED, BROUGHT = "      # asked for", "      # brought by these"
PYTHON = "3.11"
CUDA = ("nvidia-", "cuda-")


def closure(names: Iterable[str]) -> dict[str, str]:
    """Distributions that these need, themselves among them: canonical name to pin, ``name==version``.

    Requirements are those of this machine and Python, but CUDA's libraries, which torch's build for GPUs pins itself.
    Raises PackageNotFoundError for a distribution that is not installed.
    """
    found: dict[str, str] = {}
    queue = [(Requirement(name), "") for name in names]
    seen: set[tuple[str, str]] = set()
    while queue:
        requirement, extra = queue.pop()
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        if name.startswith(CUDA):
            continue
        package = distribution(requirement.name)
        found[name] = f"{package.metadata['Name']}=={package.version.partition('+')[0]}"
        for wanted in ("", *requirement.extras):
            if (name, wanted) not in seen:
                seen.add((name, wanted))
                queue += [(Requirement(line), wanted) for line in package.requires or []]
    return found


def asked(text: str) -> dict[str, str]:
    """What an environment file asks for: canonical name, and the condition that stands behind the pin."""
    lines = text.split("\n")
    block = lines[lines.index(ASKED) + 1 : lines.index(BROUGHT)]
    requirements = [Requirement(line.strip().removeprefix("- ")) for line in block]
    return {canonicalize_name(one.name): f"; {one.marker}" if one.marker else "" for one in requirements}


def pinned(name: str, text: str) -> str:
    """The environment file anew, with what is installed here."""
    wanted = asked(text)
    pins = closure(wanted)
    head = [f"name: {name}", "channels: [conda-forge, nodefaults]", "dependencies:"]
    head += [f"  - python ={PYTHON}", "  - pip", "  - pip:"]
    block = [ASKED, *(f"      - {pins[package]}{wanted[package]}" for package in sorted(wanted))]
    block += [BROUGHT, *(f"      - {pins[package]}" for package in sorted(pins.keys() - wanted))]
    return "\n".join([*head, *block]) + "\n"


def main() -> int:
    """Rewrite every environment; exit code 1 if one asks for what is not installed."""
    for file in sorted(Path(__file__).parent.glob("*.yaml")):
        try:
            file.write_text(pinned(file.stem, file.read_text(encoding="utf-8")), encoding="utf-8", newline="")
        except PackageNotFoundError as error:
            print(f"{file}: {error.name} is not installed here; put it into requirements.in", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
