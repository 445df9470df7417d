"""Read on while the user's function works: the next blocks of a run are fetched by a thread, two at most.

    source --thread--> being fetched --> [ ready ] --> being used

What begins a run is read by its user, who waits for it anyway. The thread begins behind it, and ends with the run,
with a failure, or when the source is closed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, Queue
from typing import TYPE_CHECKING

from lithops.errors import StorageError
from lithops.worker.joining import join

if TYPE_CHECKING:
    from lithops.worker.data_sources import ByteSource

__all__ = ["AHEAD_BYTES", "THREAD_NAME", "AheadSource"]

AHEAD_BYTES = 1 << 20
"""The size of a block. What is left of a run has no thread when it is not more."""

THREAD_NAME = "lithops-ahead"
_END_S = 120.0  # longer than a request may be silent


class AheadSource:
    """Another source, read ahead. One reader at a time; while there is a thread, the other source is the thread's.

    `make` makes the other source, which sleeps between its attempts by the function that it is given: a pause of the
    thread ends when the source is closed. `is_wanted` is asked before a thread is started.
    """

    def __init__(
        self,
        make: Callable[[Callable[[float], None]], ByteSource],
        is_wanted: Callable[[], bool],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._source = make(self._pause)
        self._is_wanted = is_wanted
        self._sleep = sleep
        self._end = 0
        self._left = 0  # of the run, for the reader; 0 when its end is not known
        self._block = memoryview(b"")
        self._fetcher: _Fetcher | None = None

    def seek(self, start: int, end: int | None) -> None:
        self._stop()
        self._source.seek(start, end)
        self._end = end or 0
        self._left = 0 if end is None else end - start

    def readinto(self, buffer: memoryview, /) -> int:
        count = self._source.readinto(buffer) if self._fetcher is None else self._take(self._fetcher, buffer)
        self._left -= count
        if count and self._fetcher is None and self._left > AHEAD_BYTES and self._is_wanted():
            self._fetcher = _Fetcher(self._source, self._left)
            try:
                self._fetcher.start()
            except RuntimeError:  # no thread can be had: read as it is asked for
                self._fetcher = None
        return count

    def close(self) -> None:
        self._stop()
        self._source.close()

    def _take(self, fetcher: _Fetcher, buffer: memoryview) -> int:
        if not self._block:
            try:
                self._block = fetcher.next()
            except BaseException:  # of the source, or an interrupt: a later read goes on here
                self._stop()
                self._source.seek(self._end - self._left, self._end)
                raise
            if not self._block:
                self._stop()
        count = min(len(buffer), len(self._block))
        buffer[:count] = self._block[:count]
        self._block = self._block[count:]
        return count

    def _stop(self) -> None:
        self._block = memoryview(b"")
        if self._fetcher is not None:
            self._fetcher.end()
            self._fetcher = None  # not before: an interrupt leaves it to the next that comes here

    def _pause(self, seconds: float) -> None:
        fetcher = self._fetcher
        if fetcher is None or self._sleep is not time.sleep:
            self._sleep(seconds)
        elif fetcher.stop.wait(seconds):
            raise StorageError("the stream was closed while it waited for another attempt")


class _Fetcher:
    """The thread. It gives blocks, last an empty one or what was raised, and one is ready at a time."""

    def __init__(self, source: ByteSource, size: int) -> None:
        self.stop = threading.Event()
        self._source = source
        self._left = size
        self._ready: Queue[memoryview | BaseException] = Queue(1)
        self._thread = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)

    def start(self) -> None:
        """Begin; whoever is interrupted here has to call `end`."""
        self._thread.start()

    def next(self) -> memoryview:
        """Wait for a block; raises what the source raised."""
        block = self._ready.get()  # bounded by the time-outs of the requests
        if isinstance(block, BaseException):
            raise block
        return block

    def end(self) -> None:
        """Wait for the end of the thread, which is near: it stops after the read that it is in."""
        self.stop.set()
        with suppress(Empty):
            self._ready.get_nowait()  # room for what the thread may still put
        if threading.current_thread() is not self._thread:
            join(self._thread, _END_S)

    def _run(self) -> None:
        try:
            while not self.stop.is_set():
                block = self._fill(min(self._left, AHEAD_BYTES))
                self._left -= len(block)
                self._ready.put(block)
                if not block:
                    return
        except BaseException as exc:  # of a backend: it is the reader's
            self._ready.put(exc)

    def _fill(self, size: int) -> memoryview:
        block = memoryview(bytearray(size))
        filled = 0
        while filled < size and not self.stop.is_set():
            count = self._source.readinto(block[filled:])
            if not count:
                break
            filled += count
        return block[:filled]
