"""Pack the files of local modules into one zip whose bytes depend on nothing but their names and content."""

from __future__ import annotations

import logging
import os
import stat
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.machinery import all_suffixes
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from lithops.errors import ConfigError

if TYPE_CHECKING:
    from zipfile import ZipFile

__all__ = ["MAX_BYTES", "MAX_FILES", "Bundle", "Member", "Root", "bundle", "members"]

MAX_BYTES = 256 * 1024 * 1024
"""The files of a bundle have at most so many bytes together: modules travel to every worker, data should not."""

MAX_FILES = 20_000
WARN_BYTES = 32 * 1024 * 1024
BUNDLES_KEPT = 8
MAX_DEPTH = 64

_SKIPPED = frozenset({"__pycache__", "node_modules"})
_HIDDEN_KEPT = frozenset({".libs", ".dylibs"})  # the libraries of extension modules that wheels bring along
_ENVIRONMENT_MARKS = ("pyvenv.cfg", "conda-meta")
_SETTLED_NS = 1_000_000_000  # a file may be changed twice within one tick of its file system's clock
_EPOCH = (1980, 1, 1, 0, 0, 0)

log = logging.getLogger(__name__)
_bundles: OrderedDict[tuple[Root, ...], tuple[tuple[Member, ...], int, Bundle]] = OrderedDict()
_lock = Lock()


class Root(NamedTuple):
    """A file or folder that travels. `name` is where it lies in the bundle, "" for a folder's items themselves.

    `path` may lead into a zip archive. `skip` are names within the bundle that stay behind, with all below them.
    """

    name: str
    path: str
    skip: tuple[str, ...] = ()


class Member(NamedTuple):
    """One file of a bundle: its name there, where it is, and what changes with it. `inner` is within an archive."""

    name: str
    path: str
    inner: str | None
    size_bytes: int
    stamp: tuple[int, ...]
    is_executable: bool


@dataclass(frozen=True, slots=True)
class Bundle:
    """Local modules, ready to travel. `digest` is the sha256 of `data`, a zip; `files` are the names in it."""

    digest: str
    data: bytes
    files: tuple[str, ...]


def bundle(roots: Sequence[Root]) -> Bundle | None:
    """Pack roots; None when nothing is in them. Made again only when a file changed, came or went. Thread-safe.

    Raises `ConfigError` above `MAX_BYTES` or `MAX_FILES`, which names the biggest.
    """
    if not roots:
        return None
    key = tuple(sorted(roots))
    found = tuple(members(key))
    if not found:
        return None
    with _lock:
        known = _bundles.get(key)
        if known is not None and known[0] == found and known[1] > _newest(found) + _SETTLED_NS:
            _bundles.move_to_end(key)
            return known[2]
        _check_size(found)
        now = time.time_ns()
        packed = _pack(found)
        if packed is None:
            return None
        _bundles[key] = (found, now, packed)
        if len(_bundles) > BUNDLES_KEPT:
            _bundles.popitem(last=False)
        return packed


def members(roots: Sequence[Root]) -> list[Member]:
    """List the files of roots in the order of their names; the first root wins where two have the same name.

    Not among them: hidden files (secrets are kept there), caches, compiled files, environments, what is no file.
    """
    found: dict[str, Member] = {}
    for root in roots:
        for member in _members(root):
            if any(_is_below(member.name, name) for name in root.skip):
                continue
            found.setdefault(member.name, member)
            if len(found) > MAX_FILES:
                raise ConfigError(
                    f"local modules cannot travel: '{root.path}' brings more than {MAX_FILES} files; keep it out by "
                    "'exclude_modules', or move its data to the storage"
                )
    return [found[name] for name in sorted(found)]


def _is_below(name: str, skipped: str) -> bool:
    rest = name[len(skipped) :]
    return name.startswith(skipped) and (rest.startswith("/") or rest in ("", *all_suffixes()))


def _members(root: Root) -> Iterator[Member]:
    try:
        info = os.stat(root.path)
    except OSError:
        yield from _archived(root)
        return
    if stat.S_ISDIR(info.st_mode):
        yield from _folder(root.path, root.name, ())
    elif stat.S_ISREG(info.st_mode):
        yield _member(root.name, root.path, info)


def _folder(path: str, name: str, above: tuple[tuple[int, int], ...]) -> Iterator[Member]:
    try:
        info = os.stat(path)
        entries = list(os.scandir(path))
    except OSError as exc:
        log.warning("what is in '%s' does not travel with the function: %s", path, exc.strerror)
        return
    here = (info.st_dev, info.st_ino)
    if here in above or len(above) >= MAX_DEPTH or any(entry.name in _ENVIRONMENT_MARKS for entry in entries):
        return
    names = {entry.name for entry in entries}
    for entry in entries:
        if not _travels(entry.name, names):
            continue
        inner = f"{name}/{entry.name}" if name else entry.name
        try:
            if entry.is_dir():
                yield from _folder(entry.path, inner, (*above, here))
            elif entry.is_file():
                yield _member(inner, entry.path, entry.stat())
        except OSError:
            continue  # it went away


def _travels(name: str, siblings: set[str]) -> bool:
    if name in _SKIPPED or "\\" in name or (name.startswith(".") and name not in _HIDDEN_KEPT):
        return False
    if name.endswith((".pyc", ".pyo")) and name[:-1] in siblings:
        return False
    try:
        name.encode()
    except UnicodeEncodeError:  # bytes that are no text: a zip cannot name it
        return False
    return True


def _member(name: str, path: str, info: os.stat_result) -> Member:
    stamp = (info.st_mtime_ns, info.st_ctime_ns, info.st_ino)
    return Member(name, path, None, info.st_size, stamp, bool(info.st_mode & stat.S_IXUSR))


def _archived(root: Root) -> Iterator[Member]:
    """List what lies in a zip on the import path."""
    archive = root.path
    while not os.path.isfile(archive):
        archive, before = os.path.dirname(archive), archive
        if archive == before:
            log.warning("'%s' does not travel with the function: it is no longer there", root.path)
            return
    from zipfile import BadZipFile, ZipFile

    prefix = os.path.relpath(root.path, archive).replace(os.sep, "/")
    info = os.stat(archive)
    stamp = (info.st_mtime_ns, info.st_ctime_ns, info.st_ino, info.st_size)
    try:
        with ZipFile(archive) as file:
            entries = file.infolist()
    except (BadZipFile, OSError) as exc:
        log.warning("'%s' does not travel with the function: %s", root.path, exc)
        return
    names = {entry.filename for entry in entries}
    for entry in entries:
        inside = entry.filename == prefix or entry.filename.startswith(prefix + "/")
        if not inside or entry.is_dir() or entry.filename[:-1] in names:
            continue
        name = root.name + entry.filename[len(prefix) :]
        if all(_travels(part, set()) for part in name.split("/")):
            yield Member(name, archive, entry.filename, entry.file_size, stamp, False)


def _newest(found: Sequence[Member]) -> int:
    return max(time_ns for member in found for time_ns in member.stamp[:2])


def _check_size(found: Sequence[Member]) -> None:
    total = sum(member.size_bytes for member in found)
    if total <= WARN_BYTES:
        return
    big = sorted(found, key=lambda member: member.size_bytes, reverse=True)[:3]
    named = ", ".join(f"'{member.path}' ({member.size_bytes / 1e6:.1f} MB)" for member in big)
    if total > MAX_BYTES:
        raise ConfigError(
            f"local modules cannot travel: they have {total / 1e6:.0f} MB, more than {MAX_BYTES / 1e6:.0f} MB; the "
            f"biggest are {named}; keep them out by 'exclude_modules', or move data to the storage"
        )
    log.warning("local modules of %.0f MB travel with the function; the biggest are %s", total / 1e6, named)


def _pack(found: Sequence[Member]) -> Bundle | None:
    import hashlib
    import io
    from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

    stream = io.BytesIO()
    archives: dict[str, ZipFile] = {}
    files = []
    try:
        with ZipFile(stream, "w", ZIP_DEFLATED) as target:
            for member in found:
                try:
                    content = _read(member, archives)
                except (OSError, KeyError) as exc:
                    log.warning("'%s' does not travel with the function: %s", member.path, exc)
                    continue
                info = ZipInfo(member.name, _EPOCH)
                info.create_system = 3  # Unix, wherever this runs: the modes below are Unix modes
                info.external_attr = (stat.S_IFREG | (0o755 if member.is_executable else 0o644)) << 16
                info.compress_type = ZIP_DEFLATED
                target.writestr(info, content)
                files.append(member.name)
    finally:
        for archive in archives.values():
            archive.close()
    data = stream.getvalue()
    return Bundle(hashlib.sha256(data).hexdigest(), data, tuple(files)) if files else None


def _read(member: Member, archives: dict[str, ZipFile]) -> bytes:
    if member.inner is None:
        with open(member.path, "rb") as file:
            return file.read()
    from zipfile import ZipFile

    if member.path not in archives:
        archives[member.path] = ZipFile(member.path)
    return archives[member.path].read(member.inner)
