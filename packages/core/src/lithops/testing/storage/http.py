"""The conformance kit of stores that are spoken to by HTTP: subclass `HttpStorageContract`, beside `StorageContract`.

class TestAcmeByHttp(HttpStorageContract):
    throttled = Answer(503, b"<Error><Code>SlowDown</Code></Error>")
    denied = Answer(403, b"<Error><Code>AccessDenied</Code></Error>")

    @pytest.fixture
    def upstream(self, server):
        return server.url

    def connect(self, endpoint):
        return AcmeStorage(AcmeConfig(endpoint=endpoint, ...))

    def connect_wrong(self, endpoint):
        return AcmeStorage(AcmeConfig(endpoint=endpoint, secret="wrong", ...))
"""

from __future__ import annotations

from lithops.testing.storage.http_breaks import HttpBreakTests
from lithops.testing.storage.http_errors import HttpErrorTests
from lithops.testing.storage.http_requests import HttpRequestTests

__all__ = ["HttpStorageContract"]


class HttpStorageContract(HttpRequestTests, HttpErrorTests, HttpBreakTests):
    """What a store does with requests, refusals and broken connections. `HttpFixtures` has what can be overridden."""
