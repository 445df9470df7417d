"""Set up logging for programs that ask for it. Importing Lithops adds no handler."""

from __future__ import annotations

import logging
import sys
from typing import Any

__all__ = ["setup_lithops_logger"]

LOG_FORMAT = "%(asctime)s [%(levelname)s] %(filename)s:%(lineno)s -- %(message)s"


def setup_lithops_logger(
    log_level: int | str | None = "INFO",
    log_format: str | None = None,
    stream: Any = None,
    filename: str | None = None,
) -> None:
    """Log what the logger `lithops` says from `log_level` on: to `stream` (standard error), or to the file `filename`.

    Calling it again replaces what it set up before. None or False: silent.
    """
    logger = logging.getLogger("lithops")
    for handler in [one for one in logger.handlers if getattr(one, "is_lithops", False)]:
        logger.removeHandler(handler)
        handler.close()
    if log_level is None or log_level is False:
        return
    level = log_level.upper() if isinstance(log_level, str) else log_level
    if isinstance(level, str) and level not in logging.getLevelNamesMapping():
        raise ValueError(f"log_level is {log_level!r}: give one of DEBUG, INFO, WARNING, ERROR, CRITICAL")
    if isinstance(stream, str):
        stream = {"ext://sys.stdout": sys.stdout, "ext://sys.stderr": sys.stderr}.get(stream)
    handler = logging.FileHandler(filename) if filename else logging.StreamHandler(stream or sys.stderr)
    handler.is_lithops = True  # type: ignore[union-attr]
    handler.setFormatter(logging.Formatter(log_format or LOG_FORMAT))
    logger.addHandler(handler)
    logger.setLevel(level)
