"""Write a file whole or not at all: into a temporary file of the same file system, then into place by one rename.

Nothing is synced to the disk: a rename is atomic for all processes, also when the writer is killed. Only a crash of
the whole machine may lose the last seconds of what was written, and what jobs write can be computed again; a sync
would cost milliseconds for each of a hundred thousand small objects.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence
from contextlib import suppress
from typing import BinaryIO, cast

from lithops.errors import TransientError
from lithops.types import Buffer
from lithops_localhost.file_errors import explained

__all__ = ["make_folders", "open_temporary", "place", "remove_empty", "remove_stale", "write_body"]

_CHUNK_BYTES = 1 << 20
_IOV_MAX = 1024  # of Linux and macOS
_TRIES = 1000  # of a put whose folder a concurrent delete removes, each time, because it is empty


def make_folders(path: bytes) -> None:
    """Make a folder and those above it that are missing, all for the owner only.

    Raises `FileNotFoundError` when another process removes them at the same time: call it again.
    """
    missing = []
    while not os.path.isdir(path):
        missing.append(path)
        path = os.path.dirname(path)
    for folder in reversed(missing):
        try:
            os.mkdir(folder, 0o700)
        except FileExistsError:
            if not os.path.isdir(folder):
                raise


def remove_empty(folder: bytes, *, below: bytes) -> None:
    """Remove folders upwards while they are empty. A put that races with it makes its folders again."""
    with suppress(OSError):
        while folder != below:
            os.rmdir(folder)
            folder = os.path.dirname(folder)


def open_temporary(folder: bytes) -> tuple[int, bytes]:
    """Create a file that `remove_stale` leaves alone until this process ends."""
    path = b"%b/%d.%b" % (folder, os.getpid(), os.urandom(8).hex().encode())
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with suppress(OSError):  # a file system without locks: the process id in the name must do
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor, path


def remove_stale(folder: bytes) -> None:
    """Remove the temporary files of processes that are gone: no lock, and no such process on this machine.

    The lock also protects writers on other machines and in containers that share the folder.
    """
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            owner = entry.name.partition(b".")[0]
            if entry.is_file(follow_symlinks=False) and not (owner.isdigit() and _is_alive(int(owner))):
                _remove_unlocked(entry.path)


def write_body(descriptor: int, body: Buffer | Sequence[Buffer] | BinaryIO, what: str) -> None:
    """Write all of a body; a stream's own errors pass unchanged. `what` names the object in messages."""
    if isinstance(body, (bytes, bytearray, memoryview)):
        with explained("write", what):
            _write(descriptor, body)
    elif isinstance(body, Sequence):
        with explained("write", what):
            for at in range(0, len(body), _IOV_MAX):
                _write_together(descriptor, cast("Sequence[Buffer]", body[at : at + _IOV_MAX]))
    else:
        while chunk := body.read(_CHUNK_BYTES):
            with explained("write", what):
                _write(descriptor, chunk)


def place(temporary: bytes, folder: bytes, name: bytes, *, if_absent: bool) -> bool:
    """Move a temporary file to its name in a folder, made when missing; False when `if_absent` and it exists."""
    path = folder + b"/" + name
    for _ in range(_TRIES):
        try:
            if not if_absent:
                os.rename(temporary, path)
                return True
            os.link(temporary, path)
        except FileNotFoundError:
            with suppress(FileNotFoundError, FileExistsError):
                make_folders(folder)
        except FileExistsError:
            return False
        else:
            os.unlink(temporary)
            return True
    raise TransientError(f"cannot write below '{os.fsdecode(folder)}': others remove the folder each time; try again")


def _write(descriptor: int, buffer: Buffer) -> None:
    done = os.write(descriptor, buffer)
    view = memoryview(buffer)
    while done < view.nbytes:  # over 2 GiB, or the last bytes of a disk
        done += os.write(descriptor, view.cast("B")[done:])


def _write_together(descriptor: int, buffers: Sequence[Buffer]) -> None:
    done = os.writev(descriptor, buffers)
    if done == sum([memoryview(buffer).nbytes for buffer in buffers]):
        return
    for buffer in buffers:
        size = memoryview(buffer).nbytes
        if done < size:
            _write(descriptor, memoryview(buffer).cast("B")[done:])
        done = max(0, done - size)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _remove_unlocked(path: bytes) -> None:
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(path)
        finally:
            os.close(descriptor)
