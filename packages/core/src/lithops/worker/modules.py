"""Make the user's local modules importable here: unpack their bundle, put it on the path, forget the one before."""

from __future__ import annotations

import contextlib
import os
import sys
from errno import EDQUOT, EEXIST, ENOSPC, ENOTEMPTY
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

from lithops.errors import LithopsError, StorageFullError, WireError
from lithops.types import Buffer

if TYPE_CHECKING:
    from zipfile import ZipFile, ZipInfo

__all__ = ["install", "install_needed", "uninstall"]

MAX_BYTES = 1024 * 1024 * 1024
MAX_FILES = 100_000
"""More than what any client sends: these stop a zip that is made to fill the disk."""

_COPY_BYTES = 1 << 20


class _Installed(NamedTuple):
    """The bundle that is on the path. `tops` are the names of its top-level modules; True: a package or module of
    its own; False: a folder without `__init__`, which shares its name with folders elsewhere."""

    digest: str
    path: str
    tops: dict[str, bool]


_installed: _Installed | None = None


def install_needed(digest: str) -> bool:
    """Tell whether `install` would change anything."""
    return _installed is None or _installed.digest != digest


def install(digest: str, data: Buffer, home: str | None) -> str:
    """Make a bundle importable, before what is installed, and in place of the bundle before; give its folder.

    The bundle is unpacked once into `home`, a private folder that workers share; without one, into a folder of
    this process. What was imported under its names is forgotten, except the standard library. Not thread-safe.
    Raises `WireError` when `data` is not what `digest` says, or no bundle.
    """
    global _installed
    if _installed is not None and _installed.digest == digest:
        return _installed.path
    path = _unpack(digest, data, home or _own_home())
    uninstall()
    sys.path.insert(0, path)
    _installed = _Installed(digest, path, _tops(path))
    _forget(_installed)
    return path


def uninstall() -> None:
    """Take the bundle off the path, and forget what was imported from it. Its folder stays, for other workers."""
    global _installed
    if _installed is not None:
        before, _installed = _installed, None
        sys.path[:] = [entry for entry in sys.path if entry != before.path]
        _forget(before)


def _forget(bundle: _Installed) -> None:
    """Remove modules that a bundle provides, wherever they came from: the next import finds the right ones."""
    import importlib

    for name, module in list(sys.modules.items()):
        if _is_concerned(name, module, bundle):
            del sys.modules[name]
            parent, _, child = name.rpartition(".")
            if isinstance(home := sys.modules.get(parent), ModuleType):
                vars(home).pop(child, None)  # else `from parent import child` gives the old one still
    for entry in list(sys.path_importer_cache):
        if entry == bundle.path or entry.startswith(bundle.path + os.sep):
            sys.path_importer_cache.pop(entry, None)
    importlib.invalidate_caches()


def _is_concerned(name: str, module: object, bundle: _Installed) -> bool:
    file = vars(module).get("__file__") if isinstance(module, ModuleType) else None
    if isinstance(file, str) and file.startswith(bundle.path + os.sep):
        return True
    top = name.partition(".")[0]
    if top not in bundle.tops or bundle.tops[top]:
        return top in bundle.tops
    base = os.path.join(bundle.path, *name.split("."))  # in a folder that others share: only what lies in ours
    return os.path.isfile(base + ".py") or os.path.isfile(os.path.join(base, "__init__.py"))


def _tops(path: str) -> dict[str, bool]:
    tops: dict[str, bool] = {}
    for entry in os.scandir(path):
        name = entry.name.partition(".")[0]
        if name in ("lithops", "__main__") or name in sys.stdlib_module_names:
            continue  # never forgotten: this process runs on them
        is_own = not entry.is_dir() or any(file.startswith("__init__.") for file in os.listdir(entry.path))
        tops[name] = is_own or tops.get(name, False)
    return tops


def _own_home() -> str:
    import atexit
    import shutil
    import tempfile

    home = tempfile.mkdtemp(prefix="lithops-modules-")
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    return home


def _unpack(digest: str, data: Buffer, home: str) -> str:
    """Unpack beside the final name, then rename: others see all of it or nothing, and the first one wins."""
    import hashlib

    if hashlib.sha256(data).hexdigest() != digest:
        raise WireError(
            "the modules of the job are not what was sent: their digest differs, so they were not unpacked; check who "
            "can write to the job's bucket"
        )
    path = os.path.join(os.path.abspath(home), digest)
    if os.path.isdir(path):
        return path
    import shutil
    import tempfile

    try:
        _make_folders(home)
        draft = tempfile.mkdtemp(prefix=".unpacking-", dir=home)
        try:
            _extract(data, draft)
            os.rename(draft, path)
        except BaseException as exc:
            shutil.rmtree(draft, ignore_errors=True)
            if not (isinstance(exc, OSError) and exc.errno in (EEXIST, ENOTEMPTY) and os.path.isdir(path)):
                raise
    except OSError as exc:
        kind = StorageFullError if exc.errno in (ENOSPC, EDQUOT) else LithopsError
        raise kind(
            f"the modules of the job cannot be unpacked into '{home}': {exc}; make that folder writable, with room"
        ) from exc
    return path


def _extract(data: Buffer, folder: str) -> None:
    import io
    import zlib
    from zipfile import BadZipFile, ZipFile

    try:
        with ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if len(entries) > MAX_FILES or sum(entry.file_size for entry in entries) > MAX_BYTES:
                raise _hostile(f"it unpacks to more than {MAX_FILES} files or {MAX_BYTES} bytes")
            for entry in entries:
                _extract_one(archive, entry, folder)
    except (BadZipFile, EOFError, NotImplementedError, RuntimeError, UnicodeError, ValueError, zlib.error) as exc:
        if isinstance(exc, WireError):
            raise
        raise _hostile(str(exc)) from exc


def _extract_one(archive: ZipFile, entry: ZipInfo, folder: str) -> None:
    import shutil

    parts = entry.filename.split("/")
    kind = (entry.external_attr >> 16) & 0o170000
    if any(part in ("", ".", "..") or "\\" in part or "\0" in part for part in parts) or kind not in (0, 0o100000):
        raise _hostile(f"it has an entry '{entry.filename}', which is no plain file below it")
    path = os.path.join(folder, *parts)
    _make_folders(os.path.dirname(path))
    mode = 0o700 if (entry.external_attr >> 16) & 0o100 else 0o600
    target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(target, "wb") as file, archive.open(entry) as source:
        shutil.copyfileobj(source, file, _COPY_BYTES)


def _hostile(why: str) -> WireError:
    return WireError(
        f"the modules of the job cannot be unpacked: {why}; send the job again from a client of this version"
    )


def _make_folders(path: str) -> None:
    """Make a folder and those above it that are missing, all for this user only: `makedirs` has a mode for the last."""
    if path and not os.path.isdir(path):
        _make_folders(os.path.dirname(path))
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, 0o700)
