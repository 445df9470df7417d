"""`os` over the objects of a storage's bucket: a path is a key, a folder what stands before a slash."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING, Any, BinaryIO, cast

from lithops.errors import NoSuchBucketError, NotSupportedError, ObjectExistsError, StorageNoSuchKeyError
from lithops.storage.proxy_entries import CloudDirEntry, CloudEntries, status_of, tree_of, walked
from lithops.storage.proxy_path import CloudPath, Pathlike
from lithops.storage.proxy_tree import Tree, key_of

if TYPE_CHECKING:
    from lithops.storage.api import Storage
    from lithops.storage.proxy_writing import ObjectWriter

__all__ = ["CloudFileProxy"]

_ENCODING = "utf-8"


class CloudFileProxy:
    """The functions of `os` that make sense for objects, and `open`; others raise `AttributeError`.

    Without a storage it is the one of the call's job inside a call, and else the configured one, opened when it is
    first used. `mkdir` and `makedirs` write nothing: a folder is there for this program at once, and for others once
    something lies in it. Renaming is no single step: it copies, and deletes.
    """

    name = "posix"
    sep = "/"
    altsep = None
    extsep = "."
    curdir = "."
    pardir = ".."
    linesep = "\n"
    fspath = staticmethod(os.fspath)
    PathLike = os.PathLike

    def __init__(self, storage: Storage | None = None) -> None:
        self._tree = Tree(storage)
        self.path = CloudPath(self._tree)

    def __reduce__(self) -> tuple[Any, ...]:
        return CloudFileProxy, (self._tree.given,)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"the os of cloud_proxy has no '{name}': import the standard os for what is not about objects"
        )

    def bind(self, storage: Storage | None) -> None:
        """Use another storage from now on; None is the configured one."""
        self._tree.given = storage
        self._tree.made.clear()

    def open(
        self,
        path: Pathlike,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        """Open an object: to read it lazily (`r`), or to write it anew (`w`, `x`) or longer (`a`); text or binary (`b`).

        What was written is there when the file is closed, and not before; it is not after an exception within `with`,
        or when the file is never closed. Text is in UTF-8 unless `encoding` says otherwise.
        """
        verb, is_binary = _parsed(mode)
        if is_binary and (encoding, errors, newline) != (None, None, None):
            raise ValueError(
                f"cannot open '{path!r}' in mode '{mode}' with an encoding, errors or newline: it has no text"
            )
        if verb == "r":
            from lithops.storage.proxy_reading import BUFFER_BYTES

            binary = io.BufferedReader(self._reader(path), buffering if buffering > 1 else BUFFER_BYTES)
            return binary if is_binary else io.TextIOWrapper(binary, encoding or _ENCODING, errors, newline)
        from lithops.storage.proxy_writing import TextWriter

        writer = self._writer(path, verb)
        file = writer if is_binary else TextWriter(writer, encoding or _ENCODING, errors, newline)
        return cast("IO[Any]", file)

    def listdir(self, path: Pathlike = "") -> list[str]:
        """Name what is in a folder. Raises `FileNotFoundError`, `NotADirectoryError`."""
        return list(self._tree.entries(key_of(path)))

    def scandir(self, path: Pathlike = "") -> CloudEntries:
        """Give what is in a folder as entries with `name`, `path`, `is_file()`, `is_dir()` and `stat()`."""
        above = os.fsdecode(path)
        entries = self._tree.entries(key_of(path))
        return CloudEntries(
            [CloudDirEntry(self.path.join(above, name), name, entry) for name, entry in entries.items()]
        )

    def walk(
        self,
        top: Pathlike = "",
        topdown: bool = True,
        onerror: Callable[[OSError], object] | None = None,
        followlinks: bool = False,
    ) -> Iterator[tuple[str, list[str], list[str]]]:
        """Yield each folder below `top` with the names of its folders and files, as `os.walk` does; by one listing."""
        base, root = os.fsdecode(top), key_of(top)
        try:
            keys = [info.key for info in self._tree.below(root)]
            keys += [f"{made}/" for made in sorted(self._tree.made) if made.startswith(f"{root}/" if root else "")]
            if not keys and not self._tree.is_made(root):
                raise self._missing(root)
        except (StorageNoSuchKeyError, NoSuchBucketError) as exc:
            if onerror is not None:
                onerror(exc)
            return
        yield from walked(base, root, tree_of(keys, root), topdown)

    def stat(self, path: Pathlike) -> os.stat_result:
        """Describe an object or a folder: mode, size and time of change; the rest is 0."""
        key = key_of(path)
        info = self._tree.file(key)
        if info is not None:
            return status_of(info.size_bytes, info.modified.timestamp() if info.modified else None)
        if not self._tree.is_folder(key):
            raise self._missing(key)
        return status_of(None, None)

    lstat = stat

    def remove(self, path: Pathlike) -> None:
        """Delete an object. Raises `FileNotFoundError`, and `IsADirectoryError` for a folder."""
        key = key_of(path)
        self._check_file(key)
        store, bucket = self._tree.place()
        store.delete(bucket, [key])

    unlink = remove

    def rename(self, src: Pathlike, dst: Pathlike) -> None:
        """Copy an object over another name, then delete it under the first. A folder cannot be renamed."""
        old, new = key_of(src), key_of(dst)
        if self._tree.file(old) is None:
            if self._tree.is_folder(old):
                raise NotSupportedError(f"cannot rename the folder '{old}': rename its objects one by one")
            raise self._missing(old)
        if old == new:
            return
        from lithops.storage.proxy_writing import ObjectWriter

        store, bucket = self._tree.place()
        with store.get(bucket, old) as stream, ObjectWriter(new, self._put(self._to_write(dst)), stream):
            pass
        store.delete(bucket, [old])

    replace = rename

    def mkdir(self, path: Pathlike, mode: int = 0o777) -> None:
        """Make a folder for this program; nothing is written. Raises `FileExistsError`."""
        self.makedirs(path, mode)

    def makedirs(self, name: Pathlike, mode: int = 0o777, exist_ok: bool = False) -> None:
        """Make a folder, and those above it, for this program; nothing is written. Raises `FileExistsError`."""
        key = key_of(name)
        if not exist_ok and self._tree.is_folder(key):
            raise FileExistsError(f"the folder '{key}' exists: give exist_ok, or another name")
        self._tree.make(key)

    def rmdir(self, path: Pathlike) -> None:
        """Forget a folder that this program made. Raises `OSError` when something lies in it."""
        import errno

        key = key_of(path)
        if self._tree.entries(key):
            raise OSError(errno.ENOTEMPTY, "the folder is not empty: remove what lies in it", key)
        self._tree.made.discard(key)

    def getcwd(self) -> str:
        """Give the root: paths that are not absolute begin there."""
        return "/"

    def _reader(self, path: Pathlike) -> io.RawIOBase:
        from lithops.storage.proxy_reading import ObjectReader

        key = key_of(path)
        try:
            if key:
                return ObjectReader(*self._tree.place(), key)
        except StorageNoSuchKeyError:
            if not self._tree.is_folder(key):
                raise
        raise IsADirectoryError(f"cannot open '{key or '/'}': it is a folder")

    def _writer(self, path: Pathlike, verb: str) -> ObjectWriter:
        from lithops.storage.proxy_writing import ObjectWriter

        key = self._to_write(path)
        if verb == "x" and self._tree.file(key) is not None:
            raise ObjectExistsError(f"cannot create '{key}': it exists; delete it first, or open it with mode 'w'")
        commit = self._put(key, if_absent=verb == "x")
        if verb == "a":
            store, bucket = self._tree.place()
            try:
                with store.get(bucket, key) as old:
                    return ObjectWriter(key, commit, old)
            except (StorageNoSuchKeyError, NoSuchBucketError):
                return ObjectWriter(key, commit, io.BytesIO())
        return ObjectWriter(key, commit)

    def _to_write(self, path: Pathlike) -> str:
        key = key_of(path)
        if not key or os.fsdecode(path).endswith("/"):
            raise IsADirectoryError(f"cannot write '{os.fsdecode(path)}': it names a folder; add the name of an object")
        return key

    def _put(self, key: str, *, if_absent: bool = False) -> Callable[[BinaryIO], object]:
        storage = self._tree.storage
        bucket = self._tree.place()[1]
        return lambda file: storage._put(bucket, key, file, if_absent=if_absent)

    def _check_file(self, key: str) -> None:
        if self._tree.file(key) is None:
            if self._tree.is_folder(key):
                raise IsADirectoryError(f"cannot remove '{key or '/'}': it is a folder")
            raise self._missing(key)

    def _missing(self, key: str) -> StorageNoSuchKeyError:
        return StorageNoSuchKeyError(self._tree.storage.bucket or "", key)


def _parsed(mode: str) -> tuple[str, bool]:
    kinds = set(mode)
    verbs = kinds & set("rwax")
    if len(kinds) != len(mode) or kinds - set("rwaxbt+") or len(verbs) != 1 or {"b", "t"} <= kinds:
        raise ValueError(f"'{mode}' is no mode: give r, w, a or x, with b for bytes")
    if "+" in kinds:
        raise NotSupportedError(f"cannot open an object in mode '{mode}': it is read or written anew, not changed")
    return verbs.pop(), "b" in kinds
