"""Turn the end of a call into what the user gets: a value, or an exception of the right type that says what to do."""

from __future__ import annotations

import contextlib
from typing import Any

from lithops.engine.call import Call
from lithops.errors import (
    CallCancelledError,
    CallError,
    CallRejectedError,
    CallTimeoutError,
    RemoteTraceback,
    StorageError,
    WorkerLostError,
    WorkerMemoryError,
)
from lithops.spi.storage import StorageBackend
from lithops.types import Buffer, CallEnd, CallMessage, CallStatus, ErrorInfo, Payload
from lithops.wire.status import expand_stats
from lithops.worker.pickles import load_own
from lithops.worker.stores import read_payload

__all__ = ["exception_of", "result_of", "stats_of"]


def result_of(call: Call, store: StorageBackend | None) -> Any:
    """Load the result of a call that succeeded. `store` is where the job keeps what is too big for a status."""
    status = call.status
    if status is None or status.result is None:
        raise CallError(f"call {call.call_id} of job {call.job.message.job_id} has no result")
    return load_own(_parts(call, status.result, store))


def exception_of(call: Call, status: CallStatus, store: StorageBackend | None = None) -> BaseException:
    """Make the exception for a call that ended without a result."""
    if call.failed_need is not None and call.failed_need.status is not None:
        need = call.failed_need
        exc = exception_of(need, call.failed_need.status, store)
        _add_note(
            exc,
            f"call {call.call_id} of job {call.job.message.job_id} was not started: it needs the result of call "
            f"{need.call_id} of job {need.job.message.job_id}, which failed so",
        )
        return exc
    exc = _user_exception(call, status, store) or _our_exception(call, status)
    error = status.error
    if error is not None and error.traceback and exc.__cause__ is None:
        BaseException.__setattr__(exc, "__cause__", RemoteTraceback(error.traceback))
    for name, value in (("call_id", call.call_id), ("job_id", call.job.message.job_id)):
        try:
            setattr(exc, name, value)
        except Exception:  # the user's class may have slots, a property of this name, or be frozen
            continue
    return exc


def rejection_of(message: CallMessage, reason: str) -> CallStatus:
    """Make the status of a call that was never started."""
    return CallStatus.of(message, CallEnd.REJECTED, ErrorInfo("CallRejectedError", reason))


def stats_of(call: Call) -> dict[str, Any]:
    """Give what was measured, under the names that users read. Times are seconds since the epoch."""
    stats: dict[str, Any] = {"host_job_create_tstamp": call.job.created}
    if call.submit_tstamp:
        stats["host_submit_tstamp"] = call.submit_tstamp
    if call.status is not None:
        stats["host_status_done_tstamp"] = call.done_tstamp
        stats.update(expand_stats(call.status.header))
    return stats


def _user_exception(call: Call, status: CallStatus, store: StorageBackend | None) -> BaseException | None:
    error = status.error
    if status.end is not CallEnd.ERROR or error is None or error.payload is None:
        return None
    try:
        exc = load_own(_parts(call, error.payload, store))
    except Exception:  # the class may not exist here, or its constructor may raise anything
        return None
    return exc if isinstance(exc, BaseException) else None


def _our_exception(call: Call, status: CallStatus) -> BaseException:
    where = f"call {call.call_id} of job {call.job.message.job_id} ({call.job.message.function_name or 'function'})"
    error = status.error or ErrorInfo("", "")
    match status.end:
        case CallEnd.CANCELLED if error.type == "Detached":
            return CallCancelledError(
                f"{where} goes on without its executor, which was closed: follow it by attach('{call.job.message.job_key}')"
            )
        case CallEnd.CANCELLED:
            return CallCancelledError(f"{where} was cancelled{_because(error)}; submit it again if it is still wanted")
        case CallEnd.TIMEOUT:
            return CallTimeoutError(
                f"{where} was ended: {error.message or 'it ran over its time-out'}; give a longer 'timeout', or less work "
                "to each call"
            )
        case CallEnd.REJECTED:
            return CallRejectedError(f"{where} was not accepted by the platform{_because(error)}")
        case CallEnd.LOST if error.memory_limit:
            return WorkerMemoryError(
                f"{where} was lost: {error.message}; give more 'runtime_memory', or less work to each call",
                error.signal,
                error.exit_code,
            )
        case CallEnd.LOST:
            return WorkerLostError(
                f"{where} was lost: {error.message}{_tail(error)}; 'retries' would run it again",
                error.signal,
                error.exit_code,
            )
    return _stand_in(error)


def _stand_in(error: ErrorInfo) -> BaseException:
    """Make an exception of a class of the same name, for one that could not travel."""
    name = error.type.rpartition(".")[2]
    name = name if name.isidentifier() else "RemoteError"
    made = type(name, (CallError,), {"__doc__": "Stands for an exception that could not be rebuilt here."})
    exc: BaseException = made(error.message)
    exc.add_note(f"the exception {error.type} could not be pickled, or its class is not known here")
    return exc


def _add_note(exc: BaseException, note: str) -> None:
    with contextlib.suppress(Exception):  # the user's class may be frozen
        exc.add_note(note)


def _because(error: ErrorInfo) -> str:
    return f": {error.message}" if error.message else ""


def _tail(error: ErrorInfo) -> str:
    lines = error.traceback.strip().splitlines()
    return f"; its last words: {' | '.join(lines[-3:])}" if lines else ""


def _parts(call: Call, payload: Payload, store: StorageBackend | None) -> tuple[Buffer, ...] | Any:
    if payload.parts is not None:
        return payload.parts
    ref = call.job.message.store
    if store is None or ref is None:
        raise StorageError(f"the result of call {call.call_id} is in a store that is not open here")
    return read_payload(store, ref.bucket, payload)
