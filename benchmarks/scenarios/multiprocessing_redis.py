"""What `lithops.multiprocessing` adds to Redis: a `Queue` and a `Lock`, against the bare round trips that they need.

The bare commands go by redis-py, to the same server, in turn: RPUSH and BLPOP, and SET NX PX with a DEL by script.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import redis
from benchmarks.measure import ROUNDS, Row, in_turn, main, timed

from lithops.multiprocessing.queues import Queue
from lithops.multiprocessing.synchronize import Lock

START_S = 30.0
RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


def rows(is_quick: bool) -> list[Row]:
    """Measure both, at a server of their own."""
    with _server() as (port, password), redis.Redis(port=port, password=password) as bare:
        section = {"host": "127.0.0.1", "port": port, "password": password}
        os.environ["LITHOPS_CONFIG"] = json.dumps({"lithops": {"backend": "localhost"}, "redis": section})
        return _measured(bare, 200 if is_quick else 3000, 2 if is_quick else ROUNDS)


def _measured(bare: redis.Redis, calls: int, rounds: int) -> list[Row]:
    queue, lock, release = Queue(), Lock(), bare.register_script(RELEASE)

    def put_and_get() -> None:
        for number in range(calls):
            queue.put(number)
            assert queue.get() == number

    def push_and_pop() -> None:
        for number in range(calls):
            bare.rpush("list", number)
            popped: Any = bare.blpop(["list"])
            assert int(popped[1]) == number

    def acquire_and_release() -> None:
        for _ in range(calls):
            lock.acquire()
            lock.release()

    def set_and_delete() -> None:
        for _ in range(calls):
            assert bare.set("lock", "me", nx=True, px=10_000)
            assert release(keys=["lock"], args=["me"])

    pairs = {
        "Queue put and get": (put_and_get, push_and_pop, "RPUSH, BLPOP"),
        "Lock acquire and release": (acquire_and_release, set_and_delete, "SET NX PX, DEL by script"),
    }
    found = []
    for scenario, (ours, theirs, commands) in pairs.items():
        ours(), theirs()
        times = in_turn({"ours": partial(timed, ours), "bare": partial(timed, theirs)}, rounds=rounds)
        shown = {name: f"{seconds / calls * 1e6:.0f} us" for name, seconds in times.items()}
        figure = times["ours"] / times["bare"]
        found.append(
            Row(f"multiprocessing {scenario}", shown["ours"], f"{commands} {shown['bare']}", figure, at_most=1.3)
        )
    return found


@contextmanager
def _server() -> Iterator[tuple[int, str]]:
    """Run a Redis server with a password, which keeps nothing on disk."""
    program = shutil.which("redis-server")
    if program is None:
        raise ValueError("there is no redis-server: install the package redis-server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    password = secrets.token_hex(16)
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "redis.conf")
        config.touch(0o600)
        config.write_text(
            f'port {port}\nrequirepass {password}\nsave ""\nappendonly no\nbind 127.0.0.1\ndir {folder}\nlogfile redis.log\n'
        )
        process = subprocess.Popen([program, str(config)])
        try:
            limit = time.monotonic() + START_S
            while not _listens(port):
                if process.poll() is not None or time.monotonic() > limit:
                    raise ValueError("the Redis server does not start")
                time.sleep(0.05)
            yield port, password
        finally:
            process.terminate()
            process.wait(START_S)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1.0).close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main(rows)
