"""Storage in Azure Blob Storage: a bucket is a container, an object a block blob. `wire` sends the requests.

Objects up to one part travel in one request; longer ones as blocks, which no reader sees before they are committed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import Any, BinaryIO, ClassVar
from urllib.parse import quote, urlsplit
from uuid import uuid4

from lithops.config import Secret
from lithops.errors import AccessDeniedError, LithopsError, NoSuchBucketError, StorageError, StorageNoSuchKeyError
from lithops.objects.parts import cut, send_parts, size_of
from lithops.objects.streams import EMPTY, AnswerStream
from lithops.spi.storage import ByteStream, StorageBackend, StorageFeature
from lithops.types import Buffer, ObjectInfo, Span, StorageRef
from lithops.worker.credentials import entrusted
from lithops_azure.account import Account
from lithops_azure.answers import code_of, error_for, translated
from lithops_azure.blocks import block_id, block_list, block_sizes
from lithops_azure.config import SECRETS, AzureStorageConfig
from lithops_azure.listing import Page, in_utf8_order, parsed, start_of
from lithops_azure.names import BUCKET_RULE, blob_path, container_path, has_blob_characters, is_bucket_name
from lithops_azure.wire import AnswerBody, Wire

__all__ = ["AzureStorage"]

_BATCH = 256  # the service's own limit
_STARTS_FROM = "2026-02-06"  # the version of the service that lists from a name on


class AzureStorage(StorageBackend):
    """Objects as block blobs of one storage account with a flat namespace."""

    features: ClassVar[StorageFeature] = StorageFeature.CONDITIONAL_PUT
    _page_keys: ClassVar[int] = 5000  # tests lower it

    def __init__(self, config: AzureStorageConfig) -> None:
        self._config = config
        self._account = Account.of(config)
        self._wire = Wire(self._account)

    @classmethod
    def from_ref(cls, ref: StorageRef) -> AzureStorage:
        given: dict[str, Any] = {**ref.options, **{key: Secret(text) for key, text in entrusted(ref).items()}}
        return cls(AzureStorageConfig(**given))

    def ref(self, bucket: str) -> StorageRef:
        options = {
            "storage_account_name": self._account.name,
            "endpoint": self._account.endpoint,
            "storage_bucket": self._config.storage_bucket,
        }
        return StorageRef(f"{__name__}:{type(self).__name__}", bucket, options)

    def credentials(self) -> dict[str, str]:
        found: dict[str, Secret | None] = {key: getattr(self._config, key) for key in SECRETS}
        return {key: secret.reveal() for key, secret in found.items() if secret is not None}

    def put(
        self, bucket: str, key: str, body: Buffer | Sequence[Buffer] | BinaryIO, *, if_absent: bool = False
    ) -> ObjectInfo:
        path = blob_path(bucket, key)
        what = f"write object '{key}' of bucket '{bucket}'"
        condition = {"If-None-Match": "*"} if if_absent else {}
        parts = cut(body, block_sizes(size_of(body)))
        first = [*islice(parts, 2)]
        if len(first) == 1:
            part = first.pop()
            headers = {"x-ms-blob-type": "BlockBlob", **condition}
            answer = self._ask("PUT", path, what, bucket, key, headers=headers, content=part)
            return _info(key, len(part), answer.headers)
        writer = uuid4().hex  # blocks of several writers of one blob do not mix
        sizes = send_parts(
            _joined(first, parts),
            lambda number, block: self._put_block(path, what, bucket, key, block_id(writer, number), block),
        )
        names = [block_id(writer, number) for number in range(1, len(sizes) + 1)]
        headers = {"x-ms-blob-content-type": "application/octet-stream", **condition}
        answer = self._ask(
            "PUT", f"{path}?comp=blocklist", what, bucket, key, headers=headers, content=block_list(names)
        )
        return _info(key, sum(sizes), answer.headers)

    def get(self, bucket: str, key: str, *, span: Span | None = None) -> ByteStream:
        path = blob_path(bucket, key)
        what = f"object '{key}' of bucket '{bucket}'"
        if span is not None and span.start >= span.end:
            info = self.head(bucket, key)
            return AnswerStream(EMPTY, 0, what=what, translate=translated, etag=info.etag)
        headers = {} if span is None else {"x-ms-range": f"bytes={span.start}-{span.end - 1}"}
        answer = self._wire.send("GET", path, what=f"read {what}", headers=headers, streams=True)
        if answer.status_code in (200, 206):
            size = int(answer.headers["Content-Length"])
            return AnswerStream(AnswerBody(answer), size, what=what, translate=translated, etag=_etag(answer.headers))
        body = self._body(answer, f"read {what}")
        if answer.status_code == 416:  # the span starts at the end, or after it
            return AnswerStream(EMPTY, 0, what=what, translate=translated)
        raise self._error(answer, body, f"read {what}", bucket, key)

    def head(self, bucket: str, key: str) -> ObjectInfo:
        answer = self._ask("HEAD", blob_path(bucket, key), f"read object '{key}' of bucket '{bucket}'", bucket, key)
        return _info(key, int(answer.headers["Content-Length"]), answer.headers)

    def list(self, bucket: str, prefix: str = "", *, after: str | None = None) -> Iterator[ObjectInfo]:
        return in_utf8_order(self._above(bucket, prefix, after or ""))

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        paths = {key: blob_path(bucket, key) for key in keys}
        if len(paths) > 1 and self._takes_batches():
            wanted = [*paths]
            for at in range(0, len(wanted), _BATCH):
                self._delete_batch(bucket, wanted[at : at + _BATCH])
            return
        for key, path in paths.items():
            try:
                headers = {"x-ms-delete-snapshots": "include"}
                self._ask("DELETE", path, f"delete object '{key}' of bucket '{bucket}'", bucket, key, headers=headers)
            except StorageNoSuchKeyError:
                continue

    def create_bucket(self, bucket: str) -> None:
        if not is_bucket_name(bucket):
            raise StorageError(f"cannot create bucket '{bucket}': Azure's containers have names of {BUCKET_RULE}")
        what = f"create bucket '{bucket}'"
        answer = self._wire.send("PUT", f"{container_path(bucket)}?restype=container", what=what)
        body = answer.content
        if answer.status_code == 201 or code_of(answer.headers, body) == "ContainerAlreadyExists":
            return
        error = self._error(answer, body, what, bucket, None)
        if not (isinstance(error, AccessDeniedError) and self.has_bucket(bucket)):
            raise error  # else these credentials may use the bucket, and need not be allowed to create it

    def has_bucket(self, bucket: str) -> bool:
        try:
            self._page(bucket, "maxresults=1")  # of the ways to ask, the one that every kind of credentials allows
        except NoSuchBucketError:
            return False
        return True

    def default_bucket(self) -> str | None:
        return self._config.storage_bucket

    def client(self) -> Any:
        return self._wire.service

    def translate(self, exc: BaseException) -> LithopsError | None:
        return translated(exc)

    def close(self) -> None:
        self._wire.close()

    def _put_block(self, path: str, what: str, bucket: str, key: str, name: str, block: memoryview) -> int:
        self._ask("PUT", f"{path}?comp=block&blockid={quote(name, safe='')}", what, bucket, key, content=block)
        return len(block)

    def _above(self, bucket: str, prefix: str, after: str) -> Iterator[ObjectInfo]:
        if not has_blob_characters(prefix) or (after > prefix and not after.startswith(prefix)):
            if not self.has_bucket(bucket):
                raise NoSuchBucketError(bucket)
            return  # no key has this prefix, or none of those that have it is above the mark
        query = f"maxresults={self._page_keys}&prefix={quote(prefix, safe='')}"
        start = start_of(after, prefix) if has_blob_characters(after) else ""
        if start and self._wire.version >= _STARTS_FROM:
            query += f"&startFrom={quote(start, safe='')}"
        marker = ""
        while True:
            page = self._page(bucket, f"{query}&marker={quote(marker, safe='')}" if marker else query)
            yield from (info for info in page.infos if info.key > after) if after else page.infos
            marker = page.marker
            if not marker:
                return

    def _page(self, bucket: str, query: str) -> Page:
        path = f"{container_path(bucket)}?restype=container&comp=list&{query}"
        body = self._ask("GET", path, f"list bucket '{bucket}'", bucket, None).content
        try:
            return parsed(body)
        except ValueError as exc:
            raise StorageError(f"cannot list bucket '{bucket}': {exc}; check 'endpoint' in the configuration") from None

    def _takes_batches(self) -> bool:
        """Tell whether the SDK's batch finds the account: not behind an emulator's address other than loopback's."""
        url = urlsplit(self._account.endpoint)
        return not url.path or url.hostname in ("127.0.0.1", "localhost")

    def _delete_batch(self, bucket: str, keys: Sequence[str]) -> None:
        what = f"delete {len(keys)} objects of bucket '{bucket}'"
        container = self._wire.service.get_container_client(bucket)
        try:
            answers = [*container.delete_blobs(*keys, delete_snapshots="include", raise_on_any_failure=False)]
        except Exception as exc:  # of the SDK or of its HTTP client
            ours = translated(exc, what, bucket)
            if ours is None:
                raise
            raise ours from None
        for key, answer in zip(keys, answers, strict=False):
            if answer.status_code >= 300:
                error = self._error(answer, answer.body(), f"delete object '{key}' of bucket '{bucket}'", bucket, key)
                if not isinstance(error, StorageNoSuchKeyError):
                    raise error

    def _ask(self, method: str, path: str, what: str, bucket: str, key: str | None, **sent: Any) -> Any:
        """Send a request and give its good answer, its body read; raise what another means."""
        answer = self._wire.send(method, path, what=what, **sent)
        if answer.status_code >= 300:
            raise self._error(answer, answer.content, what, bucket, key)
        return answer

    def _error(self, answer: Any, body: bytes, what: str, bucket: str, key: str | None) -> LithopsError:
        error = error_for(answer.status_code, answer.headers, body, what=what, bucket=bucket, key=key)
        if error is not None:
            return error
        return (
            StorageNoSuchKeyError(bucket, key)
            if key is not None and self.has_bucket(bucket)
            else NoSuchBucketError(bucket)
        )

    def _body(self, answer: Any, what: str) -> bytes:
        """Read the rest of a refusal that was to be a stream."""
        try:
            return bytes(answer.read())
        except Exception as exc:  # of the SDK or of its HTTP client
            ours = translated(exc, what)
            if ours is None:
                raise
            raise ours from None


def _joined(first: list[memoryview], rest: Iterator[memoryview]) -> Iterator[memoryview]:
    """Give the first parts and then the rest; none is kept once it is given."""
    while first:
        yield first.pop(0)
    yield from rest


def _info(key: str, size: int, headers: Any) -> ObjectInfo:
    modified = headers.get("Last-Modified")
    return ObjectInfo(key, size, _etag(headers), parsedate_to_datetime(modified) if modified else None)


def _etag(headers: Any) -> str | None:
    return (headers.get("ETag") or "").strip('"') or None
