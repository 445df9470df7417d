"""Where a picture is written to, and how: whole or not at all."""

from __future__ import annotations

import os
import time
from pathlib import Path

__all__ = ["destination", "write_whole"]

FOLDER = "plots"


def destination(dst: str | os.PathLike[str] | None, executor_id: str, now: float) -> Path:
    """Give the path that the names of files begin with.

    None means the folder `plots` here; a folder takes files named by time and executor; anything else is the beginning
    itself.
    """
    name = time.strftime("%Y-%m-%d_%H%M%S", time.localtime(now)) + f"_{executor_id}"
    if dst is None:
        return Path(FOLDER) / name
    if not isinstance(dst, (str, os.PathLike)):
        raise TypeError(f"dst is a {type(dst).__name__}: give a path, or None for the folder '{FOLDER}'")
    text = os.fspath(dst)
    if not text or "\0" in text:
        raise ValueError(f"dst is {text!r}, which names no file: give a path, or None for the folder '{FOLDER}'")
    path = Path(text).expanduser()
    return path / name if text.endswith(("/", os.sep)) or path.is_dir() else path


def write_whole(path: Path, content: bytes) -> Path:
    """Write a file and its folders, and give its absolute path; what was there stays until the new one is whole."""
    path = path.absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{os.urandom(6).hex()}.part")
    try:
        with part.open("xb") as file:
            file.write(content)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return path
