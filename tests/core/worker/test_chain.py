"""What a worker gives to a function beside its input: results of other calls, its number, the job's storage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from lithops.jobs.serialize import dump_function
from lithops.spi import Artifact, CallEnd, CallMessage, CallStatus, ErrorInfo, JobMessage, Payload
from lithops.testing import MemoryStorage
from lithops.types import Buffer
from lithops.wire.envelope import decode
from lithops.wire.status import decode_status
from lithops.worker.pickles import dump, load, need
from lithops.worker.run import Runner
from lithops.worker.stores import write_payload

Function = Callable[..., Any]


class _Need:
    def __init__(self, position: int) -> None:
        self.position = position

    def __reduce__(self) -> tuple[Any, ...]:
        return need, (self.position,)


def numbered(x: object, id: object) -> tuple[object, object]:  # noqa: A002 - the name that the worker fills in
    return x, id


def job_of(function: Function, **fields: Any) -> JobMessage:
    digest, parts = dump_function(function, "f")
    settings: dict[str, Any] = {"function_name": "f", "results_inline_max": 1 << 20, **fields}
    return JobMessage("e-0", "M000", Artifact(digest, Payload(parts)), **settings)


def call_of(
    job: JobMessage, *args: object, number: int = 0, needs: Sequence[object] = (), **kwargs: object
) -> CallMessage:
    needed = tuple(one if isinstance(one, Payload) else Payload(dump(one)) for one in needs)
    return CallMessage(job, f"{number:05d}", Payload(dump((args, kwargs or None))), needed)


def status_of(frame: list[Buffer]) -> CallStatus:
    return decode_status(decode(b"".join(bytes(buffer) for buffer in frame)))


def run_one(function: Function, *args: object, **fields: Any) -> CallStatus:
    return status_of(Runner().run(call_of(job_of(function, **fields), *args)))


def value_of(status: CallStatus) -> Any:
    assert status.end is CallEnd.SUCCESS, status.error
    assert status.result is not None
    assert status.result.parts is not None
    return load(status.result.parts)


def error_of(status: CallStatus) -> ErrorInfo:
    assert status.end is CallEnd.ERROR
    assert status.error is not None
    return status.error


def test_needs_are_put_in_their_places_inline_or_stored() -> None:
    storage = MemoryStorage()
    big = write_payload(storage, "jobs", "k", dump("stored"))
    call = call_of(job_of(lambda *args: args, store=storage.ref("jobs")), needs=["inline", big])
    call.data = Payload(dump(((_Need(1), [_Need(0)], 5), None)))
    assert value_of(status_of(Runner().run(call))) == ("stored", ["inline"], 5)


@pytest.mark.parametrize(
    ("function", "result", "value"),
    [
        (lambda x: x, 5, 5),
        (lambda x: x, (1, 2), (1, 2)),
        (lambda x, y: [x, y], (1, 2), [1, 2]),
        (lambda *args: args, (1, 2), (1, 2)),
        (lambda x, y=9: [x, y], {"x": 1}, [1, 9]),
        (lambda x, y=9: [x, y], {"y": 1, "x": 2}, [2, 1]),
        (lambda x: x, {"other": 1}, {"other": 1}),
        (lambda x: x, {}, {}),
        (lambda x, **more: [x, more], {"x": 1, "z": 2}, [1, {"z": 2}]),
        (lambda x, *, y: [x, y], {"x": 1, "y": 2}, [1, 2]),
        (len, "abc", 3),
        (abs, -5, 5),
        (str, 5, "5"),
        (lambda x: x, None, None),
        (lambda x: x, {1: 2}, {1: 2}),
        (lambda x: x, [1, 2], [1, 2]),
    ],
)
def test_a_result_that_was_a_whole_element_is_spread_like_one(function: Function, result: Any, value: Any) -> None:
    call = call_of(job_of(function), needs=[result])
    call.data = Payload(dump(((_Need(0),), None, True)))
    assert value_of(status_of(Runner().run(call))) == value


def test_extra_arguments_stand_behind_a_spread_result() -> None:
    call = call_of(job_of(lambda a, b, c, d=0: [a, b, c, d]), needs=[(1, 2)])
    call.data = Payload(dump(((_Need(0), 3), {"d": 4}, True)))
    assert value_of(status_of(Runner().run(call))) == [1, 2, 3, 4]


def test_the_number_of_the_call_is_filled_in() -> None:
    call = call_of(job_of(numbered, fill=("id",)), 5, number=12)
    assert value_of(status_of(Runner().run(call))) == (5, 12)


def test_what_the_input_gives_is_not_filled_in() -> None:
    call = call_of(job_of(numbered, fill=("id",)), 5, id="mine")
    assert value_of(status_of(Runner().run(call))) == (5, "mine")


def test_the_job_s_storage_is_filled_in() -> None:
    def function(key: str, storage: Any) -> bytes:
        storage.put_object(storage.bucket, key, b"written")
        content: bytes = storage.get_object(storage.bucket, key)
        return content

    storage = MemoryStorage()
    storage.create_bucket("jobs")
    status = run_one(function, "k", fill=("storage",), store=storage.ref("jobs"))
    assert value_of(status) == b"written"
    assert storage.get("jobs", "k").read() == b"written"


def test_what_the_worker_cannot_fill_in_is_an_error_with_advice() -> None:
    status = run_one(lambda rabbitmq: rabbitmq, fill=("rabbitmq",))
    assert "'rabbitmq'" in error_of(status).message
