"""Jobs that outlive their client: the record that one leaves in the store, and how another process follows it.

The record is JSON without secrets. Who follows needs the store, and nothing of the platform: workers write their statuses.
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
from collections.abc import Mapping
from typing import Any

from lithops.engine.call import Call, Job
from lithops.engine.retry import NO_RETRY
from lithops.errors import LithopsError, StorageError, StorageNoSuchKeyError, WireError
from lithops.spi.compute import RuntimeSpec
from lithops.spi.storage import StorageBackend
from lithops.types import Artifact, CallEnd, CallStatus, ErrorInfo, JobMessage, Payload, StorageRef
from lithops.wire.envelope import decode
from lithops.wire.keys import STATUS_BLOCK, job_key, status_block_prefix
from lithops.wire.status import decode_status

__all__ = ["attach_job", "record_job"]

log = logging.getLogger(__name__)
LOOK_S = 0.1
LONGEST_LOOK_S = 2.0
GROWTH = 1.5
RECORD_VERSION = 1
_FIELDS = ("function_name", "calls", "created", "runtime", "memory_mb", "timeout_s", "deadline_s")


def record_job(job: Job, calls: int, store: StorageBackend, bucket: str, start_deadline_s: float) -> None:
    """Leave in the store what `attach_job` needs."""
    message = job.message
    record: dict[str, Any] = {
        "version": RECORD_VERSION,
        "function_name": message.function_name,
        "calls": calls,
        "created": job.created,
        "runtime": job.runtime.name,
        "memory_mb": message.memory_mb,
        "timeout_s": message.timeout_s,
        "deadline_s": start_deadline_s,
    }
    store.put(bucket, job_key(message.executor_id, message.job_id), json.dumps(record).encode())


def attach_job(executor_id: str, job_id: str, store: StorageBackend, ref: StorageRef) -> list[Call]:
    """Make the calls of a job of another process, and follow them until all have ended.

    A call without a status when its time-out and the platform's time to start it are over is lost. Raises
    `StorageNoSuchKeyError` when there is no such job, or it was not detached.
    """
    record = _read(store, ref.bucket, job_key(executor_id, job_id))
    message = JobMessage(
        executor_id,
        job_id,
        Artifact("", Payload(())),
        record["function_name"],
        store=ref,
        timeout_s=record["timeout_s"],
        memory_mb=record["memory_mb"],
        commit=True,
    )
    job = Job(message, RuntimeSpec(record["runtime"], record["memory_mb"], record["timeout_s"]), NO_RETRY, None)
    job.created = record["created"]
    job.store = store
    job.calls = [Call(job, f"{number:05d}", Payload(())) for number in range(record["calls"])]
    for call in job.calls:
        call.submit_tstamp = job.created
    limit = None if record["timeout_s"] is None else job.created + record["timeout_s"] + record["deadline_s"]
    threading.Thread(target=_follow, args=(job, store, limit), name="lithops-attached", daemon=True).start()
    return job.calls


def _read(store: StorageBackend, bucket: str, key: str) -> Mapping[str, Any]:
    stream = store.get(bucket, key)
    try:
        record = json.loads(stream.read())
    except ValueError as exc:
        raise StorageError(f"the record of a job, '{key}' in bucket '{bucket}', cannot be read: {exc}") from exc
    finally:
        stream.close()
    if not isinstance(record, dict) or record.get("version") != RECORD_VERSION:
        raise StorageError(f"the record of a job, '{key}' in bucket '{bucket}', is of another release: use that")
    missing = [name for name in _FIELDS if name not in record]
    if missing or type(record["calls"]) is not int:
        what = f"it lacks {', '.join(missing)}" if missing else "its number of calls is none"
        raise StorageError(f"the record of a job, '{key}' in bucket '{bucket}', cannot be read: {what}")
    return record


def _follow(job: Job, store: StorageBackend, limit: float | None) -> None:
    """Look for statuses until every call has one, or its time is over. The thread ends with the process."""
    wait_s = LOOK_S
    while left := [call for call in job.calls if not call.is_done]:
        is_over = limit is not None and time.time() > limit
        try:
            _look(job, store, left)
        except LithopsError as exc:
            log.debug("job %s is not seen: %s", job.message.job_key, exc)
        if is_over:
            reason = "nothing was heard of it when its time was over"
            for call in job.calls:
                call.settle(CallStatus.of(call.to_message(), CallEnd.LOST, ErrorInfo("WorkerLostError", reason)))
        time.sleep(wait_s)
        wait_s = min(wait_s * GROWTH, LONGEST_LOOK_S)


def _look(job: Job, store: StorageBackend, left: list[Call]) -> None:
    message = job.message
    bucket = message.store.bucket if message.store is not None else ""
    wanted = {call.call_id: call for call in left}
    for block in sorted({int(call_id) // STATUS_BLOCK for call_id in wanted}):
        prefix = status_block_prefix(message.executor_id, message.job_id, block)
        for info in store.list(bucket, prefix):
            call = wanted.get(info.key[len(prefix) :].partition("-")[0])
            if call is None or call.is_done:
                continue
            with contextlib.suppress(StorageNoSuchKeyError):  # deleted since it was listed
                stream = store.get(bucket, info.key)
                try:
                    call.settle(decode_status(decode(stream.read())))
                except WireError as exc:
                    log.warning("the status object '%s' is malformed and ignored: %s", info.key, exc)
                finally:
                    stream.close()
