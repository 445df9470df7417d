"""What a web server says of a URL, and what is made of it, from real servers on this machine."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from lithops.errors import StorageError
from lithops.jobs.partition import partition
from lithops.spi import StorageBackend
from lithops.worker.data import DataPart, open_data

CONTENT = b"".join(b"line %d\n" % number for number in range(500))


class Handler(BaseHTTPRequestHandler):
    """Serves CONTENT; the words in the path say what the server cannot do."""

    answers: ClassVar[list[tuple[str, str, str | None]]]
    hold: ClassVar[threading.Event]

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:
        words = set(self.path.strip("/").split("/"))
        wanted = self.headers.get("Range")
        is_head = self.command == "HEAD"
        self.answers.append((self.command, self.path, wanted))
        content = b"" if "empty" in words else CONTENT
        headers = {} if words & {"no-ranges", "silent-ranges"} else {"Accept-Ranges": "bytes"}
        length = str(len(content))
        status = 200
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted or "")
        if "hang" in words or ("head-hangs" in words and is_head):
            self.hold.wait(10)
            self.close_connection = True
            return
        if "gone" in words or ("no-head" in words and is_head):
            status, content, length = (404, b"", "0") if "gone" in words else (405, b"", "0")
        elif "redirect" in words:
            status, content, length, headers = 301, b"", "0", {"Location": "/there"}
        elif match and "no-ranges" not in words and "empty" in words:
            status, length = 416, "0"
            headers["Content-Range"] = "bytes */0"
        elif match and "no-ranges" not in words:
            first = int(match[1])
            last = int(match[2]) if match[2] else len(content) - 1
            status = 206
            headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
            content = content[first : last + 1]
            length = str(len(content))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if not (is_head and "no-length" in words) and "unknown" not in words:
            self.send_header("Content-Length", "0" if is_head and "zero-length" in words else length)
        self.send_header("Connection", "close")
        self.end_headers()
        if not is_head:
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the overridden method
        pass


@contextmanager
def server() -> Iterator[tuple[str, type[Handler]]]:
    class Fresh(Handler):
        answers: ClassVar[list[tuple[str, str, str | None]]] = []
        hold = threading.Event()

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


def no_store(name: object) -> StorageBackend:
    raise AssertionError(f"a store was opened: {name}")


def cut(*urls: str, chunk_size: int | None = None, timeout_s: float = 5) -> list[list[DataPart]]:
    return partition(urls, open_store=no_store, chunk_size=chunk_size, http_timeout_s=timeout_s, sleep=lambda _: None)


def read(parts: list[DataPart]) -> bytes:
    pieces = []
    for part in parts:
        with open_data(part, no_store, http_timeout_s=5, sleep=lambda _: None) as obj:
            pieces.append(obj.data_stream.read())
    return b"".join(pieces)


@pytest.mark.parametrize(
    ("path", "methods", "number"),
    [
        ("good", ["HEAD"], 5),
        ("redirect", None, 5),
        ("no-head", ["HEAD", "GET"], 5),
        ("no-length", ["HEAD", "GET"], 5),
        ("zero-length", ["HEAD", "GET"], 5),
        ("silent-ranges", ["HEAD", "GET"], 5),
        ("no-ranges", ["HEAD", "GET"], 1),
        ("no-ranges/no-head", ["HEAD", "GET"], 1),
        ("no-ranges/unknown", ["HEAD", "GET"], 1),
    ],
)
def test_a_url_is_cut_when_its_server_knows_ranges(path: str, methods: list[str] | None, number: int) -> None:
    with server() as (base, handler):
        (parts,) = cut(f"{base}/{path}", chunk_size=1 + len(CONTENT) // 5)
        asked = list(handler.answers)
        assert len(parts) == number
        assert {part.url for part in parts} == {f"{base}/{path}"}
        assert {part.size_bytes for part in parts} == {None if "unknown" in path else len(CONTENT)}
        assert read(parts) == CONTENT
    if methods is not None:
        assert [method for method, _, _ in asked] == methods
        assert [span for method, _, span in asked if method == "GET"] in ([], ["bytes=0-0"])


@pytest.mark.parametrize("path", ["empty", "empty/no-ranges", "empty/no-head"])
def test_an_empty_url_is_one_empty_part(path: str) -> None:
    with server() as (base, _):
        (parts,) = cut(f"{base}/{path}", chunk_size=10)
        assert [(part.start, part.end, part.total_parts) for part in parts] == [(0, 0, 1)]
        assert read(parts) == b""


def test_without_chunks_a_head_with_a_length_is_all() -> None:
    with server() as (base, handler):
        cut(f"{base}/no-ranges")
        assert [method for method, _, _ in handler.answers] == ["HEAD"]


def test_a_url_that_is_gone_names_itself_and_the_status() -> None:
    with server() as (base, _), pytest.raises(FileNotFoundError, match=f"cannot read {base}/gone: HTTP status 404"):
        cut(f"{base}/gone")


def test_a_silent_server_is_an_error_in_bounded_time() -> None:
    with server() as (base, handler):
        with pytest.raises(StorageError, match=f"cannot read {base}/hang: timed out"):
            cut(f"{base}/hang", timeout_s=0.05)
        assert [method for method, _, _ in handler.answers] == ["HEAD", "GET"]


def test_a_server_that_is_silent_at_a_head_is_asked_by_a_get() -> None:
    with server() as (base, _):
        (parts,) = cut(f"{base}/head-hangs", timeout_s=0.1)
        assert parts[0].size_bytes == len(CONTENT)


def test_many_urls_come_in_order() -> None:
    with server() as (base, _):
        urls = [f"{base}/{number}" for number in range(50)]
        assert [parts[0].url for parts in cut(*urls)] == urls


def test_one_bad_url_of_many_is_the_error() -> None:
    with server() as (base, _), pytest.raises(FileNotFoundError, match="/gone/7"):
        cut(*(f"{base}/{'gone' if number == 7 else 'good'}/{number}" for number in range(20)))


def test_no_server_is_an_error_that_names_the_url() -> None:
    with server() as (base, _):
        pass
    with pytest.raises(StorageError, match=f"cannot read {base}/a"):
        cut(f"{base}/a")
