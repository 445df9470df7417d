"""One call: its function, arguments, environment, result and end. Real messages, a real runner, in this process."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from lithops.engine.call import Call, Job
from lithops.engine.outcome import exception_of
from lithops.engine.retry import NO_RETRY
from lithops.errors import SerializationError, TransientError, WireError
from lithops.jobs.serialize import dump_function
from lithops.spi import (
    Artifact,
    CallEnd,
    CallMessage,
    CallStatus,
    ErrorInfo,
    JobMessage,
    Payload,
    RuntimeSpec,
)
from lithops.testing import MemoryStorage
from lithops.types import Buffer, ObjectInfo
from lithops.wire.envelope import decode
from lithops.wire.keys import status_key
from lithops.wire.status import decode_status, expand_stats
from lithops.worker import context, run
from lithops.worker.pickles import dump, load
from lithops.worker.run import FUNCTIONS_KEPT, Runner
from lithops.worker.stores import read_payload, write_payload

Function = Callable[..., Any]
loaded: list[str] = []


def note(name: str) -> str:
    """Note that a pickle was loaded here."""
    loaded.append(name)
    return name


class Marked:
    """A callable that notes when it is unpickled."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __reduce__(self) -> tuple[Any, ...]:
        return _marked, (self.name,)

    def __call__(self, *args: object) -> str:
        return self.name


def _marked(name: str) -> Marked:
    return Marked(note(name))


@pytest.fixture(autouse=True)
def _nothing_loaded() -> None:
    loaded.clear()


def job_of(function: Function, **fields: Any) -> JobMessage:
    digest, parts = dump_function(function, "f")
    settings: dict[str, Any] = {"function_name": "f", "results_inline_max": 1 << 20, **fields}
    return JobMessage("e-0", "M000", Artifact(digest, Payload(parts)), **settings)


def call_of(job: JobMessage, *args: object, **kwargs: object) -> CallMessage:
    return CallMessage(job, "00000", Payload(dump((args, kwargs or None))))


def status_of(frame: list[Buffer]) -> CallStatus:
    return decode_status(decode(b"".join(bytes(buffer) for buffer in frame)))


def run_one(function: Function, *args: object, runner: Runner | None = None, **fields: Any) -> CallStatus:
    return status_of((runner or Runner()).run(call_of(job_of(function, **fields), *args)))


def value_of(status: CallStatus) -> Any:
    assert status.end is CallEnd.SUCCESS, status.error
    assert status.result is not None
    assert status.result.parts is not None
    return load(status.result.parts)


def error_of(status: CallStatus) -> ErrorInfo:
    assert status.end is CallEnd.ERROR
    assert status.result is None
    assert status.error is not None
    return status.error


def client_side(status: CallStatus) -> BaseException:
    job = Job(JobMessage("e-0", "M000", Artifact("", Payload((b"",)))), RuntimeSpec(), NO_RETRY, None)
    return exception_of(Call(job, status.call_id, Payload((b"",))), status)


def test_a_result_comes_back_with_what_was_measured() -> None:
    status = run_one(lambda a, b: a + b, 40, 2)
    assert value_of(status) == 42
    assert (status.executor_id, status.job_id, status.call_id, status.attempt) == ("e-0", "M000", "00000", 0)
    stats = expand_stats(status.header)
    moments = [stats[f"worker_{name}_tstamp"] for name in ("start", "func_start", "func_end", "end")]
    assert moments == sorted(moments)
    assert stats["worker_peak_memory_end"] > 1_000_000
    assert stats["worker_id"] == os.getpid()


def test_only_the_first_call_of_a_runner_is_a_cold_start() -> None:
    runner = Runner()
    colds = [expand_stats(run_one(len, "", runner=runner).header)["worker_cold_start"] for _ in range(3)]
    assert colds == [True, False, False]


@pytest.mark.parametrize("value", [None, 0, "", b"", [], {}, (1, 2), {"a": [1, {2}]}, 10**30, "\ud800", True, 1.5])
def test_any_plain_value_is_a_result(value: object) -> None:
    assert value_of(run_one(lambda x: x, value)) == value


def test_keyword_arguments_are_given_by_name() -> None:
    status = status_of(Runner().run(call_of(job_of(lambda a, *, b=1: (a, b)), 5, b=7)))
    assert value_of(status) == (5, 7)


@pytest.mark.parametrize(("size", "is_inline"), [(10, True), (5000, False)])
def test_a_result_over_the_bound_goes_to_the_store(size: int, is_inline: bool) -> None:
    storage = MemoryStorage()
    status = run_one(bytes, size, store=storage.ref("jobs"), results_inline_max=1000)
    assert status.result is not None
    assert (status.result.parts is not None) is is_inline
    if not is_inline:
        assert status.result.key is not None
        assert status.result.key.startswith("lithops.jobs/e-0/M000/results/00000/0-")
        assert load(read_payload(storage, "jobs", status.result)) == bytes(size)
        assert expand_stats(status.header)["func_result_size"] == status.result.size_bytes > size


def test_two_runs_of_an_attempt_do_not_overwrite_each_other_s_result() -> None:
    storage = MemoryStorage()
    job = job_of(bytes, store=storage.ref("jobs"), results_inline_max=0)
    keys = {status_of(Runner().run(call_of(job, 10))).result.key for _ in range(5)}  # type: ignore[union-attr]
    assert len(keys) == 5


def test_without_a_store_a_big_result_stays_inline() -> None:
    assert len(value_of(run_one(bytes, 100_000, results_inline_max=10))) == 100_000


def test_a_result_that_cannot_be_pickled_is_an_error_that_says_so() -> None:
    status = run_one(threading.Lock)
    exc = client_side(status)
    assert isinstance(exc, SerializationError)
    assert "the result of 'f' in call 00000, a lock, cannot be pickled" in str(exc)
    assert value_of(run_one(len, "abc")) == 3


# The environment


def test_variables_are_set_for_the_call_and_put_back() -> None:
    os.environ["LITHOPS_TEST_KEPT"] = "before"
    try:
        runner = Runner()
        env = {"LITHOPS_TEST_KEPT": "during", "LITHOPS_TEST_NEW": "\u20ac"}
        names = list(env)
        read: Function = lambda: [os.environ.get(name) for name in names]  # noqa: E731
        assert value_of(run_one(read, runner=runner, env=env)) == ["during", "\u20ac"]
        assert value_of(run_one(read, runner=runner)) == ["before", None]
        assert run_one(lambda: [][0], runner=runner, env=env).end is CallEnd.ERROR
        assert value_of(run_one(read, runner=runner)) == ["before", None]
    finally:
        del os.environ["LITHOPS_TEST_KEPT"]


def test_a_variable_that_the_system_refuses_is_an_error_and_leaves_no_other() -> None:
    status = run_one(len, "", env={"LITHOPS_TEST_A": "a", "LITHOPS_TEST_B": "nul\0"})
    assert error_of(status).type == "ValueError"
    assert "LITHOPS_TEST_A" not in os.environ


def test_a_call_knows_that_it_is_one() -> None:
    def inside() -> str:
        from lithops.worker import context

        call = context.current()
        return call.call_id if call else "none"

    assert value_of(run_one(inside)) == "00000"
    assert context.current() is None
    run_one(lambda: [][0])
    assert context.current() is None


# Failures


@pytest.mark.parametrize(
    "exc", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()], ids=lambda exc: type(exc).__name__
)
def test_what_would_end_the_process_ends_the_call_only(exc: BaseException) -> None:
    def function() -> None:
        raise exc

    runner = Runner()
    status = run_one(function, runner=runner)
    assert error_of(status).type == type(exc).__name__
    assert "end a function by 'return'" in str(client_side(status))
    assert value_of(run_one(len, "abc", runner=runner)) == 3


def test_the_traceback_begins_in_the_user_s_function() -> None:
    def function() -> None:
        raise ValueError("broken")

    error = error_of(run_one(function))
    assert (error.type, error.message) == ("ValueError", "broken")
    assert "in function" in error.traceback
    assert "worker/run.py" not in error.traceback


def test_wrong_arguments_are_the_call_s_error() -> None:
    assert error_of(run_one(lambda a: a)).type == "TypeError"


def test_endless_recursion_is_an_error() -> None:
    def function(n: int) -> int:
        return function(n + 1)

    assert error_of(run_one(function, 0)).type == "RecursionError"


class HostileError(Exception):
    """Raises whatever is done with it."""

    def __str__(self) -> str:
        raise SystemExit(1)

    def __reduce__(self) -> Any:
        raise KeyboardInterrupt

    @property
    def args(self) -> Any:  # type: ignore[override]
        raise SystemExit(2)


def test_an_exception_that_raises_when_it_is_looked_at_ends_the_call_only() -> None:
    def function() -> None:
        raise HostileError

    runner = Runner()
    error = error_of(run_one(function, runner=runner))
    assert error.type.endswith("HostileError")
    assert value_of(run_one(len, "abc", runner=runner)) == 3


def test_no_input_of_a_call_spoils_the_next_ones() -> None:
    runner = Runner()
    for rubbish in (b"", b"rubbish", b"\x80\x05.", dump(5)[0]):
        status = status_of(runner.run(CallMessage(job_of(len), "00000", Payload((rubbish,)))))
        assert status.end is CallEnd.ERROR
    assert value_of(run_one(len, "abc", runner=runner)) == 3


# Functions


@pytest.mark.parametrize("digest", ["", "0" * 64])
def test_a_function_with_another_digest_is_never_loaded(digest: str) -> None:
    job = JobMessage("e-0", "M000", Artifact(digest, Payload(dump(Marked("trap")))))
    status = status_of(Runner().run(call_of(job)))
    assert isinstance(client_side(status), WireError)
    assert loaded == []


def test_a_stored_function_that_was_exchanged_is_never_loaded() -> None:
    storage = MemoryStorage()
    digest, parts = dump_function(Marked("good"), "f")
    stored = write_payload(storage, "jobs", "function", parts, pads=False)
    job = JobMessage("e-0", "M000", Artifact(digest, stored), store=storage.ref("jobs"), results_inline_max=99)
    assert value_of(status_of(Runner().run(call_of(job)))) == "good"
    evil = dump(Marked("evil"))[0]
    storage.put("jobs", "function", bytes(evil).ljust(stored.size_bytes, b"\0"))
    status = status_of(Runner().run(call_of(job)))
    assert "digest differs" in error_of(status).message
    assert loaded == ["good"]


def test_a_function_is_loaded_once_and_kept_warm() -> None:
    runner = Runner()
    job = job_of(Marked("f"))
    assert [value_of(status_of(runner.run(call_of(job)))) for _ in range(5)] == ["f"] * 5
    assert loaded == ["f"]


def test_functions_are_kept_up_to_a_number() -> None:
    runner = Runner()
    jobs = [job_of(Marked(f"f{number}")) for number in range(FUNCTIONS_KEPT + 1)]
    for job in (*jobs, jobs[-1], jobs[0]):
        runner.run(call_of(job))
    assert loaded == [*(f"f{number}" for number in range(FUNCTIONS_KEPT + 1)), "f0"]


def test_a_function_whose_store_is_missing_is_an_error_that_says_so() -> None:
    job = JobMessage("e-0", "M000", Artifact("0" * 64, Payload(key="k", sizes=(5,))))
    assert "came without a store" in error_of(status_of(Runner().run(call_of(job)))).message


# Commits


def test_a_status_is_committed_once_for_each_attempt() -> None:
    storage = MemoryStorage()
    storage.create_bucket("jobs")
    job = job_of(lambda x: x, store=storage.ref("jobs"), commit=True)
    key = status_key("e-0", "M000", "00000", 0)
    Runner().run(call_of(job, "first"))
    Runner().run(call_of(job, "second"))
    assert value_of(status_of([storage.get("jobs", key).read()])) == "first"
    again = call_of(job, "third")
    again.attempt = 1
    Runner().run(again)
    assert value_of(status_of([storage.get("jobs", status_key("e-0", "M000", "00000", 1)).read()])) == "third"


class Shaky(MemoryStorage):
    """Fails the first writes of each."""

    failures = 2

    def put(self, *args: Any, **kwargs: Any) -> ObjectInfo:
        if self.failures:
            self.failures -= 1
            raise TransientError("a hiccup")
        return super().put(*args, **kwargs)


def test_a_commit_is_tried_again_when_the_store_fails_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lithops.worker.stores._BASE_S", 0.001)
    storage = Shaky()
    storage.create_bucket("jobs")
    job = job_of(lambda x: x, store=storage.ref("jobs"), commit=True)
    Runner().run(call_of(job, "value"))
    key = status_key("e-0", "M000", "00000", 0)
    assert value_of(status_of([storage.get("jobs", key).read()])) == "value"


def test_importing_the_runner_imports_nothing_of_the_client() -> None:
    program = f"import sys, {run.__name__}; print(*[m for m in sys.modules if m.startswith('lithops')])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    floors = {name.split(".")[1] for name in done.stdout.split() if "." in name}
    assert floors <= {"errors", "types", "wire", "spi", "worker", "_version"}
