"""Bytes from a stranger: each gives a `WireError` or a well-typed message; nothing is unpickled, nothing big allocated."""

from __future__ import annotations

import json
import math
import pickle
import struct
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lithops.errors import WireError
from lithops.types import Artifact, Buffer, CallEnd, CallMessage, CallStatus, ErrorInfo, JobMessage, Payload, StorageRef
from lithops.wire.calls import decode_calls, encode_calls
from lithops.wire.envelope import FrameReader, decode, encode
from lithops.wire.output import decode_output, encode_output
from lithops.wire.status import decode_status, encode_status, expand_stats

REFUSED = "refused"
BOMB = b"cbuiltins\nexec\n(S'import tests_bomb_went_off'\ntR."


def frames() -> dict[str, bytes]:
    bomb = Payload((BOMB, b"buffer"))
    away = Payload(key="k", offset=3, sizes=(4, 5))
    job = JobMessage(
        executor_id="e-1",
        job_id="M000",
        function=Artifact("digest", bomb),
        function_name="f",
        modules=Artifact("digest2", away),
        fill=("id", "storage"),
        store=StorageRef("m:C", "bucket", {"root": "/x"}, "name"),
        timeout_s=1.5,
        memory_mb=256,
        env={"A": "b"},
        results_inline_max=100,
        commit=True,
    )
    calls = [CallMessage(job, "00000", bomb, (bomb, away), 0), CallMessage(job, "00001", away, (), 2)]
    error = ErrorInfo("ValueError", "text", "traceback", bomb, 9, 1, True)
    status = CallStatus("e-1", "M000", "00000", 1, CallEnd.ERROR, result=away, error=error)
    measured = {"times": [1.0, 2.0, 3.0, 4.0], "usage": [0.1, 0.2, 3, 4], "cold": True, "worker": 5}
    made = {
        "calls": encode_calls(calls),
        "status": encode_status(status, measured),
        "output": encode_output(calls[0], "stdout", "printed"),
    }
    return {kind: b"".join(bytes(buffer) for buffer in buffers) for kind, buffers in made.items()}


FRAMES = frames()
KINDS = sorted(FRAMES)


def is_payload(payload: Payload) -> bool:
    if payload.parts is not None:
        return bool(payload.parts) and all(isinstance(part, (bytes, memoryview)) for part in payload.parts)
    sizes = payload.sizes
    counts = type(payload.offset) is int and type(sizes) is tuple and all(type(size) is int for size in sizes)
    return type(payload.key) is str and counts and payload.offset >= 0 and bool(sizes) and min(sizes or ()) >= 0


def check_calls(calls: list[CallMessage]) -> None:
    for call in calls:
        job = call.job
        assert {type(text) for text in (job.executor_id, job.job_id, job.function_name, call.call_id)} == {str}
        assert all(type(name) is str for name in job.fill)
        assert all(type(text) is str for pair in job.env.items() for text in pair)
        assert job.timeout_s is None or (type(job.timeout_s) in (int, float) and math.isfinite(job.timeout_s))
        assert job.memory_mb is None or type(job.memory_mb) is int
        assert (type(job.results_inline_max), type(job.commit), type(call.attempt)) == (int, bool, int)
        artifacts = [job.function, *([job.modules] if job.modules else [])]
        assert all(type(artifact.digest) is str and is_payload(artifact.payload) for artifact in artifacts)
        assert all(is_payload(payload) for payload in (call.data, *call.needs))
        if job.store is not None:
            assert [type(value) for value in job.store] == [str, str, dict, str]


def check_status(status: CallStatus) -> None:
    assert {type(text) for text in (status.executor_id, status.job_id, status.call_id)} == {str}
    assert type(status.attempt) is int
    assert isinstance(status.end, CallEnd)
    assert status.result is None or is_payload(status.result)
    if status.error is not None:
        error = status.error
        assert {type(text) for text in (error.type, error.message, error.traceback)} == {str}
        assert error.payload is None or is_payload(error.payload)
        assert all(code is None or type(code) is int for code in (error.signal, error.exit_code))
        assert type(error.memory_limit) is bool
    stats = expand_stats(status.header)
    assert all(type(stats.get(name, 0.0)) in (int, float) for name in ("worker_exec_time", "worker_func_cpu_user_time"))


def read(frame: Buffer) -> str:
    """Read a frame as each kind of message; give "refused", or the kind as which it was accepted and found sound."""
    accepted = REFUSED
    for name, reader in (("calls", decode_calls), ("status", decode_status), ("output", decode_output)):
        try:
            message = decode(frame)
            said = reader(message)
        except WireError:
            continue
        accepted = name
        if isinstance(said, list):
            check_calls(said)
        elif isinstance(said, CallStatus):
            check_status(said)
        else:
            ids = (said.executor_id, said.job_id, said.call_id)
            assert type(said.text) is str
            assert all(one is None or type(one) is str for one in ids)
    return accepted


def reframed(header: object, blobs: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack(">4sIQ", b"LTH1", len(text), len(blobs)) + text + blobs


def parts_of(frame: bytes) -> tuple[dict[str, Any], bytes]:
    _, size, _ = struct.unpack_from(">4sIQ", frame)
    return json.loads(frame[16 : 16 + size]), frame[16 + size :]


def places(value: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Give the path of each value within a header."""
    if path:
        yield path
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from places(inner, (*path, name))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from places(inner, (*path, at))


PLACES = [(kind, path) for kind in KINDS for path in places(parts_of(FRAMES[kind])[0])]


def changed(kind: str, path: tuple[Any, ...], value: object) -> bytes:
    header, blobs = parts_of(FRAMES[kind])
    inner: Any = header
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return reframed(header, blobs)


def test_the_frames_under_attack_are_sound() -> None:
    assert [read(FRAMES[kind]) for kind in KINDS] == KINDS
    with pytest.raises(ModuleNotFoundError, match="tests_bomb_went_off"):
        pickle.loads(BOMB)  # so that a reader which unpickles cannot pass the tests below


@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_cut_anywhere_is_refused(kind: str) -> None:
    frame = FRAMES[kind]
    assert {read(frame[:end]) for end in range(len(frame))} == {REFUSED}
    assert {read(frame[start:]) for start in range(1, len(frame))} == {REFUSED}
    assert read(frame + b"x") == read(frame + frame) == REFUSED


@pytest.mark.parametrize("kind", KINDS)
def test_no_flipped_bit_does_harm(kind: str) -> None:
    frame = bytearray(FRAMES[kind])
    refused = 0
    for at in range(len(frame)):
        for bit in range(8):
            frame[at] ^= 1 << bit
            refused += read(bytes(frame)) == REFUSED
            frame[at] ^= 1 << bit
    assert refused > 16 * 8  # all of the prefix, and more


WRONG: list[object] = [None, True, 0, -1, 1, 10**40, 0.5, math.nan, math.inf, "", "text", [], [[]], {}, {"a": 1}, [-1]]


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_a_wrong_value_in_any_field_is_refused_or_harmless(wrong: object) -> None:
    for kind, path in PLACES:
        assert read(changed(kind, path, wrong)) in (kind, REFUSED)


@given(st.data())
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_any_json_in_any_field_is_refused_or_harmless(data: st.DataObject) -> None:
    kind, path = data.draw(st.sampled_from(PLACES))
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4)
    values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner))
    assert read(changed(kind, path, data.draw(values))) in (*KINDS, REFUSED)


@given(st.binary(max_size=200), st.booleans())
def test_rubbish_is_refused(rubbish: bytes, has_prefix: bool) -> None:
    frame = struct.pack(">4sIQ", b"LTH1", len(rubbish), 0) + rubbish if has_prefix else rubbish
    assert read(frame) == REFUSED


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_time_out_that_is_no_finite_number_is_refused(number: str) -> None:
    header, blobs = parts_of(FRAMES["calls"])
    text = json.dumps(header).replace('"timeout_s": 1.5', f'"timeout_s": {number}').encode()
    assert number.encode() in text
    frame = struct.pack(">4sIQ", b"LTH1", len(text), len(blobs)) + text + blobs
    with pytest.raises(WireError):
        decode_calls(decode(frame))


def test_of_a_field_that_comes_twice_the_last_one_counts_everywhere() -> None:
    text = b'{"v":[1,0],"kind":"calls","kind":"status","blobs":[1],"blobs":[]}'
    twice = decode(struct.pack(">4sIQ", b"LTH1", len(text), 0) + text)
    assert (twice.kind, twice.header["kind"], twice.blobs) == ("status", "status", [])


@pytest.mark.parametrize(
    "sizes", [[3], [8], [4, 4], [7, -1], [-1, 7], [2.0, 4], [True, 5], "6", {"6": 6}, [10**30], [[]]]
)
def test_blob_sizes_that_do_not_add_up_are_refused(sizes: object) -> None:
    with pytest.raises(WireError, match="blob"):
        decode(reframed({"v": [1, 0], "kind": "x", "blobs": sizes}, b"sixsix"))


@pytest.mark.parametrize("count", [3, 10**9, 10**30])
def test_a_payload_of_more_blobs_than_came_is_refused(count: int) -> None:
    with pytest.raises(WireError, match="blob"):
        decode_calls(decode(changed("calls", ("data", 0), count + 100)))


@pytest.mark.parametrize("nested", ["[" * 100_000, '{"a":' * 100_000, "[" * 100_000 + "]" * 100_000])
def test_json_nested_too_deep_is_refused(nested: str) -> None:
    text = b'{"v":[1,0],"kind":"x","deep":' + nested.encode() + b"}"
    assert read(struct.pack(">4sIQ", b"LTH1", len(text), 0) + text) == REFUSED


@pytest.mark.parametrize(
    "text", [b"", b"\xff\xfe", b"null", b"[1]", b'"text"', b"{", b"{}", b'{"v":[1,0]}', b'{"v":[1,0],"kind":5}']
)
def test_a_header_that_is_no_header_is_refused(text: bytes) -> None:
    assert read(struct.pack(">4sIQ", b"LTH1", len(text), 0) + text) == REFUSED


def test_a_number_too_long_to_read_is_refused() -> None:
    text = b'{"v":[1,0],"kind":"x","n":' + b"9" * 100_000 + b"}"
    assert read(struct.pack(">4sIQ", b"LTH1", len(text), 0) + text) == REFUSED


PREFIXES = {
    "another magic": (b"HTTP", 10, 10),
    "a huge header": (b"LTH1", 2**32 - 1, 0),
    "a huge body": (b"LTH1", 10, 2**64 - 1),
    "minus one": (b"LTH1", 10, 2**63),
}


@pytest.mark.parametrize("name", PREFIXES)
def test_a_hostile_prefix_is_refused_before_anything_is_allocated(name: str) -> None:
    prefix = struct.pack(">4sIQ", *PREFIXES[name])
    reader = FrameReader()
    tracemalloc.start()
    try:
        with pytest.raises(WireError):
            decode(prefix + b"{}")
        reader.writable()[:16] = prefix
        with pytest.raises(WireError):
            list(reader.received(16))
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_frame_over_the_bound_of_its_reader_is_refused_at_its_prefix() -> None:
    reader = FrameReader(max_frame_bytes=1_000_000)
    reader.writable()[:16] = struct.pack(">4sIQ", b"LTH1", 984, 1_000_000 - 1000 + 1)
    with pytest.raises(WireError, match="limit"):
        list(reader.received(16))


def test_an_announced_size_alone_does_not_allocate_it() -> None:
    """A peer must send bytes to make us hold bytes."""
    reader = FrameReader()
    tracemalloc.start()
    try:
        reader.writable()[:16] = struct.pack(">4sIQ", b"LTH1", 100, 400 * 1024 * 1024)
        assert list(reader.received(16)) == []
        assert tracemalloc.get_traced_memory()[1] < 64 * 1024 * 1024
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", KINDS)
def test_blobs_are_never_unpickled(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "written"
    bomb = (
        f"cbuiltins\nexec\n(S'open({str(file)!r}, \"w\").close()'\ntR.".replace("'/", '"/').replace("',", '",').encode()
    )
    header, _ = parts_of(FRAMES[kind])
    blobs = [bomb] * len(header["blobs"])
    frame = reframed({**header, "blobs": [len(bomb)] * len(blobs)}, b"".join(blobs))
    assert read(frame) == kind
    assert not file.exists()
    pickle.loads(bomb)
    assert file.exists()


def test_a_message_of_one_kind_is_not_read_as_another() -> None:
    for kind in KINDS:
        message = decode(FRAMES[kind])
        readers = {"calls": decode_calls, "status": decode_status, "output": decode_output}
        for other, reader in readers.items():
            if other != kind:
                with pytest.raises(WireError):
                    reader(message)
    with pytest.raises(WireError):
        decode_calls(decode(b"".join(bytes(part) for part in encode("hello", {}))))
