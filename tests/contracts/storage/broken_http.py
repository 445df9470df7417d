"""Stores spoken to by HTTP with one planted fault each: how they ask, what they make of answers and of broken ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPResponse
from itertools import count
from typing import Any, ClassVar

import pytest
from tests.contracts.storage.broken_base import Body
from tests.contracts.storage.http_store import SECRET, SKEWED, HttpStore, served

from lithops.errors import (
    AccessDeniedError,
    LithopsError,
    StorageError,
    StorageNoSuchKeyError,
    ThrottledError,
    TransientError,
)
from lithops.objects.parts import cut
from lithops.spi.storage import ByteStream, StorageBackend
from lithops.testing import Answer, HttpStorageContract
from lithops.types import ObjectInfo, Span


class BrokenHttp(HttpStorageContract):
    """`catches` names the test that must fail; each class names its store by `store`."""

    throttled = Answer(503, b"slow down")
    denied = Answer(403, b"denied")
    skewed = Answer(403, SKEWED)
    secrets = (SECRET,)
    page_keys: ClassVar[int] = 1000
    multipart_bytes: ClassVar[int] = 6 << 20
    store: ClassVar[type[HttpStore]]
    catches: ClassVar[str]

    @pytest.fixture
    def upstream(self) -> Iterator[str]:
        with served() as url:
            yield url

    def connect(self, endpoint: str) -> StorageBackend:
        return self.store(endpoint)

    def connect_wrong(self, endpoint: str) -> StorageBackend:
        return self.store(endpoint, "of nobody")


class TestAsksWhenItIsOpened(BrokenHttp):
    catches = "test_opening_sends_no_request"

    class store(HttpStore):  # noqa: N801
        def __init__(self, endpoint: str, secret: str = SECRET) -> None:
            super().__init__(endpoint, secret)
            self.has_bucket("bucket")


class TestLooksBeforeItReads(BrokenHttp):
    catches = "test_a_small_put_and_a_small_get_send_one_request_each"

    class store(HttpStore):  # noqa: N801
        def get(self, bucket: str, key: str, *, span: Span | None = None) -> ByteStream:
            self.head(bucket, key)
            return super().get(bucket, key, span=span)


class TestLooksBeforeItWrites(BrokenHttp):
    catches = "test_a_small_put_and_a_small_get_send_one_request_each"

    class store(HttpStore):  # noqa: N801
        def put(self, bucket: str, key: str, body: Body, *, if_absent: bool = False) -> ObjectInfo:
            if if_absent:
                with suppress(StorageNoSuchKeyError):
                    self.head(bucket, key)
            return super().put(bucket, key, body, if_absent=if_absent)


class TestWritesTwice(BrokenHttp):
    catches = "test_a_small_put_and_a_small_get_send_one_request_each"

    class store(HttpStore):  # noqa: N801
        def put(self, bucket: str, key: str, body: Body, *, if_absent: bool = False) -> ObjectInfo:
            super().put(bucket, key, b"", if_absent=if_absent)
            return super().put(bucket, key, body)


class TestListsSmallPages(BrokenHttp):
    catches = "test_a_listing_takes_as_few_requests_as_its_pages"

    class store(HttpStore):  # noqa: N801
        page_keys = 100


class TestListsAllBeforeTheFirst(BrokenHttp):
    catches = "test_a_listing_takes_as_few_requests_as_its_pages"

    class store(HttpStore):  # noqa: N801
        def list(self, bucket: str, prefix: str = "", *, after: str | None = None) -> Iterator[ObjectInfo]:
            return iter(list(super().list(bucket, prefix, after=after)))


class TestTriesAgainByItself(BrokenHttp):
    catches = "test_a_failing_server_is_transient"

    class store(HttpStore):  # noqa: N801
        def ask(self, *arguments: Any, **named: Any) -> HTTPResponse:
            for attempt in count():
                try:
                    return super().ask(*arguments, **named)
                except TransientError:
                    if attempt == 2:
                        raise
            raise AssertionError


class TestTriesAResetAgainByItself(BrokenHttp):
    catches = "test_a_reset_before_the_answer_is_transient"

    class store(HttpStore):  # noqa: N801
        def ask(self, *arguments: Any, **named: Any) -> HTTPResponse:
            with suppress(TransientError):
                return super().ask(*arguments, **named)
            return super().ask(*arguments, **named)


class TestForgetsWhenToComeBack(BrokenHttp):
    catches = "test_throttling_tells_when_to_come_back"

    class store(HttpStore):  # noqa: N801
        def refusal(self, answer: HTTPResponse, *arguments: Any) -> LithopsError:
            del answer.headers["Retry-After"]
            return super().refusal(answer, *arguments)


class TestTakesThrottlingForAFailure(BrokenHttp):
    catches = "test_throttling_without_a_wish_is_throttling"

    class store(HttpStore):  # noqa: N801
        def refusal(self, *arguments: Any) -> LithopsError:
            error = super().refusal(*arguments)
            return TransientError(str(error)) if isinstance(error, ThrottledError) else error


class TestInventsAWish(BrokenHttp):
    catches = "test_throttling_without_a_wish_is_throttling"

    class store(HttpStore):  # noqa: N801
        def refusal(self, *arguments: Any) -> LithopsError:
            error = super().refusal(*arguments)
            return ThrottledError(str(error), 1.0) if isinstance(error, ThrottledError) else error


class TestTakesAFailureForARefusal(BrokenHttp):
    catches = "test_a_failing_server_is_transient"

    class store(HttpStore):  # noqa: N801
        def refusal(self, *arguments: Any) -> LithopsError:
            error = super().refusal(*arguments)
            return StorageError(str(error)) if type(error) is TransientError else error


class TestTellsItsSecret(BrokenHttp):
    catches = "test_a_failing_server_is_transient"

    class store(HttpStore):  # noqa: N801
        def refusal(self, *arguments: Any) -> LithopsError:
            return TransientError(f"{super().refusal(*arguments)} (it was asked with {self._secret})")


class TestTellsItsSecretInTheCause(BrokenHttp):
    catches = "test_a_refused_connection_is_transient"

    class store(HttpStore):  # noqa: N801
        def ask(self, *arguments: Any, **named: Any) -> HTTPResponse:
            try:
                return super().ask(*arguments, **named)
            except TransientError:
                raise TransientError("try again") from OSError(f"no route to http://{self._secret}@host")


class TestTakesWrongCredentialsForAFailure(BrokenHttp):
    catches = "test_wrong_credentials_are_denied"

    class store(HttpStore):  # noqa: N801
        def refusal(self, *arguments: Any) -> LithopsError:
            error = super().refusal(*arguments)
            return StorageError(str(error)) if isinstance(error, AccessDeniedError) else error


class TestTakesARefusalForAMissingKey(BrokenHttp):
    catches = "test_a_refusal_is_denied"

    class store(HttpStore):  # noqa: N801
        def head(self, bucket: str, key: str) -> ObjectInfo:
            try:
                return super().head(bucket, key)
            except AccessDeniedError:
                raise StorageNoSuchKeyError(bucket, key) from None


class TestSaysNothingOfTheClock(BrokenHttp):
    catches = "test_a_wrong_clock_is_said_to_be_wrong"

    class store(HttpStore):  # noqa: N801
        def refusal(self, answer: HTTPResponse, said: bytes, *arguments: Any) -> LithopsError:
            return super().refusal(answer, b"denied", *arguments)


class TestTakesARefusedConnectionForTheEnd(BrokenHttp):
    catches = "test_a_refused_connection_is_transient"

    class store(HttpStore):  # noqa: N801
        def translate(self, exc: BaseException) -> LithopsError | None:
            return StorageError("unreachable") if isinstance(exc, ConnectionRefusedError) else super().translate(exc)


class TestLetsAResetThrough(BrokenHttp):
    catches = "test_a_reset_before_the_answer_is_transient"

    class store(HttpStore):  # noqa: N801
        def translate(self, exc: BaseException) -> LithopsError | None:
            return None


class TestTakesTheFirstHalfForWhole(BrokenHttp):
    catches = "test_a_truncated_body_never_passes_for_whole"

    class store(HttpStore):  # noqa: N801
        def stream(self, answer: HTTPResponse, key: str) -> ByteStream:
            return HalfStream(super().stream(answer, key))


class TestReadsFromTheStartAgain(BrokenHttp):
    catches = "test_a_body_that_breaks_is_continued_where_it_broke"

    class store(HttpStore):  # noqa: N801
        def get(self, bucket: str, key: str, *, span: Span | None = None) -> ByteStream:
            stream = super().get(bucket, key)
            if span is not None:
                stream.read(span.start)
            return stream


class TestForgetsTheVersionItReads(BrokenHttp):
    catches = "test_a_body_that_breaks_is_not_continued_in_another_version"

    class store(HttpStore):  # noqa: N801
        def stream(self, answer: HTTPResponse, key: str) -> ByteStream:
            stream = super().stream(answer, key)
            stream.etag = None  # type: ignore[attr-defined]
            return stream


class TestTakesALostAnswerForTheEnd(BrokenHttp):
    catches = "test_a_put_whose_answer_is_lost_is_tried_again"

    class store(HttpStore):  # noqa: N801
        def put(self, bucket: str, key: str, body: Body, *, if_absent: bool = False) -> ObjectInfo:
            try:
                return super().put(bucket, key, body, if_absent=if_absent)
            except TransientError as exc:
                raise StorageError("nobody knows what was written") from exc


class TestShowsTheFirstParts(BrokenHttp):
    catches = "test_a_put_in_parts_that_breaks_leaves_all_or_nothing"

    class store(HttpStore):  # noqa: N801
        def put(self, bucket: str, key: str, body: Body, *, if_absent: bool = False) -> ObjectInfo:
            parts = []
            for part in cut(body, 1 << 20):
                parts.append(bytes(part))
                info = super().put(bucket, key, parts)
            return info


class HalfStream:
    """Ends where its stream breaks."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream

    def read(self, size: int = -1, /) -> bytes:
        with suppress(TransientError):
            return self._stream.read(size)
        return b""

    def close(self) -> None:
        self._stream.close()
