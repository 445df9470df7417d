"""What a data function gets as `obj`: one part of an object, a URL or a local file, read lazily.

How an input is cut into parts is decided by `lithops.jobs.partition`, how a part is read by `data_reader`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Literal

from lithops.types import Span, StorageRef
from lithops.worker.data_reader import BLOCK_BYTES, PartReader
from lithops.worker.data_sources import ByteSource, FileSource, RangeSource
from lithops.worker.data_stream import DataStream, RecordStream

if TYPE_CHECKING:
    from lithops.spi.storage import ByteStream, StorageBackend

__all__ = ["HTTP_TIMEOUT_S", "DataObject", "DataPart", "open_data"]

HTTP_TIMEOUT_S = 60.0
"""How long a web server may be silent: for a connection, for an answer, for each read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataPart:
    """One part of an input: the bytes from `start` up to `end` of something of `size_bytes` bytes.

    An `object` has `bucket`, `key` and the `store` that a worker opens; `backend` is its name for the user. A `url`
    has `url`, a `path` has `path`. `end` and `size_bytes` are None when a web server does not tell the size: then
    there is one part. `part` counts from 1; `chunk_size` is the size that the parts were meant to have.
    `newline` separates records: see `PartReader` for where a part then begins and ends. With None, it is exact.
    """

    kind: Literal["object", "url", "path"]
    backend: str | None = None
    bucket: str | None = None
    key: str | None = None
    url: str | None = None
    path: str | None = None
    start: int = 0
    end: int | None = None
    size_bytes: int | None = None
    part: int = 1
    total_parts: int = 1
    chunk_size: int | None = None
    newline: bytes | None = b"\n"
    store: StorageRef | None = None

    @property
    def source(self) -> str:
        """Name the whole that this is a part of; all parts of it, and no others, have this name."""
        if self.kind == "object":
            return f"{self.backend or ''}://{self.bucket}/{self.key}"
        return self.url or self.path or ""

    @property
    def is_whole(self) -> bool:
        """Tell whether there is no other part."""
        return self.start == 0 and self.end == self.size_bytes


class DataObject:
    """One part of the input, as the user's function sees it. A context manager; nothing is opened before a read.

    `data_stream` is a buffered binary file, read forward: `read`, `readline`, iteration over records (bytes, each
    with its separator). It fits `io.TextIOWrapper`, `csv`, `gzip` and pandas.
    """

    def __init__(self, part: DataPart, data_stream: DataStream | RecordStream) -> None:
        self.data_stream: DataStream | RecordStream = data_stream
        self.backend = part.backend
        self.bucket = part.bucket
        self.key = part.key
        self.url = part.url
        self.path = part.path
        self.part = part.part
        self.total_parts = part.total_parts
        self.chunk_size = part.chunk_size
        self.newline = None if part.newline is None else part.newline.decode("utf-8", "surrogateescape")
        self.data_byte_range: tuple[int, int] | None = None
        """First and last byte of the part's range, both included; None when there is one part.

        With `newline`, `data_stream` begins and ends at the ends of records near these.
        """
        if not part.is_whole and part.end is not None:
            self.data_byte_range = (part.start, part.end - 1)
        self._source = part.source

    def __repr__(self) -> str:
        where = "" if self.data_byte_range is None else " bytes {}-{}".format(*self.data_byte_range)
        return f"<DataObject {self._source!r} part {self.part} of {self.total_parts}{where}>"

    def __enter__(self) -> DataObject:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the connection or file. Idempotent."""
        self.data_stream.close()


def open_data(
    part: DataPart,
    open_store: Callable[[StorageRef], StorageBackend],
    *,
    http_timeout_s: float = HTTP_TIMEOUT_S,
    sleep: Callable[[float], None] = time.sleep,
) -> DataObject:
    """Make the `obj` of a part. No I/O: files, stores and URLs are opened by the first read, which raises if it cannot.

    A failure of a store or web server that may pass is tried again, from where the reading stopped.
    """
    source = _source(part, open_store, http_timeout_s, sleep)
    reader = PartReader(source, part.source, part.start, part.end, part.size_bytes, part.newline)
    if part.newline is None or part.newline == b"\n":
        return DataObject(part, DataStream(reader))
    return DataObject(part, RecordStream(reader, part.newline))


def _source(
    part: DataPart,
    open_store: Callable[[StorageRef], StorageBackend],
    http_timeout_s: float,
    sleep: Callable[[float], None],
) -> ByteSource:
    if part.path is not None:
        return FileSource(part.path)
    size, url, ref, bucket, key = part.size_bytes, part.url, part.store, part.bucket, part.key
    if url is not None:
        from lithops.worker.data_http import open_url  # here: most workers never need what it imports

        return RangeSource(
            lambda start, end: open_url(url, start, end, size, timeout_s=http_timeout_s), sleep, part.source
        )
    if ref is None or bucket is None or key is None:
        raise ValueError(f"a part of kind '{part.kind}' names nothing to read: {part}")

    def open_object(start: int, end: int | None) -> ByteStream:
        span = None if end is None or (start == 0 and end == size) else Span(start, end)
        return open_store(ref).get(bucket, key, span=span)

    if part.end is None or part.end - part.start <= BLOCK_BYTES:
        return RangeSource(open_object, sleep, part.source)
    from lithops.spi.storage import StorageFeature
    from lithops.worker.data_ahead import AheadSource  # here: small parts need no thread

    return AheadSource(
        lambda pause: RangeSource(open_object, pause, part.source),
        lambda: StorageFeature.LOCAL_PATHS not in open_store(ref).features,
        sleep,
    )
