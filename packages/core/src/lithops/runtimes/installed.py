"""The distributions that are installed on this machine: their versions, what they need, and their files."""

from __future__ import annotations

import csv
import json
import logging
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping
from hashlib import file_digest
from importlib.metadata import Distribution, distributions
from pathlib import Path

from lithops.errors import ConfigError
from lithops.runtimes.target import Target

__all__ = [
    "LEFT_OUT",
    "all_installed",
    "canonical",
    "files_of",
    "is_editable",
    "is_ours",
    "needed_by",
    "pin_of",
    "usable",
]

log = logging.getLogger(__name__)

LEFT_OUT = frozenset({"RECORD", "RECORD.jws", "RECORD.p7s", "INSTALLER", "REQUESTED", "direct_url.json"})
"""Files of a *.dist-info that tell how it was installed here, not what it is."""

_TOOLS = frozenset({"pip", "setuptools", "wheel"})
_NEED = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[([^\]]*)\])?([^;]*)(?:;(.*))?", re.DOTALL)


def canonical(name: str) -> str:
    """Write the name of a distribution in the one form that all its spellings have (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def is_ours(name: str) -> bool:
    """Tell whether a distribution, by its canonical name, is Lithops itself: a runtime has this client's own code."""
    return name == "lithops" or name.startswith(("lithops-core", "lithops-backend-"))


def all_installed() -> dict[str, Distribution]:
    """Give what is installed, by canonical name; of two the one that an import finds."""
    found: dict[str, Distribution] = {}
    for one in distributions():
        name = one.metadata["Name"]
        if name:
            found.setdefault(canonical(name), one)
    return found


def pin_of(name: str, one: Distribution) -> str:
    """Write the exact version of a distribution."""
    return f"{name}=={one.version}"


def is_editable(one: Distribution) -> bool:
    """Tell whether it is a checkout of its sources: such modules travel with the job."""
    text = one.read_text("direct_url.json")
    return bool(text and json.loads(text).get("dir_info", {}).get("editable"))


def needed_by(names: Iterable[str], found: Mapping[str, Distribution]) -> dict[str, Distribution]:
    """Give the named distributions (`pandas`, `fsspec[http]`) and all that they need, as they are installed here.

    Without names: all but pip and its like. Raises `ConfigError` for a name that is not installed, or has a version.
    """
    names = list(names)
    if not names:
        return {name: one for name, one in found.items() if name not in _TOOLS}
    waiting: list[tuple[str, frozenset[str]]] = []
    for text in names:
        name, extras, rest, _ = parsed(text)
        if rest:
            raise ConfigError(
                f"'{text}' names a version, and 'environment: local' takes those that are installed here: give the name "
                "alone, or leave out 'environment'"
            )
        if name not in found:
            raise ConfigError(f"'{name}' of 'requirements' is not installed here: pip install {name}, or leave it out")
        waiting.append((name, extras))
    chosen: dict[str, Distribution] = {}
    done: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        name, extras = one = waiting.pop()
        if one in done:
            continue
        done.add(one)
        chosen[name] = found[name]
        for line in found[name].requires or ():
            need, their_extras, _, marker = parsed(line)
            wanted = re.findall(r"""extra\s*==\s*['"]([^'"]+)['"]""", marker)
            if need in found and (not wanted or extras & {canonical(extra) for extra in wanted}):
                waiting.append((need, their_extras))
    return chosen


def parsed(text: str) -> tuple[str, frozenset[str], str, str]:
    """Take a requirement apart: canonical name, extras, versions (without brackets), marker. Raises `ConfigError`."""
    match = _NEED.fullmatch(text)
    if match is None:
        raise ConfigError(f"'{text}' is not the name of a package: write it as 'numpy' or 'numpy==2.1.0'")
    name, extras, rest, marker = match.groups()
    split = frozenset(canonical(extra.strip()) for extra in (extras or "").split(",") if extra.strip())
    return canonical(name), split, rest.strip(" ()"), marker or ""


def usable(one: Distribution, target: Target) -> bool:
    """Tell whether the installed copy is the wheel that the target would take, unchanged."""
    tags = re.findall(r"^Tag:\s*(\S+)", one.read_text("WHEEL") or "", flags=re.MULTILINE)
    if not any(map(target.takes, tags)) or is_editable(one):
        return False
    changed = next((path for path, hashed in _record(one) if not _is_intact(path, hashed)), None)
    if changed is not None:
        log.info("the installed copy of %s is not used: %s was changed", one.metadata["Name"], changed)
    return changed is None


def files_of(one: Distribution) -> Iterator[tuple[str, Path]]:
    """Give the files of an installed distribution that an import may need: the name in the wheel, and where it is."""
    root = Path(str(one.locate_file("")))
    for path, _ in _record(one):
        name = path.relative_to(root).as_posix()
        if not (Path(name).parts[0].endswith(".dist-info") and path.name in LEFT_OUT):
            yield name, path


def _record(one: Distribution) -> Iterator[tuple[Path, str]]:
    """Read its RECORD: files below the folder of packages, each with its hash; not scripts, not compiled files."""
    for row in csv.reader((one.read_text("RECORD") or "").splitlines()):
        name, hashed = Path(row[0]), row[1]
        if hashed and not name.is_absolute() and ".." not in name.parts and name.suffix != ".pyc":
            yield Path(str(one.locate_file(row[0]))), hashed


def _is_intact(path: Path, hashed: str) -> bool:
    algorithm, _, value = hashed.partition("=")
    try:
        with path.open("rb") as file:
            digest = file_digest(file, algorithm).digest()
    except (OSError, ValueError):
        return False
    return urlsafe_b64encode(digest).rstrip(b"=").decode() == value
