"""What the user wants in a runtime, as exact versions.

`requirements` is a file for pip, or a list of its lines: pip chooses versions whose wheels the worker's machine takes.
`environment: local` takes the versions that are installed here: of the listed distributions and what these need, or of all.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from os.path import exists, expanduser
from pathlib import Path
from tempfile import TemporaryDirectory

from lithops.errors import ConfigError
from lithops.runtimes.installed import all_installed, canonical, is_editable, is_ours, needed_by, parsed, pin_of
from lithops.runtimes.target import GLIBC, Target

__all__ = ["options_of", "resolve"]

_OPTION = re.compile(
    r"\s*(-i|--index-url|--extra-index-url|-f|--find-links|--trusted-host|--no-index|--pre)(?:[=\s]+(\S+))?\s*"
)
_NO_VALUE = ("--no-index", "--pre")


@dataclass(frozen=True, slots=True)
class _Package:
    pin: str
    is_named: bool
    needs: Sequence[str]


def resolve(
    requirements: str | Sequence[str] | None,
    environment: str | None,
    python: str,
    architecture: str,
    exclude: Collection[str],
    *,
    glibc: int = GLIBC,
    pip_arguments: Sequence[str] = (),
) -> tuple[str, ...]:
    """Choose an exact version of each package, in the order of their names: `("numpy==2.1.0", ...)`.

    `exclude` names what the platform has. Such a package is left out unless the user named it, or a package that travels
    asks for versions of it: only then is it sure that the platform's would do. Lithops itself is never among them.
    `glibc` is the minor version of the platform's glibc 2: a newer one takes more wheels. Nothing is installed.
    Raises `ConfigError`: a package has no wheel for the target, is not installed here, or the file is missing.
    """
    target = Target(python, architecture, glibc)
    if environment not in (None, "local"):
        raise ConfigError(f"'environment' is '{environment}': write 'local', or leave it out")
    if environment == "local":
        found = _local(_lines_of(requirements))
    elif requirements is None or not (requirements if isinstance(requirements, str) else list(requirements)):
        return ()
    else:
        found = _chosen(requirements, target, pip_arguments)
    kept = _without({name: one for name, one in found.items() if not is_ours(name)}, set(map(canonical, exclude)))
    return tuple(kept[name].pin for name in sorted(kept))


def options_of(requirements: str | Sequence[str] | None) -> tuple[str, ...]:
    """Give the options in a requirements file that say where packages are, for pip when it fetches the pins."""
    options: list[str] = []
    root = Path(expanduser(requirements)).parent if isinstance(requirements, str) else Path()
    for line in _lines_of(requirements):
        if match := _OPTION.fullmatch(line):
            name, value = match.groups()
            options.append(name)
            if name not in _NO_VALUE and value:
                options.append(str(root / value) if name in ("-f", "--find-links") and exists(root / value) else value)
    return tuple(options)


def _lines_of(requirements: str | Sequence[str] | None) -> list[str]:
    if requirements is None:
        return []
    lines: Iterable[str] = requirements
    if isinstance(requirements, str):
        lines = _file(requirements).read_text("utf-8").splitlines()
    stripped = (re.sub(r"(^|\s+)#.*$", "", line).strip() for line in lines)
    return [line for line in stripped if line]


def _file(requirements: str) -> Path:
    path = Path(expanduser(requirements))
    if not path.is_file():
        raise ConfigError(f"there is no file '{requirements}', which 'requirements' names: give its path, or a list")
    return path


def _local(lines: Sequence[str]) -> dict[str, _Package]:
    if wrong := [line for line in lines if line.startswith("-")]:
        raise ConfigError(f"'{wrong[0]}' means nothing with 'environment: local': give names of packages alone")
    named = {parsed(line)[0] for line in lines}
    lines = [line for line in lines if not is_ours(parsed(line)[0])]
    if named and not lines:
        return {}
    chosen = needed_by(lines, all_installed())
    return {
        name: _Package(pin_of(name, one), name in named, one.requires or ())
        for name, one in chosen.items()
        if not is_editable(one)  # its modules travel with the job
    }


def _chosen(requirements: str | Sequence[str], target: Target, arguments: Sequence[str]) -> dict[str, _Package]:
    from lithops.runtimes.installer import choose_versions

    with TemporaryDirectory(prefix="lithops-requirements-") as folder:
        if isinstance(requirements, str):
            file = _file(requirements)
        else:
            lines = [line for line in _lines_of(requirements) if line.startswith("-") or not is_ours(_name(line))]
            file = Path(folder, "requirements.txt")
            file.write_text("".join(f"{line}\n" for line in lines), "utf-8")
        report = choose_versions(file, target, arguments)
    found = {}
    for one in report:
        about = one["metadata"]
        name = canonical(about["name"])
        pin = f"{name}=={about['version']}"
        if one.get("is_direct"):
            pin = _direct(name, one["download_info"])
        found[name] = _Package(pin, bool(one.get("requested")), about.get("requires_dist") or ())
    return found


def _name(line: str) -> str:
    """Name what a line of requirements is about; "" for a URL or a path, which pip takes too."""
    match = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*(?=\s*($|[\[<>=!~;@(]))", line)
    return canonical(match.group()) if match else ""


def _direct(name: str, info: Mapping[str, Mapping[str, Mapping[str, str]]]) -> str:
    digest = info.get("archive_info", {}).get("hashes", {}).get("sha256")
    if not digest or not str(info["url"]).partition("#")[0].endswith(".whl"):
        raise ConfigError(
            f"'{name}' of 'requirements' is a URL or a path of sources, not of a wheel: give a wheel, or use an image"
        )
    return f"{name} @ {info['url']}#sha256={digest}"


def _without(found: Mapping[str, _Package], exclude: Collection[str]) -> dict[str, _Package]:
    """Leave out what the platform has, but for what is named, or needed in certain versions by what stays."""
    kept = {name: one for name, one in found.items() if one.is_named or name not in exclude}
    waiting = list(kept.values())
    while waiting:
        for line in waiting.pop().needs:
            need, _, versions, marker = parsed(line)
            if versions and "extra" not in marker and need in found and need not in kept:
                kept[need] = found[need]
                waiting.append(found[need])
    return kept
