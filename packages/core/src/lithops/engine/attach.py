"""Futures that travel: what a pickled one carries, and how it is followed in another process.

A call that has ended travels with its status. One that has not is published: when it ends, its own process writes the
status to the store, where the other one looks for it. In a worker, a call's nested calls are awaited before its result
is pickled: the worker may be gone afterwards.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from lithops.engine.call import Call, Job
from lithops.engine.retry import NO_RETRY
from lithops.engine.waiting import wait_for
from lithops.errors import LithopsError, ObjectExistsError, StorageNoSuchKeyError
from lithops.spi.compute import RuntimeSpec
from lithops.types import Artifact, CallStatus, JobMessage, Payload, StorageRef
from lithops.wire.envelope import decode
from lithops.wire.keys import end_key
from lithops.wire.status import decode_status, reencode_status
from lithops.worker import context
from lithops.worker.stores import Stores

__all__ = ["attach", "detach"]

log = logging.getLogger(__name__)
LOOK_S = 0.1
LONGEST_LOOK_S = 2.0


def detach(call: Call) -> dict[str, Any]:
    """Describe a call for another process: plain values, no credentials."""
    message = call.job.message
    if context.current() is not None:
        wait_for([call], 1, None)
    what: dict[str, Any] = {
        "executor_id": message.executor_id,
        "job_id": message.job_id,
        "call_id": call.call_id,
        "function_name": message.function_name,
        "runtime": call.job.runtime.name,
        "memory_mb": message.memory_mb,
        "created": call.job.created,
        "logs": call.logs,
    }
    if message.store is not None:
        store = message.store
        what["store"] = (store.factory, store.bucket, dict(store.options), store.name)
    status = call.status
    if status is not None:
        what["status"] = b"".join(bytes(part) for part in reencode_status(status))
    elif message.store is not None and call.job.engine is not None:
        call.add_done_callback(_publish)
    return what


def attach(what: dict[str, Any]) -> Call:
    """Make the record of a call of another process, and follow it until it has ended."""
    store = StorageRef(*what["store"]) if "store" in what else None
    message = JobMessage(
        what["executor_id"],
        what["job_id"],
        Artifact("", Payload(())),
        what["function_name"],
        store=store,
        memory_mb=what["memory_mb"],
    )
    job = Job(message, RuntimeSpec(what["runtime"]), NO_RETRY, None)
    job.created = what["created"]
    call = Call(job, what["call_id"], Payload(()))
    call.logs = what["logs"]
    if "status" in what:
        call.settle(decode_status(decode(what["status"])))
    elif store is not None:
        threading.Thread(target=_follow, args=(call, store), name="lithops-attached", daemon=True).start()
    return call


def _publish(call: Call) -> None:
    """Write the status for those who follow the call. Another who did it before has written the same."""
    status, engine = call.status, call.job.engine
    if status is None or engine is None:
        return
    message = call.job.message
    threading.Thread(target=_write, args=(call, status), name=f"lithops-publish-{message.job_id}").start()


def _write(call: Call, status: CallStatus) -> None:
    message = call.job.message
    engine = call.job.engine
    assert engine is not None
    try:
        store, bucket = engine.store.open()
        engine.store.is_written = True
        store.create_bucket(bucket)
        store.put(
            bucket,
            end_key(message.executor_id, message.job_id, call.call_id),
            reencode_status(status),
            if_absent=True,
        )
    except ObjectExistsError:
        return
    except LithopsError as exc:
        log.warning("the end of call %s of job %s could not be published: %s", call.call_id, message.job_id, exc)


def _follow(call: Call, ref: StorageRef) -> None:
    """Look for the status until it is there; the thread ends with the process."""
    message = call.job.message
    key = end_key(message.executor_id, message.job_id, call.call_id)
    wait_s = LOOK_S
    while not call.is_done:
        try:
            stream = Stores().open(ref).get(ref.bucket, key)
            try:
                frame = stream.read()
            finally:
                stream.close()
            call.settle(decode_status(decode(frame)))
        except StorageNoSuchKeyError:
            time.sleep(wait_s)
        except LithopsError as exc:
            log.debug("call %s of job %s is not seen: %s", call.call_id, message.job_id, exc)
            time.sleep(wait_s)
        wait_s = min(wait_s * 1.5, LONGEST_LOOK_S)
