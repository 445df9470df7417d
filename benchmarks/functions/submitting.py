"""Measure what it costs a client to start calls, in time of its processor, against `invoke` of boto3 in a plain loop.

Both talk to a server that answers at once, so that no function is waited for.
"""

from __future__ import annotations

import base64
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import boto3
from benchmarks.functions.calls import one_call
from benchmarks.functions.cloud import BUCKET, keys_of, settings, small_function
from benchmarks.functions.sizes import Sizes
from benchmarks.measure import ROOT, Row
from benchmarks.stores.pairs import in_pairs
from tests.aws.lambda_fixtures import LocalLambda
from tests.emulators.servers import running

import lithops
from lithops.wire.calls import encode_calls

__all__ = ["rows"]

SERVER = Path(__file__).parent / "answering_server.py"
LOOK_S = 0.005
STARTED_S = 60.0


def rows(cloud: LocalLambda, sizes: Sizes) -> list[Row]:
    """Measure calls that are answered, and events."""
    cloud.reset()
    cloud.client("s3").create_bucket(Bucket=BUCKET)
    command = [sys.executable, str(SERVER), "{port}", cloud.url]
    with running(command, env={"PYTHONPATH": str(ROOT)}) as server:
        keys = keys_of(cloud, server.url)
        client = boto3.client(
            "lambda",
            region_name=keys["region"],
            endpoint_url=keys["endpoint"],
            aws_access_key_id=keys["access_key_id"],
            aws_secret_access_key=keys["secret_access_key"],
        )
        body = json.dumps(
            {"lithops": base64.b64encode(b"".join(encode_calls([one_call(small_function(), 1)]))).decode()}
        )
        try:
            return [
                _compared(cloud, sizes, server.url, "reply", partial(_map, sizes), partial(_invoke, client, body)),
                _compared(cloud, sizes, server.url, "event", partial(_start, sizes), partial(_send, client, body)),
            ]
        finally:
            client.close()


def _compared(
    cloud: LocalLambda, sizes: Sizes, url: str, way: str, ours: Callable[[Any], None], peer: Callable[[], None]
) -> Row:
    calls = sizes.submitted

    def measure_ours(_: int) -> float:
        config = settings(cloud, endpoint=url, invocation=way, max_workers=2 * calls)
        with lithops.FunctionExecutor(config=config) as fexec:  # a new one each round: no event here ever ends
            _warm_up(fexec, way, calls)
            return _cpu(partial(ours, fexec)) / calls

    def measure_peer(_: int) -> float:
        peer()  # opens the connection
        return _cpu(partial(_repeat, peer, calls)) / calls

    pair = in_pairs(measure_ours, measure_peer, rounds=sizes.submit_rounds)
    scenario = f"{way}: {calls:,} calls submitted, per second of the client's processor"
    what = " and their results read" if way == "reply" else ""
    return Row(scenario + what, f"{1 / pair.ours_s:,.0f}/s", f"boto3 {1 / pair.peer_s:,.0f}/s", pair.ratio, at_least=3)


def _warm_up(fexec: lithops.FunctionExecutor, way: str, calls: int) -> None:
    """Find the function and open connections, as the peer has done."""
    futures = fexec.map(small_function(), range(calls))
    if way == "reply":
        futures.get_result()
    else:
        _await_started(futures)


def _map(sizes: Sizes, fexec: lithops.FunctionExecutor) -> None:
    results = fexec.map(small_function(), range(sizes.submitted)).get_result()
    assert results == list(range(1, sizes.submitted + 1))


def _start(sizes: Sizes, fexec: lithops.FunctionExecutor) -> None:
    _await_started(fexec.map(small_function(), range(sizes.submitted)))


def _await_started(futures: Any) -> None:
    limit = time.monotonic() + STARTED_S
    for future in futures:
        while future.activation_id is None:
            if time.monotonic() > limit:
                raise TimeoutError("the events were not started")
            time.sleep(LOOK_S)


def _invoke(client: Any, body: str) -> None:
    answer = client.invoke(FunctionName="bench", Payload=body, LogType="Tail")
    assert "status" in json.loads(answer["Payload"].read())


def _send(client: Any, body: str) -> None:
    answer = client.invoke(FunctionName="bench", Payload=body, InvocationType="Event")
    assert answer["StatusCode"] == 202


def _repeat(work: Callable[[], None], times: int) -> None:
    for _ in range(times):
        work()


def _cpu(work: Callable[[], object]) -> float:
    """Give the seconds of processor that all threads of this process take."""
    start = time.process_time()
    work()
    return time.process_time() - start
