"""Objects in files of SQLite, one for each bucket. A put is one transaction: of two conditional ones the first wins."""

import io
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from lithops.errors import NoSuchBucketError, StorageNoSuchKeyError
from lithops.spi import Buffer, ByteStream, ObjectInfo, Span, StorageBackend, StorageFeature, StorageRef
from lithops_template.config import TemplateConfig
from lithops_template.errors import storage_error


class TemplateStorage(StorageBackend):
    features = StorageFeature.CONDITIONAL_PUT

    def __init__(self, config: TemplateConfig) -> None:
        self._root = Path(config.root).expanduser().absolute()

    @classmethod
    def from_ref(cls, ref: StorageRef) -> StorageBackend:
        return cls(TemplateConfig(**ref.options))

    def ref(self, bucket: str) -> StorageRef:
        return StorageRef("lithops_template.storage:TemplateStorage", bucket, {"root": str(self._root)})

    def put(self, bucket: str, key: str, body: Any, *, if_absent: bool = False) -> ObjectInfo:
        data = body.read() if hasattr(body, "read") else b"".join([body] if isinstance(body, Buffer) else body)
        self._run(bucket, f"{'INSERT' if if_absent else 'REPLACE'} INTO objects VALUES (?, ?)", key, data)
        return ObjectInfo(key, len(data))

    def get(self, bucket: str, key: str, *, span: Span | None = None) -> ByteStream:
        for (body,) in self._run(bucket, "SELECT body FROM objects WHERE key = ?", key):
            return io.BytesIO(body[span.start : span.end] if span else body)
        raise StorageNoSuchKeyError(bucket, key)

    def head(self, bucket: str, key: str) -> ObjectInfo:
        for row in self._run(bucket, "SELECT key, length(body) FROM objects WHERE key = ?", key):
            return ObjectInfo(*row)
        raise StorageNoSuchKeyError(bucket, key)

    def list(self, bucket: str, prefix: str = "", *, after: str | None = None) -> Iterator[ObjectInfo]:
        sql = "SELECT key, length(body) FROM objects WHERE key >= ? AND key IS NOT ? AND instr(key, ?) = 1 ORDER BY key"
        return (ObjectInfo(*row) for row in self._run(bucket, sql, max(prefix, after or ""), after, prefix))

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        for key in keys:
            self._run(bucket, "DELETE FROM objects WHERE key = ?", key)

    def create_bucket(self, bucket: str) -> None:
        (self._root / bucket).mkdir(mode=0o700, parents=True, exist_ok=True)

    def has_bucket(self, bucket: str) -> bool:
        return (self._root / bucket).is_dir()

    def _run(self, bucket: str, statement: str, *values: Any) -> Sequence[Any]:
        if not self.has_bucket(bucket):
            raise NoSuchBucketError(bucket)
        try:
            with closing(sqlite3.connect(self._root / bucket / "objects.db", timeout=60.0)) as database, database:
                database.execute("PRAGMA synchronous = OFF")  # a crash of the machine may lose what can be made again
                database.execute("CREATE TABLE IF NOT EXISTS objects (key TEXT PRIMARY KEY, body BLOB)")
                return database.execute(statement, values).fetchall()
        except (sqlite3.Error, UnicodeError) as exc:
            raise storage_error(exc, bucket) from exc
