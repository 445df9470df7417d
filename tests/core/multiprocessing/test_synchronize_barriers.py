"""Barriers: all meet, again and again; and how one is broken."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from lithops.multiprocessing.identities import ALIVE
from lithops.multiprocessing.synchronize import Barrier, BrokenBarrierError

Spawn = Callable[..., "subprocess.Popen[bytes]"]
ResultOf = Callable[["subprocess.Popen[bytes]"], Any]


def _meet(barrier: Barrier, rounds: int) -> list[int]:
    return [barrier.wait(30) for _ in range(rounds)]


def test_processes_meet_at_a_barrier_again_and_again(spawn: Spawn, result_of: ResultOf) -> None:
    barrier = Barrier(4)
    processes = [spawn(_meet, barrier, 20) for _ in range(4)]
    numbers = [result_of(process) for process in processes]
    assert all(sorted(numbers_of_round) == [0, 1, 2, 3] for numbers_of_round in zip(*numbers, strict=True))
    assert (barrier.parties, barrier.n_waiting, barrier.broken) == (4, 0, False)


def _results(barrier: Barrier, count: int, timeout: float | None = None) -> list[Any]:
    found: list[Any] = []

    def wait() -> None:
        try:
            found.append(barrier.wait(timeout))
        except Exception as exc:
            found.append(type(exc))

    threads = [threading.Thread(target=wait) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(found, key=lambda one: getattr(one, "__name__", str(one)))


def test_the_action_runs_once_for_all() -> None:
    ran: list[int] = []
    barrier = Barrier(3, lambda: ran.append(1))
    assert _results(barrier, 3) == [0, 1, 2]
    assert _results(barrier, 6) == [0, 0, 1, 1, 2, 2]
    assert ran == [1, 1, 1]


def test_a_failed_action_breaks_the_barrier() -> None:
    barrier = Barrier(2, lambda: 1 // 0)
    assert _results(barrier, 2) == [BrokenBarrierError, ZeroDivisionError]
    assert barrier.broken
    with pytest.raises(BrokenBarrierError):
        barrier.wait()
    barrier.reset()
    assert not barrier.broken


def test_a_time_out_breaks_the_barrier_for_all() -> None:
    barrier = Barrier(3, timeout=0.2)
    assert _results(barrier, 2) == [BrokenBarrierError] * 2
    assert barrier.broken


@pytest.mark.parametrize(("end", "is_broken"), [(Barrier.abort, True), (Barrier.reset, False)])
def test_who_waits_learns_of_the_end(end: Callable[[Barrier], None], is_broken: bool) -> None:
    barrier = Barrier(3)

    def end_when_two_wait() -> None:
        while barrier.n_waiting < 2:
            time.sleep(0.005)
        end(barrier)

    thread = threading.Thread(target=end_when_two_wait)
    thread.start()
    assert _results(barrier, 2) == [BrokenBarrierError] * 2
    thread.join()
    assert barrier.broken is is_broken


def _die() -> None:
    time.sleep(60)


def test_a_barrier_whose_actor_died_is_broken(spawn: Spawn) -> None:
    barrier = Barrier(2, _die)
    process = spawn(_meet, barrier, 1)
    while barrier.n_waiting < 1:
        time.sleep(0.01)
    second = spawn(_meet, barrier, 1)
    while (actor := barrier._redis.call("HGET", barrier._key, "actor")) is None:
        time.sleep(0.01)
    for one in (process, second):
        one.kill()
        one.wait()
    barrier._redis.call("DEL", ALIVE.encode() + actor)  # the lease has lapsed
    with pytest.raises(BrokenBarrierError):
        barrier.wait(30)


def test_a_barrier_needs_parties() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Barrier(0)
