"""Objects written in parts: started, sent by several threads, completed; aborted when anything fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import requests

from lithops.objects.parts import send_parts
from lithops_aliyun.errors import explained
from lithops_aliyun.sdk import OssError, PartInfo

__all__ = ["PART_BYTES", "upload"]

PART_BYTES = 6 * 1024 * 1024


def upload(bucket: Any, key: str, parts: Iterator[memoryview], headers: Mapping[str, str]) -> tuple[int, str | None]:
    """Write an object by an `oss2.Bucket`; gives its size in bytes and its etag.

    Raises our errors, and what `parts` raise as it is. `headers` go with the first request and the last. Nothing is
    left after a failure, as far as OSS can be reached.
    """
    name = bucket.bucket_name
    what = f"write object '{key}' of bucket '{name}'"
    with explained(what, name, key):
        started = bucket.init_multipart_upload(key, headers=dict(headers)).upload_id

    def send(number: int, part: memoryview) -> tuple[PartInfo, int]:
        with explained(what, name, key):
            return PartInfo(number, bucket.upload_part(key, started, number, part).etag), len(part)

    try:
        sent = send_parts(parts, send)
        with explained(what, name, key):
            made = bucket.complete_multipart_upload(key, started, [part for part, _ in sent], headers=dict(headers))
            made.resp.read()  # so that the connection can be used again
    except BaseException:
        with suppress(OssError, requests.RequestException):
            bucket.abort_multipart_upload(key, started)
        raise
    return sum(size for _, size in sent), made.etag
