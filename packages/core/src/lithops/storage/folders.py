"""Whole folders as objects and back: `upload_folder` and `download_folder`. A prefix is a folder's: it ends in a slash."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from lithops.errors import StorageError, StorageNoSuchKeyError
from lithops.storage.downloads import Advance, download_file
from lithops.storage.parallel import in_threads
from lithops.storage.retrying import RetryingStorage
from lithops.types import ObjectInfo

__all__ = ["find_files", "find_objects", "folder_prefix", "places_of", "read_folder", "write_folder"]


def folder_prefix(prefix: str) -> str:
    """Give what the keys of a folder begin with: the prefix and a slash; nothing for the whole bucket."""
    return f"{prefix}/" if prefix and not prefix.endswith("/") else prefix


def find_files(folder: str | os.PathLike[str], prefix: str) -> list[tuple[str, str]]:
    """List the regular files below a folder as pairs of key and path, in the order of the keys' bytes.

    Links are followed, but no folder is read twice. Raises `NotADirectoryError`, and `StorageError` for a file whose
    name is no text.
    """
    from lithops.jobs.partition_paths import walk_files

    root = os.path.abspath(folder)
    if not os.path.isdir(root):
        os.listdir(root)  # raises what is wrong with it
    found = []
    for path, _ in walk_files(root):
        key = prefix + os.path.relpath(path, root)
        try:
            found.append((key.encode(), key, path))
        except UnicodeEncodeError:
            raise StorageError(f"cannot upload the file {path!r}: its name is no text in UTF-8; rename it") from None
    return [(key, path) for _, key, path in sorted(found)]


def write_folder(
    store: RetryingStorage,
    bucket: str,
    files: Iterable[tuple[str, str]],
    *,
    threads: int,
    makes_bucket: bool = False,
    advance: Advance | None = None,
) -> list[str]:
    """Write files, pairs of key and path, as objects; gives the keys, in their order."""
    from lithops.storage.verbs import upload_file

    def send(one: RetryingStorage, file: tuple[str, str]) -> str:
        upload_file(one, file[1], bucket, file[0], makes_bucket=makes_bucket, advance=advance)
        return file[0]

    return in_threads(store, files, send, threads=threads)


def find_objects(store: RetryingStorage, bucket: str, prefix: str) -> list[ObjectInfo]:
    """List what lies below a prefix, but for the empty objects that some tools make for folders.

    Raises `StorageNoSuchKeyError` when there is nothing.
    """
    infos = list(store.list(bucket, prefix))
    if not infos:
        raise StorageNoSuchKeyError(bucket, prefix or "*")
    return [info for info in infos if info.size_bytes or not (info.key.endswith("/") or info.key == prefix)]


def places_of(keys: Iterable[str], prefix: str, folder: str | os.PathLike[str]) -> list[tuple[str, str]]:
    """Choose the file of each key below a folder: pairs of key and path. Nothing is written.

    Raises `StorageError` that names a key which would lead out of the folder (by `..`, or a link that lies there), is no
    path, or wants a file where another one wants a folder.
    """
    root = os.path.abspath(folder)
    places: dict[str, str] = {}
    parents: dict[str, str] = {}
    for key in keys:
        names = key[len(prefix) :].split("/")
        if any(name in ("", ".", "..") or "\0" in name for name in names):
            raise StorageError(
                f"cannot download object '{key}' into '{root}': it would lead out of the folder or to no file of its own;"
                " nothing was written; download it by download_file with a name"
            )
        path = os.path.join(root, *names)
        places[path] = key
        for parent in _parents(path, root):
            parents.setdefault(parent, key)
    for path in parents.keys() & places.keys():
        raise StorageError(
            f"cannot download objects '{places[path]}' and '{parents[path]}' into '{root}': '{path}' would be a file and "
            "a folder; nothing was written; download one of them by download_file with a name"
        )
    for parent, key in parents.items():
        _check_links(parent, root, key)
    return [(key, path) for path, key in places.items()]


def read_folder(
    store: RetryingStorage,
    bucket: str,
    places: Iterable[tuple[str, str]],
    folder: str | os.PathLike[str],
    *,
    threads: int,
    advance: Advance | None = None,
) -> list[str]:
    """Write objects as the files that `places_of` chose; gives their paths, in order. Each appears whole."""
    root = os.path.abspath(folder)

    def fetch(one: RetryingStorage, place: tuple[str, str]) -> str:
        key, path = place
        _check_links(os.path.dirname(path), root, key)  # again: something else may write there
        download_file(one, bucket, key, path, advance=advance)
        return path

    return in_threads(store, places, fetch, threads=threads)


def _parents(path: str, root: str) -> Iterator[str]:
    while (path := os.path.dirname(path)) != root:
        yield path


def _check_links(parent: str, root: str, key: str) -> None:
    real, real_root = os.path.realpath(parent), os.path.realpath(root)
    if os.path.commonpath([real, real_root]) != real_root:
        raise StorageError(
            f"cannot download object '{key}' into '{root}': the link '{parent}' leads out of the folder; remove the link"
        )
