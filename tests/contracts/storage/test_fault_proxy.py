"""The proxy of the kit: what passes is not changed, each fault does what it says, and nothing is left running."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse, IncompleteRead
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from lithops.testing import Answer, FaultProxy, HttpFault

BIG = 70 << 20


class Echo(BaseHTTPRequestHandler):
    """Answers what it was asked, as JSON; below /bytes/N so many bytes, below /chunks three chunks, /none with 204."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        body = self._body()
        if self.path == "/none":
            self.send_response(204)
            self.end_headers()
        elif self.path == "/chunks":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"3;x=y\r\nabc\r\n2\r\nde\r\n1\r\nf\r\n0\r\nX-Trailer: t\r\n\r\n")
        elif self.path == "/until-close":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"all of it")
            self.close_connection = True
        elif self.path == "/death":
            self.close_connection = True
        elif self.path.startswith("/bytes/"):
            self._answer(bytes(int(self.path.rpartition("/")[2])))
        else:
            asked = [self.command, self.requestline, list(self.headers.items()), hashlib.sha256(body).hexdigest()]
            self._answer(json.dumps(asked).encode())

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _serve  # noqa: N815

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("X-Twice", "1")
        self.send_header("X-Twice", "2")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        whole = b""
        while size := int(self.rfile.readline(), 16):
            whole += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return whole

    def log_message(self, *_: object) -> None:
        return


class EchoServer(ThreadingHTTPServer):
    request_queue_size = 64


@pytest.fixture
def upstream() -> Iterator[str]:
    with EchoServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def proxy(upstream: str) -> Iterator[FaultProxy]:
    with FaultProxy(upstream) as proxy:
        yield proxy


@pytest.fixture
def client(proxy: FaultProxy) -> Iterator[HTTPConnection]:
    connection = HTTPConnection("127.0.0.1", port_of(proxy), timeout=20.0)
    yield connection
    connection.close()


def port_of(proxy: FaultProxy) -> int:
    return urlsplit(proxy.url).port or 0


def ask(client: HTTPConnection, method: str, path: str, body: object = None, **headers: str) -> HTTPResponse:
    client.request(method, path, body, headers)  # type: ignore[arg-type]  # bytes, or an iterable of them
    return client.getresponse()


def test_requests_and_answers_pass_unchanged_on_one_connection(proxy: FaultProxy, client: HTTPConnection) -> None:
    client.connect()
    own = client.sock.getsockname()
    for path in ("/a%20b//c?x=1&y=%2F", "//twice", "/../up"):
        answer = ask(client, "PUT", path, b"body", **{"x-Odd-CASE": "Value", "Authorization": "Bearer t"})
        method, line, headers, digest = json.loads(answer.read())
        assert (answer.status, answer.headers.get_all("X-Twice")) == (200, ["1", "2"])
        assert (method, line) == ("PUT", f"PUT {path} HTTP/1.1")
        assert headers == [
            ["Host", f"127.0.0.1:{port_of(proxy)}"],
            ["Accept-Encoding", "identity"],
            ["Content-Length", "4"],
            ["x-Odd-CASE", "Value"],
            ["Authorization", "Bearer t"],
        ]
        assert digest == hashlib.sha256(b"body").hexdigest()
    assert client.sock.getsockname() == own
    assert [(asked.method, asked.path, asked.status, asked.body_bytes) for asked in proxy.requests] == [
        ("PUT", "/a%20b//c?x=1&y=%2F", 200, 4),
        ("PUT", "//twice", 200, 4),
        ("PUT", "/../up", 200, 4),
    ]
    assert proxy.requests[0].headers["x-odd-case"] == "Value"


def test_bodies_of_each_framing_pass(client: HTTPConnection) -> None:
    answer = ask(client, "HEAD", "/bytes/1000")
    assert (answer.headers["Content-Length"], answer.read()) == ("1000", b"")
    assert ask(client, "DELETE", "/none").read() == b""
    assert ask(client, "GET", "/bytes/0").read() == b""
    assert ask(client, "GET", "/chunks").read() == b"abcdef"
    sent = ask(client, "PUT", "/x", iter([b"one", b"two" * 50_000]))
    assert json.loads(sent.read())[3] == hashlib.sha256(b"one" + b"two" * 50_000).hexdigest()
    assert ask(client, "GET", "/until-close").read() == b"all of it"
    assert len(ask(client, "GET", "/bytes/10").read()) == 10


def test_big_bodies_pass_both_ways(proxy: FaultProxy, client: HTTPConnection) -> None:
    body = bytes(BIG)
    assert json.loads(ask(client, "PUT", "/x", body).read())[3] == hashlib.sha256(body).hexdigest()
    answer = ask(client, "GET", f"/bytes/{BIG}")
    assert sum(map(len, iter(lambda: answer.read(1 << 20), b""))) == BIG
    assert [asked.body_bytes for asked in proxy.requests] == [BIG, 0]


def test_who_expects_100_is_told_to_continue(proxy: FaultProxy) -> None:
    with socket.create_connection(("127.0.0.1", port_of(proxy)), timeout=20.0) as raw:
        raw.sendall(b"PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        assert raw.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        raw.sendall(b"body")
        assert raw.recv(100).startswith(b"HTTP/1.1 200 OK\r\n")
    assert proxy.requests[0].headers["expect"] == "100-continue"


def test_an_answer_is_given_instead_and_the_connection_goes_on(proxy: FaultProxy, client: HTTPConnection) -> None:
    proxy.plan(HttpFault(answer=Answer(503, b"slow down", {"Retry-After": "7"}), method="PUT", skip=1, times=2))
    answers = []
    for _ in range(4):
        answer = ask(client, "PUT", "/none", b"x" * 100_000)
        answers.append((answer.status, answer.read()))
    assert answers == [(204, b""), (503, b"slow down"), (503, b"slow down"), (204, b"")]
    proxy.plan(HttpFault(answer=Answer(404, b"not here"), path="thing", times=None))
    for method in ("GET", "HEAD", "PUT"):
        answer = ask(client, method, "/some/thing")
        assert (answer.status, answer.reason, answer.read()) == (
            404,
            "Not Found",
            b"" if method == "HEAD" else b"not here",
        )
    assert ask(client, "GET", "/none").status == 204
    assert [asked.status for asked in proxy.requests] == [204, 503, 503, 204, 404, 404, 404, 204]


def test_a_reset_comes_before_or_after_the_request_is_done(upstream: str) -> None:
    with FaultProxy(upstream) as behind, FaultProxy(behind.url) as front:
        for fault, done in ((HttpFault(resets=True), 0), (HttpFault(resets=True, passes_on=True), 1)):
            front.plan(fault)
            client = HTTPConnection("127.0.0.1", port_of(front), timeout=20.0)
            with pytest.raises(ConnectionResetError):
                ask(client, "PUT", "/x", b"body")
            client.close()
            assert len(behind.requests) == done
        assert [asked.status for asked in front.requests] == [0, 0]


def test_a_server_that_ends_the_connection_is_a_reset(client: HTTPConnection) -> None:
    with pytest.raises(ConnectionResetError):
        ask(client, "GET", "/death")


@pytest.mark.parametrize("path", ["/bytes/1000000", "/chunks"])
def test_a_body_is_cut_by_a_reset_or_by_a_close(proxy: FaultProxy, client: HTTPConnection, path: str) -> None:
    at = 1000 if path != "/chunks" else 10
    proxy.plan(HttpFault(cuts_after=at, cuts_cleanly=True))
    with pytest.raises(IncompleteRead) as raised:
        ask(client, "GET", path).read()
    assert len(raised.value.partial) == (1000 if path != "/chunks" else 3)
    client.close()
    proxy.plan(HttpFault(cuts_after=at))
    with pytest.raises((ConnectionResetError, IncompleteRead)) as broken:
        ask(client, "GET", path).read()
    assert broken.type is ConnectionResetError or isinstance(broken.value.__context__, ConnectionResetError)
    client.close()
    assert ask(client, "GET", path).read() in (bytes(1_000_000), b"abcdef")


def test_a_body_shorter_than_the_cut_is_whole(proxy: FaultProxy, client: HTTPConnection) -> None:
    proxy.plan(HttpFault(cuts_after=1000, times=None))
    assert len(ask(client, "GET", "/bytes/1000").read()) == 1000


def test_a_new_plan_forgets_the_old_one(proxy: FaultProxy, client: HTTPConnection) -> None:
    proxy.plan(HttpFault(resets=True, times=None), HttpFault(delay_s=0.0))
    proxy.plan()
    assert ask(client, "GET", "/none").status == 204


def test_many_clients_are_served_at_once_and_counted(proxy: FaultProxy) -> None:
    together, statuses = threading.Barrier(16, timeout=20.0), []

    def work() -> None:
        client = HTTPConnection("127.0.0.1", port_of(proxy), timeout=20.0)
        together.wait()
        for _ in range(5):
            answer = ask(client, "PUT", "/x", b"x" * 1000)
            answer.read()
            statuses.append(answer.status)
        client.close()

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 80
    assert len(proxy.requests) == 80


def test_a_path_of_the_server_is_the_proxys_too(upstream: str) -> None:
    with FaultProxy(f"{upstream}/account/") as proxy:
        assert proxy.url.endswith("/account")
    with pytest.raises(ValueError, match="give a URL"):
        FaultProxy("https://127.0.0.1:1")


def test_it_ends_with_its_threads_while_a_client_stays_connected(upstream: str) -> None:
    before = set(threading.enumerate())
    with FaultProxy(upstream) as proxy:
        client = HTTPConnection("127.0.0.1", port_of(proxy), timeout=20.0)
        assert ask(client, "GET", "/none").status == 204
    proxy.close()
    left = [thread for thread in set(threading.enumerate()) - before if "process_request" not in thread.name]
    assert left == []
    client.close()
    with pytest.raises(ConnectionRefusedError):
        ask(client, "GET", "/none")
