"""What one end encodes, the other end reads: calls, statuses and output, for any content."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lithops.errors import WireError, WireVersionError
from lithops.types import (
    Artifact,
    BrokerRef,
    Buffer,
    CallEnd,
    CallMessage,
    CallStatus,
    ErrorInfo,
    JobMessage,
    Payload,
    StorageRef,
)
from lithops.wire.calls import decode_calls, encode_calls
from lithops.wire.envelope import BIG_BLOB_BYTES, WIRE_VERSION, Message, decode, encode
from lithops.wire.output import decode_output, encode_output
from lithops.wire.status import decode_status, encode_status, expand_stats, reencode_status

text = st.text(max_size=12)
sizes = st.integers(0, 2**40)
inline = st.lists(st.binary(max_size=40), min_size=1, max_size=3).map(lambda parts: Payload(tuple(parts)))
stored = st.builds(
    lambda key, offset, parts: Payload(key=key, offset=offset, sizes=tuple(parts)),
    text,
    sizes,
    st.lists(sizes, min_size=1, max_size=3),
)
payloads = inline | stored
artifacts = st.builds(Artifact, text, payloads)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | text,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(text, inner, max_size=2),
    max_leaves=4,
)
brokers = st.builds(BrokerRef, text, text, st.dictionaries(text, json_values, max_size=2))
stores = st.builds(StorageRef, text, text, st.dictionaries(text, json_values, max_size=2), text)
jobs = st.builds(
    JobMessage,
    executor_id=text,
    job_id=text,
    function=artifacts,
    function_name=text,
    modules=st.none() | artifacts,
    fill=st.lists(text, max_size=2).map(tuple),
    store=st.none() | stores,
    broker=st.none() | brokers,
    timeout_s=st.none() | st.floats(0.001, 1e9),
    memory_mb=st.none() | st.integers(1, 10**6),
    env=st.dictionaries(text, text, max_size=2),
    results_inline_max=sizes,
    commit_after_s=st.none() | st.floats(0.0, 1e9),
    commit=st.booleans(),
)


@st.composite
def calls_of_a_job(draw: st.DrawFn) -> list[CallMessage]:
    job = draw(jobs)
    return [
        CallMessage(
            job,
            draw(text),
            draw(payloads),
            tuple(draw(st.lists(payloads, max_size=2))),
            draw(st.integers(0, 3)),
        )
        for _ in range(draw(st.integers(1, 4)))
    ]


errors = st.builds(
    ErrorInfo,
    text,
    text,
    text,
    st.none() | payloads,
    st.none() | st.integers(0, 64),
    st.none() | st.integers(0, 255),
    st.booleans(),
)
statuses = st.builds(
    CallStatus,
    text,
    text,
    text,
    st.integers(0, 9),
    st.sampled_from(CallEnd),
    result=st.none() | payloads,
    error=st.none() | errors,
)


def joined(buffers: list[Buffer]) -> bytes:
    return b"".join(bytes(buffer) for buffer in buffers)


def payload_facts(payload: Payload | None) -> object:
    if payload is None:
        return None
    if payload.parts is not None:
        return [bytes(part) for part in payload.parts]
    return payload.key, payload.offset, payload.sizes


def artifact_facts(artifact: Artifact | None) -> object:
    return None if artifact is None else (artifact.digest, payload_facts(artifact.payload))


def call_facts(call: CallMessage) -> list[Any]:
    job = call.job
    shared = (job.executor_id, job.job_id, job.function_name, job.fill, job.timeout_s, job.memory_mb, dict(job.env))
    late = job.commit_after_s
    store = (
        None if job.store is None else (job.store.factory, job.store.bucket, dict(job.store.options), job.store.name)
    )
    artifacts_of_job = (artifact_facts(job.function), artifact_facts(job.modules))
    needs = [payload_facts(need) for need in call.needs]
    own = (call.call_id, call.attempt, payload_facts(call.data), needs)
    broker = None if job.broker is None else (job.broker.factory, job.broker.channel, dict(job.broker.options))
    return [late, shared, store, broker, artifacts_of_job, job.results_inline_max, job.commit, own]


def status_facts(status: CallStatus) -> list[Any]:
    error = status.error
    ids = (status.executor_id, status.job_id, status.call_id, status.attempt, status.end)
    said = None
    if error is not None:
        texts = (error.type, error.message, error.traceback)
        said = (texts, payload_facts(error.payload), error.signal, error.exit_code, error.memory_limit)
    return [ids, payload_facts(status.result), said]


@given(calls_of_a_job())
def test_calls_come_back_as_they_were_sent(calls: list[CallMessage]) -> None:
    back = decode_calls(decode(joined(encode_calls(calls))))
    assert [call_facts(call) for call in back] == [call_facts(call) for call in calls]
    assert all(call.job is back[0].job for call in back)


@given(statuses)
def test_a_status_comes_back_as_it_was_sent(status: CallStatus) -> None:
    assert status_facts(decode_status(decode(joined(encode_status(status, {}))))) == status_facts(status)


@given(statuses)
def test_a_received_status_can_be_sent_on_with_what_was_measured(status: CallStatus) -> None:
    measured = {"times": [1.5, 2.0, 3.0, 4.5], "usage": [0.25, 0.5, 1024, 4096], "cold": True, "worker": 77}
    first = decode_status(decode(joined(encode_status(status, measured))))
    second = decode_status(decode(joined(reencode_status(first))))
    assert status_facts(second) == status_facts(status)
    assert expand_stats(second.header) == expand_stats(first.header)
    assert expand_stats(second.header)["worker_func_exec_time"] == 1.0
    assert expand_stats(second.header)["worker_exec_time"] == 3.0
    assert expand_stats(second.header)["worker_peak_memory_end"] == 4096
    assert expand_stats(second.header)["worker_cold_start"] is True


def test_a_status_without_a_worker_has_no_figures() -> None:
    assert expand_stats(b"") == {}


@given(st.sampled_from(["stdout", "stderr"]), st.text(alphabet=st.characters(exclude_categories=["Cs"])), st.booleans())
def test_output_comes_back_as_it_was_printed(stream: str, printed: str, in_call: bool) -> None:
    call = CallMessage(JobMessage("e", "M000", Artifact("", Payload(()))), "00007", Payload(())) if in_call else None
    output = decode_output(decode(joined(encode_output(call, stream, printed))))
    assert (output.stream, output.text) == (stream, printed)
    ids = ("e", "M000", "00007") if in_call else (None, None, None)
    assert (output.executor_id, output.job_id, output.call_id) == ids


def test_printed_text_that_is_no_unicode_is_escaped() -> None:
    assert decode_output(decode(joined(encode_output(None, "stdout", "a\ud800")))).text == "a\\ud800"


def reversioned(frame: bytes, version: object, more: dict[str, Any]) -> bytes:
    message = decode(frame)
    header = {**message.header, **more}
    header.pop("blobs", None)
    changed = {name: value for name, value in header.items() if name not in ("v", "kind")}
    return joined(encode(message.kind, {**changed, "v": version}, message.blobs))


@given(calls_of_a_job(), st.dictionaries(st.from_regex(r"x-[a-z]{1,5}", fullmatch=True), json_values, max_size=3))
def test_unknown_fields_and_higher_minor_versions_are_accepted(calls: list[CallMessage], more: dict[str, Any]) -> None:
    frame = reversioned(joined(encode_calls(calls)), [WIRE_VERSION[0], 99, "more"], more)
    assert [call_facts(call) for call in decode_calls(decode(frame))] == [call_facts(call) for call in calls]


@pytest.mark.parametrize("major", [0, 2, -1, 10**30])
def test_another_major_version_is_refused_with_both_versions(major: int) -> None:
    with pytest.raises(WireVersionError, match=rf"version {major} .* version {WIRE_VERSION[0]}"):
        decode(reversioned(joined(encode("status", {})), [major, 0], {}))


@pytest.mark.parametrize("version", [None, [], {}, "1.0", 1, [True, 0], ["1", 0], [1.0, 0]])
def test_a_malformed_version_is_refused(version: object) -> None:
    with pytest.raises(WireError, match="version"):
        decode(reversioned(joined(encode("status", {})), version, {}))


def test_big_blobs_come_as_writable_memory_and_small_ones_as_bytes() -> None:
    blobs: list[Buffer] = [b"s" * (BIG_BLOB_BYTES - 1), bytearray(b"b" * BIG_BLOB_BYTES)]
    for frame in (joined(encode("x", {}, blobs)), bytearray(joined(encode("x", {}, blobs)))):
        small, big = decode(frame).blobs
        assert type(small) is bytes
        assert isinstance(big, memoryview)
        assert not big.readonly
        big[0] = 7
        assert (small, bytes(big[1:])) == (blobs[0], bytes(blobs[1][1:]))


def test_blobs_may_be_views_of_arrays_and_are_not_copied() -> None:
    array = memoryview(bytearray(range(16))).cast("I")
    frame = encode("x", {}, [array, b""])
    assert frame[1] is array
    assert decode(joined(frame)).blobs == [bytes(range(16)), b""]


def test_a_frame_of_an_earlier_client_of_this_major_is_read_with_defaults() -> None:
    header = {"executor_id": "e", "job_id": "M000", "function": ["d", 1], "calls": ["00000"], "data": [1]}
    (call,) = decode_calls(decode(joined(encode("calls", header, [b"f", b"d"]))))
    job = call.job
    assert (job.function_name, job.modules, job.fill, job.store, job.env) == ("", None, (), None, {})
    assert (job.timeout_s, job.memory_mb, job.results_inline_max, job.commit) == (None, None, 0, False)
    assert (call.attempt, call.needs, call.data.parts) == (0, (), (b"d",))


def test_a_message_keeps_the_json_of_its_header() -> None:
    message: Message = decode(joined(encode("x", {"a": [1, "\u20ac"]})))
    assert json.loads(message.header_json) == message.header == {"v": [1, 0], "kind": "x", "a": [1, "\u20ac"]}


def test_big_blobs_of_bytes_come_as_bytes() -> None:
    frame = joined(
        encode("x", {}, [b"b" * BIG_BLOB_BYTES, bytearray(BIG_BLOB_BYTES), memoryview(b"m" * BIG_BLOB_BYTES)])
    )
    assert [type(blob) for blob in decode(frame).blobs] == [bytes, memoryview, bytes]
