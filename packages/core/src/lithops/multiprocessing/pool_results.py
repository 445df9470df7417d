"""What a pool's methods give: results that come later, and iterators over results as they come."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from multiprocessing import TimeoutError  # noqa: A004 - the standard module has this name too
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from lithops.engine.call import Call
from lithops.future import ResponseFuture

if TYPE_CHECKING:
    from lithops.multiprocessing.pool import Pool

__all__ = [
    "ApplyResult",
    "AsyncResult",
    "Ended",
    "IMapIterator",
    "IMapUnorderedIterator",
    "MapResult",
    "Sink",
    "outcome_of",
]

log = logging.getLogger(__name__)

Ended = SimpleQueue[Callable[[], None] | None]
"""What a pool's thread of results is to do, in order; None ends it."""


class Sink:
    """Hands the calls of one job over to the thread of results."""

    def __init__(self, ended: Ended, take: Callable[[int, Call], None]) -> None:
        self._ended = ended
        self._take = take

    def __call__(self, call: Call) -> None:
        """Note that a call has ended; on a thread of the engine, so it must be quick."""
        self._ended.put(lambda: self._take(int(call.call_id), call))


class ApplyResult:
    """The result of `apply_async`, when it is there."""

    def __init__(
        self,
        pool: Pool,
        callback: Callable[[Any], object] | None,
        error_callback: Callable[[BaseException], object] | None,
    ) -> None:
        self._pool: Pool | None = pool  # a pool lives as long as something waits for it
        self._callback = callback
        self._error_callback = error_callback
        self._event = threading.Event()
        self._is_settled = threading.Lock()  # held from the first end on
        self._calls: list[Call] = []
        self._success = False
        self._value: Any = None

    def ready(self) -> bool:
        """Tell whether it is over."""
        return self._event.is_set()

    def successful(self) -> bool:
        """Tell whether it has a result. Raises `ValueError` when it is not over."""
        if not self.ready():
            raise ValueError(f"{self!r} not ready")
        return self._success

    def wait(self, timeout: float | None = None) -> None:
        """Wait until it is over, at most `timeout` seconds."""
        self._event.wait(timeout)

    def get(self, timeout: float | None = None) -> Any:
        """Wait for the result and give it, or raise the exception of the function.

        Raises `multiprocessing.TimeoutError` when `timeout` seconds are over.
        """
        self.wait(timeout)
        if not self.ready():
            raise TimeoutError
        if self._success:
            return self._value
        raise self._value

    def watch(self, calls: Iterable[Call], ended: Ended) -> None:
        """Hear of the ends of the calls that this is the result of."""
        sink = Sink(ended, lambda _at, call: self.settle(*outcome_of(call)))
        self._calls += calls
        for call in self._calls:
            call.add_done_callback(sink)

    def settle(self, success: bool, value: Any) -> None:
        """Note the end, and tell who wanted to know. Only the first end counts."""
        if not self._is_settled.acquire(blocking=False):
            return
        self._success, self._value = success, value
        callback = self._callback if success else self._error_callback
        if callback is not None:
            try:
                callback(value)
            except BaseException:  # the user's code, which may even raise SystemExit
                log.exception("a callback of a pool failed")
        self._event.set()
        pool, self._pool = self._pool, None
        self._callback = self._error_callback = None
        self._calls = []
        if pool is not None:
            pool._finished(self)

    def abandon(self, error: BaseException) -> list[Call]:
        """End it by an error, since nothing more will come, and give the calls that nobody waits for any more."""
        calls = self._calls
        self.settle(False, error)
        return calls


AsyncResult = ApplyResult


class MapResult(ApplyResult):
    """The results of `map_async`, in the order of the input, when all are there; or the first error."""

    def __init__(
        self,
        pool: Pool,
        chunks: int,
        callback: Callable[[Any], object] | None,
        error_callback: Callable[[BaseException], object] | None,
    ) -> None:
        super().__init__(pool, callback, error_callback)
        self._count = chunks
        self._ends = itertools.count(1)

    def watch(self, calls: Iterable[Call], ended: Ended) -> None:
        """Hear of the ends of these chunks. Nothing is done before the last one: switching threads for each costs more."""

        def note(_call: Call) -> None:  # on threads of the engine
            if next(self._ends) == self._count:
                ended.put(self._load)

        calls = list(calls)
        self._calls += calls
        for call in calls:
            call.add_done_callback(note)

    def _load(self) -> None:
        results: list[Any] = []
        error: BaseException | None = None
        for success, value in map(outcome_of, self._calls):
            if success:
                results += value
            elif error is None:
                error = value
        self.settle(error is None, results if error is None else error)


class IMapIterator:
    """Results in the order of the input, as they come.

    At most `window` chunks are under way or not yet taken, until the pool is joined.
    """

    _is_ordered = True

    def __init__(self, pool: Pool, window: int) -> None:
        self._pool: Pool | None = pool
        self._turn = threading.Condition()
        self._ready: deque[tuple[bool, Any]] = deque()
        self._early: dict[int, tuple[bool, Any]] = {}
        self._at = 0
        self._came = 0
        self._items: Iterator[Any] = iter(())
        self._length: int | None = None
        self._window: float = window
        self._sent = 0
        self._taken = 0
        self._error: BaseException | None = None

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return self.next()

    def next(self, timeout: float | None = None) -> Any:
        """Give the next result. Raises `multiprocessing.TimeoutError` when `timeout` seconds are over."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            for item in self._items:
                return item
            success, value = self._next_chunk(deadline)
            if not success:
                raise value
            self._items = iter(value)

    def _next_chunk(self, deadline: float | None) -> tuple[bool, Any]:
        with self._turn:
            while not self._ready:
                if self._length is not None and self._came >= self._length:
                    raise StopIteration
                if self._error is not None:
                    raise self._error
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    raise TimeoutError
                self._turn.wait(left)
            self._taken += 1
            self._turn.notify_all()
            return self._ready.popleft()

    # What follows is called by the pool and its threads.

    def may_send(self) -> bool:
        """Wait until one more chunk may be under way; False when no more are wanted."""
        with self._turn:
            while self._error is None and self._sent - self._taken >= self._window:
                self._turn.wait()  # bounded by the user's reading, by join or by terminate
            self._sent += 1
            return self._error is None

    def widen(self) -> None:
        """Let everything be sent: the pool is to end, and nobody may be reading."""
        with self._turn:
            self._window = float("inf")
            self._turn.notify_all()

    def abandon(self, error: BaseException) -> list[Call]:
        """Send no more, and raise this error once what came is taken."""
        with self._turn:
            self._error = self._error or error
            self._turn.notify_all()
        return []

    def take(self, at: int, call: Call) -> None:
        """Take in the end of a chunk."""
        self.put(at, outcome_of(call))

    def put(self, at: int, outcome: tuple[bool, Any]) -> None:
        """Take in what a chunk gave."""
        with self._turn:
            self._came += 1
            if not self._is_ordered:
                self._ready.append(outcome)
            else:
                self._early[at] = outcome
                while self._at in self._early:
                    self._ready.append(self._early.pop(self._at))
                    self._at += 1
            self._turn.notify_all()
        self._end_if_complete()

    def set_length(self, length: int) -> None:
        """Note how many chunks there are in all."""
        with self._turn:
            self._length = length
            self._turn.notify_all()
        self._end_if_complete()

    def _end_if_complete(self) -> None:
        with self._turn:
            if self._length is None or self._came < self._length:
                return
            pool, self._pool = self._pool, None
        if pool is not None:
            pool._finished(self)


class IMapUnorderedIterator(IMapIterator):
    """Results in the order in which they come."""

    _is_ordered = False


def outcome_of(call: Call) -> tuple[bool, Any]:
    """Load what a call gave, or its exception, and drop the engine's copy."""
    future = ResponseFuture(call)
    try:
        if future.success:
            return True, future.result(0)
        return False, future.exception(0)
    except BaseException as exc:  # the user's classes may raise anything when they are loaded, and a store may fail
        return False, exc
    finally:
        call.forget_result()
