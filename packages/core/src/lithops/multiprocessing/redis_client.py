"""`Client`: calls of a Redis server that are lean, never sent twice, and whose errors say which server failed.

Connections, pipelines and the reading of answers are redis-py's; who has which connection is decided here.
"""

from __future__ import annotations

import contextlib
import math
import select
import time
from collections.abc import Callable
from typing import Any, Literal

from redis import exceptions

from lithops.errors import BrokerError
from lithops.redis_server import advice, connect
from lithops.types import StorageRef

__all__ = ["Client", "open_client"]

ANSWER_S = 30.0
"""How long an answer may take, on top of the time that the command itself asks for."""

MAX_IDLE = 64
SAVING_S = 0.5
"""How long an interrupted call waits for its answer, to give back what it took."""

IDLE_S = 30.0
"""A connection that was idle for longer is asked first whether it lives: a router may have forgotten it without a word."""

ALIVE_S = 3.0
"""How long the answer to that may take."""

JOINED_BYTES = 64 * 1024
"""Larger arguments are sent as they are: joining would copy them."""

_BROKEN = (exceptions.ConnectionError, exceptions.TimeoutError, OSError)


class Client:
    """Thread-safe. A call holds a connection of its own: as many are open as calls wait, and at most 64 stay open."""

    def __init__(self, ref: StorageRef, password: str | None) -> None:
        self.ref = ref
        self._redis = connect(ref, password, retries=0)
        self._idle: list[tuple[Any, float]] = []  # connections, and since when

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
            answer = _read(connection, wait_s + ANSWER_S)
        except exceptions.ResponseError as exc:
            if connection is not None:
                self._give_back(connection)
            if isinstance(exc, exceptions.NoScriptError):
                raise
            raise self._refused(exc) from exc
        except _BROKEN as exc:
            if connection is not None:
                connection.disconnect()
            raise self._unusable(exc, is_sent) from exc
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

    def pipeline(self, *, transaction: Literal[False] = False) -> Any:
        """Make a pipeline of redis-py, for `run_pipeline`."""
        return self._redis.pipeline(transaction=transaction)

    def run_pipeline(self, pipeline: Any) -> list[Any]:
        """Send the commands of a pipeline, each once, and give their raw answers. Raises `BrokerError`."""
        commands = [command for command, _ in pipeline.command_stack]
        answers: list[Any] = []
        connection = None
        is_sent = False
        try:
            connection = self._take()
            is_sent = True  # in parts, of which the first may be done when the next cannot be sent
            connection.send_packed_command(_packed(*commands), check_health=False)
            answers += (_answer_of(connection) for _ in commands)
        except BaseException as exc:
            if connection is not None:
                connection.disconnect()
            if isinstance(exc, _BROKEN):
                raise self._unusable(exc, is_sent) from exc
            raise
        self._give_back(connection)
        for answer in answers:
            if isinstance(answer, exceptions.ResponseError):
                raise self._refused(answer) from answer
        return answers

    def close(self) -> None:
        """Close all idle connections."""
        self._drop_idle()

    def _take(self) -> Any:
        """Give a connection that lives: what is sent by it is not sent again, should it break."""
        while True:
            try:
                idle, since = self._idle.pop()
            except IndexError:
                break
            if not _is_quiet(idle):
                idle.disconnect()  # the server closed it meanwhile
            elif time.monotonic() - since < IDLE_S or _is_alive(idle):
                return idle
            else:
                self._drop_idle()  # they were idle for longer
        pool = self._redis.connection_pool  # it counts the connections that it makes itself, and has a limit of them
        connection: Any = pool.connection_class(**pool.connection_kwargs)
        connection.connect()
        return connection

    def _give_back(self, connection: Any) -> None:
        if len(self._idle) < MAX_IDLE:
            self._idle.append((connection, time.monotonic()))
        else:
            connection.disconnect()

    def _drop_idle(self) -> None:
        while True:
            try:
                idle, _ = self._idle.pop()
            except IndexError:
                return
            idle.disconnect()

    def _end_block(self, connection: Any, number: int, end_s: float | None) -> None:
        """Wait for the answer; if it does not come in time, have the server give it now."""
        poll = select.poll()
        poll.register(connection._sock, select.POLLIN)
        if not poll.poll(math.ceil((end_s or 0.0) * 1000)):
            with contextlib.suppress(BrokerError):  # not allowed: the server ends it a little later
                self.call("CLIENT", "UNBLOCK", number)

    def _undo(self, connection: Any, undo: Callable[[Any], None]) -> None:
        answer = None
        with contextlib.suppress(exceptions.ResponseError, *_BROKEN):  # nothing was done, or the answer is lost
            answer = _read(connection, SAVING_S)
        undo(answer)

    def _refused(self, exc: exceptions.ResponseError) -> BrokerError:
        return BrokerError(
            f"the Redis server at {self._where()} refuses: {exc}; look at its memory, its load, and what its user may do"
        )

    def _where(self) -> str:
        return f"{self.ref.options.get('host', '127.0.0.1')}:{self.ref.options.get('port', 6379)}"

    def _unusable(self, exc: Exception, is_sent: bool) -> BrokerError:
        why = str(exc).rstrip(".")
        where = self._where()
        if isinstance(exc, exceptions.AuthenticationError):
            return BrokerError(f"the Redis server at {where} refuses: {why}; {advice(is_refused=True)}")
        if is_sent:
            unknown = BrokerError(
                f"the Redis server at {where} did not answer: {why}; what was asked of it may be done or not, and is not"
                " asked twice: see that the server runs and is reached, and look at what is shared before you go on"
            )
            unknown.retryable = False
            return unknown
        return BrokerError(f"the Redis server at {where} cannot be reached: {why}; {advice(is_refused=False)}")


def open_client(ref: StorageRef, password: str | None) -> Client:
    """Make a client; nothing is sent yet."""
    return Client(ref, password)


def _packed(*commands: tuple[Any, ...]) -> list[bytes]:
    """Write commands in Redis's protocol: arrays of strings with their lengths."""
    sent: list[bytes] = []
    parts: list[bytes] = []
    for command in commands:
        parts.append(b"*%d\r\n" % len(command))
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
            connection._lithops_number = (connection._sock, int(_read(connection, ANSWER_S)))
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


def _is_alive(connection: Any) -> bool:
    """Ask the server by a connection whether it still hears; close it if not."""
    try:
        connection.send_packed_command(_packed(("PING",)), check_health=False)
        _read(connection, ALIVE_S)
    except exceptions.ResponseError:  # the user may not ping: that is an answer too
        return True
    except _BROKEN:
        connection.disconnect()
        return False
    except BaseException:
        connection.disconnect()
        raise
    return True


def _read(connection: Any, seconds: float) -> Any:
    """Read an answer, which may take so long; the connection stays open. Only redis-py 8 takes the time as an argument."""
    connection._sock.settimeout(seconds)
    return connection.read_response(disconnect_on_error=False)


def _answer_of(connection: Any) -> Any:
    """Read an answer; one that tells of an error is given, not raised."""
    try:
        return _read(connection, ANSWER_S)
    except exceptions.ResponseError as exc:
        return exc
