"""What an invoker leaves behind when it is closed while it connects: nothing."""

from __future__ import annotations

import asyncio
import queue
import socket
import threading
from contextlib import closing
from typing import Any

import pytest
from botocore.credentials import ReadOnlyCredentials
from tests.aws.invoke_server import Server

from lithops_aws.compute.invoke import Outcome, Request, Unsent
from lithops_aws.compute.invoke_loop import LoopInvoker
from lithops_aws.compute.invoke_signature import Signer

KEYS = ReadOnlyCredentials("AKIATEST", "very secret", "a token")
WAIT_S = 20.0


def test_a_socket_that_has_just_connected_is_closed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """asyncio has a moment in which it loses the socket of a connection that is cancelled."""
    sockets: list[socket.socket] = []
    connect = asyncio.SelectorEventLoop.sock_connect

    async def connect_and_close(self: Any, sock: socket.socket, address: Any) -> None:
        sockets.append(sock)
        await connect(self, sock, address)
        invoker.close()  # on the loop's own thread: it ends with the next turn of the loop

    monkeypatch.setattr(asyncio.SelectorEventLoop, "sock_connect", connect_and_close)
    ends: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    with closing(Server(lambda *_: None)) as server:
        invoker = LoopInvoker(lambda: Signer(server.url, "us-east-1"), 10)
        invoker.submit(Request("f", "RequestResponse", b"{}", WAIT_S, KEYS, ends.put))
        assert isinstance(ends.get(timeout=WAIT_S), Unsent)
        thread = invoker._thread
        assert thread is not None
        thread.join(WAIT_S)
        assert not thread.is_alive()
    assert [sock.fileno() for sock in sockets] == [-1]


def test_closing_at_any_moment_ends_each_request_once_and_every_thread() -> None:
    before = set(threading.enumerate())
    with closing(Server(lambda *_: None)) as server:
        serving = set(threading.enumerate()) - before
        for number in range(30):
            ends: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
            invoker = LoopInvoker(lambda: Signer(server.url, "us-east-1"), 10)
            for _ in range(4):
                invoker.submit(Request("f", "RequestResponse", b"{}", WAIT_S, KEYS, ends.put))
            threading.Event().wait(number / 10_000)  # another moment each time
            invoker.close()
            assert [ends.get(timeout=WAIT_S) for _ in range(4)]
            assert ends.empty()
            assert not [one for one in set(threading.enumerate()) - before - serving if "lithops-aws" in one.name]
