"""Many deletions by one request: Google's batches, at most 100 calls each.

Source: https://cloud.google.com/storage/docs/batch.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import requests

from lithops.errors import TransientError
from lithops_gcp.errors import Said, is_success, understand
from lithops_gcp.session import Session

__all__ = ["MOST_CALLS", "delete_batch"]

MOST_CALLS = 100

_BOUNDARY = "lithops_batch"
_STATUS = re.compile(rb"HTTP/\d(?:\.\d)? (\d{3})")


def delete_batch(session: Session, paths: Sequence[str], what: str) -> requests.Response | list[Said]:
    """Delete the objects of these paths; gives what is said about each that failed, or the answer that is an error."""
    parts = [
        f"--{_BOUNDARY}\r\nContent-Type: application/http\r\nContent-ID: <{number}>\r\n\r\n"
        f"DELETE {path} HTTP/1.1\r\n\r\n\r\n"
        for number, path in enumerate(paths)
    ]
    body = "".join([*parts, f"--{_BOUNDARY}--\r\n"]).encode()
    headers = {"Content-Type": f"multipart/mixed; boundary={_BOUNDARY}"}
    answer = session.send("POST", "/batch/storage/v1", headers=headers, data=body)
    if not is_success(answer):
        return answer
    said = list(_parts(answer))
    if len(said) != len(paths):
        raise TransientError(f"cannot {what}: {len(said)} of {len(paths)} answers came; try again later")
    return [one for one in said if not 200 <= one.status < 300]


def _parts(answer: requests.Response) -> Iterator[Said]:
    found = re.search(r'boundary="?([^";]+)"?', answer.headers.get("Content-Type", ""))
    if not found:
        return
    for part in answer.content.split(b"--" + found[1].encode())[1:]:
        if status := _STATUS.search(part):
            head, _, body = part[status.end() :].replace(b"\r\n", b"\n").partition(b"\n\n")
            lines = (line.decode("latin-1").partition(":") for line in head.split(b"\n")[1:])
            yield understand(int(status[1]), body, {name.strip(): value.strip() for name, _, value in lines})
