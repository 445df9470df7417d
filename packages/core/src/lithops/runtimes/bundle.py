"""The zip of a runtime: our own code and the packages, the same bytes whenever and wherever it is built.

The compressed bytes may differ between versions of zlib; the name of a runtime does not depend on them (`spec`).
"""

from __future__ import annotations

import os
import stat
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from hashlib import file_digest
from io import BytesIO
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import IO

from lithops.errors import ConfigError
from lithops.runtimes.installed import LEFT_OUT, all_installed, canonical, files_of, is_ours, pin_of, usable
from lithops.runtimes.sources import CORE, digest_of_sources, metadata_of, needs, sources_of
from lithops.runtimes.target import GLIBC, Target

__all__ = ["BundleInfo", "build_zip", "check_size", "digest_of_sources"]

LIMIT_BYTES = 262_144_000
SHOWN = 10
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first time that a zip can tell
_COPY_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class BundleInfo:
    """What was built. `sha256` is in hex; `by_package` has the unzipped size of each package in bytes."""

    sha256: str
    size_bytes: int
    unzipped_bytes: int
    by_package: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Member:
    package: str
    size_bytes: int
    is_executable: bool
    open: Callable[[], IO[bytes]]


def build_zip(
    path: str | os.PathLike[str],
    *,
    packages: Sequence[str] = (),
    pins: tuple[str, ...] = (),
    python: str,
    architecture: str,
    extra_files: Mapping[str, bytes] | None = None,
    glibc: int = GLIBC,
    pip_arguments: Sequence[str] = (),
) -> BundleInfo:
    """Write the zip of a runtime: the core, packages of ours by import name, what the core needs, pins, other files.

    A pin is copied from what is installed here where that is the very wheel for the target, and fetched by pip where not.
    Memory is bounded; `path` is replaced at once, when all is written. Raises `ConfigError` when a pin has no wheel.
    """
    target = Target(python, architecture, glibc)
    own = {_name(pin) for pin in pins}
    pins = (*pins, *(pin for pin in needs() if _name(pin) not in own))
    path = Path(path)
    part = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with ExitStack() as stack:
        members: dict[str, _Member] = {}
        for name, body in (extra_files or {}).items():
            members[name] = _in_memory("other files", body)
        for package in dict.fromkeys((CORE, *packages)):
            _add(members, ((name, _on_disk(package, file)) for name, file in sources_of(package)))
            _add(members, ((name, _in_memory(package, body)) for name, body in metadata_of(package).items()))
        for pinned in _members_of(pins, target, pip_arguments, stack):
            _add(members, pinned)
        stack.callback(_remove, part)
        _write(part, members)
        with part.open("rb") as file:
            digest = file_digest(file, "sha256").hexdigest()
        size = part.stat().st_size
        os.replace(part, path)
    by_package: Counter[str] = Counter()
    for member in members.values():
        by_package[member.package] += member.size_bytes
    return BundleInfo(digest, size, by_package.total(), dict(by_package.most_common()))


def check_size(info: BundleInfo, limit_bytes: int = LIMIT_BYTES) -> None:
    """Raise `ConfigError`, with the biggest packages, when a zip is unpacked to more than a platform takes."""
    if info.unzipped_bytes <= limit_bytes:
        return
    biggest = sorted(info.by_package.items(), key=lambda item: (-item[1], item[0]))[:SHOWN]
    width = max(len(name) for name, _ in biggest)
    table = "\n".join(f"  {name:{width}}  {size / 1e6:8.1f} MB" for name, size in biggest)
    raise ConfigError(
        f"the runtime is {info.unzipped_bytes / 1e6:.1f} MB unzipped, and the platform takes {limit_bytes / 1e6:.1f} MB:\n"
        f"{table}\nleave out packages in 'requirements', or use an image: 'lithops runtime build NAME -f Dockerfile'"
    )


def _add(members: dict[str, _Member], more: Iterator[tuple[str, _Member]]) -> None:
    for name, member in more:
        members.setdefault(name, member)  # packages may share a file, as `google/__init__.py`


def _members_of(
    pins: Sequence[str], target: Target, arguments: Sequence[str], stack: ExitStack
) -> Iterator[Iterator[tuple[str, _Member]]]:
    """Give the files of each pin, in the order of their names."""
    found = all_installed()
    wheels: dict[str, Path] = {}
    names = {name: pin for pin in sorted(set(pins)) if not is_ours(name := _name(pin))}
    copied = {name for name, pin in names.items() if name in found and pin_of(name, found[name]) == pin}
    copied = {name for name in copied if usable(found[name], target)}
    missing = [pin for name, pin in names.items() if name not in copied]
    if missing:
        from lithops.runtimes.installer import fetch_wheels

        folder = Path(stack.enter_context(TemporaryDirectory(prefix="lithops-wheels-")))
        wheels = {canonical(file.name.split("-")[0]): file for file in fetch_wheels(missing, folder, target, arguments)}
    for name in sorted(names):
        if name in copied:
            yield ((file, _on_disk(name, path)) for file, path in files_of(found[name]))
        else:
            yield _in_wheel(name, stack.enter_context(zipfile.ZipFile(wheels[name])))


def _in_wheel(package: str, wheel: zipfile.ZipFile) -> Iterator[tuple[str, _Member]]:
    """Give the files of a wheel where an installer would put them; scripts and headers are of no use to a worker."""
    for info in wheel.infolist():
        first, _, rest = info.filename.partition("/")
        if info.is_dir() or info.filename.endswith(".pyc") or ".." in info.filename.split("/"):
            continue
        name = info.filename
        if first.endswith(".dist-info") and rest in LEFT_OUT:
            continue
        if first.endswith(".data"):
            kind, _, name = rest.partition("/")
            if kind not in ("purelib", "platlib"):
                continue
        is_executable = bool(info.external_attr >> 16 & stat.S_IXUSR)
        yield name, _Member(package, info.file_size, is_executable, partial(wheel.open, info))


def _on_disk(package: str, path: Path) -> _Member:
    found = path.stat()
    return _Member(package, found.st_size, bool(found.st_mode & stat.S_IXUSR), lambda: path.open("rb"))


def _in_memory(package: str, body: bytes) -> _Member:
    return _Member(package, len(body), False, partial(BytesIO, body))


def _write(path: Path, members: Mapping[str, _Member]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as made:
        for name in sorted(members):
            member = members[name]
            info = zipfile.ZipInfo(name, _EPOCH)
            info.create_system = 3  # Unix, on whatever this is
            info.external_attr = (stat.S_IFREG | (0o755 if member.is_executable else 0o644)) << 16  # others read it too
            info.compress_type = zipfile.ZIP_DEFLATED
            info.file_size = member.size_bytes
            with member.open() as source, made.open(info, "w") as sink:
                copyfileobj(source, sink, _COPY_BYTES)


def _name(pin: str) -> str:
    return canonical(pin.partition("==" if "==" in pin else "@")[0].strip())


def _remove(path: Path) -> None:
    with suppress(FileNotFoundError):
        path.unlink()
