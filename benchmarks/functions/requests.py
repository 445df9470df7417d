"""Count the requests to the storage that a job's calls cost, and what a client asks once the job is over."""

from __future__ import annotations

import time
from collections.abc import Mapping

from benchmarks.functions.cloud import BUCKET, settings, small_function
from benchmarks.functions.sizes import Sizes
from benchmarks.measure import Row
from tests.aws.lambda_fixtures import LocalLambda

import lithops

__all__ = ["rows"]

STORAGE = "s3."
SETTLE_S = 0.5


def rows(cloud: LocalLambda, sizes: Sizes) -> list[Row]:
    """Run a job by replies, and one by events."""
    found = []
    for way in ("reply", "event"):
        cloud.reset()
        cloud.client("s3").create_bucket(Bucket=BUCKET)
        created = cloud.counts()
        with lithops.FunctionExecutor(config=settings(cloud, invocation=way)) as fexec:
            results = fexec.map(small_function(), range(sizes.calls)).get_result()
            assert results == list(range(1, sizes.calls + 1))
            time.sleep(SETTLE_S)  # a pass that had begun when the last call ended may end
            before = cloud.counts()
            time.sleep(sizes.idle_s)
            after = cloud.counts()
        ended = cloud.counts()
        client, workers = (_spent(created, ended, who) for who in ("client", "sandbox"))
        found += _counted(way, sizes.calls, client, workers)
        idle = sum(sum(_spent(before, after, who).values()) for who in ("client", "sandbox"))
        scenario = f"{way}: requests of any kind in {sizes.idle_s:g} s after the job's end"
        found.append(Row(scenario, f"{idle}", "-", idle, at_most=0, unit="requests"))
    return found


def _counted(way: str, calls: int, client: Mapping[str, int], workers: Mapping[str, int]) -> list[Row]:
    by_client, by_workers = _of_storage(client), _of_storage(workers)
    each = f"{way}: storage requests of {calls:,} small calls"
    if way == "reply":
        return [
            Row(f"{each}, by workers", _told(by_workers), "-", sum(by_workers.values()), at_most=0, unit="in all"),
            Row(f"{each}, by the client", _told(by_client), "-", sum(by_client.values()), at_most=9, unit="in all"),
        ]
    return [
        Row(
            f"{each}, by workers", _told(by_workers), "-", sum(by_workers.values()) / calls, at_most=1.1, unit="a call"
        ),
        Row(
            f"{each}, by the client", _told(by_client), "-", sum(by_client.values()) / calls, at_most=1.1, unit="a call"
        ),
    ]


def _spent(before: Mapping[str, Mapping[str, int]], after: Mapping[str, Mapping[str, int]], who: str) -> dict[str, int]:
    earlier = before.get(who, {})
    return {name: count - earlier.get(name, 0) for name, count in after.get(who, {}).items()}


def _of_storage(requests: Mapping[str, int]) -> dict[str, int]:
    return {name.removeprefix(STORAGE): count for name, count in requests.items() if name.startswith(STORAGE) and count}


def _told(requests: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(requests.items())) or "none"
