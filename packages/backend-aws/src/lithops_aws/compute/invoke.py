"""What it is to invoke a function: the request, and the three ways in which it can end. How is in the `invoke_*` modules.

LambdaCompute.start --> Request --> Invoker.submit --> Answer | Unsent | Cut, to the request's `on_end`
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple, TypeAlias

from lithops.errors import BackendError
from lithops_aws.compute.invoke_signature import Keys

__all__ = ["Answer", "Cut", "Invoker", "Outcome", "Request", "Unsent"]


class Answer(NamedTuple):
    """What Lambda answered. The names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Unsent(NamedTuple):
    """The request has not reached Lambda, at least not whole: nothing runs."""

    error: BackendError


class Cut(NamedTuple):
    """The request was sent, and no answer came: the function may have run."""

    reason: str


Outcome: TypeAlias = Answer | Unsent | Cut


class Request(NamedTuple):
    """One invocation. `timeout_s` bounds the wait for its answer, from when it is sent.

    `on_end` is called once, on a thread of the invoker, and must return quickly.
    """

    function: str
    kind: Literal["RequestResponse", "Event"]
    body: bytes
    timeout_s: float
    keys: Keys
    on_end: Callable[[Outcome], None]


class Invoker(ABC):
    """Sends many requests at the same time. Thread-safe. It makes no connection and no thread before the first request."""

    @abstractmethod
    def submit(self, request: Request) -> None:
        """Send a request, as soon as a connection is free. Raises `BackendError` after `close`."""

    @abstractmethod
    def close(self) -> None:
        """End all connections and threads; requests without an answer end as `Cut` or `Unsent`. Bounded, idempotent."""
