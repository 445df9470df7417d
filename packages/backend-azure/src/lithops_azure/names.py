"""Which names Azure Blob Storage has: of containers and of blobs. What is refused here never becomes another name.

https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata
"""

from __future__ import annotations

import re
from urllib.parse import quote

from lithops.errors import NoSuchBucketError, StorageError

__all__ = ["BUCKET_RULE", "blob_path", "container_path", "has_blob_characters", "is_bucket_name"]

BUCKET_RULE = "3 to 63 lower-case letters, digits and single hyphens, with a letter or digit at both ends"

_BUCKET = re.compile(r"(?=.{3,63}\Z)[a-z0-9]+(-[a-z0-9]+)*\Z|\$(root|web|logs)\Z")
_FORBIDDEN = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\\\\\ud800-\\udfff\\ufffe\\uffff]")
_MOST_SEGMENTS = 254
_LONGEST_BYTES = 1024


def is_bucket_name(bucket: str) -> bool:
    """Tell whether a container can have this name; the service's own ($root, $web, $logs) count."""
    return _BUCKET.match(bucket) is not None


def has_blob_characters(text: str) -> bool:
    """Tell whether a part of a blob's name can be this text."""
    return _FORBIDDEN.search(text) is None


def container_path(bucket: str) -> str:
    """Give the path of a container in URLs. Raises `NoSuchBucketError` for a name that none can have."""
    if not is_bucket_name(bucket):
        raise NoSuchBucketError(bucket)
    return f"/{bucket}"


def blob_path(bucket: str, key: str) -> str:
    """Give the path of a blob in URLs. Raises `NoSuchBucketError`, and `StorageError` for a key that no blob can have."""
    path = container_path(bucket)
    problem = _problem(key)
    if problem:
        raise StorageError(f"cannot use key '{key[:80]!a}' of bucket '{bucket}': {problem}; choose another key")
    return f"{path}/{quote(key, safe='/~')}"


def _problem(key: str) -> str:
    """Say why no blob can have this name, or nothing.

    The service drops the dots at a segment's end, and every HTTP client those of `.` and `..`; it makes `\\` a `/`.
    Control characters are not allowed in its URLs, and no listing (it is XML) can show U+FFFE and U+FFFF.
    """
    if not key:
        return "it is empty"
    if not has_blob_characters(key):
        return "Azure takes no backslash, control character, lone surrogate, U+FFFE or U+FFFF in a blob's name"
    if len(key.encode()) > _LONGEST_BYTES:
        return f"it has more than {_LONGEST_BYTES} bytes"
    segments = key.split("/")
    if len(segments) > _MOST_SEGMENTS:
        return f"Azure takes at most {_MOST_SEGMENTS} segments between slashes"
    if any(segment.endswith(".") for segment in segments):
        return "Azure takes no segment between slashes that ends with a dot"
    return ""
