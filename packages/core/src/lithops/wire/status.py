"""The message that says how a call ended, and what was measured of it."""

from __future__ import annotations

import json
from typing import Any

from lithops.errors import WireError
from lithops.types import Buffer, CallEnd, CallStatus, ErrorInfo, Payload
from lithops.wire.envelope import Message, encode, frame_text
from lithops.wire.payloads import BlobCursor, pack_payload
from lithops.wire.small_status import decode_small, encode_small

__all__ = ["STATUS", "decode_status", "encode_status", "expand_stats", "reencode_status"]

STATUS = "status"
_ENDS = {end.value: end for end in CallEnd}
_TIMES = ("worker_start_tstamp", "worker_func_start_tstamp", "worker_func_end_tstamp", "worker_end_tstamp")
_MEASURED = ("times", "usage", "cold", "worker")
_USAGE = ("worker_func_cpu_user_time", "worker_func_cpu_system_time", "worker_func_rss", "worker_peak_memory_end")


def encode_status(status: CallStatus, measured: dict[str, Any]) -> list[Buffer]:
    """Make the frame of a status.

    `measured` may have "times" (start, function start, function end, end: seconds since the epoch), "usage" (CPU user
    seconds, CPU system seconds, growth of the resident set in bytes, peak of it in bytes), "cold" (bool), "worker",
    "last" (bool): the worker runs no more.
    """
    if status.end is CallEnd.SUCCESS and "cold" not in measured and "last" not in measured:
        small = encode_small(status, measured)
        if small is not None:
            return frame_text(*small)
    blobs: list[Buffer] = []
    header: dict[str, Any] = {
        "executor_id": status.executor_id,
        "job_id": status.job_id,
        "call_id": status.call_id,
        "attempt": status.attempt,
        "end": status.end.value,
        **measured,
    }
    if status.result is not None:
        header["result"] = pack_payload(status.result, blobs)
        header["size"] = status.result.size_bytes
    if status.error is not None:
        header["error"] = _pack_error(status.error, blobs)
    return encode(STATUS, header, blobs)


def reencode_status(status: CallStatus) -> list[Buffer]:
    """Make the frame of a status that was received: with what its worker measured."""
    header = json.loads(status.header) if status.header else {}
    return encode_status(status, {name: header[name] for name in _MEASURED if name in header})


def decode_status(message: Message) -> CallStatus:
    """Read a message of kind "status". Raises `WireError`."""
    if message.small is not None:
        return decode_small(message.small, message.header_json, message.blobs[0])
    header = message.header
    try:
        if message.kind != STATUS:
            raise WireError(f"a message of kind '{message.kind[:40]}' came where a status was expected")
        cursor = BlobCursor(message.blobs)
        packed = header.get("result")
        error = header.get("error")
        ids = (header["executor_id"], header["job_id"], header["call_id"])
        if not (type(ids[0]) is type(ids[1]) is type(ids[2]) is str) or type(header["attempt"]) is not int:
            raise WireError("a status has malformed ids")
        end = _ENDS[header["end"]]
        return CallStatus(
            *ids,
            header["attempt"],
            end,
            result=None if packed is None else cursor.unpack(packed),
            error=None if error is None else _unpack_error(error, cursor),
            header=message.header_json,
            worker_s=_worker_s(header.get("times")),
            is_last=header.get("last") is True,
        )
    except (KeyError, TypeError) as exc:
        raise WireError(f"a status is malformed: {exc!r}") from None


def expand_stats(header_json: bytes) -> dict[str, Any]:
    """Give the measured figures of a status under the names that users read. Empty for a status without a worker."""
    if not header_json:
        return {}
    header = json.loads(header_json)
    stats: dict[str, Any] = {}
    times = header.get("times")
    if _are_numbers(times, len(_TIMES)):
        stats.update(zip(_TIMES, times, strict=True))
        stats["worker_exec_time"] = times[3] - times[0]
        stats["worker_func_exec_time"] = times[2] - times[1]
    usage = header.get("usage")
    if _are_numbers(usage, len(_USAGE)):
        stats.update(zip(_USAGE, usage, strict=True))
    stats["worker_cold_start"] = bool(header.get("cold", False))
    size = header.get("size")
    stats["func_result_size"] = size if type(size) is int else 0
    if "worker" in header:
        stats["worker_id"] = header["worker"]
    return stats


def _worker_s(times: Any) -> float | None:
    return float(times[-1] - times[0]) if _are_numbers(times, len(_TIMES)) else None


def _are_numbers(values: Any, count: int) -> bool:
    return type(values) is list and len(values) == count and all(type(value) in (int, float) for value in values)


def _pack_error(error: ErrorInfo, blobs: list[Buffer]) -> dict[str, Any]:
    packed: dict[str, Any] = {"type": error.type, "message": error.message, "traceback": error.traceback}
    if error.payload is not None:
        packed["payload"] = pack_payload(error.payload, blobs)
    if error.signal is not None:
        packed["signal"] = error.signal
    if error.exit_code is not None:
        packed["exit_code"] = error.exit_code
    if error.memory_limit:
        packed["memory_limit"] = True
    return packed


def _unpack_error(packed: Any, cursor: BlobCursor) -> ErrorInfo:
    if type(packed) is not dict:
        raise WireError("a status describes its error wrongly")
    texts = [packed.get(name, "") for name in ("type", "message", "traceback")]
    if not all(type(text) is str for text in texts):
        raise WireError("a status describes its error wrongly")
    payload: Payload | None = cursor.unpack(packed["payload"]) if "payload" in packed else None
    codes = [packed.get(name) for name in ("signal", "exit_code")]
    if not all(code is None or type(code) is int for code in codes):
        raise WireError("a status describes its error wrongly")
    return ErrorInfo(texts[0], texts[1], texts[2], payload, codes[0], codes[1], bool(packed.get("memory_limit")))
