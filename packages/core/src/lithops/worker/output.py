"""Carry what the user's function prints to the client, with the call that printed it, beside the protocol.

`sys.stdout` and `sys.stderr` become `OutputStream`s. What other code writes to the file descriptors 1 and 2 does not
pass here: who starts the worker gives it pipes for these.
"""

from __future__ import annotations

import codecs
import io
import sys
from collections.abc import Callable
from typing import Any

from lithops.wire.output import encode_output
from lithops.worker import context

__all__ = ["OutputStream", "capture"]

PIECE_CHARACTERS = 64 * 1024


class OutputStream(io.TextIOBase):
    """A text stream that sends whole lines as they are printed, and what is left at `flush`."""

    def __init__(self, stream: str, send: Callable[[list[Any]], None], fileno: int) -> None:
        self._stream = stream
        self._send = send
        self._fileno = fileno
        self._held: list[str] = []
        self._held_size = 0
        self._bytes = _Bytes(self)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding that programs ask for before they print."""
        return "utf-8"

    @property
    def errors(self) -> str:  # type: ignore[override]
        """What cannot be encoded is replaced."""
        return "backslashreplace"

    @property
    def buffer(self) -> _Bytes:
        """Bytes written here are decoded and sent."""
        return self._bytes

    def reconfigure(self, **_options: Any) -> None:
        """Do nothing: the encoding is that of the protocol, and lines are sent as they are written."""

    def fileno(self) -> int:
        """The descriptor for code that writes to it directly, such as a subprocess."""
        return self._fileno

    def writable(self) -> bool:
        """Always true."""
        return True

    def isatty(self) -> bool:
        """Never a terminal."""
        return False

    def write(self, text: str, /) -> int:
        """Keep text until its line is complete."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._held.append(text)
        self._held_size += len(text)
        if "\n" in text or self._held_size > PIECE_CHARACTERS:
            self.flush()
        return len(text)

    def flush(self) -> None:
        """Send what was written."""
        if not self._held:
            return
        held, self._held, self._held_size = self._held, [], 0
        text = "".join(held)
        call = context.current()
        for at in range(0, len(text), PIECE_CHARACTERS):
            self._send(encode_output(call, self._stream, text[at : at + PIECE_CHARACTERS]))


class _Bytes(io.RawIOBase):
    """The binary side of an `OutputStream`."""

    def __init__(self, text: OutputStream) -> None:
        self._text = text
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        view = memoryview(data)
        self._text.write(self._decoder.decode(bytes(view)))
        return view.nbytes

    def flush(self) -> None:
        if not self.closed:
            self._text.flush()


def capture(send: Callable[[list[Any]], None]) -> Callable[[], None]:
    """Take over `sys.stdout` and `sys.stderr`; gives what flushes both."""
    streams = OutputStream("stdout", send, 1), OutputStream("stderr", send, 2)
    sys.stdout, sys.stderr = streams
    sys.__stdout__, sys.__stderr__ = streams  # type: ignore[misc, assignment]

    def flush() -> None:
        for stream in streams:
            stream.flush()

    return flush
