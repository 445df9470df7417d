"""What a backend could leave behind in this process and on this machine, and what its constructor must not do."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from lithops.spi.compute import ComputeBackend
from lithops.testing.compute.client import THREAD_NAME

__all__ = ["MARK", "Traces", "watched_constructors"]

MARK = "LITHOPS_CONTRACT_MARK"
"""A variable that the processes of a test inherit, so that those whose parents died are found too."""

_LOOK_S = 0.02
_PROC = Path("/proc")
_IO = {
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.mkdir",
    "os.posix_spawn",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.system",
    "socket.bind",
    "socket.connect",
    "socket.getaddrinfo",
    "subprocess.Popen",
    "tempfile.mkdtemp",
    "tempfile.mkstemp",
    "threading.Thread.start",
}
_watchers: list[list[str]] = []
_is_hooked = False


@dataclass(frozen=True, slots=True)
class Traces:
    """Threads, processes, connections and temporary files at one moment, as far as they can be seen: /proc has most.

    `mark` is the value of the variable `MARK` that the processes inherit. Without `has_descendants`, only processes with
    the mark count.
    """

    mark: str
    threads: frozenset[threading.Thread]
    processes: frozenset[str]
    connections: Counter[str]
    files: frozenset[str]
    has_descendants: bool = True

    @classmethod
    def now(cls, mark: str, *, has_descendants: bool = True) -> Traces:
        """Look at what there is."""
        threads = frozenset(one for one in threading.enumerate() if not one.name.startswith(THREAD_NAME))
        files = frozenset(os.listdir(tempfile.gettempdir()))
        processes = frozenset(_processes(mark, has_descendants=has_descendants))
        return cls(mark, threads, processes, Counter(_connections()), files, has_descendants)

    def left_behind(self, within_s: float) -> list[str]:
        """Name what is there now and was not before; what needs a moment to go has `within_s`."""
        limit = time.monotonic() + within_s
        while True:
            now = Traces.now(self.mark, has_descendants=self.has_descendants)
            left = [f"thread '{one.name}'" for one in now.threads - self.threads]
            left += [f"process {one}" for one in now.processes - self.processes]
            left += [f"connection {one}" for one in now.connections - self.connections]
            left += [f"temporary file '{one}'" for one in now.files - self.files]
            if not left or time.monotonic() > limit:
                return sorted(left)
            time.sleep(_LOOK_S)


@contextmanager
def watched_constructors() -> Iterator[list[str]]:
    """Collect what the constructors of backends do that is I/O."""
    global _is_hooked
    if not _is_hooked:
        _is_hooked = True
        sys.addaudithook(_heard)  # there is no way to remove one: it does nothing while nobody watches
    events: list[str] = []
    start = threading.Thread.start

    def heard_start(self: threading.Thread) -> None:
        _heard("threading.Thread.start", (self.name,))  # Python tells of threads from 3.12 on
        start(self)

    _watchers.append(events)
    threading.Thread.start = heard_start  # type: ignore[method-assign]
    try:
        yield events
    finally:
        threading.Thread.start = start  # type: ignore[method-assign]
        _watchers.remove(events)


def _heard(event: str, args: tuple[object, ...]) -> None:
    if not _watchers or not (event in _IO or (event == "open" and _writes(args))):
        return
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name == "__init__" and frame.f_code.co_varnames:
            owner = frame.f_locals.get(frame.f_code.co_varnames[0])
            if isinstance(owner, ComputeBackend):
                for events in _watchers:
                    events.append(f"{type(owner).__name__}() does {event}{args[:1]}")
                return
        frame = frame.f_back


def _writes(args: tuple[object, ...]) -> bool:
    path, _, flags = args
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR)) and "__pycache__" not in str(path)


def _processes(mark: str, *, has_descendants: bool) -> Iterator[str]:
    """Name the processes that descend from this one or have the mark, dead ones that nobody waited for too."""
    found: dict[int, tuple[int, str]] = {}
    marked: set[int] = set()
    wanted = f"{MARK}={mark}".encode()
    for folder in _PROC.glob("[0-9]*"):
        with suppress(OSError):
            pid = int(folder.name)
            name, _, fields = (folder / "stat").read_text(errors="replace").rpartition(")")
            found[pid] = int(fields.split()[1]), f"{name}) since {fields.split()[19]}"
            if pid != os.getpid() and wanted in (folder / "environ").read_bytes().split(b"\0"):
                marked.add(pid)
    for pid, (_, name) in found.items():
        ancestor = found[pid][0]
        while ancestor in found and ancestor != os.getpid():
            ancestor = found[ancestor][0]
        if (has_descendants and ancestor == os.getpid()) or pid in marked:
            yield name


def _connections() -> Iterator[str]:
    for entry in (_PROC / "self" / "fd").glob("*"):
        with suppress(OSError):
            link = os.readlink(entry)
            if link.startswith(("socket:", "pipe:", "anon_inode:")):
                yield link
