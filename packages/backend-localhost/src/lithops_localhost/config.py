"""The keys of the section `localhost`."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

__all__ = ["LocalhostConfig"]


class LocalhostConfig(Struct, frozen=True, kw_only=True):
    """How this machine runs calls and keeps objects. None means what the comment says."""

    worker_processes: int | None = None  # as many as processors that this process may use
    max_workers: int | None = None  # the name of `worker_processes` on serverless backends
    runtime: str | None = None  # the running interpreter; else `python3`, or the path of an interpreter
    runtime_memory: int | None = None  # in MB; no limit
    runtime_timeout: float | None = None  # in seconds; no limit
    storage_root: str | None = None  # ~/.lithops/storage
    storage_bucket: str = "storage"
    version: Any = None  # of the localhost backend of Lithops 3; means nothing here

    def __post_init__(self) -> None:
        for key in ("worker_processes", "max_workers", "runtime_memory", "runtime_timeout"):
            value = getattr(self, key)
            if value is not None and not 0 < value < float("inf"):
                raise ValueError(f"'{key}' is {value}: give a number above 0, or leave it out")
        if self.runtime is not None and not _is_interpreter(self.runtime):
            raise ValueError(
                f"'runtime' is '{self.runtime}': give 'python3' or the path of a Python interpreter, or leave it out"
            )
        for key in ("storage_root", "storage_bucket"):
            if getattr(self, key) == "":
                raise ValueError(f"'{key}' is empty: give it a value, or leave it out")
            if "\0" in (getattr(self, key) or ""):
                raise ValueError(f"'{key}' has a NUL in it, which no file system takes: leave it out")


def _is_interpreter(runtime: str) -> bool:
    """Tell a command or a path from the name of a container image (`user/image:tag`)."""
    if runtime.startswith(("/", "~", ".")):
        return True
    return runtime == "default" or (runtime.startswith("python") and not {"/", ":"} & set(runtime))
