"""Tell the client's broker of statuses that were written to the store, as far as the broker can be reached."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from threading import Lock
from typing import TYPE_CHECKING

from lithops.types import BrokerRef, Buffer

if TYPE_CHECKING:
    from lithops.spi.monitoring import StatusBroker

__all__ = ["Announcer"]

log = logging.getLogger(__name__)

MUTE_S = 30.0
"""A broker that could not be reached is left alone for so long: each try may take seconds, and the store has it all."""


class Announcer:
    """Publishes by brokers that stay open. Thread-safe. Never raises: the client reads the store in time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._open: dict[str, StatusBroker] = {}
        self._mute_until: dict[str, float] = {}

    def announce(self, ref: BrokerRef, frame: Sequence[Buffer]) -> None:
        """Publish a frame on the channel of a reference."""
        name = f"{ref.factory} {sorted(ref.options.items())}"
        if self._clock() < self._mute_until.get(name, 0.0):
            return
        try:
            with self._lock:
                broker = self._open.get(name)
                if broker is None:
                    module, _, attribute = ref.factory.partition(":")
                    broker = self._open[name] = getattr(import_module(module), attribute).from_ref(ref)
            broker.publish(ref.channel, frame)
        except Exception as exc:  # a plugin's code, and its library's: the call has ended well all the same
            self._mute_until[name] = self._clock() + MUTE_S
            log.warning("a status could not be published by its broker, the client finds it in the store: %s", exc)
