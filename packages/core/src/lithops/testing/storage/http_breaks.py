"""The kit for HTTP: connections that are refused, reset or cut; what is half is never taken for whole."""

from __future__ import annotations

from contextlib import closing, suppress
from typing import Any

import pytest

from lithops.errors import ObjectExistsError, StorageError, TransientError
from lithops.spi.storage import StorageBackend, StorageFeature
from lithops.storage.retrying import RetryingStorage, RetryPolicy
from lithops.testing.storage.bodies import big_stream
from lithops.testing.storage.fault_proxy import FaultProxy
from lithops.testing.storage.fixtures import content, raised_by, read
from lithops.testing.storage.http_faults import HttpFault, HttpRequest
from lithops.testing.storage.http_fixtures import KEY, HttpFixtures, verbs
from lithops.types import Span

__all__ = ["HttpBreakTests"]

_SIZE = 1_000_003
_BREAKS_AT = 300_000
_NO_WAIT = RetryPolicy(sleep=lambda _: None)
_both_ends = pytest.mark.parametrize("cleanly", [False, True], ids=["reset", "closed"])


class HttpBreakTests(HttpFixtures):
    """Connections that end in the wrong place."""

    def test_a_refused_connection_is_transient(self, upstream: str) -> None:
        proxy = FaultProxy(upstream)
        proxy.close()  # nobody listens there any more
        with closing(self.connect(proxy.url)) as store:
            for verb, action in verbs(store, "bucket").items():
                self.fails(action, TransientError, verb)

    def test_a_reset_before_the_answer_is_transient(self, warm: StorageBackend, bucket: str, proxy: FaultProxy) -> None:
        proxy.plan(HttpFault(resets=True, times=None))
        for verb, action in verbs(warm, bucket).items():
            with self.asks(proxy, 1, f"a {verb} that is reset"):
                self.fails(action, TransientError, verb)
        proxy.plan()
        assert read(warm, bucket, KEY) == b"0123456789"

    @_both_ends
    def test_a_truncated_body_never_passes_for_whole(
        self, warm: StorageBackend, bucket: str, proxy: FaultProxy, cleanly: bool
    ) -> None:
        warm.put(bucket, KEY, content(_SIZE))
        for span in (None, Span(5, _SIZE - 5), Span(7, 2 * _SIZE)):
            for piece in (65_536, -1):
                proxy.plan(HttpFault(method="GET", path=KEY, cuts_after=_BREAKS_AT, cuts_cleanly=cleanly))
                with closing(warm.get(bucket, KEY, span=span)) as stream:
                    self.fails(lambda: list(iter(lambda: stream.read(piece), b"")), TransientError, f"read({piece})")  # noqa: B023 - at once
        proxy.plan()
        assert read(warm, bucket, KEY) == content(_SIZE)

    @_both_ends
    def test_a_body_that_breaks_is_continued_where_it_broke(
        self, warm: StorageBackend, bucket: str, proxy: FaultProxy, cleanly: bool
    ) -> None:
        warm.put(bucket, KEY, content(_SIZE))
        before = len(proxy.requests)
        proxy.plan(HttpFault(method="GET", path=KEY, cuts_after=_BREAKS_AT, cuts_cleanly=cleanly))
        with closing(RetryingStorage(warm, _NO_WAIT).get(bucket, KEY)) as stream:  # small reads: one that fails is lost
            assert b"".join(iter(lambda: stream.read(65_536), b"")) == content(_SIZE)
        first, *others = [asked for asked in proxy.requests[before:] if asked.method == "GET" and KEY in asked.path]
        assert _first_byte(first) == 0
        (continued,) = [
            start for start in map(_first_byte, others) if start
        ]  # some stores describe an object by GET too
        assert continued <= _BREAKS_AT

    def test_a_body_that_breaks_is_not_continued_in_another_version(
        self, warm: StorageBackend, direct: StorageBackend, bucket: str, proxy: FaultProxy
    ) -> None:
        warm.put(bucket, KEY, content(_SIZE))
        if warm.head(bucket, KEY).etag is None:
            pytest.skip(f"{type(warm).__name__} gives no etag")
        proxy.plan(HttpFault(method="GET", path=KEY, cuts_after=_BREAKS_AT))
        with closing(RetryingStorage(warm, _NO_WAIT).get(bucket, KEY)) as stream:
            stream.read(1)
            direct.put(bucket, KEY, content(_SIZE, seed=1))
            error = raised_by(lambda: b"".join(iter(lambda: stream.read(65_536), b"")), StorageError, "reading on")
        assert "overwritten" in str(error)

    @pytest.mark.parametrize("if_absent", [False, True])
    def test_a_put_whose_answer_is_lost_is_tried_again(
        self, warm: StorageBackend, bucket: str, proxy: FaultProxy, if_absent: bool
    ) -> None:
        if if_absent and StorageFeature.CONDITIONAL_PUT not in warm.features:
            pytest.skip(f"{type(warm).__name__} does not have StorageFeature.CONDITIONAL_PUT")
        store = RetryingStorage(warm, _NO_WAIT)
        proxy.plan(HttpFault(resets=True, passes_on=True))
        before = len(proxy.requests)
        try:
            store.put(bucket, "once", content(10_000), if_absent=if_absent)
        except ObjectExistsError:
            assert if_absent  # it finds its own object
        assert len(proxy.requests) - before >= 2
        assert read(store, bucket, "once") == content(10_000)
        assert [info.key for info in store.list(bucket)] == ["once", KEY]

    @pytest.mark.parametrize("spared", [0, 1, 3])
    @pytest.mark.parametrize("fault", ["fails", "reset"])
    def test_a_put_in_parts_that_breaks_leaves_all_or_nothing(
        self, warm: StorageBackend, direct: StorageBackend, bucket: str, proxy: FaultProxy, fault: str, spared: int
    ) -> None:
        size = self.multipart_bytes // 2
        if not size:
            pytest.skip("multipart_bytes is 0")
        how: dict[str, Any] = {"answer": self.failed} if fault == "fails" else {"resets": True}
        proxy.plan(HttpFault(skip=spared, **how))
        with suppress(TransientError):  # there is none when so few requests write it
            warm.put(bucket, "big", big_stream(size))
            assert direct.head(bucket, "big").size_bytes == size
        left = {info.key: info.size_bytes for info in direct.list(bucket)}
        assert left in ({KEY: 10}, {KEY: 10, "big": size})


def _first_byte(request: HttpRequest) -> int:
    """Read where the range of a request starts (RFC 9110, 14.2); 0 for all of an object."""
    text = request.headers.get("x-ms-range") or request.headers.get("range") or "bytes=0-"
    unit, _, span = text.partition("=")
    assert unit == "bytes", f"a range of '{text}'"
    return int(span.partition("-")[0])
