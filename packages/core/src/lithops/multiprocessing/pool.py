"""`multiprocessing.Pool` over an executor. It needs no Redis.

map, apply, imap --chunks--> executor --ended calls--> queue --> thread of results --> results, iterators, callbacks
                   (imap: by a thread that reads the input as far as the window allows)
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import threading
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from multiprocessing.pool import ThreadPool
from queue import SimpleQueue
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from lithops.errors import LithopsError, NotSupportedError, RemoteTraceback, SerializationError
from lithops.multiprocessing import config
from lithops.multiprocessing.executors import count_workers, is_retrying, open_executor, submit
from lithops.multiprocessing.pool_groups import GroupedMapResult
from lithops.multiprocessing.pool_results import (
    ApplyResult,
    AsyncResult,
    Ended,
    IMapIterator,
    IMapUnorderedIterator,
    MapResult,
    Sink,
)
from lithops.multiprocessing.pool_worker import Chunk, Group, Setup, call_once, map_each, star_each

if TYPE_CHECKING:
    from lithops.engine.call import Call
    from lithops.executor import FunctionExecutor

__all__ = [
    "ApplyResult",
    "AsyncResult",
    "IMapIterator",
    "IMapUnorderedIterator",
    "MapResult",
    "MaybeEncodingError",
    "Pool",
    "RemoteTraceback",
    "ThreadPool",
]

log = logging.getLogger(__name__)

RUN, CLOSE, TERMINATE = "RUN", "CLOSE", "TERMINATE"
LEAST_WINDOW = 128
STOP_TIMEOUT_S = 15.0

MaybeEncodingError = SerializationError
"""The standard library's name of what a result raises that cannot be pickled."""

Callback = Callable[[Any], object]


class Pool:
    """Workers that apply functions to many arguments; a context manager that terminates it at its end.

    A chunk of arguments is one call of the executor. With `maxtasksperchild`, a worker's process ends after so many
    chunks; on a platform that keeps it, the initializer runs again. An `executor` that is given is used, and not closed.
    """

    def __init__(
        self,
        processes: int | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: Iterable[Any] = (),
        maxtasksperchild: int | None = None,
        context: Any = None,
        *,
        executor: FunctionExecutor | None = None,
    ) -> None:
        self._state = CLOSE
        if processes is not None and processes < 1:
            raise ValueError("Number of processes must be at least 1")
        if maxtasksperchild is not None and (not isinstance(maxtasksperchild, int) or maxtasksperchild <= 0):
            raise ValueError("maxtasksperchild must be a positive int or None")
        if initializer is not None and not callable(initializer):
            raise TypeError("initializer must be a callable")
        self._ctx = context
        self._setup = Setup(os.urandom(8).hex(), initializer, tuple(initargs), maxtasksperchild)
        self._owns = executor is None
        self._executor = open_executor(processes) if executor is None else executor
        self._processes = processes or count_workers()
        self._turn = threading.Condition()
        self._outstanding: set[ApplyResult | IMapIterator] = set()
        self._feeders: list[threading.Thread] = []
        self._ended: Ended = SimpleQueue()
        self._thread = threading.Thread(
            target=_handle_results, args=(self._ended,), name="lithops-pool-results", daemon=True
        )
        self._thread.start()
        self._finalizer = weakref.finalize(self, self._ended.put, None)
        self._details: list[Call] = []
        self._state = RUN

    # One call

    def apply(self, func: Callable[..., Any], args: Iterable[Any] = (), kwds: dict[str, Any] | None = None) -> Any:
        """Call `func(*args, **kwds)` and wait for its result."""
        return self.apply_async(func, args, kwds).get()

    def apply_async(
        self,
        func: Callable[..., Any],
        args: Iterable[Any] = (),
        kwds: dict[str, Any] | None = None,
        callback: Callback | None = None,
        error_callback: Callback | None = None,
    ) -> ApplyResult:
        """Call `func(*args, **kwds)` on a worker. The callbacks run on a thread, and must be quick."""
        self._check_running()
        result = ApplyResult(self, callback, error_callback)
        self._send(result, Chunk(self._setup, func, call_once), [((tuple(args), dict(kwds or {})),)], result.watch)
        return result

    # Many calls

    def map(self, func: Callable[..., Any], iterable: Iterable[Any], chunksize: int | None = None) -> list[Any]:
        """Call `func` with each element, and give the results in the order of the input."""
        return self._map(func, map_each, iterable, chunksize).get()  # type: ignore[no-any-return]

    def map_async(
        self,
        func: Callable[..., Any],
        iterable: Iterable[Any],
        chunksize: int | None = None,
        callback: Callback | None = None,
        error_callback: Callback | None = None,
    ) -> MapResult:
        """Like `map`, but return at once."""
        return self._map(func, map_each, iterable, chunksize, callback, error_callback)

    def starmap(
        self, func: Callable[..., Any], iterable: Iterable[Iterable[Any]], chunksize: int | None = None
    ) -> list[Any]:
        """Like `map`, but each element is spread over the parameters of `func`."""
        return self._map(func, star_each, iterable, chunksize).get()  # type: ignore[no-any-return]

    def starmap_async(
        self,
        func: Callable[..., Any],
        iterable: Iterable[Iterable[Any]],
        chunksize: int | None = None,
        callback: Callback | None = None,
        error_callback: Callback | None = None,
    ) -> MapResult:
        """Like `starmap`, but return at once."""
        return self._map(func, star_each, iterable, chunksize, callback, error_callback)

    def imap(self, func: Callable[..., Any], iterable: Iterable[Any], chunksize: int = 1) -> IMapIterator:
        """Yield results in the order of the input, which is read only a little ahead."""
        return self._imap(IMapIterator, func, iterable, chunksize)

    def imap_unordered(self, func: Callable[..., Any], iterable: Iterable[Any], chunksize: int = 1) -> IMapIterator:
        """Yield results in the order in which they come; the input is read only a little ahead."""
        return self._imap(IMapUnorderedIterator, func, iterable, chunksize)

    # The end

    def close(self) -> None:
        """Take no more calls; those that were taken go on."""
        with self._turn:
            if self._state == RUN:
                self._state = CLOSE

    def join(self) -> None:
        """Wait until all calls have ended, and end the workers. Raises `ValueError` before `close` or `terminate`."""
        with self._turn:
            if self._state == RUN:
                raise ValueError("Pool is still running")
            for one in list(self._outstanding):
                if isinstance(one, IMapIterator):
                    one.widen()
            self._turn.wait_for(lambda: not self._outstanding)  # bounded by the engine: every call ends
            is_terminated = self._state == TERMINATE
        for feeder in self._feeders:  # one may be in the user's input, for as long as that takes
            feeder.join(0 if is_terminated else None)
        self._stop()

    def terminate(self) -> None:
        """End the workers at once: calls that have no result end with an error."""
        with self._turn:
            self._state = TERMINATE
            outstanding = list(self._outstanding)
        error = LithopsError("the pool was terminated before this call had a result: make a new pool")
        if self._owns:
            self._executor.close()
        left = [call for one in outstanding for call in one.abandon(error)]
        if left and not self._owns:
            with contextlib.suppress(NotSupportedError):  # the backend lets them run to their ends, for nobody
                self._executor._work.engine.cancel(left)
        with self._turn:
            self._outstanding.difference_update(outstanding)
            self._turn.notify_all()
        self._stop()

    def __enter__(self) -> Self:
        self._check_running()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.terminate()

    def __del__(self) -> None:
        if self.__dict__.get("_state") == RUN:
            warnings.warn(f"unclosed running multiprocessing pool {self!r}", ResourceWarning, source=self, stacklevel=2)

    def __repr__(self) -> str:
        cls = type(self)
        return f"<{cls.__module__}.{cls.__qualname__} state={self._state} pool_size={self._processes}>"

    def __reduce__(self) -> Any:
        raise NotImplementedError("pool objects cannot be passed between processes or pickled")

    # Within

    def _map(
        self,
        func: Callable[..., Any],
        how: Callable[..., Any],
        iterable: Iterable[Any],
        chunksize: int | None,
        callback: Callback | None = None,
        error_callback: Callback | None = None,
    ) -> MapResult:
        self._check_running()
        items = iterable if isinstance(iterable, Sized) else list(iterable)
        count = len(items)
        if chunksize is None:
            chunksize = -(-count // (4 * self._processes)) or 1
        function, chunks = Chunk(self._setup, func, how), list(_chunks(items, chunksize))
        workers = self._processes
        if GroupedMapResult.is_worth_it(len(chunks), workers) and not is_retrying(self._executor):
            grouped = GroupedMapResult(self, function, chunks, workers, callback, error_callback)
            grouped.start()
            return grouped
        result = MapResult(self, len(chunks), callback, error_callback)
        self._send(result, function, [(one,) for one in chunks], result.watch)
        return result

    def _send(
        self,
        result: ApplyResult,
        function: Chunk | Group,
        elements: Sequence[tuple[Any, ...]],
        watch: Callable[[Iterable[Call], Ended], None],
    ) -> None:
        with self._turn:
            self._outstanding.add(result)
        if not elements:
            self._ended.put(lambda: result.settle(True, []))
            return
        try:
            for block in submit(self._executor, function, elements):
                self._note(block)
                watch(block, self._ended)
        except Exception as exc:  # what the user gave may raise anything when it is pickled
            error = _as_raised(exc)
            self._ended.put(lambda: result.settle(False, error))

    def _imap(
        self, kind: type[IMapIterator], func: Callable[..., Any], iterable: Iterable[Any], chunksize: int
    ) -> IMapIterator:
        self._check_running()
        if chunksize < 1:
            raise ValueError(f"Chunksize must be 1+, not {chunksize:n}")
        result = kind(self, max(LEAST_WINDOW, 4 * self._processes))
        with self._turn:
            self._outstanding.add(result)
            self._feeders = [feeder for feeder in self._feeders if feeder.is_alive()]
            feeder = threading.Thread(
                target=self._feed,
                args=(result, Chunk(self._setup, func, map_each), iterable, chunksize),
                name="lithops-pool-feeder",
                daemon=True,
            )
            self._feeders.append(feeder)
            feeder.start()
        return result

    def _feed(self, result: IMapIterator, chunk: Chunk, iterable: Iterable[Any], chunksize: int) -> None:
        sent = 0
        sink = Sink(self._ended, result.take)
        try:
            for block in submit(self._executor, chunk, _as_allowed(result, iterable, chunksize), largest=1):
                self._note(block)
                sent += len(block)
                for call in block:
                    call.add_done_callback(sink)
        except Exception as exc:  # the user's input may raise anything when it is read or pickled
            failure, at = (False, _as_raised(exc)), sent
            self._ended.put(lambda: result.put(at, failure))
            sent += 1
        result.set_length(sent)

    def _note(self, block: list[Call]) -> None:
        if config.get_parameter(config.EXPORT_EXECUTION_DETAILS) is not None:
            self._details.extend(block)

    def _finished(self, result: ApplyResult | IMapIterator) -> None:
        with self._turn:
            self._outstanding.discard(result)
            self._turn.notify_all()

    def _stop(self) -> None:
        """End the executor and the thread of results. Idempotent."""
        if self._owns:
            self._executor.close()
        self._finalizer()
        if threading.current_thread() is not self._thread:
            self._thread.join(STOP_TIMEOUT_S)
        details, self._details = self._details, []
        folder = config.get_parameter(config.EXPORT_EXECUTION_DETAILS)
        if details and folder is not None:
            from lithops.future import ResponseFuture

            self._executor.report([ResponseFuture(call) for call in details], folder)

    def _check_running(self) -> None:
        if self._state != RUN:
            raise ValueError("Pool not running")


def _chunks(items: Iterable[Any], size: int) -> Iterator[tuple[Any, ...]]:
    each = iter(items)
    while chunk := tuple(itertools.islice(each, size)):
        yield chunk


def _as_allowed(result: IMapIterator, items: Iterable[Any], size: int) -> Iterator[tuple[Any, ...]]:
    each = iter(items)
    while result.may_send():  # before the input is read: it is read only as far as the window allows
        chunk = tuple(itertools.islice(each, size))
        if not chunk:
            return
        yield (chunk,)


def _as_raised(exc: Exception) -> BaseException:
    """Give what pickling an input raised, as the standard pool does, with a note that says which."""
    cause = exc.__cause__
    if not isinstance(exc, SerializationError) or not isinstance(cause, Exception):
        return exc
    cause.add_note(str(exc))
    return cause


def _handle_results(ended: Ended) -> None:
    """Do what comes, on a thread of its own: load results, call callbacks."""
    while (task := ended.get()) is not None:
        try:
            task()
        except BaseException:  # a callback of the user's may even raise SystemExit
            log.exception("a result of a pool could not be handled")
        del task
