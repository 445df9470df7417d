"""What OSS keeps, in memory: buckets, objects and uploads in parts. No HTTP here; `oss_layer` speaks it."""

from __future__ import annotations

import hashlib
import threading
import time
import uuid
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

__all__ = ["Page", "RefusedError", "Store", "Stored"]

_PART_MIN_BYTES = 100 * 1024


class RefusedError(Exception):
    """What OSS answers when it refuses: a status, its code and a message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Stored:
    """One object. Its bytes are in pieces, as they were uploaded."""

    pieces: tuple[bytes, ...]
    etag: str
    kind: str
    size_bytes: int
    modified_s: float

    def cut(self, start: int, end: int) -> Iterator[memoryview]:
        """Give the bytes from `start` up to `end`."""
        at = 0
        for piece in self.pieces:
            if at < end and at + len(piece) > start:
                yield memoryview(piece)[max(0, start - at) : end - at]
            at += len(piece)


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a listing, and whether there is more."""

    items: Sequence[tuple[str, Stored]]
    is_truncated: bool


@dataclass(slots=True)
class _Bucket:
    objects: dict[str, Stored] = field(default_factory=dict)
    names: list[bytes] = field(default_factory=list)  # in the order of a listing
    uploads: dict[str, tuple[str, dict[int, Stored]]] = field(default_factory=dict)


class Store:
    """Thread-safe: one lock around what is a few steps in memory, so that a conditional write is atomic."""

    def __init__(self) -> None:
        self._buckets: dict[str, _Bucket] = {}
        self._lock = threading.Lock()

    def create(self, bucket: str) -> None:
        with self._lock:
            if bucket in self._buckets:
                raise RefusedError(409, "BucketAlreadyExists", "The requested bucket name is not available.")
            self._buckets[bucket] = _Bucket()

    def check(self, bucket: str) -> None:
        """Raise the failure of a bucket that does not exist."""
        with self._lock:
            self._bucket(bucket)

    def put(self, bucket: str, key: str, body: bytes, *, forbid_overwrite: bool) -> Stored:
        made = _stored(body)  # the hash is made outside of the lock
        with self._lock:
            self._place(self._bucket(bucket), key, made, forbid_overwrite)
        return made

    def get(self, bucket: str, key: str) -> Stored:
        with self._lock:
            found = self._bucket(bucket).objects.get(key)
        if found is None:
            raise RefusedError(404, "NoSuchKey", "The specified key does not exist.")
        return found

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        with self._lock:
            there = self._bucket(bucket)
            for key in keys:
                if there.objects.pop(key, None) is not None:
                    del there.names[bisect_left(there.names, key.encode())]

    def list(self, bucket: str, prefix: str, after: str, max_keys: int) -> Page:
        with self._lock:
            there = self._bucket(bucket)
            wanted = prefix.encode()
            at = max(bisect_left(there.names, wanted), bisect_right(there.names, after.encode()) if after else 0)
            names = []
            for name in there.names[at : at + max_keys + 1]:
                if not name.startswith(wanted):
                    break
                names.append(name.decode())
            return Page([(name, there.objects[name]) for name in names[:max_keys]], len(names) > max_keys)

    def start_upload(self, bucket: str, key: str, *, forbid_overwrite: bool) -> str:
        with self._lock:
            there = self._bucket(bucket)
            _check_overwrite(there, key, forbid_overwrite)
            upload = uuid.uuid4().hex.upper()
            there.uploads[upload] = (key, {})
            return upload

    def put_part(self, bucket: str, key: str, upload: str, number: int, body: bytes) -> Stored:
        made = _stored(body)
        with self._lock:
            self._upload(bucket, key, upload)[number] = made
        return made

    def complete(
        self, bucket: str, key: str, upload: str, wanted: Sequence[tuple[int, str]], *, forbid_overwrite: bool
    ) -> Stored:
        with self._lock:
            parts = self._upload(bucket, key, upload)
            if [number for number, _ in wanted] != sorted({number for number, _ in wanted}):
                raise RefusedError(400, "InvalidPartOrder", "The list of parts was not in ascending order.")
            if not wanted or any(number not in parts or parts[number].etag != etag for number, etag in wanted):
                raise RefusedError(400, "InvalidPart", "One or more of the specified parts could not be found.")
            chosen = [parts[number] for number, _ in wanted]
            if any(part.size_bytes < _PART_MIN_BYTES for part in chosen[:-1]):
                raise RefusedError(400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed.")
            digest = hashlib.md5(b"".join(bytes.fromhex(part.etag) for part in chosen)).hexdigest().upper()
            made = Stored(
                tuple(piece for part in chosen for piece in part.pieces),
                f"{digest}-{len(chosen)}",
                "Multipart",
                sum(part.size_bytes for part in chosen),
                time.time(),
            )
            there = self._bucket(bucket)
            self._place(there, key, made, forbid_overwrite)
            del there.uploads[upload]
            return made

    def abort(self, bucket: str, key: str, upload: str) -> None:
        with self._lock:
            self._upload(bucket, key, upload)
            del self._bucket(bucket).uploads[upload]

    def parts(self, bucket: str, key: str, upload: str) -> Sequence[tuple[int, Stored]]:
        """Give what was uploaded so far, in the order of the numbers."""
        with self._lock:
            return sorted(self._upload(bucket, key, upload).items())

    def uploads(self, bucket: str) -> Sequence[tuple[str, str]]:
        """Name the uploads that were neither completed nor aborted: keys and their upload's id."""
        with self._lock:
            return [(key, upload) for upload, (key, _) in self._bucket(bucket).uploads.items()]

    def _bucket(self, bucket: str) -> _Bucket:
        try:
            return self._buckets[bucket]
        except KeyError:
            raise RefusedError(404, "NoSuchBucket", "The specified bucket does not exist.") from None

    def _upload(self, bucket: str, key: str, upload: str) -> dict[int, Stored]:
        of, parts = self._bucket(bucket).uploads.get(upload, ("", {}))
        if of != key:
            raise RefusedError(404, "NoSuchUpload", "The specified upload does not exist.")
        return parts

    @staticmethod
    def _place(there: _Bucket, key: str, made: Stored, forbid_overwrite: bool) -> None:
        _check_overwrite(there, key, forbid_overwrite)
        if key not in there.objects:
            insort(there.names, key.encode())
        there.objects[key] = made


def _check_overwrite(there: _Bucket, key: str, forbid_overwrite: bool) -> None:
    if forbid_overwrite and key in there.objects:
        raise RefusedError(
            409, "FileAlreadyExists", "The object you specified already exists and can not be overwritten."
        )


def _stored(body: bytes) -> Stored:
    return Stored((body,), hashlib.md5(body).hexdigest().upper(), "Normal", len(body), time.time())
