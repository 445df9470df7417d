"""Invocations over own connections, against a server of the test's own that does what real ones do on bad days."""

from __future__ import annotations

import queue
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import ReadOnlyCredentials
from tests.aws.invoke_server import Server

from lithops.errors import BackendError, TransientError
from lithops_aws.compute import invoke_connection, invoke_loop
from lithops_aws.compute.invoke import Answer, Cut, Outcome, Request, Unsent
from lithops_aws.compute.invoke_loop import LoopInvoker
from lithops_aws.compute.invoke_signature import Signer

KEYS = ReadOnlyCredentials("AKIATEST", "very secret", "a token")
WAIT_S = 20.0
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Amzn-RequestId: 7\r\n\r\nok"


@pytest.fixture
def serving() -> Iterator[Callable[..., Server]]:
    made: list[Server] = []

    def serve(behave: Callable[[socket.socket, int, bytes], bytes | None], certificate: Path | None = None) -> Server:
        made.append(Server(behave, certificate))
        return made[-1]

    yield serve
    for server in made:
        server.close()


@pytest.fixture
def invoking() -> Iterator[Callable[..., LoopInvoker]]:
    made: list[LoopInvoker] = []

    def invoke(url: str, most: int = 100) -> LoopInvoker:
        made.append(LoopInvoker(lambda: Signer(url, "us-east-1"), most))
        return made[-1]

    yield invoke
    for invoker in made:
        invoker.close()


def outcomes(
    invoker: Any, count: int = 1, *, body: bytes = b"{}", timeout_s: float = WAIT_S, **more: Any
) -> list[Outcome]:
    """Send requests at the same time, and wait for all."""
    ends: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    for _ in range(count):
        invoker.submit(Request("f", more.get("kind", "RequestResponse"), body, timeout_s, KEYS, ends.put))
    return [ends.get(timeout=WAIT_S) for _ in range(count)]


def always(answer: bytes) -> Callable[[socket.socket, int, bytes], bytes]:
    return lambda *_: answer


def test_an_answer_comes_with_its_headers_and_body(serving: Any, invoking: Any) -> None:
    server = serving(always(OK))
    (answer,) = outcomes(invoking(server.url))
    assert answer == Answer(200, {"content-length": "2", "x-amzn-requestid": "7"}, b"ok")
    head = server.requests[0].decode()
    assert head.startswith("POST /2015-03-31/functions/f/invocations HTTP/1.1\r\n")
    assert "x-amz-log-type: Tail" in head


def test_one_connection_serves_requests_after_each_other(serving: Any, invoking: Any) -> None:
    server = serving(always(OK))
    invoker = invoking(server.url)
    for _ in range(5):
        outcomes(invoker)
    assert (len(server.connections), len(server.requests)) == (1, 5)


def test_requests_at_the_same_time_have_a_connection_each_up_to_a_number(serving: Any, invoking: Any) -> None:
    together = threading.Barrier(4)

    def behave(*_: Any) -> bytes:
        together.wait(WAIT_S)
        return OK

    server = serving(behave)
    assert {type(one) for one in outcomes(invoking(server.url, most=4), 12)} == {Answer}
    assert len(server.connections) == 4


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1;x=y\r\nk\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nTrailer: x\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
    ],
)
def test_answers_of_other_forms(serving: Any, invoking: Any, answer: bytes) -> None:
    def behave(connection: socket.socket, *_: Any) -> bytes:
        for at in range(len(answer) - 1):  # byte by byte: wherever it is cut, it is read right
            connection.sendall(answer[at : at + 1])
        return answer[-1:]

    server = serving(behave)
    invoker = invoking(server.url)
    for _ in range(2):
        (told,) = outcomes(invoker)
        assert isinstance(told, Answer)
        assert told.body == b"ok"
    assert len(server.connections) == 1


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 200 OK\r\n\r\nok", b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"]
)
def test_an_answer_that_ends_its_connection(serving: Any, invoking: Any, answer: bytes) -> None:
    def behave(connection: socket.socket, *_: Any) -> None:
        connection.sendall(answer)

    server = serving(behave)
    invoker = invoking(server.url)
    for _ in range(2):
        (told,) = outcomes(invoker)
        assert isinstance(told, Answer)
        assert told.body == b"ok"
    assert len(server.connections) == 2


def test_big_bodies_go_both_ways(serving: Any, invoking: Any) -> None:
    def behave(_connection: socket.socket, _number: int, body: bytes) -> bytes:
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body

    body = bytes(range(256)) * 20_000
    (told,) = outcomes(invoking(serving(behave).url), body=body)
    assert isinstance(told, Answer)
    assert told.body == body


def test_refusals_are_answers(serving: Any, invoking: Any) -> None:
    server = serving(always(b"HTTP/1.1 429 Too Many\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n"))
    (told,) = outcomes(invoking(server.url))
    assert told == Answer(429, {"retry-after": "2", "content-length": "0"}, b"")


def test_a_connection_that_is_cut_after_the_request_leaves_it_open(serving: Any, invoking: Any) -> None:
    (told,) = outcomes(invoking(serving(lambda *_: None).url))
    assert isinstance(told, Cut)


def test_a_connection_that_is_cut_in_the_answer_leaves_it_open(serving: Any, invoking: Any) -> None:
    def behave(connection: socket.socket, *_: Any) -> None:
        connection.sendall(OK[:-1])

    (told,) = outcomes(invoking(serving(behave).url))
    assert isinstance(told, Cut)


def test_a_kept_connection_that_is_closed_when_the_request_has_gone_leaves_it_open(serving: Any, invoking: Any) -> None:
    server = serving(lambda _connection, number, _body: OK if number == 0 else None)
    invoker = invoking(server.url)
    assert isinstance(outcomes(invoker)[0], Answer)
    assert isinstance(outcomes(invoker)[0], Cut)


def test_a_kept_connection_that_is_closed_before_the_request_is_whole_means_another(invoking: Any) -> None:
    arrived = threading.Event()

    class Stubborn(Server):
        def _serve(self, connection: socket.socket) -> None:
            if len(self.connections) > 1:
                super()._serve(connection)
                return
            with connection:
                connection.recv(65536)
                connection.sendall(OK)
                connection.recv(10)  # the next request begins; the rest of its many bytes stays with the client
                arrived.set()

    server = Stubborn(always(OK))
    with closing(server):
        invoker = invoking(server.url)
        assert isinstance(outcomes(invoker)[0], Answer)
        (told,) = outcomes(invoker, body=b"x" * 20_000_000)
        assert isinstance(told, Answer)
    assert arrived.is_set()
    assert len(server.connections) == 2


def test_a_new_connection_that_is_closed_before_the_request_is_whole_is_a_refusal(invoking: Any) -> None:
    class Closing(Server):
        def _serve(self, connection: socket.socket) -> None:
            with connection:
                connection.recv(10)

    with closing(Closing(always(OK))) as server:
        (told,) = outcomes(invoking(server.url), body=b"x" * 20_000_000)
    assert isinstance(told, Unsent)
    assert told.error.retryable


def test_a_connection_that_is_closed_while_it_is_free_is_not_used_again(serving: Any, invoking: Any) -> None:
    server = serving(always(OK))
    invoker = invoking(server.url)
    outcomes(invoker)
    server.connections[0].shutdown(socket.SHUT_RDWR)
    server._threads[1].join(WAIT_S)
    (told,) = outcomes(invoker)
    if isinstance(told, Cut):  # the end of the connection was on its way to the client
        (told,) = outcomes(invoker)
    assert isinstance(told, Answer)
    assert len(server.connections) == 2


def test_a_connection_that_was_free_for_long_is_not_used_again(
    serving: Any, invoking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serving(always(OK))
    invoker = invoking(server.url)
    outcomes(invoker)
    monkeypatch.setattr(invoke_loop, "IDLE_S", -1.0)
    outcomes(invoker)
    assert len(server.connections) == 2


def test_no_answer_in_time_leaves_it_open(serving: Any, invoking: Any) -> None:
    over = threading.Event()

    def behave(*_: Any) -> None:
        over.wait(WAIT_S)

    (told,) = outcomes(invoking(serving(behave).url), timeout_s=0.05)
    over.set()
    assert isinstance(told, Cut)
    assert "0.05 s" in told.reason


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nokk\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000,
    ],
    ids=lambda answer: repr(answer[-20:]),
)
def test_garbage_leaves_it_open_and_ends_the_connection(serving: Any, invoking: Any, answer: bytes) -> None:
    server = serving(always(answer))
    invoker = invoking(server.url)
    (told,) = outcomes(invoker)
    assert isinstance(told, Cut)
    server.behave = always(OK)
    assert isinstance(outcomes(invoker)[0], Answer)
    assert len(server.connections) == 2


def test_a_body_without_end_is_bounded(serving: Any, invoking: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invoke_connection, "MAX_BODY_BYTES", 1000)
    (told,) = outcomes(invoking(serving(always(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 2000)).url))
    assert isinstance(told, Cut)


def test_more_than_was_asked_for_ends_the_connection(serving: Any, invoking: Any) -> None:
    server = serving(always(OK + OK))
    invoker = invoking(server.url)
    for _ in range(2):
        assert isinstance(outcomes(invoker)[0], Answer)
    assert len(server.connections) == 2


def test_a_server_that_is_not_there_is_a_refusal_for_each(invoking: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    for told in outcomes(invoking(f"http://127.0.0.1:{port}"), 100):
        assert isinstance(told, Unsent)
        assert isinstance(told.error, TransientError)


def test_names_are_looked_up_once(serving: Any, invoking: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serving(always(OK))
    asked: list[str] = []

    def look_up(host: str, port: int, **_options: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    invoker = invoking(f"http://lambda.test:{server.port}")
    assert {type(one) for one in outcomes(invoker, 20)} == {Answer}
    assert asked == ["lambda.test"]


def test_a_name_that_is_not_known_is_a_refusal(invoking: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(*_args: Any, **_options: Any) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    (told,) = outcomes(invoking("http://lambda.test:1"))
    assert isinstance(told, Unsent)
    assert "lambda.test" in str(told.error)


def test_closing_ends_what_waits_and_the_thread(serving: Any, invoking: Any) -> None:
    over = threading.Event()

    def behave(*_: Any) -> None:
        over.wait(WAIT_S)

    server = serving(behave)
    invoker = invoking(server.url, most=2)
    ends: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    for _ in range(5):
        invoker.submit(Request("f", "RequestResponse", b"{}", WAIT_S, KEYS, ends.put))
    limit = time.monotonic() + WAIT_S
    while len(server.requests) < 2 and time.monotonic() < limit:
        time.sleep(0.01)
    invoker.close()
    over.set()
    kinds = [type(ends.get(timeout=WAIT_S)) for _ in range(5)]
    assert (kinds.count(Cut), kinds.count(Unsent)) == (2, 3)
    assert not [one for one in threading.enumerate() if one.name == "lithops-aws-invoke"]
    with pytest.raises(BackendError):
        outcomes(invoker)
    invoker.close()


def test_closing_what_was_never_used(invoking: Any) -> None:
    invoker = invoking("http://127.0.0.1:1")
    invoker.close()
    with pytest.raises(BackendError):
        outcomes(invoker)


def test_a_callers_bug_ends_nothing(serving: Any, invoking: Any, caplog: pytest.LogCaptureFixture) -> None:
    def broken(_outcome: Outcome) -> None:
        raise ZeroDivisionError

    server = serving(always(OK))
    invoker = invoking(server.url)
    invoker.submit(Request("f", "RequestResponse", b"{}", WAIT_S, KEYS, broken))
    assert isinstance(outcomes(invoker)[0], Answer)
    assert "could not be taken in" in caplog.text


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A file with a certificate of "localhost" and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("making a certificate needs the program openssl")
    path = tmp_path / "localhost.pem"
    options = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    command = ["openssl", *options.split(), "-keyout", str(tmp_path / "key"), "-out", str(path)]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    path.write_text((tmp_path / "key").read_text() + path.read_text())
    return path


def test_tls(serving: Any, invoking: Any, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def behave(_connection: socket.socket, _number: int, body: bytes) -> bytes:
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body

    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    server = serving(behave, certificate)
    invoker = invoking(f"https://localhost:{server.port}")
    for _ in range(2):
        (told,) = outcomes(invoker, body=b"x" * 1_000_000)
        assert isinstance(told, Answer)
        assert told.body == b"x" * 1_000_000
    assert len(server.connections) == 1
    server.behave = lambda *_: None
    assert isinstance(outcomes(invoker)[0], Cut)


def test_a_certificate_that_is_not_trusted_is_refused_for_good(
    serving: Any, invoking: Any, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    server = serving(always(OK), certificate)
    (told,) = outcomes(invoking(f"https://localhost:{server.port}"))
    assert isinstance(told, Unsent)
    assert not told.error.retryable
    assert "AWS_CA_BUNDLE" in str(told.error)
