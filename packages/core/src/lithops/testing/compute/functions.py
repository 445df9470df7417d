"""What the kit's calls do in their workers. Pickled by value, as a user's functions are: each imports what it needs."""

from __future__ import annotations

from typing import Any, NoReturn

StoreArguments = tuple[str, str, dict[str, Any]]
"""The fields of a `StorageRef`, as plain data."""


class OddError(Exception):
    """Wants other arguments than it passes on, so that it cannot simply be unpickled."""

    def __init__(self, first: int, second: int) -> None:
        super().__init__(f"odd: {first}")
        self.second = second


def echo(value: Any) -> Any:
    return value


def add(first: int, second: int = 0) -> int:
    return first + second


def make_bytes(size: int) -> bytes:
    import random

    return random.Random(size).randbytes(size)


def fail(text: str) -> NoReturn:
    raise ValueError(text)


def fail_oddly() -> NoReturn:
    raise OddError(1, 2)


def make_unpicklable() -> Any:
    return (number for number in range(3))


def leave(how: str) -> NoReturn:
    if how == "SystemExit":
        raise SystemExit(3)
    raise KeyboardInterrupt


def variables(*names: str) -> list[str | None]:
    import os

    return [os.environ.get(name) for name in names]


def use_module() -> Any:
    from lithops_contract_module import ANSWER  # type: ignore[import-not-found]  # it travels

    return ANSWER


def die(how: str) -> str:
    """Die as told; "not" returns."""
    import faulthandler
    import os
    import resource
    import signal
    import time

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if how == "exit":
        os._exit(3)
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(600)
    if how == "crash":
        faulthandler._sigsegv()  # type: ignore[attr-defined]
    if how == "fork":  # the child keeps what its parent had open
        if os.fork() == 0:
            time.sleep(20)
            os._exit(0)
        os._exit(3)
    return "alive"


def leave_process() -> str:
    """Return, but leave a process that has the worker's standard streams."""
    import subprocess

    subprocess.Popen(["sleep", "20"])
    return "left"


def allocate(size_mb: int) -> int:
    return len(bytearray(size_mb << 20))


def never_end(how: str) -> NoReturn:
    import os
    import signal
    import time

    if how == "deaf":
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM):
            signal.signal(number, signal.SIG_IGN)
    if how == "child":
        os.system("sleep 600")
    while True:
        if how != "spin":
            time.sleep(600)


def say(out: str, err: str) -> None:
    import sys

    sys.stdout.write(out)
    sys.stderr.write(err)


def say_below(text: str) -> None:
    """Write to the descriptors, as a C library or another program does."""
    import os
    import subprocess

    os.write(1, text.encode())
    subprocess.run(["echo", text], check=True)


def say_and_die(text: str) -> NoReturn:
    import os

    print(text, flush=True)
    os._exit(3)


def hold(store: StoreArguments, prefix: str, limit_s: float) -> str:
    """Say that it runs, wait for leave to go on, and say that it went on."""
    import time

    write(store, f"{prefix}/started")
    end = time.monotonic() + limit_s
    while not exists(store, f"{prefix}/go"):
        if time.monotonic() > end:
            raise TimeoutError(f"'{prefix}/go' was not written in {limit_s} s")
        time.sleep(0.02)
    write(store, f"{prefix}/finished")
    return "finished"


def write(store: StoreArguments, key: str) -> None:
    bucket = store[1]
    open_store(store).put(bucket, key, b"")


def exists(store: StoreArguments, key: str) -> bool:
    from lithops.errors import StorageNoSuchKeyError

    try:
        open_store(store).head(store[1], key)
    except StorageNoSuchKeyError:
        return False
    return True


def open_store(store: StoreArguments) -> Any:
    from importlib import import_module

    from lithops.types import StorageRef

    module, _, name = store[0].partition(":")
    return getattr(import_module(module), name).from_ref(StorageRef(*store))
