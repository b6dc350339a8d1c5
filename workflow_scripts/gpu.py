"""Which GPU a job computes on: one of those that it may see, held by at most as many jobs as there are slots on it.

Snakemake counts GPUs but does not say which. Here a job takes a slot by locking a file: the kernel lets go of the lock
when the job ends, however it ends.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import IO

logger = logging.getLogger(__name__)

NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # what a file system without locks says


def installed() -> list[str]:
    """UUIDs of this machine's NVIDIA GPUs in the order of their numbers; none where nvidia-smi finds none."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    listing = subprocess.run([program, "--list-gpus"], capture_output=True, text=True, check=False)  # noqa: S603  (nvidia-smi)
    return re.findall(r"^GPU \d+: .*\(UUID: (\S+)\)", listing.stdout, flags=re.MULTILINE)


def visible(devices: Sequence[str], chosen: str | None) -> list[str]:
    """Those of this machine's devices that CUDA_VISIBLE_DEVICES, where a cluster or a user has set it, leaves to a job.

    `chosen` is the variable's value: numbers in the order of `devices`, which is nvidia-smi's, or UUIDs, perhaps cut
    short, of GPUs or of parts of one (MIG). As in CUDA, the first entry that names none hides those after it.

    >>> visible(["GPU-a", "GPU-b", "GPU-c"], "2,0,7,1")
    ['GPU-c', 'GPU-a']
    >>> visible(["GPU-a81f", "GPU-b14c"], "GPU-b1")
    ['GPU-b14c']
    >>> visible(["GPU-a", "GPU-b"], "MIG-x")
    ['MIG-x']
    """
    if chosen is None:
        return list(devices)
    left: list[str] = []
    for entry in map(str.strip, chosen.split(",")):
        if entry.isdecimal() and int(entry) < len(devices):
            left.append(devices[int(entry)])
        elif re.fullmatch(r"(GPU|MIG)-[\w/-]+", entry):
            left.append(next((device for device in devices if device.startswith(entry)), entry))
        else:
            break
    return list(dict.fromkeys(left))


@contextmanager
def slot(
    devices: Sequence[str], slots: int, *, folder: Path | None = None, seconds: float = 1.0
) -> Iterator[str | None]:
    """Hold a slot on one of the devices: the one with the most slots free, after a wait where none is.

    Gives the device, and None where `devices` is empty. Each device has `slots` slots, at least 1; `seconds` pass
    between two looks. The locks lie in `folder`, by default one of this machine and user, so that studies in several
    working directories share the machine's GPUs too. Raises OSError where it cannot be used.
    """
    if not devices:
        yield None
        return
    folder = folder or _default_folder()
    lock: AbstractContextManager[object]
    try:
        device, lock = _waited(devices, slots, folder, seconds)
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        device, lock = devices[os.getpid() % len(devices)], nullcontext()
        logger.warning("%s: no locks there, so trainings may share %s; set TMPDIR to another disk", folder, device)
    with lock:
        yield device


def _waited(devices: Sequence[str], slots: int, folder: Path, seconds: float) -> tuple[str, IO[bytes]]:
    waiting = False
    while (taken := _take(devices, slots, folder)) is None:
        if not waiting:
            logger.info("waiting for a GPU: %d slot(s) on each of %s are taken", slots, ", ".join(devices))
        waiting = True
        time.sleep(seconds)
    return taken


def _take(devices: Sequence[str], slots: int, folder: Path) -> tuple[str, IO[bytes]] | None:
    with (folder / "turn").open("wb") as turn:  # one job looks at a time, for looking takes what is free
        fcntl.flock(turn, fcntl.LOCK_EX)
        free = {device: _free(folder / device.replace("/", "_"), slots) for device in devices}
        best = max(devices, key=lambda device: len(free[device]))
        taken = free[best].pop(0) if free[best] else None
        for lock in (lock for locks in free.values() for lock in locks):
            lock.close()
    return None if taken is None else (best, taken)


def _free(device: Path, slots: int) -> list[IO[bytes]]:
    """The locks of a device's slots that no other job holds."""
    locks: list[IO[bytes]] = []
    for number in range(slots):
        lock = device.with_name(f"{device.name}.slot{number}").open("wb")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            locks.append(lock)
        except BlockingIOError:
            lock.close()
    return locks


def _default_folder() -> Path:
    folder = Path(tempfile.gettempdir()) / f"gpu-slots-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to another user; remove it, or set TMPDIR to a folder of yours")
    return folder


@contextmanager
def of_its_own(slots: int) -> Iterator[None]:
    """Let this process compute on one GPU, and hold a slot on it; without a GPU, nothing happens.

    To be entered before CUDA starts, which reads CUDA_VISIBLE_DEVICES once.
    """
    devices = visible(installed(), os.environ.get("CUDA_VISIBLE_DEVICES"))
    with slot(devices, slots) as device:
        if device is not None:
            os.environ["CUDA_VISIBLE_DEVICES"] = device
            logger.info("computes on %s", device)
        yield
