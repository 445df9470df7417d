"""The message that starts calls of one job: what they share, then one column for each thing that differs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeVar

from lithops.errors import WireError
from lithops.types import Artifact, BrokerRef, Buffer, CallMessage, JobMessage, Payload, StorageRef
from lithops.wire.envelope import Message, encode
from lithops.wire.payloads import BlobCursor, pack_payload

__all__ = ["CALLS", "decode_calls", "encode_calls"]

CALLS = "calls"
T = TypeVar("T")


def encode_calls(calls: Sequence[CallMessage]) -> list[Buffer]:
    """Make the frame that starts `calls`, which are of one job. The buffers are to be sent in order."""
    job = calls[0].job
    blobs: list[Buffer] = []
    header: dict[str, Any] = {
        "executor_id": job.executor_id,
        "job_id": job.job_id,
        "function_name": job.function_name,
        "function": [job.function.digest, pack_payload(job.function.payload, blobs)],
    }
    if job.modules is not None:
        header["modules"] = [job.modules.digest, pack_payload(job.modules.payload, blobs)]
    if job.fill:
        header["fill"] = list(job.fill)
    if job.store is not None:
        header["store"] = [job.store.factory, job.store.bucket, dict(job.store.options), job.store.name]
    if job.timeout_s is not None:
        header["timeout_s"] = job.timeout_s
    if job.memory_mb is not None:
        header["memory_mb"] = job.memory_mb
    if job.env:
        header["env"] = dict(job.env)
    if job.commit:
        header["commit"] = True
    if job.commit_after_s is not None:
        header["commit_after_s"] = job.commit_after_s
    if job.broker is not None:
        header["broker"] = [job.broker.factory, job.broker.channel, dict(job.broker.options)]
    header["results_inline_max"] = job.results_inline_max
    header["calls"] = [call.call_id for call in calls]
    if any(call.attempt for call in calls):
        header["attempts"] = [call.attempt for call in calls]
    header["data"] = [pack_payload(call.data, blobs) for call in calls]
    needs = {str(at): call.needs for at, call in enumerate(calls) if call.needs}
    if needs:
        header["needs"] = {at: [pack_payload(need, blobs) for need in those] for at, those in needs.items()}
    return encode(CALLS, header, blobs)


def decode_calls(message: Message) -> list[CallMessage]:
    """Read a message of kind "calls". Raises `WireError`."""
    if message.kind != CALLS:
        raise WireError(f"a message of kind '{message.kind[:40]}' came where calls were expected")
    header = message.header
    cursor = BlobCursor(message.blobs)
    function = _artifact(header.get("function"), cursor)
    modules = _artifact(header["modules"], cursor) if "modules" in header else None
    env = _field(header, "env", dict, {})
    if not all(isinstance(value, str) for value in env.values()):
        raise WireError("a message's environment has a value that is no text")
    fill = _field(header, "fill", list, [])
    if not all(type(name) is str for name in fill):
        raise WireError("a message names a parameter by something that is no text")
    timeout_s = _seconds(header, "timeout_s")
    job = JobMessage(
        executor_id=_field(header, "executor_id", str),
        job_id=_field(header, "job_id", str),
        function=function,
        function_name=_field(header, "function_name", str, ""),
        modules=modules,
        fill=tuple(fill),
        store=_store(header["store"]) if "store" in header else None,
        timeout_s=timeout_s,
        memory_mb=_field(header, "memory_mb", int, None),
        env=env,
        results_inline_max=_field(header, "results_inline_max", int, 0),
        commit=_field(header, "commit", bool, False),
        commit_after_s=_seconds(header, "commit_after_s"),
        broker=_broker(header["broker"]) if "broker" in header else None,
    )
    ids = _field(header, "calls", list)
    data = _field(header, "data", list)
    attempts = _field(header, "attempts", list, None) or [0] * len(ids)
    if not len(ids) == len(data) == len(attempts):
        raise WireError(f"a message has {len(ids)} calls, {len(data)} inputs and {len(attempts)} attempts")
    if not all(type(one) is str for one in ids) or not all(type(one) is int for one in attempts):
        raise WireError("a message's call ids or attempts are malformed")
    payloads = [cursor.unpack(packed) for packed in data]
    needs = _needs(header, cursor)
    return [
        CallMessage(job, ids[at], payload, needs.get(str(at), ()), attempts[at]) for at, payload in enumerate(payloads)
    ]


def _needs(header: dict[str, Any], cursor: BlobCursor) -> dict[str, tuple[Payload, ...]]:
    found: dict[str, tuple[Payload, ...]] = {}
    for at, packed in _field(header, "needs", dict, {}).items():
        if type(packed) is not list:
            raise WireError("a message's needed results are malformed")
        found[at] = tuple([cursor.unpack(one) for one in packed])
    return found


def _artifact(packed: Any, cursor: BlobCursor) -> Artifact:
    match packed:
        case [str() as digest, payload]:
            return Artifact(digest, cursor.unpack(payload))
    raise WireError("a message describes its function or modules wrongly")


def _store(packed: Any) -> StorageRef:
    match packed:
        case [str() as factory, str() as bucket, dict() as options, *more] if all(isinstance(one, str) for one in more):
            return StorageRef(factory, bucket, options, *more[:1])
    raise WireError("a message describes its store wrongly")


def _broker(packed: Any) -> BrokerRef:
    match packed:
        case [str() as factory, str() as channel, dict() as options]:
            return BrokerRef(factory, channel, options)
    raise WireError("a message describes its broker wrongly")


def _seconds(header: dict[str, Any], name: str) -> float | None:
    value: float | None = _field(header, name, (int, float), None)
    if value is not None and not math.isfinite(value):
        raise WireError(f"a message's '{name}' is no finite number")
    return value


_REQUIRED: Any = object()


def _field(header: dict[str, Any], name: str, kind: Any, default: Any = _REQUIRED) -> Any:
    value = header.get(name, default)
    if value is _REQUIRED:
        raise WireError(f"a message has no '{name}'")
    if value is not default and (not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)):
        raise WireError(f"a message's '{name}' is of the wrong type")
    return value
