"""CloudWatch Logs of the functions, kept by moto: what sandboxes write there, and which lines a filter's pattern finds."""

from __future__ import annotations

import re
import time
from collections import deque
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID  # type: ignore[attr-defined]  # moto exports it by its name alone
from moto.logs import models as moto_logs
from moto.logs.models import logs_backends

__all__ = ["LogWriter", "Pattern", "Stream"]

_FLUSH_S = 0.2
_TERM = re.compile(r'([?-]?)(?:"((?:[^"\\]|\\.)*)"|(\S+))')


@dataclass(frozen=True, slots=True)
class _Line:
    region: str
    group: str
    stream: str
    at_ms: int
    text: str


class LogWriter:
    """Gives lines to moto, a few times in a second and when asked to. Thread-safe."""

    def __init__(self, moto_lock: Lock) -> None:
        moto_logs.EventMessageFilter = Pattern  # type: ignore[assignment,attr-defined]  # moto's knows one term
        self._moto = moto_lock
        self._lines: deque[_Line] = deque()
        self._is_closed = Event()
        self._thread = Thread(target=self._write_now_and_then, name="logs", daemon=True)
        self._thread.start()

    def add(self, line: _Line) -> None:
        """Take a line."""
        self._lines.append(line)

    def flush(self) -> None:
        """Give moto what there is, so that the next question finds it."""
        with self._moto:
            taken: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
            while self._lines:
                line = self._lines.popleft()
                told = {"timestamp": line.at_ms, "message": line.text}
                taken.setdefault((line.region, line.group, line.stream), []).append(told)
            for (region, group, stream), events in taken.items():
                logs = logs_backends[DEFAULT_ACCOUNT_ID][region]
                logs.ensure_log_group(group)
                if stream not in logs.groups[group].streams:
                    logs.create_log_stream(group, stream)
                logs.put_log_events(group, stream, sorted(events, key=lambda event: int(event["timestamp"])))

    def clear(self) -> None:
        """Forget what has not been written."""
        self._lines.clear()

    def close(self) -> None:
        """Stop writing."""
        self._is_closed.set()
        self._thread.join()

    def _write_now_and_then(self) -> None:
        while not self._is_closed.wait(_FLUSH_S):
            if self._lines:
                self.flush()


@dataclass(slots=True)
class Stream:
    """The log stream of one sandbox. Lines are events; one that lacks its end waits for it."""

    writer: LogWriter
    region: str
    group: str
    name: str
    _rest: bytearray = field(default_factory=bytearray)

    def write(self, data: bytes) -> None:
        """Take what was printed."""
        self._rest += data
        *lines, rest = bytes(self._rest).split(b"\n")
        self._rest[:] = rest
        for line in lines:
            self.line(line.decode(errors="replace") + "\n")

    def end_line(self) -> None:
        """Take the last line as whole."""
        if self._rest:
            self.write(b"\n")

    def line(self, text: str) -> None:
        """Write one event."""
        self.writer.add(_Line(self.region, self.group, self.name, int(time.time() * 1000), text))


class Pattern:
    """CloudWatch's filter pattern of words: all of them, any of those with `?`, none of those with `-`.

    Patterns in braces or brackets (JSON, columns) find everything, as in moto.
    """

    def __init__(self, pattern: str | None) -> None:
        self._all: list[str] = []
        self._any: list[str] = []
        self._none: list[str] = []
        if pattern and not pattern.lstrip().startswith(("{", "[", "%")):
            for sign, quoted, word in _TERM.findall(pattern):
                kept = {"?": self._any, "-": self._none}.get(sign, self._all)
                kept.append(quoted.replace('\\"', '"') if quoted else word)

    def matches(self, message: str) -> bool:
        """Tell whether a filter gives this line."""
        if any(term in message for term in self._none) or not all(term in message for term in self._all):
            return False
        if not self._any or self._all or self._none:  # CloudWatch ignores `?` beside others
            return True
        return any(term in message for term in self._any)
