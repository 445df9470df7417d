"""Many invocations from one thread: an asyncio loop, and connections that are kept for the next request.

submit --> a queue --> the loop's thread: a free connection, or a new one, or wait --> Connection --> request.on_end
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any
from weakref import WeakSet

from lithops.errors import BackendError, TransientError
from lithops_aws.compute.invoke import Invoker, Outcome, Request, Unsent
from lithops_aws.compute.invoke_connection import Connection
from lithops_aws.compute.invoke_signature import Signer

__all__ = ["LoopInvoker"]

log = logging.getLogger(__name__)

CONNECT_S = 10.0
IDLE_S = 20.0
"""A connection that was free for longer is not used again: the server may be about to close it."""

MAX_CONNECTING = 64
RESOLVED_S = 60.0
JOIN_S = 8.0
_EYEBALLS_S = 0.25  # RFC 8305


class LoopInvoker(Invoker):
    """Sends requests over up to `most` connections; further requests wait for a free one."""

    def __init__(self, open_signer: Callable[[], Signer], most: int) -> None:
        self._open_signer = open_signer
        self._most = most
        self._lock = threading.Lock()
        self._new: deque[Request] = deque()
        self._is_woken = False
        self._is_closed = False
        self._thread: threading.Thread | None = None
        self._loop: _Loop | None = None
        # Of the loop's thread:
        self._signer: Signer | None = None
        self._tls: ssl.SSLContext | None = None
        self._waiting: deque[Request] = deque()
        self._free: list[Connection] = []
        self._open: set[Connection] = set()
        self._connecting: set[asyncio.Task[None]] = set()
        self._sweep: asyncio.TimerHandle | None = None

    def submit(self, request: Request) -> None:
        loop = self._loop or self._begin()
        with self._lock:
            if self._is_closed:
                raise _closed()
            self._new.append(request)
            if self._is_woken:
                return
            self._is_woken = True
            loop.call_soon_threadsafe(self._take_new)

    def close(self) -> None:
        with self._lock:
            was_closed, self._is_closed = self._is_closed, True
            loop, thread = self._loop, self._thread
            if loop is not None and not was_closed:
                loop.call_soon_threadsafe(self._end)
        if thread is not None and thread is not threading.current_thread():
            thread.join(JOIN_S)

    def _begin(self) -> _Loop:
        signer = self._open_signer()
        with self._lock:
            if self._is_closed:
                raise _closed()
            if self._loop is None:
                self._signer = signer
                self._tls = _tls_context() if signer.is_tls else None
                loop = _Loop()
                thread = threading.Thread(target=self._run, args=(loop,), name="lithops-aws-invoke", daemon=True)
                thread.start()
                self._loop, self._thread = loop, thread
            return self._loop

    def _run(self, loop: _Loop) -> None:
        try:
            loop.run_forever()
        finally:
            loop.run_until_complete(self._settle())
            loop.close_sockets()
            loop.close()

    async def _settle(self) -> None:
        """Let what was cancelled and aborted close its sockets."""
        await asyncio.gather(*self._connecting, return_exceptions=True)
        for _ in range(3):
            await asyncio.sleep(0)

    # On the loop's thread

    def _take_new(self) -> None:
        with self._lock:
            self._is_woken = False
        new = self._new
        while new:
            self._waiting.append(new.popleft())
        self._serve()

    def _serve(self) -> None:
        """Give waiting requests to free connections, and make as many connections as are missing."""
        oldest = time.monotonic() - IDLE_S
        while self._waiting and self._free:
            connection = self._free.pop()
            if not connection.is_free:
                continue
            if connection.free_since < oldest:
                connection.abort("")
                continue
            self._send(connection, self._waiting.popleft())
        missing = len(self._waiting) - len(self._connecting)
        room = min(MAX_CONNECTING - len(self._connecting), self._most - len(self._open))
        for _ in range(min(missing, room)):
            connection = Connection(self._ended, self._open.discard)
            self._open.add(connection)
            self._connecting.add(asyncio.get_running_loop().create_task(self._connect(connection)))

    async def _connect(self, connection: Connection) -> None:
        signer, task = self._signer, asyncio.current_task()
        assert signer is not None
        assert task is not None
        try:
            async with asyncio.timeout(CONNECT_S):
                await asyncio.get_running_loop().create_connection(
                    lambda: connection,
                    signer.host,
                    signer.port,
                    ssl=self._tls,
                    server_hostname=signer.host if self._tls else None,
                    happy_eyeballs_delay=_EYEBALLS_S,
                )
        except Exception as exc:  # the network, its names and TLS fail in many ways
            self._open.discard(connection)
            if self._waiting:  # one for each attempt, so that none waits for ever
                _tell(self._waiting.popleft(), Unsent(_cannot_connect(signer, exc)))
        else:
            if connection.is_free:  # it may have been closed at once
                self._make_free(connection)
        finally:
            self._connecting.discard(task)
        if not self._is_closed:
            self._serve()

    def _make_free(self, connection: Connection) -> None:
        if self._waiting:
            self._send(connection, self._waiting.popleft())
            return
        connection.free_since = time.monotonic()
        self._free.append(connection)
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(IDLE_S, self._sweep_idle)

    def _send(self, connection: Connection, request: Request) -> None:
        assert self._signer is not None
        head = self._signer.head(request.keys, request.function, request.kind, request.body)
        connection.send(request, head, asyncio.get_running_loop())

    def _ended(self, connection: Connection, request: Request, outcome: Outcome | None) -> None:
        if connection.is_free:
            self._make_free(connection)
        if outcome is None and self._is_closed:
            outcome = Unsent(_closed())
        if outcome is not None:
            _tell(request, outcome)
        else:
            self._waiting.appendleft(request)
        if self._waiting and not self._is_closed:
            self._serve()

    def _sweep_idle(self) -> None:
        """Close what was free for too long."""
        self._sweep = None
        oldest = time.monotonic() - IDLE_S
        for connection in self._free:
            if connection.free_since < oldest:
                connection.abort("")
        self._free = [connection for connection in self._free if connection.is_free]
        if self._free:
            self._sweep = asyncio.get_running_loop().call_later(IDLE_S / 2, self._sweep_idle)

    def _end(self) -> None:
        self._waiting.extend(self._new)
        if self._sweep is not None:
            self._sweep.cancel()
        for task in list(self._connecting):
            task.cancel()
        waiting, self._waiting = self._waiting, deque()
        for request in waiting:
            _tell(request, Unsent(_closed()))
        for connection in list(self._open):
            connection.abort("the executor was closed")
        loop = asyncio.get_running_loop()
        loop.call_soon(loop.call_soon, loop.stop)  # after those that were cancelled


class _Loop(asyncio.SelectorEventLoop):
    """A loop that looks names up on a thread that it need not wait for at its end, and remembers them for a minute.

    It knows its sockets: asyncio loses one when `create_connection` is cancelled just after it has connected, and only the
    garbage collector would close it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._sockets: WeakSet[socket.socket] = WeakSet()
        self._known: dict[tuple[Any, ...], tuple[float, list[Any]]] = {}
        self._asked: dict[tuple[Any, ...], asyncio.Future[list[Any]]] = {}

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        """Connect a socket, as `create_connection` asks for, and remember it."""
        self._sockets.add(sock)
        await super().sock_connect(sock, address)

    def close_sockets(self) -> None:
        """Close every socket that is still open. Only when the loop does not run any more."""
        for sock in list(self._sockets):
            sock.close()

    async def getaddrinfo(self, *host_port: Any, **options: Any) -> list[Any]:
        """Look a name up, as `socket.getaddrinfo`, and give the addresses of each family in any order."""
        name = (*host_port, *sorted(options.items()))
        at, found = self._known.get(name, (0.0, []))
        if not found or self.time() - at > RESOLVED_S:
            asked = self._asked.get(name)
            if asked is None:
                asked = self._asked[name] = self.create_future()
                ask = partial(self._look_up, name, asked, partial(socket.getaddrinfo, *host_port, **options))
                threading.Thread(target=ask, name="lithops-aws-resolve", daemon=True).start()
            found = await asyncio.shield(asked)
        mixed = random.sample(found, len(found))
        return sorted(mixed, key=lambda one: [other[0] for other in found].index(one[0]))

    def _look_up(self, name: tuple[Any, ...], asked: asyncio.Future[list[Any]], ask: Callable[[], list[Any]]) -> None:
        found: list[Any] | Exception
        try:
            found = ask()
        except Exception as exc:  # what it raises is told to those who wait
            found = exc
        try:
            self.call_soon_threadsafe(self._looked_up, name, asked, found)
        except RuntimeError:  # the loop was closed meanwhile
            return

    def _looked_up(self, name: tuple[Any, ...], asked: asyncio.Future[list[Any]], found: list[Any] | Exception) -> None:
        del self._asked[name]
        if isinstance(found, Exception):
            asked.set_exception(found)
            asked.exception()  # those who asked may be gone
        else:
            self._known[name] = self.time(), found
            asked.set_result(found)


def _tell(request: Request, outcome: Outcome) -> None:
    try:
        request.on_end(outcome)
    except Exception:  # no bug of the caller's may end the thread of all others
        log.exception("the end of an invocation could not be taken in")


def _cannot_connect(signer: Signer, exc: Exception) -> BackendError:
    where = f"AWS Lambda at {signer.host}:{signer.port}"
    if isinstance(exc, ssl.SSLCertVerificationError):
        return BackendError(
            f"cannot connect to {where}: its certificate is not trusted here ({exc.verify_message}); name your "
            "authorities' file by AWS_CA_BUNDLE"
        )
    reason = (
        f"no connection within {CONNECT_S:g} s" if isinstance(exc, TimeoutError) else str(exc) or type(exc).__name__
    )
    return TransientError(f"cannot connect to {where}: {reason}; check the network and 'region'")


def _tls_context() -> ssl.SSLContext:
    from botocore.httpsession import get_cert_path

    bundle = os.environ.get("AWS_CA_BUNDLE") or os.environ.get("REQUESTS_CA_BUNDLE")
    if bundle:
        return ssl.create_default_context(cafile=bundle)
    context = ssl.create_default_context()
    context.load_verify_locations(get_cert_path(True))  # some Pythons know no authorities
    return context


def _closed() -> BackendError:
    return BackendError("the backend aws_lambda is closed: make a new executor")
