"""Starts sandboxes through `lambda_inside.py`, and lays out what AWS's managed runtime has: the folder /var/runtime."""

from __future__ import annotations

import compileall
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
from importlib import metadata
from pathlib import Path
from threading import Lock
from typing import Any

__all__ = ["Spawner", "lay_out_runtime"]

_PROGRAM = Path(__file__).with_name("lambda_inside.py")
_DISTRIBUTIONS = ("awslambdaric", "boto3")


class Spawner:
    """The parent process of the sandboxes. Thread-safe."""

    def __init__(self, folder: Path, *, may_isolate: bool = True) -> None:
        self._root = folder / "root"
        self._runtime = folder / "runtime"
        self._root.mkdir()
        lay_out_runtime(self._runtime)
        self._python = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
        self._lock = Lock()
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [self._python, "-I", "-S", str(_PROGRAM), str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env={"PATH": os.defpath},
            )
        can_isolate = self._channel.recv(64) == b"isolated"
        self.is_isolated = can_isolate and may_isolate

    def start(
        self, task: Path, *, handler: str, memory_mb: int, tmp_mb: int, env: dict[str, str]
    ) -> tuple[socket.socket, int]:
        """Start a sandbox: its control socket, and the pipe's end with what it prints."""
        root = "" if self.is_isolated else str(task.parent)
        inside_task, inside_runtime = ("/var/task", "/var/runtime") if self.is_isolated else (task, self._runtime)
        wanted: dict[str, Any] = {
            "is_isolated": self.is_isolated,
            "root": str(self._root) if self.is_isolated else root,
            "task": str(task),
            "runtime": str(self._runtime),
            "prefixes": sorted({sys.base_prefix, sys.base_exec_prefix}),
            "hidden": _packages_of_this_machine(),
            "python": self._python,
            "command": [self._python, "-s" if self.is_isolated else "-S", "-m", "awslambdaric", handler],
            "memory_mb": memory_mb,
            "tmp_mb": tmp_mb,
            "env": {
                **env,
                "LAMBDA_TASK_ROOT": str(inside_task),
                "LAMBDA_RUNTIME_DIR": str(inside_runtime),
                "PYTHONPATH": str(inside_runtime),
            },
        }
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        printed, output = os.pipe()
        with theirs:
            try:
                with self._lock:
                    socket.send_fds(self._channel, [json.dumps(wanted).encode()], [theirs.fileno(), output])
            finally:
                os.close(output)
        return ours, printed

    def close(self) -> None:
        """End the parent process. The sandboxes end with their control sockets."""
        self._channel.close()
        self._process.wait(10)


def lay_out_runtime(folder: Path) -> None:
    """Put the runtime interface client and boto3, with all that they need, into a folder: links where possible."""
    folder.mkdir()
    for name in _with_requirements(_DISTRIBUTIONS):
        for file in metadata.distribution(name).files or ():
            if file.parts[0] in ("..", "/") or file.is_absolute() or ".dist-info" in file.parts[0]:
                continue
            source, target = Path(str(file.locate())), folder / file
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.exists():
                _link(source, target)
    compileall.compile_dir(folder, quiet=2)  # only what has not been: the sandboxes cannot


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


def _with_requirements(names: tuple[str, ...]) -> set[str]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        for required in metadata.requires(name) or ():
            if "extra ==" not in required.partition(";")[2]:
                needed = re.split(r"[^\w.-]", required, maxsplit=1)[0]
                if _is_installed(needed):
                    waiting.append(needed)
    return found


def _is_installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _packages_of_this_machine() -> list[str]:
    """Folders of packages that the interpreter would find by itself: AWS's has none of them."""
    base = {"base": sys.base_prefix, "platbase": sys.base_exec_prefix}
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    found = {sysconfig.get_path(name, vars=base) for name in ("purelib", "platlib")}
    for prefix in (sys.base_prefix, "/usr", "/usr/local"):
        found |= {f"{prefix}/lib/{home}/{kind}-packages" for home in (version, "python3") for kind in ("dist", "site")}
    return sorted(found)
