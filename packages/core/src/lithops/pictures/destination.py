"""Where a picture is written to, and how: whole or not at all."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

__all__ = ["destination", "refuse_other_formats", "write_whole"]

FOLDER = "plots"
KNOWN = frozenset(
    ("bmp", "eps", "gif", "htm", "html", "jpeg", "jpg", "json", "pdf", "png", "svg", "tif", "tiff", "webp")
)
"""Endings that mean a format; any other, such as that of `run.v1.5`, belongs to the name."""


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


def refuse_other_formats(path: Path, *, what: str, formats: tuple[str, ...]) -> None:
    """Raise `ValueError` when the path asks for a format that this kind of picture does not have."""
    suffix = path.suffix.lower()
    if suffix[1:] in KNOWN and suffix not in formats:
        raise ValueError(
            f"dst is {str(path)!r}: {what} writes {' or '.join(formats)}, not {suffix}; give another ending"
        )


def write_whole(path: Path, content: bytes) -> Path:
    """Write a file and its folders, and give its absolute path; what was there stays until the new one is whole."""
    path = path.absolute()
    part = path.with_name(f".{os.urandom(6).hex()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("xb") as file:
            file.write(content)
        part.replace(path)
    except BaseException as exc:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        if isinstance(exc, OSError) and exc.errno is not None:  # its file would be one that nobody knows
            why = f"{path.parent.name!r} is a file, no folder" if path.parent.is_file() else exc.strerror
            said = f"the picture cannot be written: {why}; give another path as 'dst'"
            raise OSError(exc.errno, said, str(path)) from exc
        raise
    return path
