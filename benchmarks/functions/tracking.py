"""Measure what a look for new statuses costs the client, in time of its processor, when none is new.

The statuses of the ended calls lie in the local S3, written by its side door; the tracker reads by the real store.
"""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Sequence

from benchmarks.functions.calls import one_call
from benchmarks.functions.cloud import BUCKET, lambda_config, opened_store, small_function
from benchmarks.functions.sizes import Sizes
from benchmarks.measure import Row, in_turn
from tests.aws.lambda_fixtures import LocalLambda

from lithops.engine.call import Call, Job
from lithops.engine.retry import NO_RETRY
from lithops.engine.track import Tracker
from lithops.spi.compute import RuntimeSpec
from lithops.types import CallStatus, Payload
from lithops.wire.keys import status_key
from lithops_aws.compute import LambdaCompute
from lithops_aws.storage import AwsS3Storage

__all__ = ["rows"]

FILLED_AT_ONCE = 5_000
LONGEST_S = 2.0
STEPS = 10
SLACK = 1.25
"""How much more than ten times as long a look at ten times as many calls may take."""


def rows(cloud: LocalLambda, sizes: Sizes) -> list[Row]:
    """Measure one job at several points of its life, with its calls ended in order, or all over."""
    cloud.reset()
    cloud.client("s3").create_bucket(Bucket=BUCKET)
    backend = LambdaCompute(lambda_config(cloud))
    try:
        with opened_store(cloud) as store:
            some = sizes.tracked // STEPS
            polls = {
                "all": _Poll(cloud, backend, store, "B000", sizes.tracked, range(sizes.tracked)),
                "some": _Poll(cloud, backend, store, "B001", some, range(some)),
            }
            for left in sizes.unfinished:
                ordered = range(sizes.tracked - left, sizes.tracked)
                scattered = range(0, sizes.tracked, sizes.tracked // left)
                polls[f"{left} last"] = _Poll(cloud, backend, store, f"L{left}", sizes.tracked, ordered)
                polls[f"{left} anywhere"] = _Poll(cloud, backend, store, f"S{left}", sizes.tracked, scattered)
            for poll in polls.values():
                poll.measure()  # opens connections
            seconds = in_turn({name: poll.measure for name, poll in polls.items()}, sizes.track_rounds)
    finally:
        backend.close()
    told = {name: _told(seconds[name], polls[name].requests) for name in polls}
    whole = f"{sizes.tracked:,} unfinished: {told['all']}"
    linear = Row(
        f"a look at {sizes.tracked:,} unfinished calls, none ended",
        told["all"],
        f"{some:,} unfinished: {told['some']}",
        seconds["all"] / seconds["some"],
        at_most=STEPS * SLACK,
    )
    return [
        linear,
        *(
            Row(
                f"a look when {left:,} calls of {sizes.tracked:,} are left, {where}",
                told[f"{left} {which}"],
                whole,
                seconds[f"{left} {which}"] / seconds["all"],
                at_most=1,
            )
            for which, where in (("last", "the last"), ("anywhere", "evenly spread"))
            for left in sizes.unfinished
        ),
    ]


class _Poll:
    """A job of which some calls have no end yet, and the tracker that looks for it."""

    def __init__(
        self,
        cloud: LocalLambda,
        backend: LambdaCompute,
        store: AwsS3Storage,
        job_id: str,
        calls: int,
        unfinished: Sequence[int],
    ) -> None:
        message = one_call(small_function()).job._replace(job_id=job_id, commit=True)
        job = Job(message, RuntimeSpec(), NO_RETRY, None)
        job.calls = [Call(job, f"{number:05d}", Payload(())) for number in range(calls)]
        for call in job.calls:
            call.sent = call.to_message()
            call.submit_tstamp = time.time()
            call.handle = f"request-{call.call_id}"
        left = set(unfinished)
        keys = [
            status_key(message.executor_id, job_id, call.call_id, 0)
            for call in job.calls
            if int(call.call_id) not in left
        ]
        for at in range(0, len(keys), FILLED_AT_ONCE):
            _fill(cloud, keys[at : at + FILLED_AT_ONCE])
        self.requests = 0
        self._cloud = cloud
        self._calls = [job.calls[number] for number in unfinished]
        self._tracker = Tracker(
            backend,
            lambda: (store, BUCKET),
            unfinished=lambda: self._calls,
            report=self._report,
            longest_s=LONGEST_S,
        )

    def measure(self) -> float:
        """Look once; give the seconds of processor."""
        before = sum(self._cloud.requests().values())
        start = time.process_time()
        self._tracker.look(self._calls)
        spent = time.process_time() - start
        self.requests = sum(self._cloud.requests().values()) - before
        return spent

    def _report(self, status: CallStatus) -> None:
        raise AssertionError(f"call {status.call_id} has no end")


def _told(seconds: float, requests: int) -> str:
    return f"{seconds * 1000:.3g} ms, {requests} request{'s' if requests != 1 else ''}"


def _fill(cloud: LocalLambda, keys: Sequence[str]) -> None:
    """Write objects by the server's side door."""
    body = json.dumps({"bucket": BUCKET, "keys": keys}).encode()
    with urllib.request.urlopen(f"{cloud.url}/lithops-tests/fill", data=body, timeout=60) as answer:
        answer.read()
