"""Hear of statuses from a broker, so that the store need not be listed as long as the broker works."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import NamedTuple

from lithops.errors import LithopsError, WireError
from lithops.spi.monitoring import StatusBroker
from lithops.types import CallStatus
from lithops.wire.envelope import decode
from lithops.wire.status import decode_status

__all__ = ["Channel", "Listener"]

log = logging.getLogger(__name__)

STEP_S = 0.5
UNHEARD_S = 15.0
"""After so long workers that reach the broker have told of a status that is in the store."""

AGAIN_AFTER_S = 2.0
JOIN_TIMEOUT_S = 15.0


class Channel(NamedTuple):
    """Where the statuses of an executor come: a broker, and the name there."""

    broker: StatusBroker
    name: str


class Listener:
    """One thread that receives from a broker while there is something to hear. `has_calls` tells whether there is."""

    def __init__(
        self, channel: Channel, *, report: Callable[[CallStatus], None], has_calls: Callable[[], bool]
    ) -> None:
        self._broker, self._channel = channel
        self._report = report
        self._has_calls = has_calls
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_closed = False
        self._was_used = False
        self._was_warned = False
        self._is_reached = False
        self.is_hearing = False
        """Whether statuses come: the broker is reached, and some worker has reached it too."""
        self._found_at: float | None = None
        self._was_unheard = False

    def wake(self) -> None:
        """Begin to listen, if nobody does."""
        with self._changed:
            if self._thread is None and not self._is_closed:
                self._was_used = True
                self._thread = threading.Thread(target=self._run, name="lithops-listener", daemon=True)
                self._thread.start()

    def note_found(self, now: float) -> None:
        """Note that a status was found in the store. When none comes by the broker for long, the log says so, once."""
        if self._found_at is None:
            self._found_at = now
        if self._is_reached and not self.is_hearing and not self._was_unheard and now - self._found_at >= UNHEARD_S:
            self._was_unheard = True
            log.warning(
                "workers end calls and tell the broker nothing, so that the store is listed: their runtime needs the "
                "broker's package, its password in a variable, and a way to its host; see docs/monitoring.md, and what "
                "workers log"
            )

    def close(self) -> None:
        """End the thread, and delete the channel. Idempotent."""
        with self._changed:
            was_closed, self._is_closed = self._is_closed, True
            self._changed.notify()
            thread = self._thread
        if was_closed:
            return
        if thread is not None and thread is not threading.current_thread():
            thread.join(JOIN_TIMEOUT_S)
        if self._was_used and self._is_reached:
            try:
                self._broker.discard(self._channel)
            except Exception as exc:  # a plugin's code: the channel expires by itself
                log.debug("the channel '%s' could not be deleted: %s", self._channel, exc)
        self._broker.close()

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._is_closed or not self._has_calls():
                    self._thread = None
                    return
            self._receive()

    def _receive(self) -> None:
        try:
            frames = self._broker.receive(self._channel, STEP_S)
        except Exception as exc:  # a plugin's code, and its library's: listing the store goes on without it
            ours = exc if isinstance(exc, LithopsError) else self._broker.translate(exc)
            if self._is_reached or not self._was_warned:
                log.warning("no statuses come by the broker, the store is listed instead: %s", ours or repr(exc))
            self._was_warned, self._is_reached, self.is_hearing = True, False, False
            with self._changed:
                if not self._is_closed:
                    self._changed.wait(AGAIN_AFTER_S)
            return
        self._is_reached = True
        self.is_hearing = self.is_hearing or bool(frames)
        for frame in frames:
            try:
                self._report(decode_status(decode(frame)))
            except WireError as exc:
                log.warning("a status from the broker is malformed and ignored: %s", exc)
