"""Queues: order, bounds, time-outs, and what writers, readers and interrupts do to them."""

from __future__ import annotations

import collections
import os
import pickle
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from lithops.multiprocessing.queues import Empty, Full, JoinableQueue, Queue, SimpleQueue

Spawn = Callable[..., "subprocess.Popen[bytes]"]
ResultOf = Callable[["subprocess.Popen[bytes]"], Any]
WRITERS = 16
EACH = 100


def test_objects_come_in_the_order_they_were_put() -> None:
    queue = Queue()
    for item in (1, None, [2], b"3", {"four": 4}):
        queue.put(item)
    assert [queue.get() for _ in range(5)] == [1, None, [2], b"3", {"four": 4}]


def test_a_copy_is_the_same_queue() -> None:
    queue = Queue(2)
    copy = pickle.loads(pickle.dumps(queue))
    copy.put("x")
    copy.put("y")
    assert queue.full()
    assert queue.get() == "x"
    assert (queue.qsize(), queue.empty(), queue.full()) == (1, False, False)


def test_an_empty_queue_raises_empty() -> None:
    queue = Queue()
    for take in (
        queue.get_nowait,
        lambda: queue.get(False),
        lambda: queue.get(timeout=0.05),
        lambda: queue.get(True, -1),
    ):
        with pytest.raises(Empty):
            take()
    assert queue.empty()


def test_a_full_queue_raises_full() -> None:
    queue = Queue(1)
    queue.put(1)
    for block, timeout in ((False, None), (True, 0.05), (True, -1)):
        with pytest.raises(Full):
            queue.put(2, block, timeout)
    with pytest.raises(Full):
        queue.put_nowait(2)
    assert queue.get() == 1
    assert queue.empty()


def test_a_put_waits_for_room() -> None:
    queue = Queue(1)
    queue.put(0)

    def put() -> None:
        for item in range(1, 50):
            queue.put(item)

    thread = threading.Thread(target=put)
    thread.start()
    assert [queue.get(timeout=10) for _ in range(50)] == list(range(50))
    thread.join()


def test_a_closed_queue_is_of_no_use_here_but_elsewhere() -> None:
    queue = Queue()
    with pytest.raises(AssertionError):
        queue.join_thread()
    queue.put(1)
    queue.close()
    queue.join_thread()
    queue.cancel_join_thread()
    with pytest.raises(ValueError, match="is closed"):
        queue.put(2)
    with pytest.raises(ValueError, match="is closed"):
        queue.get()
    assert pickle.loads(pickle.dumps(queue)).get() == 1


def test_a_simple_queue_has_no_more_than_it_needs() -> None:
    queue = SimpleQueue()
    assert queue.empty()
    queue.put([1])
    assert not queue.empty()
    assert queue.get() == [1]
    queue.close()
    with pytest.raises(OSError, match="closed"):
        queue.get()


def test_what_cannot_be_pickled_is_raised_by_put() -> None:
    queue = Queue()
    with pytest.raises(TypeError):
        queue.put(threading.Lock())
    assert queue.empty()


def test_large_items_come_whole() -> None:
    queue = Queue()
    data = os.urandom(3_000_000)
    queue.put(data)
    assert queue.get() == data


def test_join_waits_for_all_tasks() -> None:
    queue = JoinableQueue()
    done = []
    for item in range(5):
        queue.put(item)

    def work() -> None:
        for _ in range(5):
            done.append(queue.get())
            queue.task_done()

    thread = threading.Thread(target=work)
    thread.start()
    queue.join()
    assert done == [0, 1, 2, 3, 4]
    thread.join()
    queue.join()
    with pytest.raises(ValueError, match="too many times"):
        queue.task_done()


def test_all_who_join_are_woken() -> None:
    queue = JoinableQueue()
    queue.put(1)
    threads = [threading.Thread(target=queue.join) for _ in range(20)]
    for thread in threads:
        thread.start()
    queue.task_done()
    for thread in threads:
        thread.join()


def _write(queue: Queue, writer: int) -> None:
    for number in range(EACH):
        queue.put((writer, number))


def test_sixteen_writers_lose_nothing(spawn: Spawn, result_of: ResultOf) -> None:
    queue = Queue(50)
    writers = [spawn(_write, queue, writer) for writer in range(WRITERS)]
    seen = collections.defaultdict(list)
    for _ in range(WRITERS * EACH):
        writer, number = queue.get(timeout=30)
        seen[writer].append(number)
    for process in writers:
        result_of(process)
    assert dict(seen) == {writer: list(range(EACH)) for writer in range(WRITERS)}
    assert queue.empty()


def _read(queue: Queue, ready: Queue) -> Any:
    ready.put(None)
    try:
        return [queue.get()]
    except KeyboardInterrupt:
        return "interrupted"


def test_an_interrupt_of_a_blocked_get_loses_nothing(spawn: Spawn, result_of: ResultOf) -> None:
    queue, ready = Queue(), Queue()
    process = spawn(_read, queue, ready)
    ready.get(timeout=30)
    while not queue._redis.call("EXISTS", queue._key + ":gf"):  # it waits
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert result_of(process) == "interrupted"
    queue.put("kept")
    assert queue.get(timeout=10) == "kept"


class InterruptError(Exception):
    """What the handler of a signal raises."""


def test_signals_in_a_get_lose_nothing() -> None:
    """Interrupt gets of a queue that has items: an answer that was under way is put back.

    An interrupt between the end of `get` and the assignment is nobody's to mend, so that a few losses are allowed.
    """
    queue = Queue()
    for item in range(600):
        queue.put(item)
    got, interrupts, is_in_get, is_over = [], 0, False, threading.Event()

    def interrupt(*_: Any) -> None:
        nonlocal interrupts, is_in_get
        if is_in_get:
            is_in_get = False  # once for each get
            interrupts += 1
            raise InterruptError

    def shoot() -> None:
        while not is_over.wait(0.0005):
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, interrupt)
    shooter = threading.Thread(target=shoot)
    shooter.start()
    try:
        while interrupts < 20 and queue.qsize():
            try:
                is_in_get = True
                got.append(queue.get(block=False))
                is_in_get = False
            except InterruptError:
                continue
    finally:
        is_over.set()
        shooter.join()
        signal.signal(signal.SIGUSR1, before)
    while queue.qsize():
        got.append(queue.get())
    assert interrupts > 5
    assert len(set(got)) == len(got)
    assert 600 - len(got) <= 2, f"{600 - len(got)} lost by {interrupts} interrupts"


def test_a_reader_that_was_killed_keeps_nobody_from_reading(spawn: Spawn) -> None:
    queue, ready = Queue(), Queue()
    process = spawn(_read, queue, ready)
    ready.get(timeout=30)
    process.kill()
    process.wait()
    queue.put(1)
    assert queue.get(timeout=10) == 1
