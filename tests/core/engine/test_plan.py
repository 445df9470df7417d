"""Batches: all calls, in order, each batch within the limits and as large as they allow."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from lithops.engine.plan import plan
from lithops.spi import Artifact, CallMessage, JobMessage, Limits, Payload

JOBS = [JobMessage("e", f"M{number:03d}", Artifact("", Payload((b"",)))) for number in range(3)]


def size_of(call: CallMessage) -> int:
    payloads = (call.data, *call.needs)
    return sum(len(part) for payload in payloads for part in payload.parts or ())


inline = st.lists(st.integers(0, 60), min_size=1, max_size=2).map(lambda sizes: Payload(tuple(map(bytes, sizes))))
payloads = inline | st.just(Payload(key="k", sizes=(10**9,)))
calls_of_jobs = st.lists(
    st.builds(
        CallMessage, st.sampled_from(JOBS), st.just("00000"), payloads, st.lists(payloads, max_size=2).map(tuple)
    ),
    max_size=30,
)


@given(calls_of_jobs, st.integers(1, 8), st.integers(0, 200))
def test_batches_are_the_largest_within_the_limits(calls: list[CallMessage], most: int, most_bytes: int) -> None:
    batches = list(plan(calls, Limits(max_calls_per_start=most, max_payload_bytes=most_bytes)))
    assert [call for batch in batches for call in batch] == calls
    for batch in batches:
        assert 1 <= len(batch) <= most
        assert all(call.job is batch[0].job for call in batch)
        assert len(batch) == 1 or sum(map(size_of, batch)) <= most_bytes
    for batch, after in itertools.pairwise(batches):
        is_full = len(batch) == most or after[0].job is not batch[0].job
        assert is_full or sum(map(size_of, batch)) + size_of(after[0]) > most_bytes


def test_equal_job_messages_are_not_taken_for_one() -> None:
    again = JobMessage("e", "M000", JOBS[0].function)
    calls = [CallMessage(job, "00000", Payload((b"",))) for job in (JOBS[0], again, JOBS[0])]
    assert list(map(len, plan(calls, Limits(max_calls_per_start=9)))) == [1, 1, 1]


def test_nothing_gives_no_batch() -> None:
    assert list(plan([], Limits())) == []
