"""Statuses by way of Redis: a channel is a list, which expires."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lithops.errors import BrokerError, LithopsError
from lithops.redis_server import FACTORY, connect, reference
from lithops.spi.monitoring import StatusBroker
from lithops.types import BrokerRef, Buffer, StorageRef

if TYPE_CHECKING:
    from redis import Redis

    from lithops.monitoring.config import RedisConfig

__all__ = ["RedisBroker"]

EXPIRY_S = 24 * 3600
ANSWER_TIMEOUT_S = 5.0
"""A worker waits for it at the end of a call, and a server that is frozen must not hold it long: the store has it all."""

MOST_AT_ONCE = 1000
_PREFIX = "lithops-status:"


class RedisBroker(StatusBroker):
    """A status is pushed to the list of its executor."""

    def __init__(self, options: RedisConfig) -> None:
        plain = {name: getattr(options, name) for name in options.__struct_fields__ if name != "password"}
        self._password = None if options.password is None else options.password.reveal()
        self._at(reference(plain))

    def _at(self, server: StorageRef) -> None:
        self._server = server
        self._lock = threading.Lock()
        self._client: Redis | None = None

    @classmethod
    def from_ref(cls, ref: BrokerRef) -> RedisBroker:
        broker = cls.__new__(cls)
        broker._password = None
        broker._at(reference(ref.options))
        return broker

    def ref(self, channel: str) -> BrokerRef:
        return BrokerRef(FACTORY, channel, self._server.options)

    def credentials(self) -> Mapping[str, str]:
        return {} if self._password is None else {"password": self._password}

    def publish(self, channel: str, frame: Sequence[Buffer]) -> None:
        pipeline: Any = self._opened().pipeline(transaction=False)
        pipeline.rpush(_PREFIX + channel, b"".join(frame))
        pipeline.expire(_PREFIX + channel, EXPIRY_S)
        pipeline.execute()

    def receive(self, channel: str, timeout_s: float) -> Sequence[bytes]:
        client: Any = self._opened()
        first = client.blpop([_PREFIX + channel], timeout=max(timeout_s, 0.01))
        if first is None:
            return ()
        return [first[1], *(client.lpop(_PREFIX + channel, MOST_AT_ONCE) or ())]

    def discard(self, channel: str) -> None:
        self._opened().delete(_PREFIX + channel)

    def translate(self, exc: BaseException) -> LithopsError | None:
        if not type(exc).__module__.startswith("redis"):
            return None
        where = "{host}:{port}".format(**{"host": "127.0.0.1", "port": 6379, **self._server.options})
        return BrokerError(
            f"the Redis server at {where} cannot be used: {exc}; check the section 'redis' of the configuration, and that "
            "the server runs"
        )

    def close(self) -> None:
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _opened(self) -> Redis:
        with self._lock:
            if self._client is None:
                self._client = connect(self._server, self._password)
                self._client.connection_pool.connection_kwargs["socket_timeout"] = ANSWER_TIMEOUT_S
            return self._client
