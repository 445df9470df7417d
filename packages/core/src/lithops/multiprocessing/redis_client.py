"""`Client`: a Redis client whose calls are lean, never sent twice, and whose errors say which server failed.

Scripts and blocking commands go by `call`. All else is redis-py's own.
"""

from __future__ import annotations

import contextlib
import math
import select
from collections.abc import Callable
from typing import Any

from redis import Redis, exceptions

from lithops.errors import BrokerError
from lithops.redis_server import connect
from lithops.types import StorageRef

__all__ = ["Client", "open_client"]

ANSWER_S = 30.0
"""How long an answer may take, on top of the time that the command itself asks for."""

MAX_CONNECTIONS = 10_000
MAX_IDLE = 64
SAVING_S = 0.5
"""How long an interrupted call waits for its answer, to give back what it took."""

JOINED_BYTES = 64 * 1024
"""Larger arguments are sent as they are: joining would copy them."""

_BROKEN = (exceptions.ConnectionError, exceptions.TimeoutError, OSError)


class Client(Redis):
    """Thread-safe. A call holds a connection of its own: as many are open as calls wait, and at most 64 stay open."""

    def __init__(self, ref: StorageRef, password: str | None) -> None:
        pool = connect(ref, password).connection_pool
        pool.max_connections = MAX_CONNECTIONS
        super().__init__(connection_pool=pool)
        self.ref = ref
        self._idle: list[Any] = []

    def call(
        self,
        *command: str | bytes | int | float,
        wait_s: float = 0.0,
        end_s: float | None = None,
        undo: Callable[[Any], None] | None = None,
    ) -> Any:
        """Send a command, which may block at the server for `wait_s`, and give its raw answer.

        After `end_s` it is told to block no longer: servers look at their own time-outs ten times in a second only.

        Never sent twice: whether a command that was cut off took effect is not known. When a signal interrupts it after it
        was sent, `undo` is called with the answer, or None if that is lost. Raises `BrokerError`.
        """
        connection = None
        is_sent = False
        try:
            connection = self._take()
            number = None if end_s is None else _number_of(connection)
            connection.send_packed_command(_packed(command), check_health=False)
            is_sent = True
            if number is not None:
                self._end_block(connection, number, end_s)
            answer = connection.read_response(timeout=wait_s + ANSWER_S, disconnect_on_error=False)
        except exceptions.ResponseError:
            self._give_back(connection)
            raise
        except _BROKEN as exc:
            if connection is not None:
                connection.disconnect()
            raise self._unusable(exc) from exc
        except BaseException:  # Ctrl-C, or what another handler of a signal raises
            if connection is not None:
                if is_sent and undo is not None:
                    self._undo(connection, undo)
                connection.disconnect()
            raise
        self._give_back(connection)
        return answer

    def call_script(
        self, sha: bytes, text: bytes, *args: str | bytes | int | float, undo: Callable[[Any], None] | None = None
    ) -> Any:
        """Run a script by its hash; send it whole to a server that does not know it yet."""
        try:
            return self.call(b"EVALSHA", sha, *args, undo=undo)
        except exceptions.NoScriptError:  # it did not run
            return self.call(b"EVAL", text, *args, undo=undo)

    def execute_command(self, *args: Any, **options: Any) -> Any:
        try:
            return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        except _BROKEN as exc:
            raise self._unusable(exc) from exc

    def run_pipeline(self, pipeline: Any) -> list[Any]:
        """Execute a pipeline; errors of the connection are translated."""
        try:
            results: list[Any] = pipeline.execute()
            return results
        except _BROKEN as exc:
            raise self._unusable(exc) from exc

    def close(self) -> None:
        """Close all idle connections."""
        while self._idle:
            self._idle.pop().disconnect()
        super().close()
        self.connection_pool.disconnect(inuse_connections=False)

    def _take(self) -> Any:
        while True:
            try:
                idle = self._idle.pop()
            except IndexError:
                break
            if _is_quiet(idle):
                return idle
            idle.disconnect()  # the server closed it meanwhile
        connection: Any = self.connection_pool.make_connection()
        connection.connect()
        return connection

    def _give_back(self, connection: Any) -> None:
        if len(self._idle) < MAX_IDLE:
            self._idle.append(connection)
        else:
            connection.disconnect()

    def _end_block(self, connection: Any, number: int, end_s: float | None) -> None:
        """Wait for the answer; if it does not come in time, have the server give it now."""
        poll = select.poll()
        poll.register(connection._sock, select.POLLIN)
        if not poll.poll(math.ceil((end_s or 0.0) * 1000)):
            with contextlib.suppress(exceptions.ResponseError):  # not allowed: the server ends it a little later
                self.call("CLIENT", "UNBLOCK", number)

    def _undo(self, connection: Any, undo: Callable[[Any], None]) -> None:
        answer = None
        with contextlib.suppress(exceptions.ResponseError, *_BROKEN):  # nothing was done, or the answer is lost
            answer = connection.read_response(timeout=SAVING_S, disconnect_on_error=False)
        undo(answer)

    def _unusable(self, exc: Exception) -> BrokerError:
        where = f"{self.ref.options.get('host', '127.0.0.1')}:{self.ref.options.get('port', 6379)}"
        if isinstance(exc, exceptions.AuthenticationError):
            return BrokerError(
                f"the Redis server at {where} refuses: {exc}; set 'username' and 'password' in the section 'redis' of the"
                " configuration"
            )
        return BrokerError(
            f"the Redis server at {where} cannot be reached: {exc}; set the section 'redis' of the configuration, or start"
            " a server"
        )


def open_client(ref: StorageRef, password: str | None) -> Client:
    """Make a client; nothing is sent yet."""
    return Client(ref, password)


def _packed(command: tuple[Any, ...]) -> list[bytes]:
    """Write a command in Redis's protocol: arrays of strings with their lengths."""
    sent: list[bytes] = []
    parts = [b"*%d\r\n" % len(command)]
    for one in command:
        if type(one) is not bytes:
            one = str(one).encode()
        if len(one) < JOINED_BYTES:
            parts.append(b"$%d\r\n%b\r\n" % (len(one), one))
        else:
            parts.append(b"$%d\r\n" % len(one))
            sent += [b"".join(parts), one]
            parts = [b"\r\n"]
    sent.append(b"".join(parts))
    return sent


def _number_of(connection: Any) -> int | None:
    """Give the number that the server knows a connection by; asked for once. None where that is not allowed."""
    if not hasattr(connection, "_lithops_number"):
        connection.send_packed_command(_packed(("CLIENT", "ID")), check_health=False)
        try:
            connection._lithops_number = (connection._sock, int(connection.read_response(timeout=ANSWER_S)))
        except exceptions.ResponseError:
            connection._lithops_number = (connection._sock, None)
    sock, number = connection._lithops_number
    if sock is not connection._sock:  # it was connected anew
        del connection._lithops_number
        return _number_of(connection)
    return number  # type: ignore[no-any-return]


def _is_quiet(connection: Any) -> bool:
    """Tell that nothing came on an idle connection: neither the end of it nor an answer to nobody."""
    sock = connection._sock
    if sock is None:
        return False
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return not poll.poll(0)
