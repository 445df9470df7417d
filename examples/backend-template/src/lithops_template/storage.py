"""Objects in files of SQLite, one for each bucket, which any number of processes can have open."""

from __future__ import annotations

import io
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import BinaryIO, cast
from urllib.parse import quote
from uuid import uuid4

from lithops.errors import NoSuchBucketError, StorageError, StorageNoSuchKeyError
from lithops.spi import ByteStream, ObjectInfo, Span, StorageBackend, StorageFeature, StorageRef
from lithops.types import Buffer
from lithops_template.config import TemplateConfig
from lithops_template.errors import storage_error

__all__ = ["TemplateStorage"]

BUSY_S = 60.0
MOST_BYTES = 1 << 30  # more than SQLite keeps in one row: sqlite.org/limits.html
TABLE = "CREATE TABLE IF NOT EXISTS objects (key TEXT PRIMARY KEY, size INTEGER, etag TEXT, modified REAL, body BLOB)"
INFO = "SELECT key, size, etag, modified FROM objects WHERE "


class TemplateStorage(StorageBackend):
    """A put is one transaction: an object is whole or missing, and of two conditional writers the first wins."""

    features = StorageFeature.CONDITIONAL_PUT

    def __init__(self, options: TemplateConfig) -> None:
        self._root = os.path.abspath(os.path.expanduser(options.root))
        self._bucket = options.storage_bucket

    @classmethod
    def from_ref(cls, ref: StorageRef) -> StorageBackend:
        return cls(TemplateConfig(**ref.options))

    def ref(self, bucket: str) -> StorageRef:
        options = {"root": self._root, "storage_bucket": self._bucket}
        return StorageRef("lithops_template.storage:TemplateStorage", bucket, options)

    def put(
        self, bucket: str, key: str, body: Buffer | Sequence[Buffer] | BinaryIO, *, if_absent: bool = False
    ) -> ObjectInfo:
        if len(key.encode()) > 1024 or "\0" in key:
            raise StorageError(f"cannot write object {key[:80]!r}: a key is at most 1024 bytes of text without a NUL")
        data = _joined(body)
        row = (key, len(data), uuid4().hex, datetime.now(UTC).timestamp())
        with self._database(bucket) as database:
            verb = "INSERT" if if_absent else "REPLACE"
            database.execute(f"{verb} INTO objects VALUES (?, ?, ?, ?, ?)", (*row, data))
        return _info(row)

    def get(self, bucket: str, key: str, *, span: Span | None = None) -> ByteStream:
        start, end = (min(place, MOST_BYTES) for place in span or (0, MOST_BYTES))
        with self._database(bucket) as database:
            part = "SELECT substr(body, ?, ?) FROM objects WHERE key = ?"
            row = database.execute(part, (start + 1, max(0, end - start), key)).fetchone()
        if row is None:
            raise StorageNoSuchKeyError(bucket, key)
        return io.BytesIO(row[0])

    def head(self, bucket: str, key: str) -> ObjectInfo:
        with self._database(bucket) as database:
            row = database.execute(INFO + "key = ?", (key,)).fetchone()
        if row is None:
            raise StorageNoSuchKeyError(bucket, key)
        return _info(row)

    def list(self, bucket: str, prefix: str = "", *, after: str | None = None) -> Iterator[ObjectInfo]:
        with self._database(bucket) as database:
            where = INFO + "key >= ? AND substr(key, 1, ?) = ? AND key > ? ORDER BY key"
            rows = database.execute(where, (prefix, len(prefix), prefix, after or "")).fetchall()
        return map(_info, rows)

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        with self._database(bucket) as database:
            database.executemany("DELETE FROM objects WHERE key = ?", [(key,) for key in keys])

    def create_bucket(self, bucket: str) -> None:
        os.makedirs(self._root, mode=0o700, exist_ok=True)
        with self._database(bucket, must_exist=False) as database:
            database.execute(TABLE)

    def has_bucket(self, bucket: str) -> bool:
        path = self._path(bucket)
        return os.path.exists(path) and os.path.getsize(path) > 0  # else another process is making it

    def default_bucket(self) -> str | None:
        return self._bucket

    def _path(self, bucket: str) -> str:
        return os.path.join(self._root, quote(bucket, safe="") + ".db")

    @contextmanager
    def _database(self, bucket: str, *, must_exist: bool = True) -> Iterator[sqlite3.Connection]:
        if must_exist and not self.has_bucket(bucket):
            raise NoSuchBucketError(bucket)
        try:
            with closing(sqlite3.connect(self._path(bucket), timeout=BUSY_S)) as database, database:
                database.execute("PRAGMA synchronous = OFF")  # fast; a power cut may cost what was just written
                yield database
        except sqlite3.Error as exc:
            raise storage_error(exc, bucket) from exc


def _joined(body: Buffer | Sequence[Buffer] | BinaryIO) -> bytes:
    if isinstance(body, bytes | bytearray | memoryview):
        return bytes(body)
    if isinstance(body, Sequence):
        return b"".join(cast("Sequence[Buffer]", body))
    return b"".join(iter(lambda: body.read(1 << 20), b""))


def _info(row: tuple[str, int, str, float]) -> ObjectInfo:
    key, size, etag, modified = row
    return ObjectInfo(key, size, etag, datetime.fromtimestamp(modified, UTC))
