"""Calls that fork, write on the worker's own socket, or leave processes behind; and clients that are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lithops.spi import CallEnd

if TYPE_CHECKING:
    from tests.localhost.compute.conftest import Bench


def pid_in(bench: Bench, file: Path) -> int:
    """Wait until a call has written the id of a process."""
    bench.until(lambda: file.exists() and file.read_text(encoding="ascii").endswith("\n"))
    return int(file.read_text(encoding="ascii"))


def test_a_child_that_holds_the_socket_does_not_hide_the_death(single: Bench, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    path = str(file)

    def function(_: object) -> None:
        import os
        import time

        child = os.fork()
        if child == 0:
            os.setsid()
            time.sleep(3)
            os._exit(0)
        with open(path, "w", encoding="ascii") as pid_file:
            pid_file.write(f"{child}\n")
        os.kill(os.getpid(), 9)

    calls = single.start(function, [0])
    assert single.ends(calls) == [CallEnd.LOST]
    assert single.run(len, "abc") == [3]
    os.kill(pid_in(single, file), signal.SIGKILL)


def test_a_child_that_writes_for_ever_does_not_hold_the_pool(single: Bench, tmp_path: Path) -> None:
    path = str(tmp_path / "pid")

    def function(_: object) -> None:
        import os
        import subprocess

        child = subprocess.Popen(["yes"], start_new_session=True)
        with open(path, "w", encoding="ascii") as pid_file:
            pid_file.write(f"{child.pid}\n")
        os.kill(os.getpid(), 9)

    calls = single.start(function, [0])
    try:
        assert single.ends(calls) == [CallEnd.LOST]
        assert single.run(len, "abc") == [3]
    finally:
        os.kill(pid_in(single, Path(path)), signal.SIGKILL)


def test_forked_children_that_print_do_not_break_the_protocol(single: Bench) -> None:
    def function(_: object) -> str:
        import multiprocessing

        def print_much(name: str) -> None:
            for number in range(50):
                print(f"{name}{number}:" + "x" * 20_000)

        context = multiprocessing.get_context("fork")
        children = [context.Process(target=print_much, args=(name,)) for name in "abc"]
        for child in children:
            child.start()
        print_much("d")
        for child in children:
            child.join(10)
        return "done"

    calls = single.start(function, [0])
    assert single.values(calls) == ["done"]
    assert single.run(len, "abc") == [3]


def test_a_fork_that_returns_from_the_function_does_not_end_the_call_twice(single: Bench) -> None:
    def function(_: object) -> str:
        import os

        child = os.fork()
        if child == 0:
            return "child"
        os.waitpid(child, 0)
        return "parent"

    calls = single.start(function, [0])
    assert single.values(calls) == ["parent"]
    assert single.run(len, "abc") == [3]


def test_a_call_that_writes_rubbish_on_the_socket_is_lost_and_no_other(two: Bench) -> None:
    def function(x: int) -> int:
        if x == 3:
            import os
            import stat

            for fd in map(int, os.listdir("/proc/self/fd")):
                try:
                    if stat.S_ISSOCK(os.fstat(fd).st_mode):
                        os.write(fd, b"rubbish of the user")
                except OSError:
                    continue
        return x

    calls = two.start(function, range(10))
    ends = two.ends(calls)
    assert ends[3] is CallEnd.LOST
    assert ends.count(CallEnd.SUCCESS) == 9


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (
            "status",
            {
                "executor_id": "exec-0",
                "job_id": "M000",
                "call_id": "00000",
                "attempt": 0,
                "end": "nonsense",
            },
        ),
        ("status", {"executor_id": "exec-0", "job_id": "M000", "call_id": "00777", "attempt": 0, "end": "success"}),
        ("returned", {"calls": 5}),
        ("returned", {}),
        ("returned", {"calls": ["00777"]}),
        ("output", {"stream": "x"}),
    ],
)
def test_a_worker_that_breaks_the_protocol_is_ended_and_the_pool_lives(
    single: Bench, kind: str, fields: dict[str, Any]
) -> None:
    def function(_: object) -> None:
        import os
        import stat
        import time

        from lithops.wire.envelope import encode

        for fd in map(int, os.listdir("/proc/self/fd")):
            try:
                if stat.S_ISSOCK(os.fstat(fd).st_mode):
                    os.write(fd, encode(kind, fields)[0])
            except OSError:
                continue
        time.sleep(60)

    calls = single.start(function, [0])
    assert single.ends(calls) == [CallEnd.LOST]
    assert single.run(len, "abc") == [3]


CLIENT = """
import os, sys, time
from pathlib import Path
sys.path.insert(0, {here!r})
import conftest
bench = conftest.Bench(Path({root!r}), worker_processes=2)
def function(_):
    import subprocess, time
    subprocess.Popen(["sleep", "63"])
    time.sleep(60)
if __name__ == "__main__":
    bench.start(function, range(6))
    bench.until(lambda: len(bench.children()) == 2)
    bench.until(lambda: all(conftest.children_of(pid) for pid in bench.children()))
    family = bench.children() + [pid for child in bench.children() for pid in conftest.children_of(child)]
    print(*family, flush=True)
    time.sleep(60)
"""


def test_workers_end_with_a_client_that_was_killed(single: Bench, tmp_path: Path) -> None:
    program = tmp_path / "client.py"
    here = str(Path(__file__).parent)
    program.write_text(textwrap.dedent(CLIENT.format(here=here, root=str(tmp_path / "other"))), encoding="utf-8")
    client = subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE, text=True)
    try:
        assert client.stdout is not None
        pids = [int(text) for text in client.stdout.readline().split()]
        assert len(pids) == 4
    finally:
        client.kill()
        client.communicate(timeout=20)
    single.until(lambda: not any(map(single.is_alive, pids)), "the end of the workers")
