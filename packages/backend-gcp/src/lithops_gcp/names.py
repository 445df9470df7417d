"""Which names buckets and objects may have, and the paths of the JSON API that they give.

Rules: https://cloud.google.com/storage/docs/buckets#naming, https://cloud.google.com/storage/docs/objects#naming.
"""

from __future__ import annotations

import re
from urllib.parse import quote

from lithops.errors import NoSuchBucketError, StorageError

__all__ = ["bucket_path", "object_path", "quoted", "refusal_of_bucket"]

_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]", re.ASCII)
_MOST_BYTES = 1024
_ACME = ".well-known/acme-challenge/"


def refusal_of_bucket(name: str) -> str | None:
    """Say why no bucket can have this name, and what to write; None when one can."""
    if _BUCKET.fullmatch(name):
        return None
    return "write 3 to 222 letters a-z, digits, '-', '_' and '.', with a letter or digit at both ends"


def bucket_path(bucket: str) -> str:
    """Give the path of a bucket. Raises `NoSuchBucketError` for a name that no bucket can have."""
    if not _BUCKET.fullmatch(bucket):
        raise NoSuchBucketError(bucket)
    return f"/b/{bucket}"


def object_path(bucket: str, key: str) -> str:
    """Give the path of an object. Raises `StorageError` for a key that Cloud Storage cannot have."""
    return f"{bucket_path(bucket)}/o/{quoted(bucket, key)}"


def quoted(bucket: str, key: str) -> str:
    """Write a key as a part of a URL. Raises `StorageError` for a key that Cloud Storage cannot have."""
    try:
        data = key.encode()
    except UnicodeEncodeError:
        raise _refused(bucket, key, "it has no form in UTF-8") from None
    if not 0 < len(data) <= _MOST_BYTES:
        raise _refused(bucket, key, f"it has {len(data)} bytes, Cloud Storage takes 1 to {_MOST_BYTES}")
    if key in (".", "..") or key.startswith(_ACME):
        raise _refused(bucket, key, f"Cloud Storage takes no '.', no '..', and nothing below '{_ACME}'")
    if "\r" in key or "\n" in key or "\0" in key:
        raise _refused(bucket, key, "Cloud Storage takes no carriage return, line feed or NUL")
    return quote(data, safe="")


def _refused(bucket: str, key: str, why: str) -> StorageError:
    return StorageError(f"cannot use key {key[:80]!a} of bucket '{bucket}': {why}; choose another key")
