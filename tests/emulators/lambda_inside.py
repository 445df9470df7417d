"""The parent of all sandboxes, a program of its own: `python -I -S lambda_inside.py FD`. It runs as long as FD is open.

FD is a socket of whole messages. First this program says there whether it can isolate; then each message asks for a
sandbox (`Wanted` as JSON) and brings two descriptors: its control socket, and the pipe for what is printed.

    server -- FD --> this program -- fork, new process and mount namespaces --> guard -- fork, exec --> the runtime

The guard is process 1 of its sandbox: when it ends, the kernel ends the rest. It obeys one byte at a time from the
control socket, and ends with it:

    F  freeze all processes (as Lambda does between two calls), answer {"peak": bytes}
    T  thaw them
    K  kill the runtime

It kills everything when the memory limit is passed, and says how the runtime ended: {"status": as of os.waitpid,
"is_oom": ..., "peak": ...}. What a sandbox sees: the system read-only, its own /proc and /tmp, the function in
/var/task, AWS's runtime in /var/runtime, no package of this machine's Python, and user 993.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
from typing import Any

_NEW_MOUNTS, _NEW_IPC, _NEW_PIDS = 0x00020000, 0x08000000, 0x20000000
_MS_BIND, _MS_REC, _MS_PRIVATE = 0x1000, 0x4000, 1 << 18
_MS_NOSUID, _MS_NODEV = 2, 4
_MOUNT_SETATTR, _AT_FDCWD, _AT_RECURSIVE, _ATTR_READ_ONLY = 442, -100, 0x8000, 1
_SYSTEM = ("bin", "etc", "lib", "lib32", "lib64", "libx32", "sbin", "usr", "dev", "sys")
_USER = 993
_DIE_WITH_PARENT = 1
_PAGE = os.sysconf("SC_PAGE_SIZE")
_BYTES_PER_S = 2e9  # a process hardly touches new memory faster than this
_SHORTEST_S, _LONGEST_S = 0.005, 1.0

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mount.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p]

Wanted = dict[str, Any]


def main(channel: socket.socket) -> None:
    """Start a sandbox for each message."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a guard
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    can_isolate = _can_isolate()
    channel.send(b"isolated" if can_isolate else b"plain")
    own = os.open("/proc/self/ns/pid", os.O_RDONLY) if can_isolate else -1
    while True:
        message, descriptors, _, _ = socket.recv_fds(channel, 1 << 18, 2)
        if not message:
            return
        wanted = json.loads(message)
        if wanted["is_isolated"]:
            _check(_libc.unshare(_NEW_PIDS))  # the next child is process 1
        if os.fork() == 0:
            channel.close()
            _be_guard(wanted, *descriptors)
        if wanted["is_isolated"]:
            _check(_libc.setns(own, _NEW_PIDS))
        for descriptor in descriptors:
            os.close(descriptor)


def _can_isolate() -> bool:
    if os.geteuid() != 0 or not sys.platform.startswith("linux"):
        return False
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if (child := os.fork()) == 0:
        try:
            _enter_own_mounts()
            _mount("tmpfs", "/tmp", "tmpfs")
            _set_read_only("/tmp", is_read_only=True)
        except OSError:
            os._exit(1)
        os._exit(0)
    is_possible = os.waitpid(child, 0)[1] == 0
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    return is_possible


def _be_guard(wanted: Wanted, control: int, output: int) -> None:
    """Never returns."""
    status = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if wanted["is_isolated"]:
            _enter_own_mounts()
            _build_root(wanted)
        if (runtime := os.fork()) == 0:
            os.close(control)
            _be_runtime(wanted, output)
        os.close(output)
        Guard(wanted, socket.socket(fileno=control), runtime).run()
        status = 0
    except BaseException as exc:  # nothing may get back into the parent's loop
        os.write(2, f"a sandbox could not start: {exc!r}\n".encode())
    finally:
        os._exit(status)


class Guard:
    """Watches the processes of a sandbox, as their process 1."""

    def __init__(self, wanted: Wanted, control: socket.socket, runtime: int) -> None:
        self._control = control
        self._runtime = runtime
        self._limit = wanted["memory_mb"] << 20
        self._is_isolated = bool(wanted["is_isolated"])
        self._proc = os.path.join(wanted["root"], "proc") if self._is_isolated else "/proc"
        self._peak = 0
        self._is_oom = self._is_frozen = False

    def run(self) -> None:
        """Run until the runtime or the control socket ends."""
        awake, waker = os.pipe()
        os.set_blocking(awake, False)
        os.set_blocking(waker, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(awake, select.POLLIN)
        try:
            while self._ended() is None:
                wait_s = self._watch()
                ready = poll.poll(None if wait_s is None else wait_s * 1000)
                if any(descriptor == awake for descriptor, _ in ready):
                    os.read(awake, 4096)
                if any(descriptor != awake for descriptor, _ in ready) and not self._obey():
                    return
        finally:
            self._signal(signal.SIGKILL)

    def _ended(self) -> int | None:
        status = None
        while True:
            try:
                pid, how = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            if pid == self._runtime:
                status = how
        if status is not None:
            self._say({"status": status, "is_oom": self._is_oom, "peak": min(self._peak, self._limit)})
        return status

    def _obey(self) -> bool:
        asked = self._control.recv(1)
        if asked == b"F":
            self._signal(signal.SIGSTOP)
            self._is_frozen = True
            self._peak = max(self._peak, self._used(), self._high_water())
            self._say({"peak": min(self._peak, self._limit)})
        elif asked == b"T":
            self._is_frozen = False
            self._signal(signal.SIGCONT)
        elif asked == b"K":
            os.kill(self._runtime, signal.SIGKILL)
        return bool(asked)

    def _watch(self) -> float | None:
        """Give the time after which memory has to be looked at again."""
        if self._is_frozen:
            return None
        used = self._used()
        self._peak = max(self._peak, used)
        if used > self._limit:
            self._is_oom = True
            self._signal(signal.SIGKILL)
        wait_s: float = max(_SHORTEST_S, min(_LONGEST_S, (self._limit - used) / _BYTES_PER_S))
        return wait_s

    def _used(self) -> int:
        pids = [str(self._runtime)]
        if self._is_isolated:
            pids = [name for name in os.listdir(self._proc) if name.isdigit() and name != "1"]
        if len(pids) == 1:
            fields = self._read(pids[0], "statm").split()
            return int(fields[1]) * _PAGE if fields else 0
        return sum(_field(self._read(pid, "smaps_rollup"), b"Pss:") for pid in pids)  # counts shared pages once

    def _high_water(self) -> int:
        return _field(self._read(str(self._runtime), "status"), b"VmHWM:")

    def _read(self, pid: str, name: str) -> bytes:
        try:
            with open(f"{self._proc}/{pid}/{name}", "rb") as file:
                return file.read()
        except OSError:  # it has just ended
            return b""

    def _signal(self, number: int) -> None:
        try:
            if self._is_isolated:
                assert os.getpid() == 1
                os.kill(-1, number)  # all of this namespace but process 1
            else:
                os.killpg(self._runtime, number)
        except ProcessLookupError:
            pass

    def _say(self, said: dict[str, Any]) -> None:
        try:
            self._control.send(json.dumps(said).encode())
        except OSError:
            return


def _field(text: bytes, name: bytes) -> int:
    for line in text.splitlines():
        if line.startswith(name):
            return int(line.split()[1]) << 10
    return 0


def _be_runtime(wanted: Wanted, output: int) -> None:
    try:
        os.setsid()
        for target, source in ((0, os.open(os.devnull, os.O_RDONLY)), (1, output), (2, output)):
            os.dup2(source, target)
        os.closerange(3, 1024)
        for name in (signal.SIGPIPE, signal.SIGINT, signal.SIGCHLD, signal.SIGHUP):
            signal.signal(name, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))
        os.umask(0o022)
        if wanted["is_isolated"]:
            os.chroot(wanted["root"])
            os.chdir("/var/task")
            os.setgroups([])
            os.setresgid(_USER, _USER, _USER)
            os.setresuid(_USER, _USER, _USER)
        else:
            os.chdir(wanted["task"])
        _libc.prctl(_DIE_WITH_PARENT, signal.SIGKILL)
        os.execve(wanted["python"], wanted["command"], wanted["env"])
    except BaseException as exc:
        os.write(2, f"the runtime could not start: {exc!r}\n".encode())
    finally:
        os._exit(127)


def _enter_own_mounts() -> None:
    before = os.readlink("/proc/self/ns/mnt")
    _check(_libc.unshare(_NEW_MOUNTS | _NEW_IPC))
    if os.readlink("/proc/self/ns/mnt") == before:
        raise OSError("the mount namespace is still the machine's: nothing may be mounted here")
    _mount(None, "/", None, _MS_REC | _MS_PRIVATE)


def _build_root(wanted: Wanted) -> None:
    root = wanted["root"]
    _mount("tmpfs", root, "tmpfs", _MS_NOSUID | _MS_NODEV, "size=1m,mode=755")
    for name in _SYSTEM:
        source, target = f"/{name}", f"{root}/{name}"
        if os.path.islink(source):
            os.symlink(os.readlink(source), target)
        elif os.path.isdir(source):
            _bind(source, target)
    os.mkdir(f"{root}/proc")
    _mount("proc", f"{root}/proc", "proc")
    os.mkdir(f"{root}/opt")
    os.mkdir(f"{root}/tmp")
    _mount("tmpfs", f"{root}/tmp", "tmpfs", _MS_NOSUID | _MS_NODEV, f"size={wanted['tmp_mb']}m,mode=1777")
    for prefix in wanted["prefixes"]:
        if not os.path.isdir(root + prefix):  # not below /usr
            _bind(prefix, root + prefix)
    _bind(wanted["task"], f"{root}/var/task")
    _bind(wanted["runtime"], f"{root}/var/runtime")
    for packages in wanted["hidden"]:
        if os.path.isdir(root + packages):
            _bind(f"{root}/opt", root + packages)  # an empty folder
    _set_read_only(root, is_read_only=True, flags=_AT_RECURSIVE)
    _set_read_only(f"{root}/tmp", is_read_only=False)


def _bind(source: str, target: str) -> None:
    os.makedirs(target, exist_ok=True)
    _mount(source, target, None, _MS_BIND)


def _mount(source: str | None, target: str, kind: str | None, flags: int = 0, options: str | None = None) -> None:
    texts = [None if text is None else text.encode() for text in (source, target, kind, options)]
    _check(_libc.mount(texts[0], texts[1], texts[2], flags, texts[3]), target)


def _set_read_only(path: str, *, is_read_only: bool, flags: int = 0) -> None:
    to_set, to_clear = (_ATTR_READ_ONLY, 0) if is_read_only else (0, _ATTR_READ_ONLY)
    attributes = ctypes.create_string_buffer(struct.pack("QQQQ", to_set, to_clear, 0, 0), 32)
    _check(
        _libc.syscall(_MOUNT_SETATTR, _AT_FDCWD, path.encode(), flags, attributes, ctypes.c_size_t(32)),
        path,
    )


def _check(result: int, path: str = "") -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), path)


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
