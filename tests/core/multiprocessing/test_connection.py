"""Pipes: what is sent is received, and the end of one side is met at the other."""

from __future__ import annotations

import gc
import pickle
import subprocess
import threading
from array import array
from collections.abc import Callable
from typing import Any

import pytest

from lithops.multiprocessing.connection import BufferTooShort, Client, Connection, Listener, Pipe, wait
from lithops.multiprocessing.identities import ALIVE, end_identity, identity, new_identity

Spawn = Callable[..., "subprocess.Popen[bytes]"]
ResultOf = Callable[["subprocess.Popen[bytes]"], Any]


def test_both_ends_send_and_receive() -> None:
    first, second = Pipe()
    first.send({"a": [1]})
    second.send(None)
    assert (second.recv(), first.recv()) == ({"a": [1]}, None)
    assert first.readable
    assert first.writable
    with pytest.raises(NotImplementedError, match="file descriptor"):
        first.fileno()


def test_a_pipe_of_one_direction() -> None:
    reader, writer = Pipe(duplex=False)
    writer.send(1)
    assert reader.recv() == 1
    assert (reader.readable, reader.writable, writer.readable, writer.writable) == (True, False, False, True)
    with pytest.raises(OSError, match="read-only"):
        reader.send(1)
    with pytest.raises(OSError, match="write-only"):
        writer.recv()
    with pytest.raises(OSError, match="write-only"):
        writer.poll()


def test_bytes_are_sent_in_parts() -> None:
    first, second = Pipe()
    first.send_bytes(b"0123456789", 2)
    first.send_bytes(bytearray(b"0123456789"), 2, 3)
    first.send_bytes(b"")
    assert [second.recv_bytes() for _ in range(3)] == [b"23456789", b"234", b""]
    for arguments, message in (
        ((-1,), "offset"),
        ((11,), "length < offset"),
        ((0, -1), "size"),
        ((5, 6), "offset [+] size"),
    ):
        with pytest.raises(ValueError, match=message):
            first.send_bytes(b"0123456789", *arguments)


def test_bytes_are_received_into_a_buffer() -> None:
    first, second = Pipe()
    numbers = array("i", [0] * 4)
    first.send_bytes(array("i", [1, 2, 3]))
    assert second.recv_bytes_into(numbers, numbers.itemsize) == 3 * numbers.itemsize
    assert list(numbers) == [0, 1, 2, 3]
    first.send_bytes(b"too long")
    with pytest.raises(BufferTooShort) as caught:
        second.recv_bytes_into(bytearray(3))
    assert caught.value.args == (b"too long",)


def test_a_message_that_is_too_long_ends_the_reading() -> None:
    first, second = Pipe()
    first.send_bytes(b"12345")
    with pytest.raises(ValueError, match="negative"):
        second.recv_bytes(-1)
    with pytest.raises(OSError, match="bad message length"):
        second.recv_bytes(4)
    assert not second.readable


def test_poll_looks_and_waits() -> None:
    first, second = Pipe()
    assert not second.poll()
    assert not second.poll(0.05)
    timer = threading.Timer(0.05, first.send, ("x",))
    timer.start()
    assert second.poll(None)
    assert second.recv() == "x"
    timer.join()


def test_the_end_is_met_when_all_is_received() -> None:
    first, second = Pipe()
    first.send(1)
    first.close()
    first.close()
    assert first.closed
    assert second.recv() == 1
    assert second.poll()
    with pytest.raises(EOFError):
        second.recv()
    with pytest.raises(BrokenPipeError):
        second.send(1)
    for use in (first.recv, lambda: first.send(1), first.poll, lambda: pickle.dumps(first)):
        with pytest.raises(OSError, match="closed"):
            use()


def test_a_closing_wakes_who_waits() -> None:
    first, second = Pipe()
    timer = threading.Timer(0.05, first.close)
    timer.start()
    with pytest.raises(EOFError):
        second.recv()
    timer.join()


def test_an_end_is_open_while_a_copy_is() -> None:
    first, second = Pipe()
    copy = pickle.loads(pickle.dumps(second))
    second.close()
    first.send(1)
    assert copy.recv() == 1
    with copy:
        assert not first.poll()
    assert first.poll()


def test_a_copy_that_travels_is_open() -> None:
    first, second = Pipe()
    data = pickle.dumps(second)
    second.close()
    assert not first.poll()
    copy = pickle.loads(data)
    copy.send(1)
    assert first.recv() == 1
    copy.close()
    assert first.poll()


def test_a_copy_that_nobody_has_is_closed() -> None:
    first, second = Pipe()
    del second
    gc.collect()
    assert first.poll(30)
    with pytest.raises(EOFError):
        first.recv()


def test_the_ends_of_a_process_are_closed_with_it() -> None:
    first, second = Pipe()
    data = pickle.dumps(second)
    second.close()
    new_identity()
    copy = pickle.loads(data)
    copy.send(1)
    end_identity()
    assert first.recv() == 1
    with pytest.raises(EOFError):
        first.recv()


def _answer(end: Connection) -> None:
    while True:
        try:
            end.send(end.recv() * 2)
        except EOFError:
            return


def test_processes_talk_until_one_closes(spawn: Spawn, result_of: ResultOf) -> None:
    mine, its = Pipe()
    process = spawn(_answer, its)
    its.close()
    for number in range(50):
        mine.send(number)
    assert [mine.recv() for _ in range(50)] == [2 * number for number in range(50)]
    mine.close()
    result_of(process)


def _be_there(end: Connection) -> None:
    end.send(identity())
    end.recv()


def test_the_death_of_the_other_process_is_the_end(spawn: Spawn) -> None:
    mine, its = Pipe()
    process = spawn(_be_there, its)
    its.close()
    name = mine.recv()
    process.kill()
    process.wait()
    mine._redis.call("PEXPIRE", ALIVE + name, 200)  # the lease, which nobody renews, but sooner
    with pytest.raises(EOFError):
        mine.recv()


def test_wait_gives_those_that_are_ready() -> None:
    pipes = [Pipe(duplex=False) for _ in range(5)]
    readers = [reader for reader, _ in pipes]
    assert wait([]) == []
    assert wait(readers, 0) == []
    assert wait(readers, timeout=0.05) == []
    timer = threading.Timer(0.05, pipes[3][1].send, ("x",))
    timer.start()
    assert wait(readers) == [readers[3]]
    timer.join()
    pipes[1][1].close()
    assert wait(readers) == [readers[1], readers[3]]


def test_wait_looks_at_sentinels_too() -> None:
    class Sentinel:
        looks = 0

        def is_ready(self) -> bool:
            self.looks += 1
            return self.looks > 2

    sentinel = Sentinel()
    reader, writer = Pipe(duplex=False)
    assert wait([reader, sentinel], 30) == [sentinel]
    assert not writer.closed
    with pytest.raises(NotImplementedError, match="sentinels"):
        wait([3])


def test_listening_is_not_possible() -> None:
    for use in (Listener, Client):
        with pytest.raises(NotImplementedError, match="Pipe"):
            use(("localhost", 6000))
