"""`multiprocessing.connection`: `Connection`, an end of a pipe; `Pipe`, which makes both; and `wait` for several of them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from multiprocessing import BufferTooShort
from types import TracebackType
from typing import Any, NoReturn, Self

from lithops.errors import NotSupportedError
from lithops.multiprocessing import pipes
from lithops.multiprocessing.heartbeat import later, leave
from lithops.multiprocessing.identities import identity
from lithops.multiprocessing.state import SharedObject, dumps, expiry_ms, loads
from lithops.multiprocessing.waiting import Deadline, wait_for_token

__all__ = [
    "BufferTooShort",
    "Client",
    "Connection",
    "Listener",
    "Pipe",
    "answer_challenge",
    "deliver_challenge",
    "wait",
]

BETWEEN_LOOKS_S = 0.05
"""How long `wait` waits between two looks at what is not a connection."""


class Connection(SharedObject):
    """One end of a pipe, made by `Pipe`. What is sent stays in Redis until it is received: `send` never blocks."""

    _plain = ("_end", "_is_readable", "_is_writable", "_ticket")

    def __init__(self, end: str, *, readable: bool, writable: bool, other: Connection | None = None) -> None:
        super().__init__("pipe")
        if other is not None:
            self._key = other._key
        self._end = end
        self._is_readable = readable
        self._is_writable = writable
        self._open("")

    def _open(self, arrived: str) -> None:
        """Count as a copy of this end; no longer as one that travels."""
        self._closed = False
        token = os.urandom(6).hex()
        self._ticket = f"-:{token}"
        self._token = f"{identity()}:{token}"
        pipes.OPEN(self._redis, [self._copies(self._end)], (self._token, arrived, expiry_ms()))

    def __getstate__(self) -> dict[str, Any]:
        self._check_closed()
        pipes.TRAVEL(self._redis, [self._copies(self._end)], (self._ticket, expiry_ms()))
        return super().__getstate__()

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._open(self._ticket)

    def __del__(self) -> None:
        if not self.__dict__.get("_closed", True):
            self._closed = True
            later(self._ref, "ZREM", self._copies(self._end), self._token)
        if self.__dict__.get("_closed") and self._is_deleted_at_exit():
            leave(self._ref, self._keys())  # what was sent may still be received elsewhere

    def _keys(self) -> list[str]:
        return [self._key + ending for ending in (":a", ":b", ":a:m", ":b:m", ":a:f", ":b:f", ":a:t", ":b:t")]

    def _copies(self, end: str) -> str:
        return f"{self._key}:{end}"

    @property
    def _other(self) -> str:
        return "b" if self._end == "a" else "a"

    def _reading(self) -> tuple[str, str, str]:
        mine = self._copies(self._end)
        return self._copies(self._other), mine + ":m", mine + ":f"

    @property
    def closed(self) -> bool:
        """Whether this copy is closed."""
        return self._closed

    @property
    def readable(self) -> bool:
        """Whether it receives."""
        return self._is_readable

    @property
    def writable(self) -> bool:
        """Whether it sends."""
        return self._is_writable

    def fileno(self) -> NoReturn:
        """Raise NotSupportedError, which is a NotImplementedError: there is no file behind it."""
        self._check_closed()
        raise NotSupportedError("a connection over Redis has no file descriptor: use poll(), or connection.wait()")

    def close(self) -> None:
        """Close this copy. When no copy is open, in any process, the other end meets the end of the file."""
        if self._closed:
            return
        self._closed = True
        other = self._copies(self._other)
        pipes.CLOSE(self._redis, (self._copies(self._end), other + ":f", other + ":t"), (self._token,))

    def send(self, obj: Any) -> None:
        """Send an object. Raises BrokenPipeError if the other end is closed."""
        self._check_writable()
        self._send(dumps(obj))

    def send_bytes(self, buf: Any, offset: int = 0, size: int | None = None) -> None:
        """Send bytes, or a part of them."""
        self._check_writable()
        view = memoryview(buf)
        view = view if view.itemsize == 1 else view.cast("B")
        if offset < 0:
            raise ValueError("offset is negative")
        if len(view) < offset:
            raise ValueError("buffer length < offset")
        size = len(view) - offset if size is None else size
        if size < 0:
            raise ValueError("size is negative")
        if offset + size > len(view):
            raise ValueError("buffer length < offset + size")
        self._send(bytes(view[offset : offset + size]))

    def recv(self) -> Any:
        """Wait for an object, and give it. Raises EOFError if there is none and the other end is closed."""
        self._check_readable()
        return loads(self._receive())

    def recv_bytes(self, maxlength: int | None = None) -> bytes:
        """Wait for bytes, and give them. Raises OSError if they are more than `maxlength`: then no more can be read."""
        self._check_readable()
        if maxlength is not None and maxlength < 0:
            raise ValueError("negative maxlength")
        data = self._receive()
        if maxlength is not None and len(data) > maxlength:
            if self._is_writable:
                self._is_readable = False
            else:
                self.close()
            raise OSError("bad message length")
        return data

    def recv_bytes_into(self, buf: Any, offset: int = 0) -> int:
        """Wait for bytes, write them into a buffer, and count them. Raises BufferTooShort, with them, if they do not fit."""
        self._check_readable()
        with memoryview(buf) as whole, whole.cast("B") as view:
            if offset < 0:
                raise ValueError("negative offset")
            if offset > len(view):
                raise ValueError("offset too large")
            data = self._receive()
            if len(data) > len(view) - offset:
                raise BufferTooShort(data)
            view[offset : offset + len(data)] = data
            return len(data)

    def poll(self, timeout: float | None = 0.0) -> bool:
        """Tell whether there is something to receive, or the end; wait for it `timeout` seconds, with None for ever."""
        self._check_readable()
        deadline = Deadline(timeout)
        while not self._is_ready(is_waiting=timeout != 0.0):
            step = deadline.step_s()
            if not step:
                return False
            wait_for_token(self._redis, self._copies(self._end) + ":t", step)
        return True

    def _is_ready(self, *, is_waiting: bool) -> bool:
        return bool(pipes.PEEK(self._redis, self._reading(), (int(is_waiting),)))

    def _send(self, data: bytes) -> None:
        other = self._copies(self._other)
        if not pipes.SEND(self._redis, (other, other + ":m", other + ":f", other + ":t"), (data, expiry_ms())):
            raise BrokenPipeError("the other end of the pipe is closed in all processes")

    def _receive(self) -> bytes:
        while True:
            data = pipes.RECEIVE(self._redis, self._reading(), (), undo=self._put_back)
            if data == 0:
                raise EOFError("the other end of the pipe is closed in all processes, and all was received")
            if data is not None:
                return bytes(data)
            wait_for_token(self._redis, self._copies(self._end) + ":t", 1.0)

    def _put_back(self, data: Any) -> None:
        if isinstance(data, bytes):
            self._redis.call("LPUSH", self._reading()[1], data)

    def _check_closed(self) -> None:
        if self._closed:
            raise OSError("handle is closed")

    def _check_readable(self) -> None:
        self._check_closed()
        if not self._is_readable:
            raise OSError("connection is write-only")

    def _check_writable(self) -> None:
        self._check_closed()
        if not self._is_writable:
            raise OSError("connection is read-only")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"end {self._end} of {self._key}"
        return f"<{type(self).__module__}.{type(self).__name__} {state}>"


def Pipe(duplex: bool = True) -> tuple[Connection, Connection]:  # noqa: N802
    """Make a pipe and give its ends: both send and receive, or else the first receives and the second sends."""
    first = Connection("a", readable=True, writable=duplex)
    return first, Connection("b", readable=duplex, writable=True, other=first)


def wait(object_list: Iterable[Any], timeout: float | None = None) -> list[Any]:
    """Wait until at least one is ready, and list those that are; an empty list after `timeout` seconds.

    A connection is ready when `recv` would not wait. Anything else has to have a method `is_ready()`.
    """
    objects = list(object_list)
    for one in objects:
        if isinstance(one, Connection):
            one._check_readable()
        elif not callable(getattr(one, "is_ready", None)):
            raise NotSupportedError(f"wait() knows connections of lithops.multiprocessing, and sentinels, not {one!r}")
    if not objects:
        return []
    deadline = Deadline(timeout)
    connections = [one for one in objects if isinstance(one, Connection)]
    while True:
        ready = [one for one in objects if _is_ready(one)]
        step = deadline.step_s()
        if ready or not step:
            return ready
        if len(connections) < len(objects) or len({repr(one._ref) for one in connections}) != 1:
            step = min(step, BETWEEN_LOOKS_S)
        _wait_for_any(connections, step)


def _is_ready(one: Any) -> bool:
    return one._is_ready(is_waiting=True) if isinstance(one, Connection) else bool(one.is_ready())


def _wait_for_any(connections: list[Connection], seconds: float) -> None:
    if not connections:
        time.sleep(seconds)
        return
    keys = [one._copies(one._end) + ":t" for one in connections]
    connections[0]._redis.call("BLPOP", *keys, f"{max(seconds, 0.001):.3f}", wait_s=seconds)


class Listener:
    """Not possible: processes of Lithops cannot connect to each other."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        del args, kwargs
        raise NotSupportedError("processes of Lithops cannot listen for each other: make a Pipe, and pass its ends")


def Client(*args: Any, **kwargs: Any) -> NoReturn:  # noqa: N802
    """Raise NotSupportedError: processes of Lithops cannot connect to each other."""
    del args, kwargs
    raise NotSupportedError("processes of Lithops cannot connect to each other: make a Pipe, and pass its ends")


def deliver_challenge(*args: Any, **kwargs: Any) -> NoReturn:
    """Raise NotSupportedError: Redis knows who connects."""
    del args, kwargs
    raise NotSupportedError("connections over Redis need no challenge: the server's password protects them")


answer_challenge = deliver_challenge
