"""What a flat list of keys looks like as folders: the entries of fsspec, as plain dicts. No file system, no fsspec.

A folder is what stands before a `/`: it exists while a key begins with it. A key that ends in `/` (other tools write
such markers) is the folder of its name and no file. A folder without a name (in `a//b`) is none: `a//b` is a file in `a`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

from lithops.types import ObjectInfo

if TYPE_CHECKING:
    from lithops.spi.storage import StorageBackend

__all__ = ["Entry", "below", "children", "file_entry", "folder_entry"]

Entry: TypeAlias = dict[str, Any]

_PAGE = 1000
_LAST = "/\U0010ffff"  # nothing that a folder holds comes after it, but for keys that go on from it


def file_entry(bucket: str, info: ObjectInfo) -> Entry:
    """Describe an object; `mtime` is in seconds since 1970, None when the store does not tell."""
    return {
        "name": f"{bucket}/{info.key}",
        "size": info.size_bytes,
        "type": "file",
        "etag": info.etag,
        "mtime": None if info.modified is None else info.modified.timestamp(),
    }


def folder_entry(name: str) -> Entry:
    """Describe a folder or a bucket."""
    return {"name": name, "size": 0, "type": "directory"}


def children(store: StorageBackend, bucket: str, folder: str, begin: str = "") -> Iterator[Entry]:
    """List what is directly in a folder (`a/b/`, or the empty text), lazily; only names that begin with `begin`.

    A marker of the folder itself gives the folder. Of a folder within, about one page of keys is read, then the rest is
    skipped: stores list keys only.
    """
    after: str | None = None
    last, passed = "", 0
    while True:
        for info in store.list(bucket, folder + begin, after=after):
            rest = info.key[len(folder) :]
            name, slash, _ = rest.partition("/")
            if not rest:
                yield folder_entry(f"{bucket}/{folder}".rstrip("/"))
            elif not slash or (not name and not rest.endswith("/")):
                yield file_entry(bucket, info)
            elif name and name != last:
                last, passed = name, 0
                yield folder_entry(f"{bucket}/{folder}{name}")
            elif name:
                passed += 1
                if passed == _PAGE:
                    after = folder + name + _LAST
                    break
        else:
            return


def below(
    infos: Iterable[ObjectInfo], bucket: str, folder: str, *, maxdepth: int | None = None, withdirs: bool = False
) -> dict[str, Entry]:
    """Give all entries below a folder by their names, from a flat listing of it; `maxdepth` 1 is the folder itself."""
    found: dict[str, Entry] = {}
    for info in infos:
        rest = info.key[len(folder) :]
        depth = 1
        for path in _folders(rest):
            name = f"{bucket}/{folder}{path}"
            if withdirs and (maxdepth is None or depth <= maxdepth):
                found.setdefault(name, folder_entry(name))
            depth += 1
        if rest and not rest.endswith("/") and (maxdepth is None or depth <= maxdepth):
            entry = file_entry(bucket, info)
            found[entry["name"]] = entry
    return found


def _folders(rest: str) -> Iterator[str]:
    """Give the folders on the way to a key, outermost first: `a` and `a/b` for `a/b/c`; none behind one without a name."""
    at = rest.find("/")
    while at > 0 and rest[at - 1] != "/":
        yield rest[:at]
        at = rest.find("/", at + 1)
