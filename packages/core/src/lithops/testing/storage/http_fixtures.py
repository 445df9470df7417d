"""What every part of the kit for HTTP stands on: a proxy in front of the server, and the store that talks to it."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import ClassVar, TypeVar
from uuid import uuid4

import pytest

from lithops.errors import LithopsError
from lithops.spi.storage import StorageBackend
from lithops.testing.storage.fault_proxy import FaultProxy
from lithops.testing.storage.fixtures import StorageFixtures, raised_by, read
from lithops.testing.storage.http_faults import Answer, HttpRequest

__all__ = ["KEY", "HttpFixtures", "verbs"]

E = TypeVar("E", bound=LithopsError)
KEY = "proxied-key"


class HttpFixtures(StorageFixtures):
    """Override `upstream`, `connect`, `connect_wrong`, `throttled` and `denied`.

    The answers are in the vendor's own shape. `failed` is one of a server that broke; `skewed` one that says that this
    machine's clock is wrong (None when the vendor has none). `denies` is False for a server that checks no credentials:
    `denied` is then answered in its place. `page_keys` of 0 leaves the test of pages out.
    """

    throttled: ClassVar[Answer]
    denied: ClassVar[Answer]
    failed: ClassVar[Answer] = Answer(500)
    skewed: ClassVar[Answer | None] = None
    denies: ClassVar[bool] = True

    @pytest.fixture
    def upstream(self) -> str:
        """The base URL of the real server."""
        raise NotImplementedError("override the fixture 'upstream' so that it gives the server's URL, http://host:port")

    def connect(self, endpoint: str) -> StorageBackend:
        """Open the store so that all that it asks goes to `endpoint`."""
        raise NotImplementedError("override 'connect' so that it opens your StorageBackend on this endpoint")

    def connect_wrong(self, endpoint: str) -> StorageBackend:
        """Open the store with credentials that the server refuses."""
        raise NotImplementedError("override 'connect_wrong' so that it opens your StorageBackend with a wrong secret")

    @pytest.fixture
    def proxy(self, upstream: str) -> Iterator[FaultProxy]:
        """What stands in front of the server."""
        with FaultProxy(upstream) as proxy:
            yield proxy

    @pytest.fixture
    def backend(self, proxy: FaultProxy) -> Iterator[StorageBackend]:
        """The store under test, whose requests go through `proxy`."""
        with closing(self.connect(proxy.url)) as backend:
            yield backend

    @pytest.fixture
    def direct(self, upstream: str) -> Iterator[StorageBackend]:
        """The same store, past the proxy."""
        with closing(self.connect(upstream)) as backend:
            yield backend

    @pytest.fixture
    def bucket(self, direct: StorageBackend) -> Iterator[str]:
        """A bucket that is empty before and after each test."""
        name = f"lithops-contract-{uuid4().hex[:12]}"
        direct.create_bucket(name)
        yield name
        direct.delete(name, [info.key for info in direct.list(name)])

    @pytest.fixture
    def warm(self, backend: StorageBackend, bucket: str) -> StorageBackend:
        """The store under test after its first requests, with an object `KEY`: what it fetches only once, it has."""
        backend.put(bucket, KEY, b"0123456789")
        assert read(backend, bucket, KEY) == b"0123456789"
        return backend

    @contextmanager
    def asks(self, proxy: FaultProxy, count: int, what: str) -> Iterator[None]:
        """Fail when the block does not send exactly `count` requests."""
        before = len(proxy.requests)
        yield
        asked = proxy.requests[before:]
        assert len(asked) == count, f"{what} sends {len(asked)} requests, not {count}: {_shown(asked)}"

    def fails(self, action: Callable[[], object], kind: type[E], what: str) -> E:
        """Fail when something does not raise exactly this kind of error, or when the error tells a secret."""
        error = raised_by(action, kind, what)
        assert type(error) is kind, f"{what} raises {type(error).__name__}, not {kind.__name__}"
        said = "".join(traceback.format_exception(error)) + repr(error)
        assert [secret for secret in self.secrets if secret in said] == [], f"the error of {what} tells a secret"
        return error


def verbs(store: StorageBackend, bucket: str) -> dict[str, Callable[[], object]]:
    """Make one small request by each verb."""
    return {
        "put": lambda: store.put(bucket, KEY, b"0123456789"),
        "get": lambda: read(store, bucket, KEY),
        "head": lambda: store.head(bucket, KEY),
        "list": lambda: list(store.list(bucket)),
        "delete": lambda: store.delete(bucket, ["another-key"]),
        "has_bucket": lambda: store.has_bucket(bucket),
    }


def _shown(requests: list[HttpRequest]) -> str:
    return "; ".join(f"{request.method} {request.path[:200]} -> {request.status}" for request in requests)
