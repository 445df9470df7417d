"""What the fault proxy is told to do, and what it saw: answers, faults, and records of requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import NamedTuple

__all__ = ["Answer", "HttpFault", "HttpRequest", "Plan"]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of HTTP in a vendor's own shape; `Content-Length` is added."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HttpFault:
    """What goes wrong, in which requests.

    `method` is the request's ("" for any), `path` a text in its path or query, as they are on the wire. Of the requests
    that match, `skip` are spared, then `times` are hit (None: all that follow). What happens, after `delay_s`:

    - `answer`: it is given, and the request is not passed on
    - `resets`: the connection is reset instead of an answer; `passes_on` does the request first, so that its answer
      is lost
    - `cuts_after`: the answer's body ends after so many bytes, by a reset, or by a clean close when `cuts_cleanly`
    - none of these: only the delay
    """

    answer: Answer | None = None
    resets: bool = False
    passes_on: bool = False
    cuts_after: int | None = None
    cuts_cleanly: bool = False
    delay_s: float = 0.0
    method: str = ""
    path: str = ""
    skip: int = 0
    times: int | None = 1


class HttpRequest(NamedTuple):
    """A request that the proxy got. `path` is with its query, as on the wire; the names of `headers` in lower case.

    `status` is what was answered, 0 when nothing was. `body_bytes` is the length of the request's body.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    status: int
    body_bytes: int


class Plan:
    """The faults that are still to come. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._rules: list[_Rule] = []

    def set(self, faults: Sequence[HttpFault]) -> None:
        """Forget what was planned before."""
        with self._lock:
            self._rules = [_Rule(fault, fault.skip, fault.times) for fault in faults]

    def next(self, method: str, path: str) -> HttpFault | None:
        """Find the fault that hits a request."""
        with self._lock:
            for rule in self._rules:
                fault = rule.fault
                if fault.method not in ("", method) or fault.path not in path or rule.times == 0:
                    continue
                if rule.skip:
                    rule.skip -= 1
                    continue
                if rule.times is not None:
                    rule.times -= 1
                return fault
        return None


@dataclass(slots=True)
class _Rule:
    fault: HttpFault
    skip: int
    times: int | None
