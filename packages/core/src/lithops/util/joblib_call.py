"""One call of a `Parallel` object as one job of an executor, to which batches are added as joblib gives them.

submit --BatchDumper--> feed --> engine ... end --> queue --> thread: callback of joblib --> retrieve, submit the next
"""

from __future__ import annotations

import functools
import logging
import os
import pickle
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from queue import SimpleQueue
from typing import Any, NamedTuple

from lithops.engine.call import Call
from lithops.errors import NotSupportedError, SerializationError
from lithops.executors import FunctionExecutor
from lithops.future import ResponseFuture
from lithops.util.joblib_arrays import Arrays, BatchDumper
from lithops.util.joblib_worker import run_batch
from lithops.wire.keys import executor_prefix

__all__ = ["ParallelCall", "Threads", "UnpicklableTaskError"]

log = logging.getLogger(__name__)

JOIN_S = 5.0

_Callback = Callable[[Any], object]


class UnpicklableTaskError(SerializationError, pickle.PicklingError):
    """A call cannot be pickled: the error that joblib's own backends raise, and that of Lithops."""


class Threads(NamedTuple):
    """How many threads the libraries of a call may start: at most `most`, and variables that libraries read."""

    most: int | None
    env: Mapping[str, str]


class ParallelCall:
    """Runs batches, at most `most` at once (None: as many as there are workers). Thread-safe.

    joblib's callbacks pickle and submit what comes next, and read the user's input: they have a thread of their own,
    since they would hold up the engine's, which hears of all the other ends.
    """

    def __init__(
        self,
        executor: FunctionExecutor,
        *,
        most: int | None,
        max_nbytes: int | None,
        is_writable: bool,
        threads: Threads,
    ) -> None:
        self._work = executor._work
        self._engine = executor._work.engine
        self._most = most
        self._threads = threads
        prefix = f"{executor_prefix(executor.executor_id)}joblib/{os.urandom(4).hex()}/"
        self._arrays = Arrays(self._engine.store, prefix, is_writable=is_writable)
        self._dumper = BatchDumper(self._arrays, max_nbytes)
        self._lock = threading.RLock()
        self._offered: list[Any] = []
        self._blocks: Generator[list[Call], None, None] | None = None
        self._running: dict[Call, tuple[_Callback, Sequence[Any]]] = {}
        self._held: deque[tuple[Any, _Callback]] = deque()
        self._is_over = False
        self._ended: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._call_back, name="lithops-joblib", daemon=True)
        self._thread.start()

    def submit(self, batch: Any, callback: _Callback) -> None:
        """Run a batch, now or when another has ended, then call `callback` with its future. Raises nothing."""
        with self._lock:
            if self._most is not None and len(self._running) >= self._most:
                self._held.append((batch, callback))
            else:
                self._start(batch, callback)

    def abort(self) -> None:
        """End the batches that run, and forget those that wait."""
        with self._lock:
            self._is_over = True
            self._held.clear()
            running = list(self._running)
        try:
            self._engine.cancel(running)
        except NotSupportedError as exc:
            log.info("calls of joblib go on although nobody waits for them: %s", exc)

    def close(self) -> None:
        """End the job: its thread, and its arrays in the store. What still runs is ended. Idempotent."""
        self.abort()
        with self._lock:
            blocks, self._blocks = self._blocks, None
        if blocks is not None:
            blocks.close()
        self._ended.put(None)
        if self._thread is not threading.current_thread():  # where a generator of results is collected
            self._thread.join(JOIN_S)
        self._arrays.close()

    def _start(self, batch: Any, callback: _Callback) -> None:
        try:
            if self._is_over:
                raise RuntimeError("this call of Parallel is over: it takes no more input")
            call = self._add(batch)
        except Exception as exc:  # joblib would wait for ever for what was not submitted
            if isinstance(exc, SerializationError):
                exc = UnpicklableTaskError(*exc.args).with_traceback(exc.__traceback__)
            self._arrays.end(self._dumper.take_used())
            self._ended.put(lambda error=exc: callback(_Failed(error)))  # type: ignore[misc]
            return
        self._running[call] = (callback, self._dumper.take_used())
        call.add_done_callback(lambda call: self._ended.put(lambda: self._end(call)))

    def _add(self, batch: Any) -> Call:
        self._offered.append(batch)
        if self._blocks is None:
            what = self._work.describe(functools.partial(run_batch, self._threads.most), "M", env=self._threads.env)
            self._blocks = self._work.feed(what, self._feed(), largest=1, dumper=self._dumper)
        try:
            (call,) = next(self._blocks)
        except BaseException:
            self._offered.clear()
            self._blocks = None  # a generator that has raised gives nothing more: the next batch begins a new job
            raise
        return call

    def _feed(self) -> Iterator[tuple[Any]]:
        while self._offered:
            yield (self._offered.pop(),)

    def _end(self, call: Call) -> None:
        """Tell joblib of an end, and start a batch that waited for it."""
        with self._lock:
            callback, used = self._running.pop(call)
            if self._held:
                self._start(*self._held.popleft())
        self._arrays.end(used)
        try:
            callback(ResponseFuture(call))
        finally:
            call.forget_result()

    def _call_back(self) -> None:
        while (action := self._ended.get()) is not None:
            try:
                action()
            except Exception:  # joblib's code, and in it the user's input
                log.exception("a callback of joblib failed")
            del action  # it refers to a result that nobody may want any more


class _Failed:
    """Stands for the future of a batch that was not submitted."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def result(self) -> Any:
        """Raise what went wrong."""
        raise self._error
