"""pip, run to choose and to fetch wheels for the machine that workers run on. Nothing is installed here."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lithops.errors import ConfigError
from lithops.runtimes.programs import Ended, run
from lithops.runtimes.target import Target

__all__ = ["choose_versions", "fetch_wheels"]

TIMEOUT_S = 900.0


def choose_versions(file: Path, target: Target, arguments: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Let pip choose a version of each package that a requirements file needs, and of what these need.

    Gives the `install` of pip's report (https://pip.pypa.io/en/stable/reference/installation-report/).
    Raises `ConfigError` when there is no pip, or no set of wheels.
    """
    with TemporaryDirectory(prefix="lithops-pip-") as folder:
        report = Path(folder, "report.json")
        _pip(
            ["install", "--dry-run", "--ignore-installed", "--report", str(report)],
            ["--target", str(Path(folder, "none")), "-r", str(file)],
            target,
            arguments,
        )
        found: list[dict[str, Any]] = json.loads(report.read_text("utf-8"))["install"]
        return found


def fetch_wheels(pins: Sequence[str], folder: Path, target: Target, arguments: Sequence[str] = ()) -> list[Path]:
    """Fetch the wheel of each pin into a folder. Raises `ConfigError` when there is none for the target."""
    file = folder / "pins.txt"
    file.write_text("".join(f"{pin}\n" for pin in pins), "utf-8")
    wheels = folder / "wheels"
    wheels.mkdir()
    _pip(["download", "--no-deps", "--dest", str(wheels)], ["-r", str(file)], target, arguments)
    return sorted(wheels.glob("*.whl"))


def _pip(command: list[str], what: list[str], target: Target, arguments: Sequence[str]) -> None:
    if find_spec("pip") is None:
        raise ConfigError(
            f"pip is needed to choose packages for {target}, and is not installed here: run 'python -m ensurepip', or "
            "use an image"
        )
    options = ["--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
    ended = run(
        [sys.executable, "-m", "pip", *command, *options, *target.pip_arguments(), *arguments, *what],
        timeout_s=TIMEOUT_S,
        environ={"PYTHONWARNINGS": "ignore"},
    )
    if ended.code:
        raise ConfigError(_reason(ended, target))


def _reason(ended: Ended, target: Target) -> str:
    missing = re.findall(r"No matching distribution found for (.+)", ended.output)
    if missing:
        return (
            f"there is no wheel of '{missing[0].strip()}' for {target}: check its name and version; a package that is "
            "published as source only, or for other machines, needs an image: 'lithops runtime build NAME -f Dockerfile'"
        )
    errors = [line for line in ended.output.splitlines() if line.startswith("ERROR:")]
    said = "\n".join(f"  {line}" for line in errors[-5:]) or ended.last(5)
    return f"pip found no packages for {target} that fit 'requirements': change them, or check the network:\n{said}"
