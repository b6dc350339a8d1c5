"""What every rule's script does around its one call: log to the rule's file, and fail in one line."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def run(main: Callable[[Any], None], job: Any) -> None:
    """Call `main` with Snakemake's job object.

    Messages go to the rule's log file, which begins with the job's outputs, and to the terminal too. Bad input and
    failures of the system (ValueError, OSError) end in one line on the terminal and a traceback in the log file;
    anything else is a fault of ours and shows its traceback in both. Exit code 1 in either case.
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
    logging.info("makes %s", ", ".join(job.output), extra={"file_only": True})  # `make status` looks for them
    try:
        main(job)
    except (ValueError, OSError) as error:
        logging.error("%s", " ".join(str(error).split("\n")))
        logging.error("the traceback", exc_info=True, extra={"file_only": True})
        sys.exit(1)
    except Exception:
        logging.exception("unexpected failure; please report it with %s", log)
        sys.exit(1)
