"""Wait for the end of threads, also of one whose start an interrupt broke off."""

from __future__ import annotations

import threading
import time

__all__ = ["join"]

_STARTS_WITHIN_S = 5.0


def join(thread: threading.Thread, timeout_s: float | None = None) -> None:
    """Wait for a thread's end; one that never began has ended.

    `Thread.start` waits for the thread to begin: an interrupt there leaves one that runs, but cannot be joined yet.
    """
    limit = time.monotonic() + _STARTS_WITHIN_S
    while True:
        try:
            thread.join(timeout_s)
            return
        except RuntimeError:  # not begun yet, or never
            if thread not in threading.enumerate() or time.monotonic() > limit:
                return
        time.sleep(0.001)
