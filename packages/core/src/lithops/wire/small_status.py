"""The commonest message, a small result's status, written and read without JSON in a fraction of the time.

Nothing else knows of it: the text is the same as the encoder's in `lithops.wire.status`, and what does not match exactly
goes the ordinary way.
"""

from __future__ import annotations

import re
from typing import Any

from lithops.types import Buffer, CallEnd, CallStatus, Payload
from lithops.wire.version import WIRE_VERSION

__all__ = ["SMALL_KIND", "decode_small", "encode_small", "match_small"]

SMALL_KIND = "status"

_is_id = re.compile(r"[\w-]+", re.ASCII).fullmatch
_START = f'{{"v":[{WIRE_VERSION[0]},{WIRE_VERSION[1]}],"kind":"{SMALL_KIND}",'
_NUMBER = r"-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?"
match_small = re.compile(
    (
        re.escape(_START) + r'"executor_id":"([\w-]+)","job_id":"([\w-]+)","call_id":"([\w-]+)","attempt":([0-9]{1,9}),'
        rf'"end":"success","times":\[({_NUMBER}),{_NUMBER},{_NUMBER},({_NUMBER})\],'
        rf'"usage":\[{_NUMBER},{_NUMBER},[0-9]+,[0-9]+\],"worker":[0-9]+,"result":1,"size":([0-9]{{1,9}}),"blobs":\[\7\]}}'
    ).encode(),
    re.ASCII,
).fullmatch
"""Match a header. The groups: executor, job, call, attempt, first and last time, size of the one blob."""


def encode_small(status: CallStatus, measured: dict[str, Any]) -> tuple[str, bytes] | None:
    """Give the header's text and the one blob of a status; None when it is not of this form."""
    result = status.result
    if result is None or result.parts is None or len(result.parts) != 1:
        return None
    (part,) = result.parts
    times, usage = measured.get("times"), measured.get("usage")
    if type(part) is not bytes or times is None or usage is None or "worker" not in measured:
        return None
    if not (_is_id(status.executor_id) and _is_id(status.job_id) and _is_id(status.call_id)):
        return None
    size = len(part)
    start, began, ended, end = times
    user, system, rss, peak = usage
    text = (
        f'{_START}"executor_id":"{status.executor_id}","job_id":"{status.job_id}","call_id":"{status.call_id}",'
        f'"attempt":{status.attempt},"end":"success","times":[{start!r},{began!r},{ended!r},{end!r}],'
        f'"usage":[{user!r},{system!r},{rss},{peak}],"worker":{measured["worker"]},"result":1,"size":{size},'
        f'"blobs":[{size}]}}'
    )
    return text, part


def decode_small(match: re.Match[bytes], header: bytes, blob: Buffer) -> CallStatus:
    """Make the status of a header that `match_small` matched."""
    executor_id, job_id, call_id, attempt, start, end, _ = match.groups()
    return CallStatus(
        executor_id.decode(),
        job_id.decode(),
        call_id.decode(),
        int(attempt),
        CallEnd.SUCCESS,
        result=Payload((blob,)),
        header=header,
        worker_s=float(end) - float(start),
    )
