"""Ask a web server what a URL has: how many bytes, and whether ranges of them can be read."""

from __future__ import annotations

from lithops.errors import StorageError
from lithops.worker.data_http import Answer, content_length, content_range, refused, send

__all__ = ["probe_url"]


def probe_url(url: str, *, wants_ranges: bool, timeout_s: float) -> tuple[int | None, bool]:
    """Tell the size in bytes, or None when the server does not, and whether it serves ranges.

    One HEAD; where that does not say enough, a GET of the first byte. Raises `FileNotFoundError` or `StorageError`
    with the URL and the status.
    """
    size = None
    try:
        answer = send(url, method="HEAD", timeout_s=timeout_s)
    except StorageError:
        pass  # some servers break at a HEAD: what is really wrong, the GET tells
    else:
        with answer:
            accepts = answer.headers.get("Accept-Ranges", "").strip().lower()
            if answer.status == 200:
                size = content_length(answer) or None  # a 0 may only say that a HEAD has no body
        if size is not None and (accepts or not wants_ranges):
            return size, accepts == "bytes"
    with send(url, span="bytes=0-0", timeout_s=timeout_s) as answer:
        return _read_probe(url, answer, size)


def _read_probe(url: str, answer: Answer, size: int | None) -> tuple[int | None, bool]:
    total = content_range(answer)[2]
    if answer.status == 206:
        size = total if total is not None else size
        return size, size is not None
    if answer.status == 416 and total == 0:
        return 0, False
    if answer.status != 200:
        raise refused(url, answer)
    return (content_length(answer) if size is None else size), False
