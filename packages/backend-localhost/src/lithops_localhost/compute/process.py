"""One worker process: its start, its socket and pipes, what it has in hand, and its death."""

from __future__ import annotations

import codecs
import contextlib
import os
import signal
import socket
import subprocess
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from lithops.spi import CallEnd, CallMessage
from lithops.types import Buffer
from lithops.wire.envelope import FrameReader, Message

__all__ = ["WorkerProcess"]

REAP_TIMEOUT_S = 5.0
DRAIN_TIMEOUT_S = 1.0
TAIL_CHARACTERS = 4000
_SENT_TOGETHER = 64
_PIPE_BYTES = 64 * 1024


class WorkerProcess:
    """A spawned `python -m lithops.worker`. Used by the pool's thread only. Raises `OSError` when it cannot be started.

    It inherits the file of credentials, `credentials_fd`. `in_hand` are the calls that it was sent and that have no end,
    in order: it runs the first, since `head_since`.
    """

    def __init__(self, interpreter: str, home: str, credentials_fd: int) -> None:
        self.in_hand: deque[CallMessage] = deque()
        self.started_at = time.monotonic()
        self.head_since: float | None = None
        self.said_hello = False
        self.is_at_end = False
        self.expects_exit = False
        self.was_asked_back = False
        self.killed_for: tuple[CallMessage, CallEnd] | None = None
        self.tail = ""
        self.has_written = False
        self._outbox: deque[memoryview] = deque()
        self._reader = FrameReader()
        self._decoders = [codecs.getincrementaldecoder("utf-8")("replace") for _ in range(2)]
        self.connection, theirs = socket.socketpair()
        try:
            self._process = subprocess.Popen(
                [interpreter, "-P", "-m", "lithops.worker", "pipe", str(theirs.fileno()), home, str(credentials_fd)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(theirs.fileno(), credentials_fd),
                start_new_session=True,
            )
        except BaseException:
            self.connection.close()
            raise
        finally:
            theirs.close()
        self.connection.setblocking(False)
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self.pipes: tuple[BinaryIO, BinaryIO] = (self._process.stdout, self._process.stderr)  # type: ignore[assignment]
        for pipe in self.pipes:
            os.set_blocking(pipe.fileno(), False)
        self.death_fd = os.pidfd_open(self._process.pid) if hasattr(os, "pidfd_open") else None

    @property
    def pid(self) -> int:
        """The process id; also of its group."""
        return self._process.pid

    @property
    def has_output(self) -> bool:
        """Whether something waits to be sent."""
        return bool(self._outbox)

    @property
    def takes_calls(self) -> bool:
        """Whether it may be sent more."""
        return self.killed_for is None and not self.was_asked_back and not self.expects_exit and not self._outbox

    @property
    def is_gone(self) -> bool:
        """Whether the process is over, also when the event that tells so has not come yet."""
        try:
            return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:
            return True

    def send(self, frame: Sequence[Buffer]) -> None:
        """Queue a frame and send what the socket takes now."""
        self._outbox.extend(memoryview(buffer).cast("B") for buffer in frame)
        self.flush()

    def flush(self) -> None:
        """Send what the socket takes now; a broken one is found by its reader."""
        outbox = self._outbox
        while outbox:
            try:
                together = [outbox[at] for at in range(min(len(outbox), _SENT_TOGETHER))]
                sent = self.connection.sendmsg(together)
            except BlockingIOError:
                return
            except OSError:
                outbox.clear()
                return
            while outbox and sent >= len(outbox[0]):
                sent -= len(outbox.popleft())
            if sent:
                outbox[0] = outbox[0][sent:]

    def receive(self) -> Iterator[Message]:
        """Yield the messages that one read completes. Sets `is_at_end` at the end of the stream. Raises `WireError`."""
        try:
            count = self.connection.recv_into(self._reader.writable())
        except BlockingIOError:
            return
        except OSError:
            count = 0
        if count == 0:
            self.is_at_end = True
            return
        yield from self._reader.received(count)

    def read_text(self, at: int) -> str | None:
        """Read what came by pipe `at` (0: stdout, 1: stderr); None when it was closed."""
        try:
            data = os.read(self.pipes[at].fileno(), _PIPE_BYTES)
        except BlockingIOError:
            return ""
        except (OSError, ValueError):
            return None
        if not data:
            return None
        self.has_written = True
        text = self._decoders[at].decode(data)
        self.tail = (self.tail + text)[-TAIL_CHARACTERS:]
        return text

    def kill(self) -> None:
        """Send SIGKILL to the process and all that its calls started in its group. Only before `reap`."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def drain(self) -> Iterator[Message]:
        """After `kill`: yield what it had sent before. Ends in bounded time. Raises `WireError`."""
        self.connection.settimeout(DRAIN_TIMEOUT_S)
        limit = time.monotonic() + 5 * DRAIN_TIMEOUT_S
        while not self.is_at_end and time.monotonic() < limit:
            yield from self.receive()

    def reap(self) -> int:
        """Wait for the death, close everything, and give the return code (negative: a signal)."""
        self.kill()
        try:
            code = self._process.wait(REAP_TIMEOUT_S)
        except subprocess.TimeoutExpired:  # in uninterruptible sleep: the system frees it when it can
            code = -signal.SIGKILL
        self.connection.close()
        for pipe in self.pipes:
            pipe.close()
        if self.death_fd is not None:
            os.close(self.death_fd)
            self.death_fd = None
        return code
