"""A warm worker at the other end of a socket: runs the calls that come, reports each at once, dies with its client.

    socket --> reader thread --> deque of calls --> main thread: Runner.run --> status frame --> socket
                  |  "recall": gives back calls that have not begun
                  |  end of the stream: the client is gone: ends this process and what it started

A status is sent before the next call begins, so when the process dies, the client knows which call it died in: the
first one without a status. Nothing is kept back, and the kernel delivers what was sent even after a death.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import sys
import threading
from collections import deque
from queue import SimpleQueue
from typing import NoReturn

from lithops.errors import LithopsError, WireError
from lithops.types import Buffer, CallMessage
from lithops.wire.calls import CALLS, decode_calls
from lithops.wire.control import HELLO, RECALL, RETURNED
from lithops.wire.envelope import WIRE_VERSION, FrameReader, Message, encode
from lithops.worker.output import capture
from lithops.worker.run import Runner

__all__ = ["serve"]

_SENT_TOGETHER = 64
"""How many buffers one system call sends; far below IOV_MAX everywhere."""


def serve(fd: int, home: str) -> NoReturn:
    """Run calls from the socket `fd` until its other end closes. `home` is a private folder for travelled modules."""
    worker = _PipeWorker(socket.socket(fileno=fd), home)
    worker.run()


class _PipeWorker:
    def __init__(self, connection: socket.socket, home: str) -> None:
        self._connection = connection
        self._home = home
        self._calls: deque[CallMessage] = deque()
        self._arrived: SimpleQueue[None] = SimpleQueue()
        self._send_lock = threading.Lock()

    def run(self) -> NoReturn:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the client, which ends its workers
        flush = capture(self._send)
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        self._send(encode(HELLO, {"python": version, "wire": list(WIRE_VERSION), "pid": os.getpid()}))
        threading.Thread(target=self._read, name="lithops-worker-reader", daemon=True).start()
        runner = Runner(home=self._home, limits_memory=True, flush=flush)
        calls, pid = self._calls, os.getpid()
        gc.freeze()  # what was imported stays: later collections need not look at it
        gc.enable()
        while True:
            self._arrived.get()  # bounded by the client's life: the reader ends the process
            while calls:
                try:
                    call = calls.popleft()
                except IndexError:  # recalled between the two lines
                    break
                frame = runner.run(call)
                if os.getpid() != pid:  # a fork that the function made, and that came back from it
                    os._exit(0)
                self._send(frame)
                if runner.is_retired:
                    os._exit(0)
                del call, frame  # a big input or result must not live until the next call

    def _read(self) -> None:
        """Take in messages until the client is gone; then end the process, whatever it is doing."""
        reader = FrameReader()
        try:
            while count := self._connection.recv_into(reader.writable()):
                for message in reader.received(count):
                    self._take(message)
        except OSError:
            pass
        except LithopsError as exc:  # a peer that speaks another wire, or rubbish: say so where the client reads
            with contextlib.suppress(OSError):
                os.write(2, f"lithops worker: {exc}\n".encode())
        _end_group()

    def _take(self, message: Message) -> None:
        if message.kind == CALLS:
            self._calls.extend(decode_calls(message))
            self._arrived.put(None)
        elif message.kind == RECALL:
            count = message.header.get("count")
            if type(count) is not int:
                raise WireError("a recall has no count")
            returned: list[str] = []
            with contextlib.suppress(IndexError):
                while len(returned) < count:
                    returned.append(self._calls.pop().call_id)
            self._send(encode(RETURNED, {"calls": returned}))

    def _send(self, frame: list[Buffer]) -> None:
        with self._send_lock:
            try:
                if len(frame) == 1:
                    self._connection.sendall(frame[0])
                else:
                    send_buffers(self._connection, frame)
            except OSError:
                _end_group()


def send_buffers(connection: socket.socket, buffers: list[Buffer]) -> None:
    """Send all buffers in order on a blocking socket, without joining them."""
    views = [memoryview(buffer).cast("B") for buffer in buffers]
    at = 0
    while at < len(views):
        sent = connection.sendmsg(views[at : at + _SENT_TOGETHER])
        while at < len(views) and sent >= len(views[at]):
            sent -= len(views[at])
            at += 1
        if sent:
            views[at] = views[at][sent:]


def _end_group() -> NoReturn:
    """End this process and the processes that the user's code started: it leads a group of its own."""
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(0)
