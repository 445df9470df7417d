"""Locks, semaphores, conditions and events: as the standard library describes them, and when processes die."""

from __future__ import annotations

import pickle
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from lithops.multiprocessing.identities import ALIVE, end_identity, identity, new_identity
from lithops.multiprocessing.queues import Queue
from lithops.multiprocessing.synchronize import (
    BoundedSemaphore,
    Condition,
    Event,
    Lock,
    RLock,
    Semaphore,
)

Spawn = Callable[..., "subprocess.Popen[bytes]"]
ResultOf = Callable[["subprocess.Popen[bytes]"], Any]
WRITERS = 16
EACH = 50


def in_thread(work: Callable[[], Any]) -> Any:
    """Run work in another thread, and give its result."""
    results = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    thread.join()
    return results[0]


def test_a_lock_is_had_once() -> None:
    lock = Lock()
    assert lock.acquire()
    assert lock.locked()
    assert not lock.acquire(block=False)
    assert not lock.acquire(timeout=0.05)
    assert not lock.acquire(True, -1)
    lock.release()
    assert not lock.locked()
    with lock:
        assert not pickle.loads(pickle.dumps(lock)).acquire(False)
    with pytest.raises(ValueError, match="released too many times"):
        lock.release()


def test_anyone_may_release_a_lock() -> None:
    lock = Lock()
    lock.acquire()
    in_thread(lock.release)
    assert lock.acquire(False)


def test_a_recursive_lock_is_its_owners() -> None:
    lock = RLock()
    copy = pickle.loads(pickle.dumps(lock))
    assert lock.acquire()
    assert copy.acquire()
    assert not in_thread(lambda: lock.acquire(False))
    lock.release()
    assert not in_thread(lambda: lock.acquire(False))
    assert isinstance(in_thread(lambda: _caught(lock.release)), AssertionError)
    copy.release()
    assert in_thread(lambda: lock.acquire(False))
    with pytest.raises(AssertionError, match="not owned"):
        lock.release()


def _caught(work: Callable[[], Any]) -> BaseException | None:
    try:
        work()
    except Exception as exc:
        return exc
    return None


def test_a_semaphore_counts() -> None:
    semaphore = Semaphore(2)
    assert [semaphore.acquire(False) for _ in range(3)] == [True, True, False]
    assert semaphore.get_value() == 0
    for _ in range(3):
        semaphore.release()
    assert semaphore.get_value() == 3
    with pytest.raises(ValueError, match="-1"):
        Semaphore(-1)


def test_a_bounded_semaphore_is_never_above_its_first_value() -> None:
    semaphore = BoundedSemaphore(2)
    semaphore.acquire()
    in_thread(semaphore.release)
    with pytest.raises(ValueError, match="too many times"):
        semaphore.release()
    assert semaphore.get_value() == 2


def test_shown_as_in_the_standard_library() -> None:
    lock, semaphore, event = Lock(), Semaphore(3), Event()
    assert repr(lock) == "<Lock(owner=None)>"
    assert repr(RLock()) == "<RLock(None, 0)>"
    assert repr(semaphore) == "<Semaphore(value=3)>"
    assert repr(BoundedSemaphore(3)) == "<BoundedSemaphore(value=3, maxvalue=3)>"
    assert repr(Condition(lock)) == "<Condition(<Lock(owner=None)>, 0)>"
    assert repr(event).endswith(" unset>")
    event.set()
    assert repr(event).endswith(" set>")
    lock.acquire()
    assert in_thread(lambda: repr(lock)) == "<Lock(owner=SomeOtherThread)>"


def test_a_release_wakes_all_units_worth() -> None:
    semaphore = Semaphore(0)
    threads = [threading.Thread(target=semaphore.acquire) for _ in range(20)]
    for thread in threads:
        thread.start()
    for _ in threads:
        semaphore.release()
    for thread in threads:
        thread.join()
    assert semaphore.get_value() == 0


def _count_up(lock: Any, queue: Queue) -> None:
    for _ in range(EACH):
        with lock:
            queue.put(queue.get(timeout=10) + 1)


@pytest.mark.parametrize("make", [Lock, RLock, Semaphore, BoundedSemaphore])
def test_sixteen_processes_lose_no_update(make: Callable[[], Any], spawn: Spawn, result_of: ResultOf) -> None:
    lock, queue = make(), Queue()
    queue.put(0)
    processes = [spawn(_count_up, lock, queue) for _ in range(WRITERS)]
    for process in processes:
        result_of(process)
    assert queue.get() == WRITERS * EACH


def _hold(lock: Any, ready: Queue) -> None:
    lock.acquire()
    ready.put(identity())
    time.sleep(60)


@pytest.mark.parametrize("make", [Lock, RLock, BoundedSemaphore])
def test_what_a_killed_process_held_is_free(make: Callable[[], Any], spawn: Spawn) -> None:
    lock, ready = make(), Queue()
    process = spawn(_hold, lock, ready)
    holder = ready.get(timeout=30)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not lock.acquire(False)
    assert lock._redis.call("PTTL", ALIVE + holder) <= 10_000
    lock._redis.call("PEXPIRE", ALIVE + holder, 300)  # the lease, which nobody renews, but sooner
    assert lock.acquire(timeout=20)
    lock.release()


def test_what_a_process_held_is_free_when_it_ends() -> None:
    lock = Lock()
    new_identity()
    lock.acquire()
    end_identity()
    assert lock.acquire(False)


def test_a_semaphore_may_be_a_signal_of_a_process_that_ended() -> None:
    semaphore = Semaphore(1)
    new_identity()
    semaphore.acquire()
    end_identity()
    assert not semaphore.acquire(False)


def test_an_event_wakes_all_who_wait() -> None:
    event = Event()
    assert not event.wait(0.05)
    assert not event.wait(0)
    seen: list[bool] = []
    threads = [threading.Thread(target=lambda: seen.append(event.wait(30))) for _ in range(20)]
    for thread in threads:
        thread.start()
    pickle.loads(pickle.dumps(event)).set()
    for thread in threads:
        thread.join()
    assert seen == [True] * 20
    assert event.is_set()
    assert event.wait()
    event.clear()
    assert not event.is_set()


def _waiting(condition: Condition, count: int) -> None:
    while condition._redis.call("ZCARD", condition._key) != count:
        time.sleep(0.005)


@pytest.mark.parametrize("make", [Lock, RLock])
def test_notify_wakes_so_many(make: Callable[[], Any]) -> None:
    condition = Condition(make())
    woken: list[bool] = []

    def wait() -> None:
        with condition:
            woken.append(condition.wait(30))

    threads = [threading.Thread(target=wait) for _ in range(5)]
    for thread in threads:
        thread.start()
    _waiting(condition, 5)
    with condition:
        condition.notify(2)
    _waiting(condition, 3)
    with condition:
        condition.notify()
    _waiting(condition, 2)
    with condition:
        condition.notify_all()
    for thread in threads:
        thread.join()
    assert woken == [True] * 5
    with condition:
        condition.notify_all()
        assert not condition.wait(0.05)


def test_a_condition_asks_for_its_lock() -> None:
    condition = Condition()
    for work in (condition.wait, condition.notify, condition.notify_all):
        with pytest.raises(AssertionError, match="must acquire"):
            work()
    with pytest.raises(TypeError, match="Lock"):
        Condition(threading.Lock())


def test_a_wait_gives_back_all_that_its_thread_held() -> None:
    condition = Condition(RLock())
    with condition, condition:

        def notify() -> bool:
            with condition:
                condition.notify()
            return True

        thread = threading.Thread(target=notify)
        thread.start()
        assert condition.wait(30)
        thread.join()
        condition.release()
        assert not in_thread(lambda: condition.acquire(False))
        condition.acquire()


def test_wait_for_gives_the_value() -> None:
    condition = Condition()
    values = iter([0, 0, "yes"])

    def notify() -> None:
        for _ in range(2):
            _waiting(condition, 1)
            with condition:
                condition.notify()
                assert condition._redis.call("ZCARD", condition._key) == 0

    thread = threading.Thread(target=notify)
    with condition:
        thread.start()
        assert condition.wait_for(lambda: next(values), timeout=30) == "yes"
        assert condition.wait_for(lambda: 0, timeout=0.05) == 0
    thread.join()


@pytest.mark.timeout(120)
def test_a_thousand_waiters_are_woken_at_once() -> None:
    condition = Condition()
    woken = []

    def wait() -> None:
        with condition:
            woken.append(condition.wait())

    threads = [threading.Thread(target=wait) for _ in range(1000)]
    for thread in threads:
        thread.start()
    _waiting(condition, 1000)
    with condition:
        condition.notify_all()
    for thread in threads:
        thread.join()
    assert woken == [True] * 1000


def _wait_notified(condition: Condition, ready: Queue) -> bool:
    with condition:
        ready.put(identity())
        return condition.wait()


def test_a_dead_waiter_gets_no_notification(spawn: Spawn, result_of: ResultOf) -> None:
    condition, ready = Condition(), Queue()
    first = spawn(_wait_notified, condition, ready)
    dead = ready.get(timeout=30)
    _waiting(condition, 1)
    second = spawn(_wait_notified, condition, ready)
    ready.get(timeout=30)
    _waiting(condition, 2)
    first.kill()
    first.wait()
    condition._redis.call("DEL", ALIVE + dead)  # the lease has lapsed
    with condition:
        condition.notify()
    assert result_of(second) is True


def _interrupted(condition: Condition, ready: Queue) -> bool:
    with condition:
        ready.put(None)
        try:
            condition.wait()
        except KeyboardInterrupt:
            return condition._lock._is_owned()
    return False


def test_an_interrupted_wait_has_the_lock_and_waits_no_more(spawn: Spawn, result_of: ResultOf) -> None:
    condition, ready = Condition(), Queue()
    process = spawn(_interrupted, condition, ready)
    ready.get(timeout=30)
    _waiting(condition, 1)
    process.send_signal(signal.SIGINT)
    assert result_of(process) is True
    _waiting(condition, 0)
    assert condition.acquire(timeout=20)
