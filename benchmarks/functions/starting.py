"""Measure what Lithops adds to a function: to the start of a new sandbox, and to a call of a warm one."""

from __future__ import annotations

import base64
import io
import itertools
import json
import pickle
import statistics
import sys
import time
import zipfile
from collections.abc import Callable
from typing import Any

from benchmarks.functions.calls import one_call
from benchmarks.functions.cloud import runtime_zip, small_function
from benchmarks.functions.sizes import Sizes
from benchmarks.measure import Row, in_turn
from tests.aws.lambda_fixtures import LocalLambda, zipped

from lithops.types import CallEnd
from lithops.wire.calls import encode_calls
from lithops.wire.envelope import decode
from lithops.wire.status import decode_status

__all__ = ["rows"]

MEMORY_MB = 256
ACTIVE_S = 30.0
BARE = "def handler(event, context):\n    return {}\n"
TIMED = """
import time
began = time.perf_counter()
from lithops_aws.entry import handler as entry
imported = time.perf_counter()
entered = 0.0

def handler(event, context):
    global entered
    entered = time.perf_counter()
    return entry(event, context)
"""
"""A handler in front of ours, that tells the function when the import of ours began, and how long it took."""


def rows(cloud: LocalLambda, sizes: Sizes) -> list[Row]:
    """Measure cold, then warm, each in turn with a handler that returns at once."""
    cloud.reset()
    zips = {"ours": _with_timed(cloud), "bare": zipped({"timed.py": BARE})}
    inside: list[float] = []
    numbers = itertools.count()
    client = cloud.client("lambda")

    def deploy(which: str) -> str:
        name = f"{which}-{next(numbers)}"
        cloud.deploy(name, zips[which], Handler="timed.handler", MemorySize=MEMORY_MB)
        limit = time.monotonic() + ACTIVE_S
        while client.get_function_configuration(FunctionName=name)["State"] != "Active" and time.monotonic() < limit:
            time.sleep(0.05)
        return name

    def invoke(name: str, body: str) -> tuple[float, Any]:
        start = time.perf_counter()
        answer = client.invoke(FunctionName=name, Payload=body)
        told = json.loads(answer["Payload"].read())
        spent = time.perf_counter() - start
        assert "FunctionError" not in answer, told
        return spent, told

    def cold(which: str) -> float:
        name = deploy(which)
        spent, told = invoke(name, asking)
        if which == "ours":
            inside.append(_result(told))
        client.delete_function(FunctionName=name)
        return spent

    asking, small = _event(_share_function()), _event(small_function(), 1)
    seen = in_turn({which: _partial(cold, which) for which in zips}, sizes.cold_rounds)
    print(f"  inside: {' '.join(f'{one:.4g}' for one in inside)}", file=sys.stderr)
    names = {which: deploy(which) for which in zips}
    for name in names.values():
        invoke(name, small)
    warm = in_turn(
        {which: _partial(lambda name: invoke(name, small)[0], names[which]) for which in zips}, sizes.warm_rounds
    )
    share = statistics.median(inside)
    return [
        Row(
            "cold start: from the import of the worker to the function",
            _ms(share),
            "-",
            share * 1000,
            at_most=60,
            unit="ms",
        ),
        _over("cold start, over a handler that returns at once", seen, 60),
        _over("warm call, over a handler that returns at once", warm, 3),
    ]


def _over(scenario: str, seconds: dict[str, float], most_ms: float) -> Row:
    over_ms = (seconds["ours"] - seconds["bare"]) * 1000
    return Row(
        scenario, _ms(seconds["ours"]), f"bare handler {_ms(seconds['bare'])}", over_ms, at_most=most_ms, unit="ms"
    )


def _with_timed(cloud: LocalLambda) -> bytes:
    """Give the zip of the default runtime, with `TIMED` in it."""
    content = io.BytesIO(runtime_zip(cloud).read_bytes())
    with zipfile.ZipFile(content, "a") as archive:
        entry = zipfile.ZipInfo("timed.py", (2024, 1, 1, 0, 0, 0))
        entry.external_attr = 0o644 << 16
        archive.writestr(entry, TIMED)
    return content.getvalue()


def _share_function() -> Callable[[], float]:
    """Make a function that tells what passed from the import to itself, without the wait for the first event."""

    def share() -> float:
        import sys
        import time

        timed: Any = sys.modules["timed"]
        return float(timed.imported - timed.began + time.perf_counter() - timed.entered)

    return share


def _event(function: Callable[..., Any], *args: object) -> str:
    return json.dumps({"lithops": base64.b64encode(b"".join(encode_calls([one_call(function, *args)]))).decode()})


def _result(told: Any) -> float:
    status = decode_status(decode(base64.b64decode(told["status"])))
    assert status.end is CallEnd.SUCCESS, status.error
    assert status.result is not None
    assert status.result.parts is not None
    return float(pickle.loads(status.result.parts[0]))


def _partial(function: Callable[[str], float], name: str) -> Callable[[], float]:
    return lambda: function(name)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms"
