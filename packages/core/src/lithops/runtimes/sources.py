"""Our own code that travels in a runtime: the packages as they are imported here, without what only clients use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, distributions, version
from importlib.util import find_spec
from pathlib import Path

from lithops._version import __version__
from lithops.errors import ConfigError
from lithops.runtimes.installed import canonical

__all__ = ["CORE_NEEDS", "digest_of_sources", "metadata_of", "needs", "sources_of"]

CORE = "lithops"
CORE_NEEDS = ("cloudpickle", "msgspec", "pluggy", "pyyaml")
"""What `lithops-core` requires: a worker opens stores with typed options, and may have an executor of its own."""

_ONLY_OF_CLIENTS = frozenset({("cli",), ("testing",)})


def sources_of(package: str) -> Iterator[tuple[str, Path]]:
    """Give the files of a package of ours, in order: name in the runtime, and where it is. Raises `ConfigError`."""
    spec = find_spec(package)
    folders = list(spec.submodule_search_locations or ()) if spec is not None else []
    if not folders or not Path(folders[0]).is_dir():
        raise ConfigError(f"the package '{package}' is no folder of files here: install it by pip, not as a zip")
    root = Path(folders[0])
    found = []
    for path in root.rglob("*"):
        parts = path.relative_to(root).parts
        if package == CORE and parts[:1] in _ONLY_OF_CLIENTS:
            continue
        if "__pycache__" in parts or path.suffix == ".pyc" or any(_is_rubbish(part) for part in parts):
            continue
        if path.is_file():
            found.append(("/".join((package, *parts)), path))
    yield from sorted(found)


def metadata_of(package: str) -> dict[str, bytes]:
    """Give the files of a *.dist-info for a package of ours: a worker finds its plugins by it."""
    name, entry_points = ("lithops-core", "") if package == CORE else _distribution_of(package)
    folder = f"{name.replace('-', '_')}-{__version__}.dist-info"
    files = {f"{folder}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {__version__}\n".encode()}
    if entry_points:
        files[f"{folder}/entry_points.txt"] = entry_points.encode()
    return files


def needs() -> tuple[str, ...]:
    """Give what the core needs, in the versions of this machine."""
    try:
        return tuple(f"{name}=={version(name)}" for name in CORE_NEEDS)
    except PackageNotFoundError as exc:
        raise ConfigError(f"'{exc.name}' is not installed, which lithops-core needs: pip install {exc.name}") from exc


def digest_of_sources(packages: Sequence[str]) -> str:
    """Digest our own code: that of the core, and of packages by import name, with what the core needs. SHA-256 in hex.

    The same wherever the same code is installed, also inside a runtime.
    """
    digest = sha256()
    for package in sorted({CORE, *packages}):
        for name, path in sources_of(package):
            _feed(digest.update, name, path.read_bytes())
        for name, body in metadata_of(package).items():
            _feed(digest.update, name, body)
    for pin in needs():
        _feed(digest.update, pin, b"")
    return digest.hexdigest()


def _feed(update: Callable[[bytes], None], name: str, body: bytes) -> None:
    update(f"{name} {len(body)}\n".encode())
    update(body)


def _is_rubbish(part: str) -> bool:
    return part.startswith(".") or part.endswith(("~", ".orig", ".rej"))


def _distribution_of(package: str) -> tuple[str, str]:
    """Give the distribution that brings a plugin's package, and its entry points: an editable one lists no files."""
    for one in distributions():
        own = [point for point in one.entry_points if point.group == CORE and point.value.split(".")[0] == package]
        if own:
            lines = "".join(f"{point.name} = {point.value}\n" for point in sorted(own, key=lambda point: point.name))
            return canonical(one.metadata["Name"]), f"[{CORE}]\n{lines}"
    return canonical(package), ""
