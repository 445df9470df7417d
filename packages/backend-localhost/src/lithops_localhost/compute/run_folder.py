"""The private folder of a running pool, named after the client's process, and removed with it."""

from __future__ import annotations

import os

__all__ = ["make_run_folder", "remove_run_folder", "remove_stale_folders"]


def make_run_folder(parent: str) -> str:
    """Name a folder `<pid>-<random>` below `parent`. It is made by the first worker that needs it."""
    return os.path.join(parent, f"{os.getpid()}-{os.urandom(4).hex()}")


def remove_stale_folders(parent: str) -> None:
    """Remove the folders of clients that were killed."""
    try:
        names = os.listdir(parent)
    except OSError:
        return
    for name in names:
        pid, dash, _ = name.partition("-")
        if dash and pid.isdigit() and not _is_alive(int(pid)):
            remove_run_folder(os.path.join(parent, name))


def remove_run_folder(folder: str) -> None:
    """Remove a folder, if its workers made it."""
    if os.path.isdir(folder):
        from shutil import rmtree  # late: most pools never make their folder

        rmtree(folder, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
