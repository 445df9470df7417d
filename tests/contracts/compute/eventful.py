"""A platform with events for the kit's own tests: the localhost backend, whose workers write what nobody waits for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from threading import Lock
from uuid import uuid4

from tests.contracts.compute.broken_base import BrokenCompute, Said

from lithops.spi import CallEnd, CallMessage, CallStatus, ComputeFeature, Exit, Handle, Report, RuntimeSpec
from lithops_localhost.compute import LocalhostCompute
from lithops_localhost.config import LocalhostConfig

__all__ = ["EventfulCompute"]


class EventfulCompute(BrokenCompute):
    """Replies, or takes events: their time-outs are reported, their deaths told when it is asked."""

    features = ComputeFeature.REPLIES | ComputeFeature.TIMEOUTS | ComputeFeature.EVENTS | ComputeFeature.POLL
    event_limits = LocalhostCompute.limits._replace(max_inline_bytes=100_000)
    commit_after_s = 5.0

    def __init__(self, options: LocalhostConfig) -> None:
        super().__init__(options)
        self._lock = Lock()
        self._exits: dict[Handle, Exit] = {}

    def start(self, runtime: RuntimeSpec, calls: Sequence[CallMessage], report: Report) -> Handle:
        if not calls[0].job.commit:
            return super().start(runtime, calls, report)
        handle = uuid4().hex
        self.inner.start(runtime, calls, lambda said: self.note(handle, said, report))
        return handle

    def note(self, handle: Handle, said: Said, report: Report) -> None:
        """Take the end of an event."""
        if not isinstance(said, CallStatus):
            return
        if said.end is CallEnd.TIMEOUT:
            report(said)
        elif said.end is CallEnd.LOST:
            error = said.error
            with self._lock:
                before = self._exits.get(handle)
                calls = {said.call_id, *((before and before.calls) or ())}
                self._exits[handle] = Exit("it died", memory_limit=bool(error and error.memory_limit), calls=calls)

    def cancel(self, handle: Handle, calls: Collection[CallMessage]) -> None:
        raise self._unsupported("cancelling", "its platform cannot end a call that was started")

    def poll(self, handles: Collection[Handle]) -> Mapping[Handle, Exit]:
        with self._lock:
            return {handle: self._exits[handle] for handle in handles if handle in self._exits}
