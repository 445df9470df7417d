"""An index of small wheels in a folder, and a pip that knows no other."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import pytest

from lithops.runtimes.sources import CORE_NEEDS


@dataclass(frozen=True, slots=True)
class Index:
    """A folder of wheels."""

    folder: Path

    def add(
        self,
        name: str,
        number: str = "1.0",
        *,
        tag: str = "py3-none-any",
        needs: Sequence[str] = (),
        files: Mapping[str, bytes] | None = None,
    ) -> Path:
        """Make a wheel by hand."""
        info = f"{name}-{number}.dist-info"
        needed = "".join(f"Requires-Dist: {line}\n" for line in needs)
        named = (re.search(r"extra == .(\w+)", line) for line in needs)
        extras = "".join(f"Provides-Extra: {extra[1]}\n" for extra in named if extra)
        pure = "true" if tag.endswith("-any") else "false"
        content = {
            **({f"{name}/__init__.py": f"number = {number!r}\n".encode()} if files is None else files),
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n{needed}{extras}".encode(),
            f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: {pure}\nTag: {tag}\n".encode(),
        }
        record = "".join(f"{file},{_hash(body)},{len(body)}\n" for file, body in content.items())
        path = self.folder / f"{name}-{number}-{tag}.whl"
        with zipfile.ZipFile(path, "w") as wheel:
            for file, body in {**content, f"{info}/RECORD": f"{record}{info}/RECORD,,\n".encode()}.items():
                wheel.writestr(file, body)
        return path

    def install(self, name: str, site: Path) -> None:
        """Install a package of the index into a folder, by pip."""
        command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(site), name]
        subprocess.run(command, check=True, timeout=50)


def _hash(body: bytes) -> str:
    return f"sha256={urlsafe_b64encode(sha256(body).digest()).rstrip(b'=').decode()}"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Index:
    """The only index that pip knows. It has, as pure wheels, what the core needs."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    made = Index(folder)
    for name in CORE_NEEDS:
        made.add(name, version(name))
    return made


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages, the first on the path."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    return folder
