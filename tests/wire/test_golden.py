"""Frames that earlier releases of this major version wrote are read as they were meant.

The files in `golden/` are only added, never changed or removed: a file that no longer decodes means that the wire is
broken for workers and statuses that exist. A new field, or a new kind, brings a new file, written once by `encode_*`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lithops.types import (
    Artifact,
    BrokerRef,
    CallEnd,
    CallMessage,
    CallStatus,
    ErrorInfo,
    JobMessage,
    Payload,
    StorageRef,
)
from lithops.wire.calls import decode_calls, encode_calls
from lithops.wire.control import HELLO, RECALL, RETURNED
from lithops.wire.envelope import BIG_BLOB_BYTES, Message, decode, encode
from lithops.wire.output import decode_output, encode_output
from lithops.wire.status import decode_status, encode_status, expand_stats

GOLDEN = Path(__file__).with_name("golden")

PLAIN_JOB = JobMessage("e1f0-0", "A000", Artifact("0" * 64, Payload((b"function",))), "f")
FULL_JOB = JobMessage(
    executor_id="e1f0-1",
    job_id="M007",
    function=Artifact("a" * 64, Payload(key="lithops.jobs/e1f0-1/functions/aa", sizes=(300, 70_000))),
    function_name="caf\u00e9",
    modules=Artifact("b" * 64, Payload((b"PK zip",))),
    fill=("id", "storage"),
    store=StorageRef("lithops_localhost.storage:LocalhostStorage", "storage", {"root": "/data", "deep": [1, None]}),
    timeout_s=2.5,
    memory_mb=512,
    env={"LANG": "C", "EMPTY": ""},
    results_inline_max=262_144,
    commit=True,
)
NAMED_JOB = JobMessage(
    "e1f0-2", "M001", PLAIN_JOB.function, "f", store=StorageRef("acme.storage:AcmeStorage", "b", {}, "acme")
)
STORED = Payload(key="lithops.jobs/e1f0-1/M007/data/00000", offset=128, sizes=(64, 65_536))
CALLS = [
    CallMessage(FULL_JOB, "00000", Payload((b"input", b"z" * BIG_BLOB_BYTES))),
    CallMessage(FULL_JOB, "00001", STORED, (Payload((b"need",)), STORED), 2),
]
MEASURED = {"times": [10.0, 10.5, 12.0, 12.25], "usage": [1.5, 0.25, 4096, 1_048_576], "cold": True, "worker": 4242}
TIMES = ("worker_start_tstamp", "worker_func_start_tstamp", "worker_func_end_tstamp", "worker_end_tstamp")

WATCHED_JOB = PLAIN_JOB._replace(commit_after_s=10.0)

ANNOUNCED_JOB = PLAIN_JOB._replace(
    commit=True, broker=BrokerRef("acme.broker:AcmeBroker", "e1f0-3", {"host": "queue", "port": 6379})
)

# file: what it was written from, by the encoder of its kind
WRITTEN: dict[str, Callable[[], list[Any]]] = {
    "1.0-calls-plain.bin": lambda: encode_calls([CallMessage(PLAIN_JOB, "00000", Payload((b"input",)))]),
    "1.0-calls-full.bin": lambda: encode_calls(CALLS),
    "1.0-calls-commit-after.bin": lambda: encode_calls([CallMessage(WATCHED_JOB, "00000", Payload((b"input",)))]),
    "1.0-calls-broker.bin": lambda: encode_calls([CallMessage(ANNOUNCED_JOB, "00000", Payload((b"input",)))]),
    "1.0-calls-named-store.bin": lambda: encode_calls([CallMessage(NAMED_JOB, "00003", Payload((b"input",)))]),
    "1.0-status-success.bin": lambda: encode_status(
        CallStatus("e1f0-1", "M007", "00001", 2, CallEnd.SUCCESS, result=Payload((b"result",))), MEASURED
    ),
    "1.0-status-stored.bin": lambda: encode_status(
        CallStatus("e1f0-1", "M007", "00001", 0, CallEnd.SUCCESS, result=STORED), MEASURED
    ),
    "1.0-status-error.bin": lambda: encode_status(
        CallStatus(
            "e1f0-1",
            "M007",
            "00000",
            1,
            CallEnd.ERROR,
            error=ErrorInfo("ValueError", "not \u20ac", "Traceback ...", Payload((b"exception",))),
        ),
        MEASURED,
    ),
    "1.0-status-lost.bin": lambda: encode_status(
        CallStatus(
            "e1f0-1",
            "M007",
            "00000",
            0,
            CallEnd.LOST,
            error=ErrorInfo("WorkerLostError", "killed", "last words", None, 9, 137, True),
        ),
        {},
    ),
    "1.0-status-last.bin": lambda: encode_status(
        CallStatus("e1f0-1", "M007", "00002", 0, CallEnd.SUCCESS, result=Payload((b"result",))),
        {**MEASURED, "last": True},
    ),
    "1.0-output.bin": lambda: encode_output(CALLS[1], "stderr", "gr\u00fc\u00dfe\n"),
    "1.0-output-outside.bin": lambda: encode_output(None, "stdout", "hello\n"),
    "1.0-hello.bin": lambda: encode(HELLO, {"python": "3.11", "wire": [1, 0], "pid": 77}),
    "1.0-recall.bin": lambda: encode(RECALL, {"count": 3}),
    "1.0-returned.bin": lambda: encode(RETURNED, {"calls": ["00009", "00008"]}),
}


def golden(name: str) -> Message:
    return decode((GOLDEN / name).read_bytes())


def parts(payload: Payload | None) -> object:
    assert payload is not None
    if payload.parts is not None:
        return [bytes(part) for part in payload.parts]
    return payload.key, payload.offset, payload.sizes


def test_every_golden_file_is_known_and_there() -> None:
    assert sorted(path.name for path in GOLDEN.iterdir()) == sorted(WRITTEN)


def test_plain_calls() -> None:
    (call,) = decode_calls(golden("1.0-calls-plain.bin"))
    job = call.job
    assert (call.call_id, call.attempt, parts(call.data), call.needs) == ("00000", 0, [b"input"], ())
    assert (job.executor_id, job.job_id, job.function_name, job.function.digest) == ("e1f0-0", "A000", "f", "0" * 64)
    assert parts(job.function.payload) == [b"function"]
    assert (job.modules, job.fill, job.store, job.timeout_s, job.memory_mb) == (None, (), None, None, None)
    assert (job.env, job.results_inline_max, job.commit) == ({}, 0, False)


def test_full_calls() -> None:
    first, second = decode_calls(golden("1.0-calls-full.bin"))
    job = first.job
    assert second.job is job
    assert (first.call_id, first.attempt, first.needs) == ("00000", 0, ())
    assert parts(first.data) == [b"input", b"z" * BIG_BLOB_BYTES]
    stored = ("lithops.jobs/e1f0-1/M007/data/00000", 128, (64, 65_536))
    assert (second.call_id, second.attempt, parts(second.data)) == ("00001", 2, stored)
    assert [parts(need) for need in second.needs] == [[b"need"], stored]
    assert (job.executor_id, job.job_id, job.function_name) == ("e1f0-1", "M007", "caf\u00e9")
    assert job.function.digest == "a" * 64
    assert parts(job.function.payload) == ("lithops.jobs/e1f0-1/functions/aa", 0, (300, 70_000))
    assert job.modules is not None
    assert (job.modules.digest, parts(job.modules.payload)) == ("b" * 64, [b"PK zip"])
    assert (job.fill, job.timeout_s, job.memory_mb) == (("id", "storage"), 2.5, 512)
    assert job.store is not None
    assert (job.store.factory, job.store.bucket) == ("lithops_localhost.storage:LocalhostStorage", "storage")
    assert (job.store.options, job.store.name) == ({"root": "/data", "deep": [1, None]}, "")
    assert (job.env, job.results_inline_max, job.commit) == ({"LANG": "C", "EMPTY": ""}, 262_144, True)


def test_calls_with_a_store_that_has_a_name() -> None:
    (call,) = decode_calls(golden("1.0-calls-named-store.bin"))
    assert call.job.store == StorageRef("acme.storage:AcmeStorage", "b", {}, "acme")


def test_calls_whose_statuses_are_announced() -> None:
    (call,) = decode_calls(golden("1.0-calls-broker.bin"))
    assert call.job.commit
    assert call.job.broker == BrokerRef("acme.broker:AcmeBroker", "e1f0-3", {"host": "queue", "port": 6379})


def test_a_success() -> None:
    status = decode_status(golden("1.0-status-success.bin"))
    ids = (status.executor_id, status.job_id, status.call_id, status.attempt)
    assert ids == ("e1f0-1", "M007", "00001", 2)
    assert (status.end, parts(status.result), status.error) == (CallEnd.SUCCESS, [b"result"], None)
    stats = expand_stats(status.header)
    assert [stats[name] for name in TIMES] == [10.0, 10.5, 12.0, 12.25]
    assert (stats["worker_exec_time"], stats["worker_func_exec_time"]) == (2.25, 1.5)
    assert (stats["worker_func_cpu_user_time"], stats["worker_func_cpu_system_time"]) == (1.5, 0.25)
    assert (stats["worker_func_rss"], stats["worker_peak_memory_end"]) == (4096, 1_048_576)
    assert (stats["worker_cold_start"], stats["func_result_size"]) == (True, 6)


def test_a_success_with_a_stored_result() -> None:
    status = decode_status(golden("1.0-status-stored.bin"))
    assert parts(status.result) == ("lithops.jobs/e1f0-1/M007/data/00000", 128, (64, 65_536))
    assert expand_stats(status.header)["func_result_size"] == 65_600


def test_an_error() -> None:
    status = decode_status(golden("1.0-status-error.bin"))
    error = status.error
    assert error is not None
    assert (status.end, status.attempt, status.result) == (CallEnd.ERROR, 1, None)
    assert (error.type, error.message, error.traceback) == ("ValueError", "not \u20ac", "Traceback ...")
    assert (parts(error.payload), error.signal, error.exit_code) == ([b"exception"], None, None)
    assert not error.memory_limit


def test_a_lost_call() -> None:
    status = decode_status(golden("1.0-status-lost.bin"))
    assert status.end is CallEnd.LOST
    assert status.error == ErrorInfo("WorkerLostError", "killed", "last words", None, 9, 137, True)


def test_output() -> None:
    output = decode_output(golden("1.0-output.bin"))
    assert (output.executor_id, output.job_id, output.call_id) == ("e1f0-1", "M007", "00001")
    assert (output.stream, output.text) == ("stderr", "gr\u00fc\u00dfe\n")
    outside = decode_output(golden("1.0-output-outside.bin"))
    assert (outside.executor_id, outside.job_id, outside.call_id) == (None, None, None)
    assert (outside.stream, outside.text) == ("stdout", "hello\n")


@pytest.mark.parametrize(
    ("name", "kind", "fields"),
    [
        ("1.0-hello.bin", HELLO, {"python": "3.11", "wire": [1, 0], "pid": 77}),
        ("1.0-recall.bin", RECALL, {"count": 3}),
        ("1.0-returned.bin", RETURNED, {"calls": ["00009", "00008"]}),
    ],
)
def test_control_messages(name: str, kind: str, fields: dict[str, object]) -> None:
    message = golden(name)
    assert message.kind == kind
    assert {field: message.header[field] for field in fields} == fields


@pytest.mark.parametrize("name", sorted(WRITTEN))
def test_the_present_encoder_says_at_least_the_same(name: str) -> None:
    """A list may grow at its end: readers of this major ignore what they do not know."""
    now = decode(b"".join(bytes(buffer) for buffer in WRITTEN[name]()))
    then = golden(name)
    for field, value in then.header.items():
        said = now.header[field]
        if isinstance(value, list):
            said = said[: len(value)]
        assert said == value
    assert [bytes(blob) for blob in now.blobs] == [bytes(blob) for blob in then.blobs]


def test_a_last_status() -> None:
    last = decode_status(golden("1.0-status-last.bin"))
    assert (last.end, last.is_last, parts(last.result)) == (CallEnd.SUCCESS, True, [b"result"])
    assert not decode_status(golden("1.0-status-success.bin")).is_last
