"""Each end gives its type of exception, with advice; the user's own exception comes back as itself."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from lithops.engine.call import Call, Job
from lithops.engine.outcome import exception_of, result_of, stats_of
from lithops.engine.retry import NO_RETRY
from lithops.errors import (
    CallCancelledError,
    CallError,
    CallRejectedError,
    CallTimeoutError,
    FunctionExitError,
    LithopsError,
    RemoteTraceback,
    StorageError,
    WorkerLostError,
    WorkerMemoryError,
)
from lithops.spi import Artifact, CallEnd, CallStatus, ErrorInfo, JobMessage, Payload, RuntimeSpec, StorageRef
from lithops.testing import MemoryStorage
from lithops.wire.envelope import decode
from lithops.wire.status import decode_status, encode_status
from lithops.worker.failure import describe
from lithops.worker.pickles import dump
from lithops.worker.stores import write_payload


def make_call(store: StorageRef | None = None) -> Call:
    message = JobMessage("e-0", "M003", Artifact("", Payload((b"",))), "analyse", store=store)
    return Call(Job(message, RuntimeSpec(), NO_RETRY, None), "00012", Payload((b"",)))


def outcome(end: CallEnd, error: ErrorInfo | None = None) -> BaseException:
    call = make_call()
    return exception_of(call, CallStatus.of(call.to_message(), end, error))


def raised(exc: BaseException) -> BaseException:
    """Raise an exception, describe it as a worker does, and give what the client makes of it."""
    try:
        raise exc
    except BaseException as caught:
        return outcome(CallEnd.ERROR, describe(caught))


LOST = ErrorInfo("WorkerLostError", "its worker was killed by signal 9", "last words", signal=9)


@pytest.mark.parametrize(
    ("end", "error", "kinds", "texts"),
    [
        (CallEnd.CANCELLED, None, (CallCancelledError, CallError), ["cancelled", "submit it again"]),
        (CallEnd.CANCELLED, ErrorInfo("", "closed"), (CallCancelledError,), ["cancelled: closed"]),
        (CallEnd.TIMEOUT, None, (CallTimeoutError, TimeoutError), ["time-out", "'timeout'"]),
        (CallEnd.REJECTED, ErrorInfo("", "no quota"), (CallRejectedError,), ["not accepted", "no quota"]),
        (CallEnd.LOST, LOST, (WorkerLostError,), ["signal 9", "last words", "'retries'"]),
        (
            CallEnd.LOST,
            ErrorInfo("MemoryError", "reached 64 MB", memory_limit=True, exit_code=137),
            (WorkerMemoryError, WorkerLostError, MemoryError),
            ["reached 64 MB", "'runtime_memory'"],
        ),
        (CallEnd.ERROR, None, (CallError,), []),
    ],
)
def test_each_end_has_its_exception(
    end: CallEnd, error: ErrorInfo | None, kinds: tuple[type, ...], texts: list[str]
) -> None:
    exc = outcome(end, error)
    assert type(exc) is kinds[0] or end is CallEnd.ERROR
    assert all(isinstance(exc, kind) for kind in kinds)
    assert isinstance(exc, LithopsError)
    assert all(text in str(exc) for text in texts)
    assert (exc.call_id, exc.job_id) == ("00012", "M003")  # type: ignore[attr-defined]
    if texts:
        assert "call 00012 of job M003 (analyse)" in str(exc)


def test_a_lost_call_tells_signal_and_exit_code() -> None:
    exc = outcome(CallEnd.LOST, ErrorInfo("WorkerLostError", "died", signal=11, exit_code=139))
    assert isinstance(exc, WorkerLostError)
    assert (exc.signal, exc.exit_code) == (11, 139)


class TwoArgumentsError(Exception):
    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code


class SlottedError(Exception):
    __slots__ = ("extra",)


@dataclasses.dataclass(frozen=True)
class FrozenError(Exception):
    code: int


class RefusesAttributesError(Exception):
    def __setattr__(self, name: str, value: object) -> None:
        raise RuntimeError("this object is read-only")


def test_the_user_s_exception_comes_back_as_itself_with_the_remote_traceback() -> None:
    exc = raised(TwoArgumentsError(7, "broken"))
    assert type(exc) is TwoArgumentsError
    assert (exc.code, str(exc)) == (7, "7: broken")
    assert isinstance(exc.__cause__, RemoteTraceback)
    assert "raise exc" in str(exc.__cause__)
    assert (exc.call_id, exc.job_id) == ("00012", "M003")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "exc", [SlottedError("s"), FrozenError(5), RefusesAttributesError("r")], ids=lambda exc: type(exc).__name__
)
def test_an_exception_that_takes_no_attributes_comes_back_too(exc: Exception) -> None:
    back = raised(exc)
    assert type(back) is type(exc)
    assert back.args == exc.args
    assert isinstance(back.__cause__, RemoteTraceback)


def test_a_dependent_s_exception_takes_its_note_whatever_the_class_refuses() -> None:
    need, call = make_call(), make_call()
    need.settle(CallStatus.of(need.to_message(), CallEnd.ERROR, describe(FrozenError(5))))
    call.failed_need = need
    assert need.status is not None
    status = CallStatus.of(call.to_message(), CallEnd.ERROR, need.status.error)
    assert type(exception_of(call, status)) is FrozenError


@pytest.mark.parametrize("exc", [SystemExit(3), KeyboardInterrupt(3), GeneratorExit(3)], ids=lambda e: type(e).__name__)
def test_what_would_end_the_client_comes_as_an_error_of_ours(exc: BaseException) -> None:
    back = raised(exc)
    assert type(back) is FunctionExitError
    assert f"{type(exc).__name__}(3)" in str(back)
    assert "end a function by 'return'" in str(back)
    assert isinstance(back.__cause__, RemoteTraceback)


def test_notes_of_the_user_are_kept() -> None:
    exc = ValueError("x")
    exc.add_note("while reading the file")
    assert raised(exc).__notes__ == ["while reading the file"]


def test_an_exception_group_comes_back_whole() -> None:
    back = raised(ExceptionGroup("several", [ValueError("a"), TwoArgumentsError(1, "b")]))
    assert isinstance(back, ExceptionGroup)
    assert [type(one) for one in back.exceptions] == [ValueError, TwoArgumentsError]


@pytest.mark.parametrize("payload", [None, Payload((b"rubbish",)), Payload(dump("no exception"))])
def test_an_exception_that_cannot_be_rebuilt_has_a_stand_in_of_its_name(payload: Payload | None) -> None:
    exc = outcome(CallEnd.ERROR, ErrorInfo("mod.Outer.<locals>.OddError", "the text", "Traceback ...", payload))
    assert isinstance(exc, CallError)
    assert (type(exc).__name__, str(exc)) == ("OddError", "the text")
    assert "mod.Outer.<locals>.OddError" in exc.__notes__[0]
    assert "Traceback ..." in str(exc.__cause__)


@pytest.mark.parametrize("name", ["", ".", "a.", "na\0me", "two words"])
def test_any_name_of_a_class_gives_a_stand_in(name: str) -> None:
    exc = outcome(CallEnd.ERROR, ErrorInfo(name, "text"))
    assert isinstance(exc, CallError)
    assert str(exc) == "text"


def test_each_asking_gives_a_fresh_exception() -> None:
    call = make_call()
    status = CallStatus.of(call.to_message(), CallEnd.ERROR, describe(ValueError("x")))
    assert exception_of(call, status) is not exception_of(call, status)


# Results


def test_a_result_is_loaded_from_its_parts() -> None:
    call = make_call()
    call.settle(CallStatus("e-0", "M003", "00012", 0, CallEnd.SUCCESS, result=Payload(dump({"a": [1]}))))
    assert result_of(call, None) == {"a": [1]}
    assert result_of(call, None) is not result_of(call, None)


def test_none_is_a_result() -> None:
    call = make_call()
    call.settle(CallStatus("e-0", "M003", "00012", 0, CallEnd.SUCCESS, result=Payload(dump(None))))
    assert result_of(call, None) is None


def test_a_big_result_is_loaded_from_the_store_of_the_job() -> None:
    storage = MemoryStorage()
    call = make_call(storage.ref("b"))
    stored = write_payload(storage, "b", "k", dump(list(range(1000))))
    call.settle(CallStatus("e-0", "M003", "00012", 0, CallEnd.SUCCESS, result=stored))
    assert result_of(call, storage) == list(range(1000))
    with pytest.raises(StorageError, match="store that is not open"):
        result_of(call, None)


def test_a_call_without_a_result_says_so() -> None:
    call = make_call()
    with pytest.raises(CallError, match="has no result"):
        result_of(call, None)
    call.settle(CallStatus("e-0", "M003", "00012", 0, CallEnd.SUCCESS, result=Payload(dump(1))))
    call.forget_result()
    with pytest.raises(CallError, match="has no result"):
        result_of(call, None)


def test_stats_have_what_was_measured_and_nothing_that_was_not() -> None:
    call = make_call()
    assert set(stats_of(call)) == {"host_job_create_tstamp"}
    measured: dict[str, Any] = {"times": [1.0, 2.0, 4.0, 8.0], "usage": [0.5, 0.25, 100, 200]}
    written = CallStatus("e-0", "M003", "00012", 0, CallEnd.SUCCESS, result=Payload((b"12345",)))
    frame = b"".join(bytes(part) for part in encode_status(written, measured))
    call.settle(decode_status(decode(frame)))
    stats = stats_of(call)
    assert (stats["worker_exec_time"], stats["worker_func_exec_time"]) == (7.0, 2.0)
    assert (stats["func_result_size"], stats["worker_cold_start"]) == (5, False)
    assert "host_submit_tstamp" not in stats
