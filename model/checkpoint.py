"""Where a training stands after an epoch, on disk, so that a killed one goes on and ends like an undisturbed one.

A checkpoint is one safetensors file, replaced whole. It names what it belongs to, and has a checksum; one of anything
else, or with a broken bit, is not used. What a training made in the end is kept beside it in the same way, so that one
that is asked for again, with the same settings, data and code, is not done again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

logger = logging.getLogger(__name__)

_MADE = "made.json"


class Checkpoint(NamedTuple):
    """A file and what it must belong to: settings, data, code and seed, as one digest."""

    path: Path
    identity: str

    def save(self, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        """Replace the checkpoint by these tensors and this state, which JSON can hold. OSError where that fails."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_name(f".{self.path.name}.new")
        copies = {name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}
        metadata = {"identity": self.identity, "state": json.dumps(state)}
        metadata["sha256"] = _checksum(copies, metadata["state"])
        # Written by Python, whose OSError says that the disk is full; safetensors' own error does not.
        with temporary.open("wb") as file:
            file.write(save(copies, metadata))
            file.flush()
            os.fsync(file.fileno())  # or a machine that fails may leave the new name with nothing behind it
        temporary.replace(self.path)

    def load(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Tensors and state, or None if there is no checkpoint, a damaged one, or one of another training."""
        if not self.path.exists():
            return None
        try:
            with safe_open(self.path, framework="pt") as file:
                metadata = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a mapping
            state = json.loads(metadata.get("state", "null"))
            checksum = _checksum(tensors, metadata.get("state", ""))
        except (OSError, SafetensorError, ValueError, TypeError, RecursionError) as error:
            logger.warning("%s: damaged (%s); training starts anew", self.path, error)
            return None
        if metadata.get("identity") != self.identity or not isinstance(state, dict):
            logger.info("%s: of other settings, data or code; training starts anew", self.path)
            return None
        if metadata.get("sha256") != checksum:
            logger.warning("%s: damaged (its checksum differs); training starts anew", self.path)
            return None
        return tensors, state

    def keep(self, output: Path) -> None:
        """Keep the files of a folder, what the training made, as links or else as copies; then drop the checkpoint.

        Where that fails, as on a full disk, the checkpoint stays.
        """
        kept = self._kept
        shutil.rmtree(kept, ignore_errors=True)
        try:
            kept.mkdir(parents=True)
            for file in output.iterdir():
                try:
                    os.link(file, kept / file.name)
                except OSError:
                    shutil.copyfile(file, kept / file.name)
                _flush(kept / file.name)
            files = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in kept.iterdir()}
            (kept / _MADE).write_text(json.dumps({"identity": self.identity, "files": files}), encoding="utf-8")
            _flush(kept / _MADE)
            _flush(kept)
            self.path.unlink(missing_ok=True)
        except OSError as error:
            logger.warning("%s cannot be written (%s); what was made is not kept, the last checkpoint is", kept, error)
            shutil.rmtree(kept, ignore_errors=True)

    def restore(self, output: Path) -> bool:
        """Put what `keep` has kept into a new folder; False if that is nothing, damaged, or another training's."""
        kept = self._kept
        try:
            made = json.loads((kept / _MADE).read_text(encoding="utf-8"))
            contents = {file.name: file.read_bytes() for file in kept.iterdir() if file.name != _MADE}
            found = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
            if made != {"identity": self.identity, "files": found}:
                logger.info("%s: of other settings, data or code, or changed since; not used", kept)
                return False
        except (OSError, ValueError, RecursionError):
            return False
        output.mkdir(parents=True)
        for name, content in contents.items():
            try:
                os.link(kept / name, output / name)
            except OSError:
                (output / name).write_bytes(content)
            os.utime(output / name)  # or it would be older than the inputs that were made again
        return True

    @property
    def _kept(self) -> Path:
        return self.path.with_suffix(".made")


def _flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk; OSError if they do not get there."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _checksum(tensors: Mapping[str, Tensor], state: str) -> str:
    digest = hashlib.sha256(state.encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(name.encode() + tensor.numpy().tobytes())
    return digest.hexdigest()
