"""What a process has used so far: CPU time and memory, cheap enough to ask for each call."""

from __future__ import annotations

import os
import sys
from resource import RUSAGE_SELF, getrusage
from typing import NamedTuple

__all__ = ["Usage", "UsageMeter"]

_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


class Usage(NamedTuple):
    """CPU seconds in user and system mode, resident set and its peak in bytes."""

    cpu_user_s: float
    cpu_system_s: float
    rss_bytes: int
    peak_bytes: int


class UsageMeter:
    """Asks the system; keeps the file that tells the resident set open, where there is one (Linux)."""

    def __init__(self) -> None:
        self._page = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
        try:
            self._statm = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._statm = -1

    def read(self) -> Usage:
        """Give the use of this process up to now."""
        used = getrusage(RUSAGE_SELF)
        peak = used.ru_maxrss * _MAXRSS_UNIT
        rss = peak
        if self._statm >= 0:
            rss = int(os.pread(self._statm, 64, 0).split(b" ", 2)[1]) * self._page
        return Usage(used.ru_utime, used.ru_stime, rss, peak)
