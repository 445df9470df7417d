"""How an object of any size becomes one of S3: by one request, or in parts of which nothing stays after a failure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Protocol

from lithops.objects.parts import send_parts

__all__ = ["PART_BYTES", "Ask", "plain", "upload_parts"]

PART_BYTES = 8 * 1024 * 1024


class Ask(Protocol):
    """Sends a request about one object; raises our errors."""

    def __call__(self, operation: str, /, **arguments: Any) -> dict[str, Any]:
        """Give the answer as the SDK does."""
        ...


def upload_parts(
    ask: Ask, parts: Iterator[memoryview], *, checksum: str | None, last: dict[str, Any]
) -> tuple[str, int]:
    """Write an object in parts, in threads; gives its ETag and size. `last` goes with the request that makes it whole.

    A service that adds a checksum to each part wants to hear of all of them in the end: `checksum` is its algorithm.
    Raises what the parts' own stream raises.
    """
    algorithm = {"ChecksumAlgorithm": checksum} if checksum else {}
    upload = {"UploadId": ask("create_multipart_upload", **algorithm)["UploadId"]}

    def send(number: int, part: memoryview) -> tuple[dict[str, Any], int]:
        answer = ask("upload_part", PartNumber=number, Body=plain(part), **upload, **algorithm)
        done = {"PartNumber": number, "ETag": answer["ETag"]}
        field = f"Checksum{checksum}"
        if field in answer:
            done[field] = answer[field]
        return done, len(part)

    try:
        sent = send_parts(parts, send)
        whole = {"Parts": [done for done, _ in sent]}
        answer = ask("complete_multipart_upload", MultipartUpload=whole, **upload, **last)
    except BaseException:
        with suppress(Exception):  # the failure itself is told; a rule of the bucket's life cycle ends what stays
            ask("abort_multipart_upload", **upload)
        raise
    return str(answer.get("ETag", "")), sum(size for _, size in sent)


def plain(part: memoryview) -> bytes | bytearray:
    """Give what an SDK takes as a body, without a copy where the view is all of its buffer."""
    whole = part.obj
    if isinstance(whole, (bytes, bytearray)) and len(whole) == part.nbytes:
        return whole
    return part.tobytes()
