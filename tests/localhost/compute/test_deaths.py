"""Workers that die, calls over time, cancelled calls: only what was running is lost, and everything else runs once."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lithops.spi import CallEnd, CallMessage

if TYPE_CHECKING:
    from tests.localhost.compute.conftest import Bench

MakeBench = Callable[..., "Bench"]


def noting(folder: Path) -> tuple[Callable[[int], int], Callable[[], list[int]]]:
    """Give a function that appends its input to a file, and what tells the inputs of all runs."""
    path = str(folder / "runs")

    def note(x: int) -> int:
        import os

        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(fd, b"%d\n" % x)
        os.close(fd)
        return x

    return note, lambda: sorted(map(int, Path(path).read_text(encoding="ascii").split()))


def pid_of_running(bench: Bench, file: Path) -> int:
    """Wait until a call has written the id of its process."""
    bench.until(lambda: file.exists() and file.read_text(encoding="ascii").endswith("\n"))
    return int(file.read_text(encoding="ascii"))


def sleeper(file: Path) -> Callable[[object], None]:
    """Give a function that writes its process id and sleeps for long."""
    path = str(file)

    def sleep(_: object) -> None:
        import os
        import time

        with open(path, "w", encoding="ascii") as pid_file:
            pid_file.write(f"{os.getpid()}\n")
        time.sleep(60)

    return sleep


def reason(bench: Bench, call: CallMessage) -> str:
    (status,) = bench.wait([call])
    assert status.error is not None
    return status.error.message


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_worker_killed_in_a_call_loses_that_call_and_tells_the_signal(
    two: Bench, tmp_path: Path, number: signal.Signals
) -> None:
    file = tmp_path / "pid"
    (call,) = two.start(sleeper(file), [0])
    os.kill(pid_of_running(two, file), number)
    (status,) = two.wait([call])
    assert status.end is CallEnd.LOST
    assert status.error is not None
    assert (status.error.signal, status.error.exit_code) == (number, None)
    assert number.name in status.error.message
    assert two.run(len, "abc") == [3]


@pytest.mark.parametrize("code", [0, 1, 77])
def test_a_worker_that_exits_in_a_call_loses_it_and_tells_the_code(single: Bench, code: int) -> None:
    (status,) = single.wait(single.start(lambda code: __import__("os")._exit(code), [code]))
    assert status.end is CallEnd.LOST
    assert status.error is not None
    assert (status.error.signal, status.error.exit_code) == (None, code)
    assert f"code {code}" in status.error.message
    assert single.run(len, "abc") == [3]


def test_the_last_words_of_a_dead_worker_are_told(single: Bench) -> None:
    def function(_: object) -> None:
        import os

        os.write(2, b"Fatal: out of luck\n")
        os.abort()

    calls = single.start(function, [0])
    (status,) = single.wait(calls)
    assert status.error is not None
    assert "Fatal: out of luck" in status.error.traceback
    single.until(lambda: "Fatal: out of luck" in single.text(calls[0], "stderr"))


def test_an_idle_worker_that_dies_is_replaced_when_it_is_needed(single: Bench) -> None:
    before = set(single.children())
    single.run(len, "a")
    (pid,) = set(single.children()) - before
    os.kill(pid, signal.SIGKILL)
    single.until(lambda: not os.path.exists(f"/proc/{pid}"))  # the pool has buried it
    assert single.run(len, "abc", "ab") == [3, 2]


def test_the_siblings_of_a_dead_worker_s_call_run_exactly_once(bench: MakeBench, tmp_path: Path) -> None:
    for workers in (1, 2):
        folder = tmp_path / str(workers)
        folder.mkdir()
        note, runs = noting(folder)

        def function(x: int, note: Callable[[int], int] = note) -> int:
            import os

            note(x)
            if x % 100 == 50:
                os.kill(os.getpid(), 9)
            return x

        one = bench(worker_processes=workers)
        calls = one.start(function, range(500))
        ends = one.ends(calls)
        assert [x for x, end in enumerate(ends) if end is CallEnd.LOST] == [50, 150, 250, 350, 450]
        assert ends.count(CallEnd.SUCCESS) == 495
        assert runs() == list(range(500))


# Time-outs


def test_a_call_over_its_time_is_ended_and_no_other(two: Bench, tmp_path: Path) -> None:
    note, runs = noting(tmp_path)

    def function(x: int) -> int:
        import time

        note(x)
        while x == 100:
            time.sleep(1)
        return x

    calls = two.start(function, range(300), timeout_s=0.4)
    ends = two.ends(calls)
    assert [x for x, end in enumerate(ends) if end is not CallEnd.SUCCESS] == [100]
    assert ends[100] is CallEnd.TIMEOUT
    assert runs() == list(range(300))
    assert "time-out of 0.4 s" in reason(two, calls[100])


def test_the_time_counts_from_the_start_of_the_call_not_from_its_waiting(single: Bench) -> None:
    calls = single.start(lambda _: __import__("time").sleep(0.1), range(4), timeout_s=0.3)
    assert set(single.ends(calls)) == {CallEnd.SUCCESS}


def test_a_call_that_cannot_be_interrupted_is_ended_too(single: Bench) -> None:
    def function(_: object) -> None:
        import signal

        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            sum(range(1_000_000))

    assert single.ends(single.start(function, [0], timeout_s=0.2)) == [CallEnd.TIMEOUT]


def test_what_a_call_started_ends_with_its_time(single: Bench, tmp_path: Path) -> None:
    file = tmp_path / "pids"
    path = str(file)

    def function(_: object) -> None:
        import subprocess

        subprocess.run(["/bin/sh", "-c", f"sleep 61 & echo $! $$ > {path}; wait"])

    calls = single.start(function, [0], timeout_s=0.3)
    assert single.ends(calls) == [CallEnd.TIMEOUT]
    pids = [int(text) for text in file.read_text(encoding="ascii").split()]
    assert len(pids) == 2
    single.until(lambda: not any(map(single.is_alive, pids)), "the end of the children")


# Cancelling


def test_running_and_waiting_calls_are_cancelled_and_others_run(single: Bench, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    running = single.start(sleeper(file), [0])
    waiting = single.start(lambda x: x, range(10))
    pid = pid_of_running(single, file)
    single.backend.cancel("", [*running, *waiting[:5]])
    assert single.ends([*running, *waiting[:5]]) == [CallEnd.CANCELLED] * 6
    assert single.values(waiting[5:]) == [5, 6, 7, 8, 9]
    assert not single.is_alive(pid)


def test_cancelling_a_call_and_those_in_hand_behind_it_runs_none_of_them(single: Bench, tmp_path: Path) -> None:
    """Quick calls make the worker take many at once; then one is slow."""
    note, runs = noting(tmp_path)
    gate = str(tmp_path / "slow")

    def function(x: int) -> int:
        import time

        note(x)
        if x == 2000:
            open(gate, "w").close()
            time.sleep(60)
        return x

    calls = single.start(function, range(2200))
    single.until(lambda: os.path.exists(gate))
    single.backend.cancel("", calls[2000:2100])
    ends = single.ends(calls)
    assert set(ends[2000:2100]) == {CallEnd.CANCELLED}
    assert set(ends[:2000] + ends[2100:]) == {CallEnd.SUCCESS}
    assert runs() == [*range(2001), *range(2100, 2200)]


def test_cancelling_calls_behind_a_running_one_leaves_that_one_alone(single: Bench, tmp_path: Path) -> None:
    gate = str(tmp_path / "gate")
    slow = str(tmp_path / "slow")

    def function(x: int) -> int:
        import os
        import time

        if x == 1000:
            open(slow, "w").close()
            limit = time.monotonic() + 15
            while not os.path.exists(gate) and time.monotonic() < limit:
                time.sleep(0.005)
        return x

    calls = single.start(function, range(1100))
    single.until(lambda: os.path.exists(slow))
    single.backend.cancel("", calls[1001:])
    assert set(single.ends(calls[1001:])) == {CallEnd.CANCELLED}
    Path(gate).touch()
    assert single.values(calls[:1001]) == list(range(1001))


def test_cancelling_what_has_ended_changes_nothing(single: Bench) -> None:
    calls = single.start(len, ["abc"])
    single.wait(calls)
    single.backend.cancel("", calls)
    assert single.values(calls) == [3]
    assert single.run(len, "ab") == [2]


def test_cancelling_at_any_moment_gives_each_call_one_end(two: Bench) -> None:
    for pause_s in (0.0, 0.002, 0.005, 0.01, 0.02):
        calls = two.start(lambda x: x, range(300))
        time.sleep(pause_s)
        two.backend.cancel("", calls)
        assert set(two.ends(calls)) <= {CallEnd.SUCCESS, CallEnd.CANCELLED}
    assert two.run(len, "abc") == [3]
