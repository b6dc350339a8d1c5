"""What every rule's script does around its one call: log to the rule's file, take a GPU, and fail in one line."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import gpu


def run(main: Callable[[Any], None], job: Any) -> None:
    """Call `main` with Snakemake's job object; while it runs, a rule with the resource `gpu` holds a slot on one GPU.

    Messages go to the rule's log file, and to the terminal too. Bad input and failures of the system (ValueError,
    OSError) end in one line on the terminal and a traceback in the log file; anything else is a fault of ours and
    shows its traceback in both. Exit code 1 in either case.
    """
    log = Path(job.log[0])
    log.parent.mkdir(parents=True, exist_ok=True)
    file = logging.FileHandler(log, mode="w", encoding="utf-8")
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%d %H:%M:%S"))
    terminal = logging.StreamHandler(sys.stderr)
    terminal.setFormatter(logging.Formatter(f"{job.rule}: %(message)s"))
    terminal.addFilter(lambda record: not getattr(record, "file_only", False))
    logging.basicConfig(level=logging.INFO, handlers=[file, terminal], force=True)
    logging.captureWarnings(True)
    for chatty in ("gensim", "smart_open", "matplotlib", "fontTools", "numba"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    try:
        with gpu.of_its_own(job.config["training"]["slots_per_gpu"]) if job.resources.get("gpu") else nullcontext():
            main(job)
    except (ValueError, OSError) as error:
        logging.error("%s", " ".join(str(error).split("\n")))
        logging.error("the traceback", exc_info=True, extra={"file_only": True})
        sys.exit(1)
    except Exception:
        logging.exception("unexpected failure; please report it with %s", log)
        sys.exit(1)
