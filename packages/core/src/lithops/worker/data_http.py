"""Ranges of what a web server has, by the standard library: redirects followed, every answer checked."""

from __future__ import annotations

import re
from functools import cache
from http.client import HTTPException, HTTPResponse, IncompleteRead
from typing import TypeAlias
from urllib import request
from urllib.error import HTTPError, URLError
from urllib.parse import quote

from lithops.errors import StorageError

__all__ = ["Answer", "UrlStream", "content_length", "content_range", "open_url", "refused", "send"]

Answer: TypeAlias = HTTPResponse | HTTPError
"""What a server answered, whatever its status."""

_SKIP_BYTES = 1 << 20
_MAY_PASS = {408, 425, 429, 500, 502, 503, 504}
_RESERVED = "%/:=&?~#+!$,;'@()*[]|"


def send(url: str, *, method: str = "GET", span: str | None = None, timeout_s: float) -> Answer:
    """Send a request and give the answer, whatever its status; `span` is the value of `Range`.

    `timeout_s` bounds each wait: for a connection, an answer, each read. Raises `StorageError` for no answer.
    """
    headers = {"User-Agent": "lithops", "Accept-Encoding": "identity"}
    if span is not None:
        headers["Range"] = span
    try:
        question = request.Request(quote(url, safe=_RESERVED), method=method, headers=headers)
        answer: HTTPResponse = _opener().open(question, timeout=timeout_s)
    except HTTPError as refusal:
        return refusal
    except (OSError, HTTPException, ValueError) as exc:
        raise _broken(url, exc) from exc
    return answer


def open_url(url: str, start: int, end: int | None, size: int | None, *, timeout_s: float) -> UrlStream:
    """Open the bytes from `start` up to `end` of a URL; None is the end, and a `size` that is not known.

    A server that does not know ranges sends all: what is before `start` is skipped. Raises `FileNotFoundError`,
    or `StorageError` for any other refusal, or when the size is no longer `size`.
    """
    is_whole = start == 0 and end == size
    last = "" if end is None else str(end - 1)
    answer = send(url, span=None if is_whole else f"bytes={start}-{last}", timeout_s=timeout_s)
    try:
        if answer.status == 206 and not is_whole:
            first, stop, total = content_range(answer)
            if first != start or (end is not None and stop != end):
                raise StorageError(
                    f"cannot read bytes {start} to {last} of {url}: HTTP status 206 with "
                    f"'Content-Range: {answer.headers.get('Content-Range')}'; read it whole, without chunks"
                )
            skip = 0
        elif answer.status == 200:
            total, stop, skip = content_length(answer), content_length(answer), start
        else:
            raise refused(url, answer)
        if size is not None and total is not None and total != size:
            raise StorageError(
                f"cannot read {url}: it has {total} bytes, but had {size} when it was partitioned; submit the job again"
            )
        stream = UrlStream(url, answer, None if stop is None else stop - start + skip)
        while skip:
            skipped = len(stream.read(min(skip, _SKIP_BYTES)))
            if not skipped:
                raise StorageError(f"cannot read {url}: it ended before byte {start}; submit the job again")
            skip -= skipped
    except BaseException:
        answer.close()
        raise
    return stream


class UrlStream:
    """The body of an answer. A body that ends before the server said it would is an error."""

    def __init__(self, url: str, answer: Answer, left: int | None) -> None:
        self._url = url
        self._answer = answer
        self._left = left

    def read(self, size: int = -1, /) -> bytes:
        """Read at most `size` bytes; b"" at the end. Raises `StorageError`, also when the server is silent."""
        try:
            block = self._answer.read(size) if size >= 0 else self._answer.read()
        except (OSError, HTTPException) as exc:
            raise _broken(self._url, exc) from exc
        if self._left is not None:
            self._left -= len(block)
            if self._left > 0 and not block and size != 0:
                raise _broken(self._url, EOFError(f"the connection ended {self._left} bytes early"))
        return block

    def close(self) -> None:
        """Close the connection."""
        self._answer.close()


def content_length(answer: Answer) -> int | None:
    """Tell the length of an answer's body, if it has a sensible one."""
    text = answer.headers.get("Content-Length", "").strip()
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else None


def content_range(answer: Answer) -> tuple[int | None, int | None, int | None]:
    """Tell the first byte, the end and the whole size of a range; None where the answer does not."""
    text = answer.headers.get("Content-Range", "")
    match = re.fullmatch(r"\s*bytes\s+(?:([0-9]{1,18})-([0-9]{1,18})|\*)/([0-9]{1,18}|\*)\s*", text)
    if match is None:
        return None, None, None
    first, last, total = match.groups()
    return (
        None if first is None else int(first),
        None if last is None else int(last) + 1,
        None if total == "*" else int(total),
    )


def refused(url: str, answer: Answer) -> Exception:
    """Make the error for an answer that is a refusal. It is retryable when the refusal may pass."""
    what = f"cannot read {url}: HTTP status {answer.status} {answer.reason}"
    if answer.status in (404, 410):
        return FileNotFoundError(f"{what}; check the URL")
    error = StorageError(f"{what}; check that the URL can be read without logging in")
    error.retryable = answer.status in _MAY_PASS
    delay = answer.headers.get("Retry-After", "").strip()
    if error.retryable and re.fullmatch("[0-9]{1,2}", delay):
        error.retry_after_s = float(delay)
    return error


def _broken(url: str, exc: Exception) -> StorageError:
    reason = exc.reason if isinstance(exc, URLError) else exc
    error = StorageError(f"cannot read {url}: {reason or type(exc).__name__}; check the URL and the server")
    error.retryable = isinstance(reason, ConnectionError | IncompleteRead | EOFError)
    return error


@cache
def _opener() -> request.OpenerDirector:
    """Open http and https only: a redirect cannot lead to a file."""
    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler(),
        request.HTTPHandler(),
        request.HTTPSHandler(),
        request.HTTPRedirectHandler(),
        request.HTTPDefaultErrorHandler(),
        request.HTTPErrorProcessor(),
        request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener
