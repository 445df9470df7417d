"""The kit for HTTP: each refusal of a server arrives as the error that says what to do; nothing is tried again here."""

from __future__ import annotations

from contextlib import closing

import pytest

from lithops.errors import AccessDeniedError, ThrottledError, TransientError
from lithops.spi.storage import StorageBackend
from lithops.testing.storage.fault_proxy import FaultProxy
from lithops.testing.storage.fixtures import read
from lithops.testing.storage.http_faults import Answer, HttpFault
from lithops.testing.storage.http_fixtures import KEY, HttpFixtures, verbs

__all__ = ["HttpErrorTests"]


class HttpErrorTests(HttpFixtures):
    """Answers that are refusals. Each verb gets each of them."""

    def test_throttling_tells_when_to_come_back(self, warm: StorageBackend, bucket: str, proxy: FaultProxy) -> None:
        answer = Answer(self.throttled.status, self.throttled.body, {**self.throttled.headers, "Retry-After": "7"})
        proxy.plan(HttpFault(answer=answer, times=None))
        for verb, action in verbs(warm, bucket).items():
            with self.asks(proxy, 1, f"a {verb} that is throttled"):
                error = self.fails(action, ThrottledError, verb)
            assert (verb, error.retry_after_s) == (verb, 7.0)

    def test_throttling_without_a_wish_is_throttling(
        self, warm: StorageBackend, bucket: str, proxy: FaultProxy
    ) -> None:
        proxy.plan(HttpFault(answer=self.throttled, times=None))
        for verb, action in verbs(warm, bucket).items():
            assert self.fails(action, ThrottledError, verb).retry_after_s is None
        proxy.plan()
        assert read(warm, bucket, KEY) == b"0123456789"

    def test_a_failing_server_is_transient(self, warm: StorageBackend, bucket: str, proxy: FaultProxy) -> None:
        proxy.plan(HttpFault(answer=self.failed, times=None))
        for verb, action in verbs(warm, bucket).items():
            with self.asks(proxy, 1, f"a {verb} that fails"):
                self.fails(action, TransientError, verb)

    def test_wrong_credentials_are_denied(self, proxy: FaultProxy, bucket: str, direct: StorageBackend) -> None:
        direct.put(bucket, KEY, b"mine")
        if not self.denies:
            proxy.plan(HttpFault(answer=self.denied, times=None))
        with closing(self.connect_wrong(proxy.url)) as wrong:
            for verb, action in verbs(wrong, bucket).items():
                if verb != "has_bucket":  # one that cannot be used may as well be none
                    self.fails(action, AccessDeniedError, verb)
        assert read(direct, bucket, KEY) == b"mine"

    def test_a_refusal_is_denied(self, warm: StorageBackend, bucket: str, proxy: FaultProxy) -> None:
        proxy.plan(HttpFault(answer=self.denied, times=None))
        for verb, action in verbs(warm, bucket).items():
            if verb != "has_bucket":
                with self.asks(proxy, 1, f"a {verb} that is denied"):
                    self.fails(action, AccessDeniedError, verb)

    def test_a_wrong_clock_is_said_to_be_wrong(self, warm: StorageBackend, bucket: str, proxy: FaultProxy) -> None:
        if self.skewed is None:
            pytest.skip("skewed is None")
        proxy.plan(HttpFault(answer=self.skewed, times=None))
        for verb, action in verbs(warm, bucket).items():
            if verb in ("put", "get", "list", "delete"):  # the answer to a head has no body that could tell
                assert "clock" in str(self.fails(action, AccessDeniedError, verb))
