"""The verbs of storage in S3's dialects, on the client of any SDK that is botocore or a fork of it. No SDK is imported.

    verb -> _ask(operation) -> client.operation()        one request, no retry
                 └─ explain(exception): one of our errors (`s3_errors`)

`s3_keys` knows which keys there can be, `s3_upload` sends what is larger than one part, `s3_events` has the client's
hooks. A backend makes the client, names the store in a reference, and has the configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from threading import Lock
from typing import Any, BinaryIO, ClassVar

from lithops.errors import AccessDeniedError, LithopsError, NoSuchBucketError, ObjectExistsError, StorageError
from lithops.objects.parts import cut, grown
from lithops.objects.s3_errors import PastEndError, error_in_answer, explain, has_no_body
from lithops.objects.s3_events import add_header_if_none_match, add_md5, drop_expect, drop_names
from lithops.objects.s3_keys import check_key, fits_in_xml
from lithops.objects.s3_upload import PART_BYTES, plain, upload_parts
from lithops.objects.streams import EMPTY, AnswerStream
from lithops.spi.storage import ByteStream, StorageBackend, StorageFeature
from lithops.types import Buffer, ObjectInfo, Span

__all__ = ["S3Dialect", "S3Storage"]

_DOES = {
    "abort_multipart_upload": "write",
    "complete_multipart_upload": "write",
    "create_bucket": "create",
    "create_multipart_upload": "write",
    "delete_object": "delete",
    "delete_objects": "delete objects of",
    "get_object": "read",
    "head_bucket": "look at",
    "head_object": "describe",
    "list_objects_v2": "list",
    "put_object": "write",
    "upload_part": "write",
}


@dataclass(frozen=True, slots=True)
class S3Dialect:
    """What differs between services that speak S3, and between the SDKs for them.

    `is_amazon`: Amazon's own endpoint, where a bucket's name is unique among all accounts and some keys are refused.
    `has_conditional_put`: whether the service heeds If-None-Match; `sdk_has_if_none_match`: whether the SDK knows it.
    `checksum` is that of parts, where the SDK adds one; `sends_md5`: whether a delete of many needs an MD5.
    `create_options` are arguments of `create_bucket`. `keys_at_once` is how many objects one request may delete.
    """

    is_amazon: bool = False
    has_conditional_put: bool = True
    sdk_has_if_none_match: bool = True
    checksum: str | None = None
    sends_md5: bool = True
    create_options: Mapping[str, Any] = field(default_factory=dict)
    keys_at_once: int = 1000


class S3Storage(StorageBackend):
    """A store that `connect` gives a client for: it is called once, at the first request, and again after `close`."""

    features: ClassVar[StorageFeature] = StorageFeature.CONDITIONAL_PUT

    def __init__(self, connect: Callable[[], Any], dialect: S3Dialect) -> None:
        self._connect = connect
        self._dialect = dialect
        self._lock = Lock()
        self._client: Any = None
        if not dialect.has_conditional_put:
            self.features = StorageFeature.NONE  # type: ignore[misc]  # it is the service's feature, not the class's

    def put(
        self, bucket: str, key: str, body: Buffer | Sequence[Buffer] | BinaryIO, *, if_absent: bool = False
    ) -> ObjectInfo:
        self._check(bucket, key)
        parts = cut(body, grown(PART_BYTES))
        first = next(parts)
        second = next(parts, None)
        if if_absent and (second is not None or not self._dialect.has_conditional_put):
            self._refuse_existing(bucket, key)  # before many bytes are sent, or where this is all that can be done
        only = {"IfNoneMatch": "*"} if if_absent and self._dialect.has_conditional_put else {}
        if second is None:
            answer = self._ask("put_object", bucket, key, Body=plain(first), **only)
            return ObjectInfo(key, first.nbytes, _etag(answer))

        def ask(operation: str, /, **arguments: Any) -> dict[str, Any]:
            return self._ask(operation, bucket, key, **arguments)

        etag, size = upload_parts(ask, chain((first, second), parts), checksum=self._dialect.checksum, last=only)
        return ObjectInfo(key, size, etag.strip('"') or None)

    def get(self, bucket: str, key: str, *, span: Span | None = None) -> ByteStream:
        if span is not None and span.end <= span.start:
            return self._stream({"Body": EMPTY, "ETag": self.head(bucket, key).etag}, 0, bucket, key)
        self._check(bucket, key)
        if span is None:
            answer = self._ask("get_object", bucket, key)
            return self._stream(answer, answer["ContentLength"], bucket, key)
        try:
            answer = self._ask("get_object", bucket, key, Range=f"bytes={span.start}-{span.end - 1}")
        except PastEndError:
            return self._stream({"Body": EMPTY}, 0, bucket, key)
        size = answer["ContentLength"]
        if "ContentRange" not in answer:  # all of the object came
            if span.start:
                answer["Body"].close()
                raise StorageError(
                    f"cannot read a part of {_named(bucket, key)}: the store ignores ranges; read it all"
                )
            size = min(size, span.end)
        return self._stream(answer, size, bucket, key)

    def head(self, bucket: str, key: str) -> ObjectInfo:
        self._check(bucket, key)
        answer = self._ask("head_object", bucket, key)
        return ObjectInfo(key, answer["ContentLength"], _etag(answer), answer.get("LastModified"))

    def list(self, bucket: str, prefix: str = "", *, after: str | None = None) -> Iterator[ObjectInfo]:
        try:
            (prefix + (after or "")).encode()
        except UnicodeEncodeError:
            raise StorageError(
                f"cannot list bucket '{bucket}': no key is like {prefix or after!r}; ask for text"
            ) from None
        return self._listed(bucket, {"Prefix": prefix} if prefix else {}, {"StartAfter": after} if after else {})

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        for key in keys:
            self._check(bucket, key)
        many = [key for key in keys if fits_in_xml(key)]
        if len(many) == 1:
            many = []
        for key in keys if not many else [key for key in keys if not fits_in_xml(key)]:
            self._ask("delete_object", bucket, key)
        step = self._dialect.keys_at_once
        for at in range(0, len(many), step):
            objects = [{"Key": key} for key in many[at : at + step]]
            answer = self._ask("delete_objects", bucket, Delete={"Objects": objects, "Quiet": True})
            for error in answer.get("Errors", ()):
                if error.get("Code") != "NoSuchKey":
                    what = f"delete {_named(bucket, error.get('Key', ''))}"
                    raise error_in_answer(error.get("Code", ""), error.get("Message", ""), what)

    def create_bucket(self, bucket: str) -> None:
        try:
            self._ask("create_bucket", bucket, **self._dialect.create_options)
        except _TakenError as exc:
            if exc.is_ours or (not self._dialect.is_amazon and self.has_bucket(bucket)):
                return
            raise
        except NoSuchBucketError as exc:  # of a name that none can have
            raise StorageError(
                f"cannot create bucket '{bucket}': the store takes no such name; choose another"
            ) from exc

    def has_bucket(self, bucket: str) -> bool:
        try:
            self._ask("head_bucket", bucket)
        except NoSuchBucketError:
            return False
        return True

    def client(self) -> Any:
        with self._lock:
            if self._client is None:
                try:
                    self._client = self._connected()
                except Exception as exc:  # an SDK may raise anything
                    ours = explain(exc, "open the store")
                    if ours is None or ours is exc:
                        raise
                    raise ours from exc
            return self._client

    def translate(self, exc: BaseException) -> LithopsError | None:
        return explain(exc, "use the store")

    def close(self) -> None:
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _connected(self) -> Any:
        client = self._connect()
        drop_names(client)
        drop_expect(client)
        if self._dialect.sends_md5:
            add_md5(client)
        if not self._dialect.sdk_has_if_none_match:
            add_header_if_none_match(client)
        return client

    def _check(self, bucket: str, key: str) -> None:
        check_key(bucket, key, is_amazon=self._dialect.is_amazon)

    def _ask(self, operation: str, bucket: str, key: str | None = None, /, **arguments: Any) -> dict[str, Any]:
        """Send one request; raises our errors."""
        client = self._client or self.client()
        if key is not None:
            arguments["Key"] = key
        try:
            answer: dict[str, Any] = getattr(client, operation)(Bucket=bucket, **arguments)
        except Exception as exc:  # an SDK may raise anything
            if key is not None and has_no_body(exc) and not self._may_have_bucket(bucket):
                raise NoSuchBucketError(bucket) from exc
            ours = _taken(exc, bucket) or explain(exc, f"{_DOES[operation]} {_named(bucket, key)}", bucket, key)
            if ours is None or ours is exc:
                raise
            raise ours from exc
        return answer

    def _listed(self, bucket: str, below: dict[str, str], mark: dict[str, str]) -> Iterator[ObjectInfo]:
        while True:
            answer = self._ask("list_objects_v2", bucket, **below, **mark)
            for one in answer.get("Contents", ()):
                yield ObjectInfo(one["Key"], one["Size"], _etag(one), one.get("LastModified"))
            if not answer.get("IsTruncated"):
                return
            mark = {"ContinuationToken": answer["NextContinuationToken"]}

    def _stream(self, answer: Mapping[str, Any], size: int, bucket: str, key: str) -> AnswerStream:
        what = _named(bucket, key)
        return AnswerStream(
            answer["Body"],
            size,
            what=what,
            translate=lambda exc: explain(exc, f"read {what}", bucket, key),
            etag=_etag(answer),
        )

    def _refuse_existing(self, bucket: str, key: str) -> None:
        try:
            self.head(bucket, key)
        except FileNotFoundError as exc:  # no such key, or no such bucket
            if isinstance(exc, NoSuchBucketError):
                raise
            return
        except AccessDeniedError:  # writing may be allowed where reading is not: the last request will tell
            if self._dialect.has_conditional_put:
                return
            raise
        raise ObjectExistsError(
            f"cannot write {_named(bucket, key)}: it exists; delete it first, or choose another key"
        )

    def _may_have_bucket(self, bucket: str) -> bool:
        try:
            return self.has_bucket(bucket)
        except AccessDeniedError:
            return True


class _TakenError(StorageError):
    """A bucket of this name exists; `is_ours` when the service says that it is ours."""

    def __init__(self, bucket: str, is_ours: bool) -> None:
        super().__init__(f"cannot create bucket '{bucket}': another account has one of this name; choose another name")
        self.is_ours = is_ours


def _taken(exc: Exception, bucket: str) -> _TakenError | None:
    code = (getattr(exc, "response", None) or {}).get("Error", {}).get("Code")
    if code in {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:
        return _TakenError(bucket, code == "BucketAlreadyOwnedByYou")
    return None


def _etag(answer: Mapping[str, Any]) -> str | None:
    return (answer.get("ETag") or "").strip('"') or None


def _named(bucket: str, key: str | None) -> str:
    return f"bucket '{bucket}'" if key is None else f"object '{key}' of bucket '{bucket}'"
