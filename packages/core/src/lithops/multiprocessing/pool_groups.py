"""A `map` of many small chunks, several to a call: a call for each would cost more than the chunks do.

first chunks, a call each --(half have ended, all were short)--> groups --> results
                           \\--(else)--> a call each                \\--chunks that a worker gives back--> a call each
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from lithops.engine.call import Call
from lithops.engine.outcome import exception_of
from lithops.future import ResponseFuture
from lithops.multiprocessing.pool_results import Ended, MapResult, Sink, outcome_of
from lithops.multiprocessing.pool_worker import Chunk, Group, Part
from lithops.types import CallEnd, CallStatus, ErrorInfo

if TYPE_CHECKING:
    from lithops.multiprocessing.pool import Pool

__all__ = ["GroupedMapResult"]

LARGEST_GROUP = 64
FIRST_FOR_EACH_WORKER = 4
SHORT_S = 0.001
"""Chunks below this go in groups: longer ones gain nothing, and may wait for each other."""


class GroupedMapResult(MapResult):
    """The results of `map_async`, in the order of the input, when all are there; or the first error.

    `workers` is how many chunks run at once. Which chunks a call does is known by their positions in `chunks`.
    """

    def __init__(
        self,
        pool: Pool,
        function: Chunk,
        chunks: Sequence[tuple[Any, ...]],
        workers: int,
        callback: Callable[[Any], object] | None,
        error_callback: Callable[[BaseException], object] | None,
    ) -> None:
        super().__init__(pool, len(chunks), callback, error_callback)
        self._function = function
        self._chunks = chunks
        self._workers = workers
        self._results: dict[int, list[Any]] = {}
        self._errors: dict[int, BaseException] = {}
        self._heard = 0
        self._left = len(chunks)
        self._is_known_short: bool | None = None
        self._first = FIRST_FOR_EACH_WORKER * workers

    @staticmethod
    def is_worth_it(chunks: int, workers: int) -> bool:
        """Tell whether there are enough chunks for groups."""
        return chunks >= 2 * FIRST_FOR_EACH_WORKER * workers

    def start(self) -> None:
        """Send the first chunks. What follows is done by the pool's thread of results."""
        self._send_each(range(self._first))

    def _send(self, function: Chunk | Group, elements: list[tuple[Any, ...]], wanted: Sequence[Sequence[int]]) -> None:
        pool = self._pool
        if pool is not None:
            pool._send(self, function, elements, self._watching(wanted))

    def _send_each(self, positions: Iterable[int]) -> None:
        wanted = [(at,) for at in positions]
        self._send(self._function, [(self._chunks[at],) for (at,) in wanted], wanted)

    def _send_rest(self) -> None:
        count, first = len(self._chunks), self._first
        size = min(LARGEST_GROUP, (count - first) // (4 * self._workers)) if self._is_known_short else 1
        # The last ones go alone, so that all workers end at the same time.
        groups = (count - first - size * self._workers) // size if size > 1 else 0
        after = first + groups * size
        if groups:
            wanted = [range(at, at + size) for at in range(first, after, size)]
            elements = [(self._chunks[each.start : each.stop],) for each in wanted]
            self._send(Group(self._function), elements, wanted)
        self._send_each(range(after, count))

    def _watching(self, wanted: Sequence[Sequence[int]]) -> Callable[[Iterable[Call], Ended], None]:
        """Give what hears of a job's calls, which do the chunks at these positions."""

        def watch(calls: Iterable[Call], ended: Ended) -> None:
            sink = Sink(ended, lambda number, call: self._take(wanted[number], call))
            calls = list(calls)
            self._calls += calls
            for call in calls:
                call.add_done_callback(sink)

        return watch

    def _take(self, positions: Sequence[int], call: Call) -> None:
        """Take in the end of a call, on the pool's thread of results."""
        self._note_time(call)
        success, value = outcome_of(call)
        if self.ready():  # the pool was terminated
            return
        left: Sequence[int] = ()
        if not success:
            self._errors[positions[0]] = value
        elif isinstance(value, Part):
            done = len(value.results)
            self._results.update(zip(positions, value.results, strict=False))
            left = positions[done:]
            if value.error is not None:
                self._errors[left[0]] = _error_of(call, value.error)
                left = left[1:]
        elif len(positions) > 1:
            self._results.update(zip(positions, value, strict=True))
        else:
            self._results[positions[0]] = value
        self._left -= len(positions) - len(left)
        if left:
            self._send_each(left)
        elif self._heard == self._first // 2:
            self._send_rest()
        elif not self._left:
            self._end()

    def _note_time(self, call: Call) -> None:
        self._heard += 1
        if self._heard > self._first // 2:
            return
        stats = ResponseFuture(call).stats
        if not stats.get("worker_cold_start", True):
            self._is_known_short = self._is_known_short is not False and stats["worker_func_exec_time"] < SHORT_S

    def _end(self) -> None:
        results, self._results, self._chunks = self._results, {}, ()
        if self._errors:
            self.settle(False, self._errors[min(self._errors)])
        else:
            self.settle(True, [one for at in range(self._count) for one in results[at]])


def _error_of(call: Call, error: ErrorInfo) -> BaseException:
    message = call.job.message
    status = CallStatus(message.executor_id, message.job_id, call.call_id, call.attempt, CallEnd.ERROR, error=error)
    return exception_of(call, status)
