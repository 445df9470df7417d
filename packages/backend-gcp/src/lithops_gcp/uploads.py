"""How bodies travel: by one request, or by a resumable upload that is cancelled when it fails.

A body whose length is known is one stream of one request; any other goes in chunks of 16 MiB, each a request, since
only the last one can tell the length. Sources: https://cloud.google.com/storage/docs/performing-resumable-uploads.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress

import requests

from lithops.errors import StorageError, TransientError
from lithops.objects.parts import Body, cut
from lithops_gcp.errors import is_success
from lithops_gcp.session import Session

__all__ = ["CHUNK_BYTES", "Upload", "in_pieces", "put_back"]

CHUNK_BYTES = 16 * 1024 * 1024
"""What one request takes, and the memory for a body of unknown length (a multiple of 256 KiB, Google's rule)."""

_PIECE_BYTES = 512 * 1024
_KEPT = re.compile(r"bytes=0-(\d+)")


class _BodyFailedError(Exception):
    """Ends a request whose body cannot be read: no library of HTTP takes it for an error of its own."""


class _Pieces:
    """A body of a known length that is sent piece by piece, as each one has a time-out of its own."""

    def __init__(self, body: Body, size_bytes: int) -> None:
        self._body = body
        self._size_bytes = size_bytes
        self.failure: BaseException | None = None

    def drop(self) -> None:
        """Let the body go."""
        self._body = b""

    def __len__(self) -> int:
        return self._size_bytes

    def __iter__(self) -> Iterator[memoryview]:
        left = self._size_bytes
        try:
            for piece in cut(self._body, _PIECE_BYTES):
                piece = piece[:left]  # a file may have grown
                left -= len(piece)
                yield piece
                if not left:
                    return
        except GeneratorExit:
            raise
        except BaseException as exc:
            self.failure = exc
            raise _BodyFailedError from exc
        self.failure = StorageError(
            f"cannot write a body of {self._size_bytes} bytes: it ended {left} bytes too early; write a file that does"
            " not change"
        )
        raise _BodyFailedError


class Upload:
    """A resumable upload, `url` being its session's. `what` says what is done on what."""

    def __init__(self, session: Session, url: str, what: str) -> None:
        self._session = session
        self._url = url
        self._what = what

    def send(self, body: Body, size_bytes: int) -> requests.Response:
        """Send a body of a known length by one request; gives the answer, whatever it is."""
        return self._guarded(lambda: self._put(body, size_bytes, f"bytes 0-{size_bytes - 1}/{size_bytes}"))

    def send_chunks(self, chunks: Iterator[memoryview]) -> requests.Response:
        """Send chunks, all but the last of `CHUNK_BYTES`; gives the answer to the last, or the first that is an error."""
        return self._guarded(lambda: self._put_all(chunks))

    def _put_all(self, chunks: Iterator[memoryview]) -> requests.Response:
        start = 0
        chunk = next(chunks)
        while True:
            following = next(chunks, None)
            end = start + len(chunk)
            total = "*" if following is not None else str(end)
            while True:
                answer = self._put(chunk, len(chunk), f"bytes {start}-{end - 1}/{total}")
                if answer.status_code != 308:
                    return answer
                kept = _KEPT.match(answer.headers.get("Range", ""))
                at = int(kept[1]) + 1 if kept else 0
                if at == end and following is not None:
                    break
                if not start < at < end:  # less was kept than was sent: that may be, but some progress must be
                    raise TransientError(f"cannot {self._what}: the store kept nothing of a chunk; try again later")
                chunk, start = chunk[at - start :], at
            start, chunk = end, following

    def _put(self, body: Body, size_bytes: int, content_range: str) -> requests.Response:
        return in_pieces(self._session, "PUT", self._url, body, size_bytes, {"Content-Range": content_range})

    def _guarded(self, action: Callable[[], requests.Response]) -> requests.Response:
        """Cancel the upload unless it came to its end."""
        is_done = False
        try:
            answer = action()
            if answer.status_code == 308:
                raise TransientError(f"cannot {self._what}: the store did not keep it all; try again later")
            is_done = is_success(answer)
            return answer
        finally:
            if not is_done:
                with suppress(Exception):  # it expires by itself, after a week
                    self._session.send("DELETE", self._url, headers={"Content-Length": "0"})


def put_back(taken: list[memoryview], rest: Iterator[memoryview]) -> Iterator[memoryview]:
    """Yield what was taken from an iterator, then the rest; nothing that was yielded is kept (as `chain` keeps it)."""
    while taken:
        yield taken.pop(0)
    yield from rest


def in_pieces(
    session: Session, method: str, url: str, body: Body, size_bytes: int, headers: dict[str, str]
) -> requests.Response:
    """Send a request with a body. Raises what the body's own stream raises, unchanged."""
    if size_bytes <= _PIECE_BYTES and isinstance(body, (bytes, bytearray, memoryview)):
        return session.send(method, url, headers=headers, data=bytes(body))
    pieces = _Pieces(body, size_bytes)
    try:
        return session.send(method, url, headers=headers, data=pieces)
    except _BodyFailedError:
        assert pieces.failure is not None
        raise pieces.failure from None
    finally:
        pieces.drop()  # the answer has the request, and that the body
