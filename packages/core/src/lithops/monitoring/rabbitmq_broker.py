"""Statuses by way of RabbitMQ: a channel is a queue, which expires."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from lithops.errors import BrokerError, LithopsError, MissingDependencyError
from lithops.spi.monitoring import StatusBroker
from lithops.types import BrokerRef, Buffer
from lithops.worker.credentials import entrusted

if TYPE_CHECKING:
    from lithops.monitoring.config import RabbitConfig

__all__ = ["PASSWORD_VARIABLE", "RabbitBroker"]

log = logging.getLogger(__name__)

PASSWORD_VARIABLE = "LITHOPS_RABBITMQ_PASSWORD"
"""The environment variable in which a worker elsewhere finds the password, since no message carries it."""

FACTORY = "lithops.monitoring.rabbitmq_broker:RabbitBroker"
EXPIRY_MS = 24 * 3600 * 1000
TIMEOUT_S = 10.0
CLOSE_S = 5.0
"""So long is the end of a connection waited for: pika itself waits for a frozen server for ever."""

MOST_AT_ONCE = 1000
_DEFAULT_PASSWORD = "guest"  # of RabbitMQ itself, which takes it from the same machine only
_PREFIX = "lithops.status."
_PLAIN = ("host", "port", "virtual_host", "username", "ssl")


class RabbitBroker(StatusBroker):
    """A status is published to the queue of its executor, by a connection for each thread: pika's are not shared."""

    def __init__(self, options: RabbitConfig) -> None:
        plain = {name: getattr(options, name) for name in _PLAIN}
        password = None if options.password is None else options.password.reveal()
        if options.amqp_url is not None:
            url = urlsplit(options.amqp_url.reveal())
            plain |= {"host": url.hostname, "ssl": url.scheme == "amqps"}
            plain["port"] = url.port or (5671 if plain["ssl"] else 5672)
            plain["username"] = unquote(url.username) if url.username else plain["username"]
            plain["virtual_host"] = unquote(url.path[1:]) or "/"
            password = unquote(url.password) if url.password else password
        self._set_up(plain, password)

    def _set_up(self, plain: Mapping[str, Any], password: str | None) -> None:
        self._plain = plain
        self._password = password
        self._mine = threading.local()
        self._lock = threading.Lock()
        self._open: list[Any] = []

    @classmethod
    def from_ref(cls, ref: BrokerRef) -> RabbitBroker:
        broker = cls.__new__(cls)
        secret = entrusted(ref).get("password") or os.environ.get(PASSWORD_VARIABLE)
        broker._set_up({name: ref.options[name] for name in _PLAIN}, secret)
        return broker

    def ref(self, channel: str) -> BrokerRef:
        return BrokerRef(FACTORY, channel, self._plain)

    def credentials(self) -> Mapping[str, str]:
        return {} if self._password is None else {"password": self._password}

    def publish(self, channel: str, frame: Sequence[Buffer]) -> None:
        self._of(channel).basic_publish("", _PREFIX + channel, b"".join(frame))

    def receive(self, channel: str, timeout_s: float) -> Sequence[bytes]:
        opened = self._of(channel)
        if self._mine.consumed not in (None, channel):
            opened.cancel()
        self._mine.consumed = channel
        frames: list[bytes] = []
        for method, _properties, body in opened.consume(_PREFIX + channel, inactivity_timeout=timeout_s):
            if method is None:
                break
            frames.append(body)
            if len(frames) >= MOST_AT_ONCE or not opened.get_waiting_message_count():
                opened.basic_ack(method.delivery_tag, multiple=True)
                break
        return frames

    def discard(self, channel: str) -> None:
        opened = self._of(channel)
        if self._mine.consumed == channel:
            opened.cancel()
            self._mine.consumed = None
        opened.queue_delete(_PREFIX + channel)
        self._mine.declared.discard(channel)

    def translate(self, exc: BaseException) -> LithopsError | None:
        if not type(exc).__module__.startswith("pika"):
            return None
        where = f"{self._plain['host']}:{self._plain['port']}"
        return BrokerError(
            f"the RabbitMQ server at {where} cannot be used: {type(exc).__name__}: {exc}; check the section 'rabbitmq' of "
            "the configuration, and that the server runs"
        )

    def close(self) -> None:
        """Close the connections, in bounded time; those of other threads when these have ended, as far as pika allows it."""
        with self._lock:
            opened, self._open = self._open, []
        self._mine = threading.local()
        if not opened:
            return
        closer = threading.Thread(target=_close, args=(opened,), name="lithops-rabbitmq-closer", daemon=True)
        try:
            closer.start()
        except RuntimeError:  # at the exit of Python no thread can be started: the sockets are closed by the exit
            return
        closer.join(CLOSE_S)

    def _of(self, channel: str) -> Any:
        """Give this thread's connection to the server, on which the queue is declared."""
        opened = getattr(self._mine, "channel", None)
        if opened is None or not opened.is_open:
            opened = self._mine.channel = self._connected()
            self._mine.declared = set()
            self._mine.consumed = None
        if channel not in self._mine.declared:
            opened.queue_declare(_PREFIX + channel, durable=True, arguments={"x-expires": EXPIRY_MS})
            self._mine.declared.add(channel)
        return opened

    def _connected(self) -> Any:
        try:
            import pika
        except ImportError as exc:
            raise MissingDependencyError(
                "RabbitMQ cannot be reached, since its package is missing: pip install 'lithops[rabbitmq]'"
            ) from exc
        ssl_options = None
        if self._plain["ssl"]:
            import ssl

            ssl_options = pika.SSLOptions(ssl.create_default_context(), self._plain["host"])
        connection = pika.BlockingConnection(
            pika.ConnectionParameters(
                self._plain["host"],
                self._plain["port"],
                self._plain["virtual_host"],
                pika.PlainCredentials(self._plain["username"], self._password or _DEFAULT_PASSWORD),
                ssl_options=ssl_options,
                heartbeat=0,  # a worker computes, and a frozen one sleeps: neither can answer
                socket_timeout=TIMEOUT_S,
                stack_timeout=TIMEOUT_S,
                blocked_connection_timeout=TIMEOUT_S,
            )
        )
        with self._lock:
            self._open.append(connection)
        return connection.channel()


def _close(opened: list[Any]) -> None:
    for connection in opened:
        try:
            connection.close()
        except Exception as exc:  # it may be closed, or broken: then there is nothing to do
            log.debug("a connection to RabbitMQ was not closed: %r", exc)
