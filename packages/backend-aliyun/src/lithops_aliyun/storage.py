"""Storage in Alibaba Cloud OSS, by oss2. One request for each small put and get."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, BinaryIO, ClassVar

from lithops.errors import AccessDeniedError, LithopsError, NoSuchBucketError, StorageError, StorageNoSuchKeyError
from lithops.objects.parts import cut, grown, size_of
from lithops.objects.streams import EMPTY, AnswerStream
from lithops.spi.storage import ByteStream, StorageBackend, StorageFeature
from lithops.types import Buffer, ObjectInfo, Span, StorageRef
from lithops.worker.credentials import entrusted
from lithops_aliyun.config import OssConfig
from lithops_aliyun.credentials import provider_of, secrets_of
from lithops_aliyun.endpoints import endpoint_of, region_of
from lithops_aliyun.errors import explained, is_bare_404, translated
from lithops_aliyun.names import can_be_in_xml, checked_key, is_prefix, start_after
from lithops_aliyun.sdk import ServerError, oss2
from lithops_aliyun.session import OssSession
from lithops_aliyun.uploads import PART_BYTES, upload

__all__ = ["OssStorage"]

_SINGLE_BYTES = 16 * 1024 * 1024
_PAGE = 1000
_PIECE_BYTES = 256 * 1024
_TIMEOUT_S = (10.0, 60.0)  # to connect, and to wait for bytes
_OPTIONS = ("storage_bucket", "region", "endpoint", "public_endpoint", "internal_endpoint")


class OssStorage(StorageBackend):
    """Objects in OSS. Requests are signed by V4 when the region is known, else by V1."""

    features: ClassVar[StorageFeature] = StorageFeature.CONDITIONAL_PUT

    def __init__(self, config: OssConfig) -> None:
        self._config = config
        self._endpoint = endpoint_of(config, os.environ)
        self._region = region_of(config, self._endpoint)
        self._session = OssSession()
        provider = provider_of(config)
        self._auth = oss2.ProviderAuthV4(provider) if self._region else oss2.ProviderAuth(provider)
        self._buckets: dict[str, Any] = {}

    @classmethod
    def from_ref(cls, ref: StorageRef) -> OssStorage:
        from lithops.config import Secret

        told: dict[str, Any] = {
            name: value if name == "access_key_id" else Secret(value) for name, value in entrusted(ref).items()
        }
        return cls(OssConfig(**ref.options, **told))

    def ref(self, bucket: str) -> StorageRef:
        options = {name: getattr(self._config, name) for name in _OPTIONS if getattr(self._config, name) is not None}
        return StorageRef(f"{__name__}:{type(self).__name__}", bucket, options)

    def credentials(self) -> Mapping[str, str]:
        return secrets_of(self._config)

    def put(
        self, bucket: str, key: str, body: Buffer | Sequence[Buffer] | BinaryIO, *, if_absent: bool = False
    ) -> ObjectInfo:
        there = self._bucket(bucket)
        headers = {"Content-Type": "application/octet-stream"}
        if if_absent:
            headers["x-oss-forbid-overwrite"] = "true"
        is_small = isinstance(body, (bytes, bytearray, memoryview, Sequence)) and (size_of(body) or 0) <= _SINGLE_BYTES
        parts = cut(body, _SINGLE_BYTES if is_small else grown(PART_BYTES))
        checked_key(bucket, key)
        first = list(islice(parts, 2))
        if len(first) == 2:
            size_bytes, etag = upload(there, key, _joined(first, parts), headers)
            return ObjectInfo(key, size_bytes, etag)
        data = body if isinstance(body, bytes) else bytes(first[0])
        with explained(f"write object '{key}' of bucket '{bucket}'", bucket, key):
            return ObjectInfo(key, len(data), there.put_object(key, data, headers=headers).etag)

    def get(self, bucket: str, key: str, *, span: Span | None = None) -> ByteStream:
        what = f"object '{key}' of bucket '{bucket}'"
        if span is not None and span.end <= span.start:
            etag = self.head(bucket, key).etag
            return AnswerStream(EMPTY, 0, what=what, translate=self.translate, etag=etag)
        there = self._bucket(bucket)
        asked = None if span is None else (span.start, span.end - 1)
        checked_key(bucket, key)
        with explained(f"read {what}", bucket, key):
            try:
                # Without the header OSS gives the whole object for a range that is out of it.
                found = there.get_object(key, byte_range=asked, headers={"x-oss-range-behavior": "standard"})
            except ServerError as exc:
                if exc.status == 416:
                    return AnswerStream(EMPTY, 0, what=what, translate=self.translate)
                if is_bare_404(exc):
                    raise self._missing(bucket, key) from None
                raise
        body = _Body(found.resp.response)
        if found.content_length is None or (asked is not None and found.status != 206):
            body.close()
            raise StorageError(f"cannot read {what}: the answer has no length or range; check for a proxy in between")
        return AnswerStream(body, found.content_length, what=what, translate=self.translate, etag=found.etag)

    def head(self, bucket: str, key: str) -> ObjectInfo:
        there = self._bucket(bucket)
        checked_key(bucket, key)
        with explained(f"describe object '{key}' of bucket '{bucket}'", bucket, key):
            try:
                found = there.head_object(key)
            except ServerError as exc:
                if is_bare_404(exc):
                    raise self._missing(bucket, key) from None
                raise
        return ObjectInfo(key, found.content_length, found.etag, _time(found.last_modified))

    def list(self, bucket: str, prefix: str = "", *, after: str | None = None) -> Iterator[ObjectInfo]:
        if not is_prefix(prefix):
            if not self.has_bucket(bucket):
                raise NoSuchBucketError(bucket)
            return
        there, token = self._bucket(bucket), ""
        mark = start_after(after or "")
        while True:
            with explained(f"list bucket '{bucket}'", bucket):
                page = there.list_objects_v2(prefix, continuation_token=token, start_after=mark, max_keys=_PAGE)
            for found in page.object_list:
                if after is None or found.key > after:  # texts are in the order of their UTF-8 bytes
                    yield ObjectInfo(found.key, found.size, found.etag, _time(found.last_modified))
            if not page.is_truncated:
                return
            token = page.next_continuation_token

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        there = self._bucket(bucket)
        for key in keys:
            checked_key(bucket, key)
        together = [key for key in dict.fromkeys(keys) if can_be_in_xml(key)] if len(keys) > 1 else []
        left = set(keys)
        with explained(f"delete objects of bucket '{bucket}'", bucket):
            for at in range(0, len(together), _PAGE):
                left.difference_update(there.batch_delete_objects(together[at : at + _PAGE]).deleted_keys)
        for key in left:  # of one that OSS did not delete with the others, it tells why when it is alone
            with explained(f"delete object '{key}' of bucket '{bucket}'", bucket, key):
                there.delete_object(key)

    def create_bucket(self, bucket: str) -> None:
        if not oss2.is_valid_bucket_name(bucket):
            raise StorageError(
                f"cannot create bucket '{bucket}': OSS takes 3 to 63 lower-case letters, digits and hyphens in a name;"
                " choose another name"
            )
        with explained(f"create bucket '{bucket}'", bucket):
            try:
                self._bucket(bucket).create_bucket()  # without an ACL: private, and one of ours keeps its own
            except ServerError as exc:
                if exc.code != "BucketAlreadyExists":
                    raise
                if not self._is_ours(bucket):
                    raise StorageError(
                        f"cannot create bucket '{bucket}': the name is taken, by another account or in another region;"
                        " choose another name, or the region where the bucket is"
                    ) from None

    def has_bucket(self, bucket: str) -> bool:
        try:
            there = self._bucket(bucket)
            with explained(f"look into bucket '{bucket}'", bucket):
                there.list_objects_v2(max_keys=1)
        except NoSuchBucketError:
            return False
        return True

    def default_bucket(self) -> str | None:
        return self._config.storage_bucket

    def client(self) -> Any:
        """Give an `oss2.Service`; `oss2.Bucket(service.auth, service.endpoint, name, region=service.region)` is next."""
        return oss2.Service(self._auth, self._endpoint, self._session, _TIMEOUT_S, region=self._region)

    def translate(self, exc: BaseException) -> LithopsError | None:
        return translated(exc)

    def close(self) -> None:
        self._session.close()

    def _bucket(self, bucket: str) -> Any:
        """Give the SDK's object of a bucket; all share the session. Raises `NoSuchBucketError` for no bucket's name."""
        there = self._buckets.get(bucket)
        if there is None:
            if not oss2.is_valid_bucket_name(bucket):
                raise NoSuchBucketError(bucket)
            there = self._buckets[bucket] = oss2.Bucket(
                self._auth,
                self._endpoint,
                bucket,
                session=self._session,
                connect_timeout=_TIMEOUT_S,
                enable_crc=False,  # without a compiler where it was installed it is made in Python, at 1 MB/s
                region=self._region,
            )
        return there

    def _is_ours(self, bucket: str) -> bool:
        try:
            return self.has_bucket(bucket)
        except AccessDeniedError:
            return False

    def _missing(self, bucket: str, key: str) -> LithopsError:
        return StorageNoSuchKeyError(bucket, key) if self.has_bucket(bucket) else NoSuchBucketError(bucket)


class _Body:
    """The bytes of an answer as they are: not decoded, whatever the object's Content-Encoding says."""

    def __init__(self, response: Any) -> None:
        self._response = response
        raw = response.raw
        self._read = getattr(raw, "read1", raw.read)  # urllib3 1.26 has no read1: it loses a piece when it breaks

    def read(self, size: int, /) -> bytes:
        data: bytes = self._read(min(size, _PIECE_BYTES), decode_content=False)
        return data

    def close(self) -> None:
        self._response.close()


def _joined(first: list[memoryview], parts: Iterator[memoryview]) -> Iterator[memoryview]:
    """Give parts back to back; those of `first` are not held once they are given."""
    while first:
        yield first.pop(0)
    yield from parts


def _time(unix_s: int | None) -> datetime | None:
    return None if unix_s is None else datetime.fromtimestamp(unix_s, UTC)
