"""Parts of URLs from real servers on this machine: good ones, old ones, and ones that lie."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from lithops.errors import StorageError
from lithops.spi import StorageBackend
from lithops.types import StorageRef
from lithops.worker.data import DataObject, DataPart, open_data

CONTENT = b"".join(b"line %d\n" % number for number in range(1000))


class Handler(BaseHTTPRequestHandler):
    """Serves CONTENT; the first part of the path says how."""

    answers: ClassVar[list[tuple[str, str | None]]]
    hold: ClassVar[threading.Event]
    failures: ClassVar[list[int]]

    def do_GET(self) -> None:
        how = self.path.split("/")[1].partition("?")[0]
        wanted = self.headers.get("Range")
        self.answers.append((self.path, wanted))
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted or "")
        if how == "hang":
            self.hold.wait(10)
            self.close_connection = True
        elif how == "redirect":
            self.reply(302, b"", {"Location": "/ranges/again"})
        elif how == "to-file":
            self.reply(302, b"", {"Location": "file:///etc/hostname"})
        elif how == "status":
            self.reply(int(self.path.split("/")[2]), b"no")
        elif how == "busy" and self.failures:
            self.reply(self.failures.pop(), b"", {"Retry-After": "3"})
        elif how == "chunked":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(CONTENT), CONTENT))
        elif how == "cut" and (self.failures or "always" in self.path):
            del self.failures[:1]
            self.reply(200, CONTENT[:50], {"Content-Length": str(len(CONTENT))})
        elif match is None or how == "no-ranges":
            self.reply(200, CONTENT)
        else:
            first, last = int(match[1]), int(match[2]) if match[2] else len(CONTENT) - 1
            shift = 1 if how == "wrong-range" else 0
            total = len(CONTENT) + (7 if how == "grown" else 0)
            value = f"bytes {first + shift}-{last + shift}/{total}"
            headers = {} if how == "no-content-range" else {"Content-Range": value}
            self.reply(206, CONTENT[first : last + 1], headers)

    def reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), "Connection": "close", **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the overridden method
        pass


@contextmanager
def server(failures: tuple[int, ...] = ()) -> Iterator[tuple[str, type[Handler]]]:
    class Fresh(Handler):
        answers: ClassVar[list[tuple[str, str | None]]] = []
        hold = threading.Event()

    Fresh.failures = list(failures)

    class Server(ThreadingHTTPServer):
        request_queue_size = 128

    with Server(("127.0.0.1", 0), Fresh) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,), name="test-server")
        thread.start()
        try:
            yield f"http://127.0.0.1:{running.server_port}", Fresh
        finally:
            Fresh.hold.set()
            running.shutdown()
            thread.join(10)


@pytest.fixture
def base() -> Iterator[str]:
    with server() as (url, _):
        yield url


def no_store(ref: StorageRef) -> StorageBackend:
    raise AssertionError(f"a store was opened: {ref}")


def no_wait(seconds: float) -> None:
    pass


def open_url_part(
    url: str, start: int = 0, end: int | None = len(CONTENT), size: int | None = len(CONTENT)
) -> DataObject:
    part = DataPart(kind="url", url=url, start=start, end=end, size_bytes=size)
    return open_data(part, no_store, http_timeout_s=5, sleep=no_wait)


@pytest.mark.parametrize("how", ["ranges", "no-ranges", "redirect"])
def test_parts_make_up_the_whole_whether_the_server_knows_ranges_or_not(base: str, how: str) -> None:
    parts = []
    for start in range(0, len(CONTENT), 3000):
        with open_url_part(f"{base}/{how}/file", start, min(len(CONTENT), start + 3000)) as obj:
            parts.append(obj.data_stream.read())
    assert b"".join(parts) == CONTENT
    assert len(parts) == 3
    assert all(part.endswith(b"\n") for part in parts)


def test_the_whole_is_asked_for_without_a_range() -> None:
    with server() as (base, handler):
        with open_url_part(f"{base}/ranges/a b?x=1&y=%20#top") as obj:
            assert list(obj.data_stream) == CONTENT.splitlines(True)
        assert handler.answers == [("/ranges/a%20b?x=1&y=%20", None)]


def test_a_body_of_unknown_length_is_read_to_its_end(base: str) -> None:
    with open_url_part(f"{base}/chunked", end=None, size=None) as obj:
        assert obj.data_stream.read() == CONTENT
        assert obj.data_byte_range is None


def test_text_beyond_ascii_in_a_url_is_quoted() -> None:
    with server() as (base, handler):
        with open_url_part(f"{base}/ranges/\u00e9") as obj:
            assert obj.data_stream.read(4) == b"line"
        assert handler.answers[0][0] == "/ranges/%C3%A9"


@pytest.mark.parametrize("status", [403, 404, 410, 416, 501])
def test_a_refusal_names_the_url_and_the_status(base: str, status: int) -> None:
    url = f"{base}/status/{status}"
    with open_url_part(url) as obj, pytest.raises((StorageError, FileNotFoundError), match=f"{url}.* {status} "):
        obj.data_stream.read()


@pytest.mark.parametrize("how", ["wrong-range", "no-content-range", "grown"])
def test_a_wrong_range_is_an_error_and_no_data(base: str, how: str) -> None:
    with open_url_part(f"{base}/{how}", 1000, 2000) as obj, pytest.raises(StorageError, match=how):
        obj.data_stream.read()


def test_a_url_whose_size_changed_is_an_error(base: str) -> None:
    with open_url_part(f"{base}/no-ranges", end=99, size=99) as obj, pytest.raises(StorageError, match="had 99"):
        obj.data_stream.read()


def test_a_body_that_is_cut_short_is_resumed() -> None:
    with server(failures=(1, 1)) as (base, handler), open_url_part(f"{base}/cut") as obj:
        assert obj.data_stream.read() == CONTENT
        assert [span for _, span in handler.answers] == [
            None, f"bytes=50-{len(CONTENT) - 1}", f"bytes=50-{len(CONTENT) - 1}",
        ]  # fmt: skip


def test_a_body_that_is_always_cut_short_is_an_error(base: str) -> None:
    with open_url_part(f"{base}/cut/always") as obj, pytest.raises(StorageError, match=r"cut/always: .* bytes early"):
        obj.data_stream.read()


def test_a_busy_server_is_asked_again_after_the_time_that_it_wants() -> None:
    waits: list[float] = []
    with server(failures=(429, 503)) as (base, _):
        part = DataPart(kind="url", url=f"{base}/busy", end=len(CONTENT), size_bytes=len(CONTENT))
        with open_data(part, no_store, sleep=waits.append) as obj:
            assert obj.data_stream.read() == CONTENT
    assert waits == [3, 3]


def test_a_silent_server_is_an_error_in_bounded_time(base: str) -> None:
    part = DataPart(kind="url", url=f"{base}/hang", end=5, size_bytes=5)
    with open_data(part, no_store, http_timeout_s=0.05) as obj, pytest.raises(StorageError, match=r"hang: timed out"):
        obj.data_stream.read()


def test_a_redirect_cannot_lead_to_a_file(base: str) -> None:
    with open_url_part(f"{base}/to-file") as obj, pytest.raises(StorageError, match="to-file"):
        obj.data_stream.read()


def test_no_server_is_an_error_that_names_the_url() -> None:
    with server() as (base, _):
        pass
    with open_url_part(f"{base}/x") as obj, pytest.raises(StorageError, match=f"cannot read {base}/x"):
        obj.data_stream.read()
