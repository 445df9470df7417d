"""End a call that runs over its time, where the worker itself has to: on platforms that end functions at one time only.

The whole process ends, since no thread can be stopped; the platform starts another one for the next call.
"""

from __future__ import annotations

import math
import os
import sys
import threading
import time
from collections.abc import Callable

from lithops.types import CallMessage, ErrorInfo

__all__ = ["EXIT_CODE", "OVERTIME", "Watch"]

EXIT_CODE = 124  # as `timeout` of the GNU coreutils
OVERTIME = "lithops: the call was ended, since it ran over its time-out"
"""The last line that the process writes to its standard error."""

COMMIT_S = 10.0


class Watch:
    """Watches over one call at a time, from a thread that is made for the first. Used by one thread.

    `give_up(call, error)` is called before the process ends, and may take 10 seconds: it leaves word of the end where
    nobody waits for the call.
    """

    def __init__(self, give_up: Callable[[CallMessage, ErrorInfo], None]) -> None:
        self._give_up = give_up
        self._changed = threading.Condition()
        self._watched: tuple[CallMessage, float, bool] | None = None
        self._wakes_at = math.inf
        self._caller = threading.get_ident()
        self._thread: threading.Thread | None = None

    def begin(self, call: CallMessage, limit_s: float, *, tells: bool) -> None:
        """Watch over a call; `tells` says whether to give it up in words, or only to end."""
        self._caller = threading.get_ident()
        limit = time.monotonic() + limit_s
        with self._changed:
            self._watched = call, limit, tells
            if limit < self._wakes_at:  # else it looks in time anyway: waking it would cost each call
                self._changed.notify()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="lithops-overtime", daemon=True)
            self._thread.start()

    def end(self) -> None:
        """Watch no longer: the call is over."""
        with self._changed:
            self._watched = None

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._watched is None:
                    self._wakes_at = math.inf
                    self._changed.wait()
                    continue
                call, limit, tells = self._watched
                left_s = limit - time.monotonic()
                if left_s > 0:
                    self._wakes_at = limit
                    self._changed.wait(left_s)
                    continue
                self._watched = None
            self._end(call, tells)

    def _end(self, call: CallMessage, tells: bool) -> None:
        where = self._stack()
        reason = f"{OVERTIME} of {call.job.timeout_s:g} s" if call.job.timeout_s is not None else OVERTIME
        try:
            if tells:
                error = ErrorInfo("CallTimeoutError", reason.removeprefix("lithops: the call was ended, since "), where)
                giving_up = threading.Thread(target=self._give_up, args=(call, error), daemon=True)
                giving_up.start()
                giving_up.join(COMMIT_S)
            os.write(2, f"{where}{reason}\n".encode("utf-8", "backslashreplace"))
        finally:
            os._exit(EXIT_CODE)

    def _stack(self) -> str:
        try:
            import traceback

            frame = sys._current_frames().get(self._caller)
            return "".join(traceback.format_stack(frame, limit=20)) if frame is not None else ""
        except Exception:  # sources may be unreadable, or the stack change under us
            return ""
