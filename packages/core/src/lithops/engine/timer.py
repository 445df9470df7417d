"""Do things later, on one thread that is started when it is first needed."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable

__all__ = ["Timer"]

log = logging.getLogger(__name__)
JOIN_TIMEOUT_S = 10.0


class Timer:
    """Runs actions at their time, one after the other; an action must be quick. Thread-safe."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def after(self, delay_s: float, action: Callable[[], None]) -> None:
        """Run `action` in `delay_s` seconds; never after `close`."""
        with self._changed:
            if self._is_closed:
                return
            heapq.heappush(self._heap, (time.monotonic() + delay_s, next(self._count), action))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self) -> None:
        """Drop what is left and join the thread. Idempotent."""
        with self._changed:
            self._is_closed = True
            self._heap.clear()
            self._changed.notify()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(JOIN_TIMEOUT_S)

    def _run(self) -> None:
        while (action := self._next()) is not None:
            try:
                action()
            except Exception:  # a bug in one action must not stop the others
                log.exception("a delayed action failed")

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            while not self._is_closed:
                if not self._heap:
                    self._changed.wait()  # bounded by close
                    continue
                delay = self._heap[0][0] - time.monotonic()
                if delay <= 0:
                    return heapq.heappop(self._heap)[2]
                self._changed.wait(min(delay, threading.TIMEOUT_MAX))
            return None
