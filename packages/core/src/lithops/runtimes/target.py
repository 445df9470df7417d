"""The machine that a worker will run on: which wheels it takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from lithops.errors import ConfigError

__all__ = ["GLIBC", "Target"]

GLIBC = 17
"""glibc 2.17: every platform has it. A backend that knows more says so, and more wheels fit."""

_OLDER = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}  # the names of these before PEP 600
_MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "arm64": "aarch64", "aarch64": "aarch64"}


@dataclass(frozen=True, slots=True)
class Target:
    """CPython `python` ("3.11") on Linux, on an `architecture` (x86_64 or arm64), with glibc 2.`glibc` or newer."""

    python: str
    architecture: str
    glibc: int = GLIBC

    def __post_init__(self) -> None:
        if self.architecture not in _MACHINES:
            raise ConfigError(f"the architecture '{self.architecture}' is unknown: give x86_64 or arm64")

    def __str__(self) -> str:
        return f"Python {self.python} on Linux {self.architecture}"

    def platforms(self) -> list[str]:
        """Name the platforms whose wheels run there, the newest first (PEP 600)."""
        machine = _MACHINES[self.architecture]
        names = []
        for minor in range(self.glibc, 4, -1):
            names.append(f"manylinux_2_{minor}_{machine}")
            if minor in _OLDER:
                names.append(f"{_OLDER[minor]}_{machine}")
        return names

    def takes(self, tag: str) -> bool:
        """Tell whether a wheel with this tag, as `cp311-cp311-manylinux_2_17_x86_64`, runs there (PEP 425)."""
        return any(self._takes(*parts) for parts in _expanded(tag))

    def pip_arguments(self) -> list[str]:
        """Give the arguments by which pip chooses wheels for it, whatever machine pip runs on."""
        platforms = [argument for name in self.platforms() for argument in ("--platform", name)]
        return [*platforms, "--python-version", self.python, "--implementation", "cp", "--only-binary=:all:"]

    def _takes(self, python: str, abi: str, platform: str) -> bool:
        if platform != "any" and platform not in self.platforms():
            return False
        minor = int(self.python.partition(".")[2])
        own = f"cp3{minor}"
        if abi == own:
            return python == own
        if abi == "abi3":
            return python.startswith("cp3") and python[3:].isdigit() and int(python[3:]) <= minor
        if abi == "none":
            return python in {"py3", own} or (
                python.startswith("py3") and python[3:].isdigit() and int(python[3:]) <= minor
            )
        return False


def _expanded(tag: str) -> Iterator[tuple[str, str, str]]:
    pythons, _, rest = tag.strip().partition("-")
    abis, _, platforms = rest.partition("-")
    yield from product(pythons.split("."), abis.split("."), platforms.split("."))
