"""The worker as a program: a frame of calls in, statuses and output out. Also how it is called wrongly."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lithops.engine.call import Call, Job
from lithops.engine.outcome import exception_of
from lithops.engine.retry import NO_RETRY
from lithops.errors import WireError, WorkerMemoryError
from lithops.jobs.serialize import dump_function
from lithops.spi import Artifact, CallEnd, CallMessage, CallOutput, CallStatus, JobMessage, Payload, RuntimeSpec
from lithops.wire.calls import encode_calls
from lithops.wire.envelope import FrameReader, Message, encode
from lithops.wire.output import decode_output
from lithops.wire.status import decode_status, expand_stats
from lithops.worker.once import run_frame
from lithops.worker.pickles import dump, load
from lithops.worker.run import Runner


def frame_of(function: Callable[..., Any], *inputs: object, **fields: Any) -> bytes:
    digest, parts = dump_function(function, "f")
    job = JobMessage("e-0", "M000", Artifact(digest, Payload(parts)), "f", **fields)
    calls = [CallMessage(job, f"{at:05d}", Payload(dump(((one,), None)))) for at, one in enumerate(inputs)]
    return b"".join(bytes(buffer) for buffer in encode_calls(calls))


def worker(*arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "lithops.worker", *arguments]
    return subprocess.run(command, input=given, capture_output=True, timeout=30)


def once(frame: bytes) -> tuple[list[CallStatus], list[CallOutput]]:
    done = worker("once", given=frame)
    assert done.returncode == 0, done.stderr.decode()
    reader = FrameReader()
    messages: list[Message] = []
    left = done.stdout
    while left:
        room = reader.writable()
        count = min(len(room), len(left))
        room[:count] = left[:count]
        left = left[count:]
        messages.extend(reader.received(count))
    assert not reader.in_frame
    statuses = [decode_status(message) for message in messages if message.kind == "status"]
    return statuses, [decode_output(message) for message in messages if message.kind == "output"]


def value_of(status: CallStatus) -> Any:
    assert status.end is CallEnd.SUCCESS, status.error
    assert status.result is not None
    assert status.result.parts is not None
    return load(status.result.parts)


def exception_in(status: CallStatus) -> BaseException:
    job = Job(JobMessage("e-0", "M000", Artifact("", Payload((b"",)))), RuntimeSpec(), NO_RETRY, None)
    return exception_of(Call(job, status.call_id, Payload((b"",))), status)


class OwnError(Exception):
    def __init__(self, a: int, b: int) -> None:
        super().__init__(a + b)


def test_calls_run_in_order_in_one_process_with_their_output() -> None:
    def function(x: int) -> tuple[int, int]:
        import os
        import sys

        print("call", x)
        sys.stderr.write(f"no end {x}")
        os.write(1, b"must not enter the protocol")
        return x * 2, os.getpid()

    statuses, outputs = once(frame_of(function, 1, 2, 3))
    assert [status.call_id for status in statuses] == ["00000", "00001", "00002"]
    assert [value_of(status)[0] for status in statuses] == [2, 4, 6]
    assert len({value_of(status)[1] for status in statuses}) == 1
    printed = [(output.call_id, output.stream, output.text) for output in outputs]
    assert printed[:2] == [("00000", "stdout", "call 1\n"), ("00000", "stderr", "no end 1")]
    assert len(printed) == 6
    colds = [expand_stats(status.header)["worker_cold_start"] for status in statuses]
    assert colds == [True, False, False]


def test_a_class_of_the_client_s_main_comes_back_as_that_class(tmp_path: Path) -> None:
    """Functions, results and exceptions of classes of `__main__` keep their identity over the trip."""
    program = tmp_path / "program.py"
    source = Path(__file__).read_text(encoding="utf-8")
    program.write_text(
        source
        + """
class MainError(Exception):
    def __init__(self, a, b):
        super().__init__(a + b)
class Point:
    def __init__(self, x):
        self.x = x
def function(x):
    if x == 1:
        raise MainError(1, 2)
    return Point(x)
statuses, _ = once(frame_of(function, 0, 1))
assert type(value_of(statuses[0])) is Point
assert type(exception_in(statuses[1])) is MainError, exception_in(statuses[1])
print("as it should be")
""",
        encoding="utf-8",
    )
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, timeout=30)
    assert done.stdout == "as it should be\n", done.stderr


def test_big_inputs_and_results_pass() -> None:
    (status,), _ = once(frame_of(lambda data: data[::-1], b"ab" * 500_000))
    assert value_of(status) == b"ba" * 500_000


def test_a_call_that_exits_does_not_end_the_others() -> None:
    def function(x: int) -> int:
        import sys

        return sys.exit(3) if x == 0 else x

    statuses, _ = once(frame_of(function, 0, 1))
    assert [status.end for status in statuses] == [CallEnd.ERROR, CallEnd.SUCCESS]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the system cannot limit private memory")
def test_a_call_over_its_memory_is_lost_and_the_limit_holds_for_the_next_ones() -> None:
    def function(megabytes: int) -> int:
        return len(bytearray(megabytes * 1024 * 1024))

    statuses, _ = once(frame_of(function, 1, 900, 2, 900, memory_mb=300))
    assert [status.end for status in statuses] == [CallEnd.SUCCESS, CallEnd.LOST, CallEnd.SUCCESS, CallEnd.LOST]
    exc = exception_in(statuses[1])
    assert isinstance(exc, WorkerMemoryError)
    assert "300 MB" in str(exc)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the system cannot limit private memory")
def test_a_result_that_does_not_fit_when_it_is_pickled_is_over_memory_too() -> None:
    def function(megabytes: int) -> list[bytes]:
        return [bytes([number]) * (1024 * 1024) for number in range(megabytes)]

    statuses, _ = once(frame_of(function, 200, memory_mb=330))
    assert statuses[0].end is CallEnd.LOST
    assert isinstance(exception_in(statuses[0]), WorkerMemoryError)


def test_nothing_is_left_in_the_temporary_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "lithops.worker", "once"]
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    frame = frame_of(len, "abc")
    subprocess.run(command, input=frame, capture_output=True, timeout=30, check=True, env=env)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("given", [b"", b"rubbish", frame_of(len, "a")[:-1]], ids=["nothing", "rubbish", "truncated"])
def test_a_bad_frame_fails_with_a_reason(given: bytes) -> None:
    done = worker("once", given=given)
    assert done.returncode == 1
    assert b"a message" in done.stdout + done.stderr
    assert b'"kind":"status"' not in done.stdout


def test_an_entry_point_runs_a_frame_with_its_own_runner() -> None:
    runner = Runner()
    statuses = [b"".join(bytes(part) for part in frame) for frame in run_frame(frame_of(len, "a", "bc"), runner)]
    assert len(statuses) == 2
    with pytest.raises(WireError, match="calls were expected"):
        list(run_frame(b"".join(bytes(part) for part in encode("hello", {})), runner))


@pytest.mark.parametrize(
    "arguments",
    [[], ["unknown"], ["once", "more"], ["pipe"], ["pipe", "3"], ["pipe", "x", "/tmp"], ["pipe", "-1", "/tmp"]],
)
def test_wrong_usage_is_told_with_exit_code_2(arguments: list[str]) -> None:
    done = worker(*arguments)
    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr.startswith(b"usage: ")
