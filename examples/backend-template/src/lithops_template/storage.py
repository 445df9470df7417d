"""Objects in a folder: a bucket is a folder, an object a file that begins with its key and is named by its digest."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import quote
from uuid import uuid4

from lithops.errors import NoSuchBucketError, ObjectExistsError, StorageError, StorageNoSuchKeyError
from lithops.spi import ByteStream, ObjectInfo, Span, StorageBackend, StorageFeature, StorageRef
from lithops.types import Buffer
from lithops_template.config import TemplateConfig
from lithops_template.errors import storage_error

__all__ = ["TemplateStorage"]

KEY_BYTES = 1024
"""A file begins with its key, filled up with NULs, which no key contains."""


class TemplateStorage(StorageBackend):
    """A file gets its name by one rename or link: an object is whole or missing, and of two writers the first wins."""

    features = StorageFeature.CONDITIONAL_PUT

    def __init__(self, options: TemplateConfig) -> None:
        self._bucket = options.storage_bucket
        self._root = Path(options.root).expanduser().absolute()

    @classmethod
    def from_ref(cls, ref: StorageRef) -> StorageBackend:
        return cls(TemplateConfig(**ref.options))

    def ref(self, bucket: str) -> StorageRef:
        options = {"root": str(self._root), "storage_bucket": self._bucket}
        return StorageRef("lithops_template.storage:TemplateStorage", bucket, options)

    def put(
        self, bucket: str, key: str, body: Buffer | Sequence[Buffer] | BinaryIO, *, if_absent: bool = False
    ) -> ObjectInfo:
        path = self._path(bucket, key)
        draft = path.with_name(f".{uuid4().hex}")
        with self._translated(bucket, key):
            file = draft.open("xb")
        try:
            for chunk in _chunks(key, body):
                with self._translated(bucket, key):
                    file.write(chunk)
            with self._translated(bucket, key):
                file.close()
                info = _info(key, draft.stat())
                (os.link if if_absent else os.replace)(draft, path)
        finally:
            with suppress(OSError):
                file.close()
            with suppress(OSError):
                draft.unlink()
        return info

    def get(self, bucket: str, key: str, *, span: Span | None = None) -> ByteStream:
        with self._translated(bucket, key):
            file = self._path(bucket, key).open("rb")
            file.seek(KEY_BYTES)
            if span is None:
                return file
            with file:
                size = os.fstat(file.fileno()).st_size - KEY_BYTES
                file.seek(KEY_BYTES + span.start)
                return io.BytesIO(file.read(max(0, min(span.end, size) - span.start)))

    def head(self, bucket: str, key: str) -> ObjectInfo:
        with self._translated(bucket, key):
            return _info(key, self._path(bucket, key).stat())

    def list(self, bucket: str, prefix: str = "", *, after: str | None = None) -> Iterator[ObjectInfo]:
        with self._translated(bucket, prefix):
            names = os.listdir(self._folder(bucket))
        wanted, above = prefix.encode(), (after or "").encode()
        found: list[tuple[bytes, os.stat_result]] = []
        for name in names:
            if not name.startswith("."):  # the others are being written
                with suppress(FileNotFoundError), (self._folder(bucket) / name).open("rb") as file:
                    key = file.read(KEY_BYTES).rstrip(b"\0")
                    if key.startswith(wanted) and key > above:
                        found.append((key, os.fstat(file.fileno())))
        return (_info(key.decode(), status) for key, status in sorted(found))

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        for key in keys:
            with self._translated(bucket, key):
                self._path(bucket, key).unlink(missing_ok=True)

    def create_bucket(self, bucket: str) -> None:
        with self._translated(bucket, ""):
            self._folder(bucket).mkdir(mode=0o700, parents=True, exist_ok=True)

    def has_bucket(self, bucket: str) -> bool:
        return self._folder(bucket).is_dir()

    def default_bucket(self) -> str | None:
        return self._bucket

    def _folder(self, bucket: str) -> Path:
        return self._root / f"bucket-{quote(bucket, safe='')}"

    def _path(self, bucket: str, key: str) -> Path:
        return self._folder(bucket) / sha256(key.encode()).hexdigest()

    @contextmanager
    def _translated(self, bucket: str, key: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise (StorageNoSuchKeyError(bucket, key) if self.has_bucket(bucket) else NoSuchBucketError(bucket)) from None
        except FileExistsError:
            raise ObjectExistsError(f"cannot create object '{key}' in bucket '{bucket}': it exists") from None
        except OSError as exc:
            raise storage_error(exc, f"use object '{key}' of bucket '{bucket}'") from exc


def _chunks(key: str, body: Buffer | Sequence[Buffer] | BinaryIO) -> Iterator[Buffer]:
    name = key.encode()
    if len(name) > KEY_BYTES or b"\0" in name:
        raise StorageError(f"cannot write object {key[:80]!r}: a key is at most {KEY_BYTES} bytes of text without a NUL")
    yield name.ljust(KEY_BYTES, b"\0")
    if isinstance(body, bytes | bytearray | memoryview):
        yield body
    elif isinstance(body, Sequence):
        yield from cast("Sequence[Buffer]", body)
    else:
        yield from iter(lambda: body.read(1 << 20), b"")


def _info(key: str, status: os.stat_result) -> ObjectInfo:
    etag = f"{status.st_ino:x}-{status.st_mtime_ns:x}"
    return ObjectInfo(key, status.st_size - KEY_BYTES, etag, datetime.fromtimestamp(status.st_mtime, UTC))
