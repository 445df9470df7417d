"""Watch over calls whose backend does not report all of their ends: statuses in the store, deaths, deadlines.

One thread, alive while there are such calls. A pass costs what the unfinished calls cost: only their blocks are listed.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator

from lithops.engine.call import Call
from lithops.engine.listen import Channel, Listener
from lithops.errors import LithopsError, NoSuchBucketError, StorageNoSuchKeyError, WireError
from lithops.spi.compute import ComputeBackend, ComputeFeature, Exit
from lithops.spi.storage import StorageBackend
from lithops.types import CallEnd, CallStatus, ErrorInfo, Handle
from lithops.wire.envelope import decode
from lithops.wire.keys import STATUS_BLOCK, status_block_prefix
from lithops.wire.status import decode_status

__all__ = ["Tracker"]

log = logging.getLogger(__name__)

SHORTEST_S = 0.05
GROWTH = 1.5
FEW = 90
"""How many keys a listing may give for each that is wanted: so much more does a request cost than one key of a page."""

HEARD_LONGEST_S = 30.0
"""So often the store is listed while statuses come by a broker: what it lost is found."""

JOIN_TIMEOUT_S = 10.0


class Tracker:
    """Reports what the backend does not. `unfinished()` gives the calls that were started and have no end."""

    def __init__(
        self,
        backend: ComputeBackend,
        open_store: Callable[[], tuple[StorageBackend, str]],
        *,
        unfinished: Callable[[], list[Call]],
        report: Callable[[CallStatus], None],
        longest_s: float,
        channel: Channel | None = None,
    ) -> None:
        self._backend = backend
        self._open_store = open_store
        self._unfinished = unfinished
        self._report = report
        self._longest_s = longest_s
        self._lists_all = ComputeFeature.REPLIES not in backend.features
        self._lists = self._lists_all or ComputeFeature.EVENTS in backend.features or backend.commit_after_s is not None
        self._polls = ComputeFeature.POLL in backend.features
        self._listener: Listener | None = None
        if channel is not None and self._lists:
            self._listener = Listener(channel, report=report, has_calls=lambda: bool(unfinished()))
        self._listed_at = 0.0
        self._seen: set[str] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_closed = False

    @property
    def is_needed(self) -> bool:
        """Whether this backend leaves anything to watch for."""
        return self._lists or self._polls or self._backend.limits.start_deadline_s != float("inf")

    def wake(self) -> None:
        """Begin to watch, or watch closely again, since calls were started."""
        with self._changed:
            if self._is_closed:
                return
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="lithops-tracker", daemon=True)
                self._thread.start()
            self._changed.notify()
        if self._listener is not None:
            self._listener.wake()

    def close(self) -> None:
        """Join the threads. Idempotent."""
        if self._listener is not None:
            self._listener.close()
        with self._changed:
            self._is_closed = True
            self._changed.notify()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(JOIN_TIMEOUT_S)

    def _run(self) -> None:
        wait_s = SHORTEST_S
        while True:
            with self._changed:
                if self._is_closed:
                    return
                if self._changed.wait(wait_s):
                    wait_s = SHORTEST_S
                calls = self._unfinished()
                if self._is_closed or not calls:
                    self._thread = None
                    self._seen.clear()
                    return
            self.look(calls)
            wait_s = min(wait_s * GROWTH, self._longest_s)

    def look(self, calls: list[Call]) -> None:
        """Make one pass: read new statuses, ask for deaths, end what is over its deadline."""
        if self._lists and not self._hears(time.monotonic()):
            self._guarded(self._read_statuses, calls)
        if self._polls:
            self._guarded(self._ask_for_deaths, [call for call in calls if not call.is_done])
        self._guarded(self._end_overdue, [call for call in calls if not call.is_done])

    def _hears(self, now: float) -> bool:
        """Tell whether a broker brings the statuses, so that the store need not be listed this time."""
        if self._listener is None or not self._listener.is_hearing or now >= self._listed_at + HEARD_LONGEST_S:
            self._listed_at = now
            return False
        return True

    def _guarded(self, step: Callable[[list[Call]], None], calls: list[Call]) -> None:
        """Do a step whatever happened in the one before: a store that is down must not stop the deadlines."""
        try:
            step(calls)
        except NoSuchBucketError:
            log.debug("no worker has written to the job's bucket yet")
        except LithopsError as exc:
            log.warning("looking for ended calls failed, it is tried again: %s", exc)
        except Exception:  # a bug of ours or of a plugin must not end the watch
            log.exception("looking for ended calls failed, it is tried again")

    def _read_statuses(self, calls: list[Call]) -> None:
        calls = [call for call in calls if self._lists_all or call.message.commit or call.is_unheard]
        if not calls:
            return
        store, bucket = self._open_store()
        blocks: dict[str, dict[str, Call]] = {}
        for call in calls:
            message = call.job.message
            block = int(call.call_id) // STATUS_BLOCK
            prefix = status_block_prefix(message.executor_id, message.job_id, block)
            for attempt in range(call.attempt + 1):  # an earlier attempt may end well after it was given up
                blocks.setdefault(prefix, {})[f"{prefix}{call.call_id}-{attempt}"] = call
        for prefix, wanted in blocks.items():
            for key in self._written(store, bucket, prefix, sorted(wanted.keys() - self._seen)):
                with contextlib.suppress(StorageNoSuchKeyError):  # not written yet, or deleted since it was listed
                    self._read_status(store, bucket, key)
                    self._seen.add(key)

    def _written(self, store: StorageBackend, bucket: str, prefix: str, wanted: list[str]) -> Iterator[str]:
        """Yield those of a block's statuses that may be there: listed from the first to the last that is wanted.

        Where few are wanted among many that were read before, they are asked for one by one: that is cheaper.
        """
        if not wanted:
            return
        first, last = (int(key[len(prefix) :].partition("-")[0]) for key in (wanted[0], wanted[-1]))
        if len(wanted) * FEW <= last - first + 1:
            yield from wanted
            return
        among = set(wanted)
        for info in store.list(bucket, prefix, after=f"{prefix}{first:05d}"):
            if info.key > wanted[-1]:
                return
            if info.key in among:
                yield info.key

    def _read_status(self, store: StorageBackend, bucket: str, key: str) -> None:
        stream = store.get(bucket, key)
        try:
            frame = stream.read()
        finally:
            stream.close()
        try:
            self._report(decode_status(decode(frame)))
            if self._listener is not None:
                self._listener.note_found(time.monotonic())
        except WireError as exc:
            log.warning("the status object '%s' is malformed and ignored: %s", key, exc)

    def _ask_for_deaths(self, calls: list[Call]) -> None:
        by_handle: dict[Handle, list[Call]] = {}
        for call in calls:
            if call.handle is not None:
                by_handle.setdefault(call.handle, []).append(call)
        if not by_handle:
            return
        exits = self._backend.poll(list(by_handle))
        if exits and self._lists:  # a status may have been written between the listing and the death
            self._guarded(self._read_statuses, [call for handle in exits for call in by_handle.get(handle, ())])
        for handle, exit_ in exits.items():
            for call in by_handle.get(handle, ()):
                if call.is_done or call.sent is None or call.handle != handle:  # or a death of an earlier attempt
                    continue
                if exit_.calls is None or call.call_id in exit_.calls:
                    self._report(CallStatus.of(call.sent, CallEnd.LOST, _death(exit_)))

    def _end_overdue(self, calls: list[Call]) -> None:
        now = time.time()
        answered, events = self._backend.limits, self._backend.event_limits
        for call in calls:
            deadline_s = (events if events is not None and call.message.commit else answered).start_deadline_s
            if call.sent is None or not call.submit_tstamp:
                continue
            timeout_s = call.job.message.timeout_s
            overdue_s = now - call.submit_tstamp - (timeout_s or 0.0) - deadline_s
            if timeout_s is not None and overdue_s > 0:
                reason = f"nothing was heard of it for {deadline_s:g} s over its time-out of {timeout_s:g} s"
                self._report(CallStatus.of(call.sent, CallEnd.LOST, ErrorInfo("WorkerLostError", reason)))


def _death(exit_: Exit) -> ErrorInfo:
    return ErrorInfo(
        "WorkerLostError",
        exit_.reason,
        exit_.log_tail,
        signal=exit_.signal,
        exit_code=exit_.exit_code,
        memory_limit=exit_.memory_limit,
    )
