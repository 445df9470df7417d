"""How keys are named on disk: injective, reversible, and readable for simple keys. No I/O.

Slashes make folders. A folder's name ends in `%`, which no file's name does: `a` and `a/b` can both be objects.

    key                     file below the bucket's folder
    data/table.csv          data%/table.csv
    /a//b/                  %/a%/%/b%/%e              an empty last part is `%e`
    ../50% off              %2E%2E%/50%25 off         escaped: `%`, control characters, and the names `.` and `..`
    <300 letters>           <250 letters>%+/<50 letters>        a file name may have 255 bytes

All in bytes, so that neither the locale nor a Unicode version matters. The entries of a folder, in the order of what
`added_by` returns for them, give the keys in order: the keys of two entries never mix.
"""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["TEMP_FOLDER", "added_by", "bucket_name", "encoded_key", "folders_of", "key_names"]

TEMP_FOLDER = b"%tmp"  # the name of no key's folder: those end in `%` or `%+`

_KEY_BYTES = 1024
_CUT = 250  # a part of at least so many encoded bytes continues in a folder; the last character may end 3 bytes later
_EMPTY = b"%e"
_ESCAPED = re.compile(rb"[%\x01-\x1f\x7f]")
_ESCAPE = re.compile(rb"%([0-9A-F]{2})")
_CHARACTER = re.compile(rb"%..|[\x00-\x7f]|[\xc0-\xff][\x80-\xbf]+")


def encoded_key(key: str) -> bytes:
    """Encode a key in UTF-8. Raises `ValueError` for what the contract does not allow."""
    encoded = key.encode()
    if len(encoded) > _KEY_BYTES or b"\0" in encoded:
        raise ValueError(f"a key is text without a NUL, of at most {_KEY_BYTES} bytes in UTF-8")
    return encoded


def bucket_name(bucket: str) -> bytes:
    """Name a bucket's folder. Raises `ValueError` when no folder can have such a name."""
    name = _escape(bucket.encode()).replace(b"/", b"%2F")
    if not name or len(name) > _CUT or b"\0" in name:
        raise ValueError(f"a bucket's name is text without a NUL, of 1 to {_CUT} bytes")
    return name


def key_names(key: bytes) -> tuple[bytes, ...]:
    """Name the folders of an object, then its file."""
    head, slash, last = key.rpartition(b"/")
    *cut, rest = _cut(_escape(last))
    return (*(folders_of(head) if slash else ()), *[part + b"%+" for part in cut], rest or _EMPTY)


@lru_cache(maxsize=1024)
def folders_of(head: bytes) -> tuple[bytes, ...]:
    """Name the folders of all keys that begin with `head` and a slash."""
    names = []
    for part in head.split(b"/"):
        *cut, rest = _cut(_escape(part))
        names += [part + b"%+" for part in cut]
        names.append(rest + b"%")
    return tuple(names)


def added_by(name: bytes, is_folder: bool) -> bytes | None:
    """Tell what an entry of a folder adds to the keys in it, or None when no key of ours has such a name."""
    if not is_folder:
        return b"" if name == _EMPTY else _plain(name)
    if name.endswith(b"%+"):
        name = name[:-2]
        return _unescape(name) if len(name) >= _CUT and _cut(name)[0] == name else None
    if not name.endswith(b"%"):
        return None
    part = _plain(name[:-1]) if name != b"%" else b""
    return None if part is None else part + b"/"


def _plain(name: bytes) -> bytes | None:
    return _unescape(name) if 0 < len(name) < _CUT else None


def _escape(part: bytes) -> bytes:
    if part in (b".", b".."):
        return part.replace(b".", b"%2E")
    return _ESCAPED.sub(lambda match: b"%%%02X" % match[0][0], part)


def _unescape(name: bytes) -> bytes | None:
    part = _ESCAPE.sub(lambda match: bytes((int(match[1], 16),)), name)
    try:
        part.decode()
    except UnicodeDecodeError:
        return None
    return part if _escape(part) == name else None


def _cut(name: bytes) -> list[bytes]:
    """Cut an encoded part so that where it is cut depends on nothing behind the cut."""
    pieces = []
    while len(name) >= _CUT:
        end = 0
        for match in _CHARACTER.finditer(name):
            end = match.end()
            if end >= _CUT:
                break
        pieces.append(name[:end])
        name = name[end:]
    return [*pieces, _escape(name) if name in (b".", b"..") else name]  # what a cut leaves over is no name either
