"""Which keys OSS takes, and which of them an XML document can hold. No I/O."""

from __future__ import annotations

import re

from lithops.errors import StorageError

__all__ = ["can_be_in_xml", "checked_key", "is_prefix", "start_after"]

_LONGEST = 1023
_NOT_IN_XML = re.compile(r"^\s|\s$|[\x00-\x1f\x7f-\x9f\ufffe\uffff]")


def checked_key(bucket: str, key: str) -> str:
    """Give a key that OSS takes and oss2 sends as it is. Raises `StorageError`.

    The rules: alibabacloud.com/help/en/oss/user-guide/object-naming-conventions. `.` and `..` are ours: the HTTP client
    takes them out of a URL as the names of folders (inside of a longer key the slashes are escaped, so they stay).
    """
    why = _refused(key)
    if why:
        raise StorageError(f"cannot use key '{key[:80]}' of bucket '{bucket}': {why}; choose another key")
    return key


def is_prefix(prefix: str) -> bool:
    """Tell whether any key can begin so: OSS refuses to list below a prefix that no key can have."""
    return not prefix or prefix in (".", "..") or not _refused(prefix)


def start_after(mark: str) -> str:
    """Cut a mark to what OSS takes; all keys above the mark are above what is left of it."""
    return mark.partition("\0")[0].encode(errors="replace")[:_LONGEST].decode(errors="ignore")


def can_be_in_xml(key: str) -> bool:
    """Tell whether a key survives in XML; others are deleted one by one. What is at the ends may be trimmed."""
    return not _NOT_IN_XML.search(key)


def _refused(key: str) -> str:
    if not key:
        return "it is empty"
    if key[0] in "/\\":
        return f"OSS takes no key that begins with '{key[0]}'"
    if key in (".", ".."):
        return "the SDK of OSS would change it"
    if "\0" in key:
        return "it has a NUL in it"
    try:
        size_bytes = len(key.encode())
    except UnicodeEncodeError:
        return "it is not Unicode"
    return f"it has {size_bytes} bytes, and OSS takes {_LONGEST}" if size_bytes > _LONGEST else ""
