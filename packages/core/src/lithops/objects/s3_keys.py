"""Which keys the dialects of S3 take, and which of them an XML document can carry."""

from __future__ import annotations

import re

from lithops.errors import StorageError

__all__ = ["check_key", "fits_in_xml"]

_LONGEST = 1024
# What XML 1.0 cannot have, and what readers of it change: ends of lines, spaces at the ends, C1 controls.
_NOT_IN_XML = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]|^ | $")


def check_key(bucket: str, key: str, *, is_amazon: bool = False) -> None:
    """Raise `StorageError` for a key that the store cannot have, or that would become another one on its way.

    Amazon's own rules: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html. There a key cannot climb
    above its bucket by `..`, and `soap` is none where the bucket's name is in the host's.
    """
    why = _refused(key)
    if not why and is_amazon:
        why = _refused_by_amazon(key)
    if why:
        raise StorageError(f"cannot use key {key[:80]!r} of bucket '{bucket}': {why}; choose another key")


def fits_in_xml(key: str) -> bool:
    """Tell whether a key comes through an XML document as it is."""
    return _NOT_IN_XML.search(key) is None


def _refused(key: str) -> str:
    if not key:
        return "a key has at least one character"
    if "\0" in key:
        return "it has a NUL"
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        return "it cannot be written in UTF-8"
    return f"it has {size} bytes in UTF-8, more than {_LONGEST}" if size > _LONGEST else ""


def _refused_by_amazon(key: str) -> str:
    if key == "soap":
        return "Amazon S3 has no object of that name"
    depth = 0
    if ".." in key:
        for name in key.split("/"):
            depth += -1 if name == ".." else 1
            if depth < 0:
                return "Amazon S3 refuses a key whose '..' climb above its bucket"
    return ""
