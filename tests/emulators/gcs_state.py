"""What the server that stands in for Cloud Storage keeps: buckets, objects with generations, and preconditions."""

from __future__ import annotations

import base64
import hashlib
import struct
from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from itertools import count
from threading import RLock
from typing import Any
from urllib.parse import quote

from tests.emulators.gcs_http import RefusedError

__all__ = ["Bucket", "Store", "StoredObject", "now", "refuse_name"]

_ACME = ".well-known/acme-challenge/"
_SETTABLE = (
    "cacheControl",
    "contentDisposition",
    "contentEncoding",
    "contentLanguage",
    "contentType",
    "customTime",
    "metadata",
)


@dataclass(slots=True)
class StoredObject:
    """One generation of an object, on the server at `base`. `fields` are those that users may set."""

    base: str
    bucket: str
    name: str
    data: bytes | bytearray
    generation: int
    fields: dict[str, Any]
    metageneration: int = 1
    components: int = 0
    created: str = field(default_factory=lambda: now())
    updated: str = ""
    _hashes: tuple[str, str] | None = None

    def hashes(self) -> tuple[str, str]:
        """Give md5 and crc32c, both in base64; counted when they are asked for first."""
        if self._hashes is None:
            md5 = base64.b64encode(hashlib.md5(self.data).digest()).decode()
            self._hashes = (md5, base64.b64encode(struct.pack(">I", _crc32c()(bytes(self.data)))).decode())
        return self._hashes

    @property
    def etag(self) -> str:
        return base64.b64encode(struct.pack(">QH", self.generation, self.metageneration)).decode()

    def resource(self) -> dict[str, Any]:
        """Describe the object as the API does."""
        md5, crc32c = self.hashes()
        path = f"/storage/v1/b/{quote(self.bucket)}/o/{quote(self.name, safe='')}"
        found: dict[str, Any] = {
            "kind": "storage#object",
            "id": f"{self.bucket}/{self.name}/{self.generation}",
            "selfLink": f"{self.base}{path}",
            "mediaLink": f"{self.base}/download{path}?generation={self.generation}&alt=media",
            "name": self.name,
            "bucket": self.bucket,
            "generation": str(self.generation),
            "metageneration": str(self.metageneration),
            "storageClass": "STANDARD",
            "size": str(len(self.data)),
            "crc32c": crc32c,
            "etag": self.etag,
            "timeCreated": self.created,
            "updated": self.updated or self.created,
            **self.fields,
        }
        if self.components:  # an object that was composed has no md5
            found["componentCount"] = self.components
        else:
            found["md5Hash"] = md5
        return found

    def patch(self, changes: Mapping[str, Any]) -> None:
        """Change what users may set; None takes a field away, and metadata are merged."""
        for name in _SETTABLE:
            if name not in changes:
                continue
            value = changes[name]
            if name == "metadata" and value is not None:
                merged = {**self.fields.get("metadata", {}), **value}
                value = {key: text for key, text in merged.items() if text is not None}
            if value is None:
                self.fields.pop(name, None)
            else:
                self.fields[name] = value
        self.metageneration += 1
        self.updated = now()


@dataclass(slots=True)
class Bucket:
    """A bucket, and its objects by name. `names` are sorted by their UTF-8 bytes."""

    name: str
    fields: dict[str, Any]
    created: str = field(default_factory=lambda: now())
    objects: dict[str, StoredObject] = field(default_factory=dict)
    names: list[bytes] = field(default_factory=list)

    def resource(self) -> dict[str, Any]:
        """Describe the bucket as the API does."""
        return {
            "kind": "storage#bucket",
            "id": self.name,
            "selfLink": f"https://www.googleapis.com/storage/v1/b/{self.name}",
            "name": self.name,
            "projectNumber": "1",
            "metageneration": "1",
            "location": "US",
            "storageClass": "STANDARD",
            "etag": "CAE=",
            "timeCreated": self.created,
            "updated": self.created,
            **self.fields,
        }


class Store:
    """All buckets. Each method is atomic."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._lock = RLock()
        self._buckets: dict[str, Bucket] = {}
        self._generations = count(1_700_000_000_000_001)

    def create(self, name: str, fields: dict[str, Any]) -> Bucket:
        """Make a bucket."""
        if not 3 <= len(name) <= 222 or name != name.lower() or "/" in name:
            raise RefusedError(400, "invalid", f"Invalid bucket name: '{name}'")
        fields["location"] = str(fields.get("location", "US")).upper()
        with self._lock:
            if name in self._buckets:
                raise RefusedError(
                    409,
                    "conflict",
                    "Your previous request to create the named bucket succeeded and you already own it.",
                )
            self._buckets[name] = Bucket(name, fields)
            return self._buckets[name]

    def bucket(self, name: str) -> Bucket:
        """Find a bucket."""
        found = self._buckets.get(name)
        if found is None:
            raise RefusedError(404, "notFound", "The specified bucket does not exist.")
        return found

    def buckets(self) -> list[Bucket]:
        """List buckets."""
        with self._lock:
            return [self._buckets[name] for name in sorted(self._buckets)]

    def drop(self, name: str) -> None:
        """Delete an empty bucket."""
        with self._lock:
            if self.bucket(name).objects:
                raise RefusedError(409, "conflict", "The bucket you tried to delete is not empty.")
            del self._buckets[name]

    def find(self, bucket: str, name: str, query: Mapping[str, str], prefix: str = "if") -> StoredObject:
        """Find an object whose generation and preconditions are those of the query."""
        with self._lock:
            found = self.bucket(bucket).objects.get(name)
            wanted = query.get("generation" if prefix == "if" else "sourceGeneration")
            if found is None or (wanted and int(wanted) != found.generation):
                raise RefusedError(404, "notFound", f"No such object: {bucket}/{name}")
            _check(found, query, prefix, is_read=True)
            return found

    def check(self, bucket: str, name: str, query: Mapping[str, str]) -> None:
        """Raise when a write under these preconditions would fail now."""
        refuse_name(name)
        with self._lock:
            _check(self.bucket(bucket).objects.get(name), query)

    def write(
        self, bucket: str, name: str, data: bytes | bytearray, resource: Mapping[str, Any], query: Mapping[str, str]
    ) -> StoredObject:
        """Write a new generation of an object."""
        self.check(bucket, name, query)
        fields = {key: value for key, value in resource.items() if key in _SETTABLE and value is not None}
        made = StoredObject(self._base, bucket, name, data, 0, {"contentType": "application/octet-stream", **fields})
        for key, hashed in zip(("md5Hash", "crc32c"), made.hashes(), strict=True):
            if resource.get(key) not in (None, hashed):
                raise RefusedError(
                    400, "invalid", f'Provided {key} "{resource[key]}" doesn\'t match calculated "{hashed}".'
                )
        with self._lock:
            inside = self.bucket(bucket)
            _check(inside.objects.get(name), query)
            made.generation = next(self._generations)
            if name not in inside.objects:
                insort(inside.names, name.encode())
            inside.objects[name] = made
        return made

    def patch(self, bucket: str, name: str, query: Mapping[str, str], changes: Mapping[str, Any]) -> StoredObject:
        """Change an object's fields."""
        with self._lock:
            found = self.find(bucket, name, {})
            _check(found, query)
            found.patch(changes)
            return found

    def delete(self, bucket: str, name: str, query: Mapping[str, str]) -> None:
        """Delete an object."""
        with self._lock:
            found = self.find(bucket, name, {key: query[key] for key in ("generation",) if key in query})
            _check(found, query)
            inside = self.bucket(bucket)
            del inside.objects[found.name]
            del inside.names[bisect_left(inside.names, found.name.encode())]

    def names(self, bucket: str, start: bytes) -> Iterator[bytes]:
        """Give the names of a bucket from `start` on, as they are now, in order."""
        with self._lock:
            names = self.bucket(bucket).names
            at = bisect_left(names, start)
            return iter(names[at:])


def now() -> str:
    """Give the time as the API writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def refuse_name(name: str) -> None:
    """Raise for a name that no object may have."""
    if not name:
        raise RefusedError(400, "required", "Required parameter: name")
    if len(name.encode()) > 1024:
        raise RefusedError(
            400, "invalid", f"The maximum object length is 1024 characters, but got a name with {len(name)}."
        )
    if name in (".", "..") or name.startswith(_ACME) or {"\r", "\n", "\0"} & set(name):
        raise RefusedError(400, "invalid", "Disallowed unicode characters present in object name.")


def _check(found: StoredObject | None, query: Mapping[str, str], prefix: str = "if", *, is_read: bool = False) -> None:
    generation = found.generation if found else 0
    metageneration = found.metageneration if found else 0
    for name, now_is in (("Generation", generation), ("Metageneration", metageneration)):
        wanted = query.get(f"{prefix}{name}Match")
        if wanted is not None and int(wanted) != now_is:
            raise _not_met()
        unwanted = query.get(f"{prefix}{name}NotMatch")
        if unwanted is not None and int(unwanted) == now_is:
            raise RefusedError(304, "notModified", "Not Modified") if is_read else _not_met()


def _not_met() -> RefusedError:
    message = "At least one of the pre-conditions you specified did not hold."
    return RefusedError(412, "conditionNotMet", message, "If-Match")


@cache
def _crc32c() -> Any:
    """Find the quick implementation that comes with the SDK, else use a table."""
    try:
        import google_crc32c
    except ImportError:
        return _slow_crc32c
    return google_crc32c.value


@cache
def _table() -> list[int]:
    table = []
    for number in range(256):
        for _ in range(8):
            number = number >> 1 ^ (0x82F63B78 if number & 1 else 0)
        table.append(number)
    return table


def _slow_crc32c(data: bytes) -> int:
    table, crc = _table(), 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF
