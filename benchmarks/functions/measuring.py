"""Measure scenarios: `measuring [--quick] SCENARIO...`; prints JSON in the last line: `rows` and `failed`."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence

from benchmarks.functions import requests, size, starting, submitting, tracking
from benchmarks.functions.sizes import QUICK, WHOLE, Sizes
from benchmarks.measure import Row
from tests.aws.lambda_fixtures import LocalLambda, running_lambda

__all__ = ["SCENARIOS"]

SCENARIOS: dict[str, Callable[[LocalLambda, Sizes], list[Row]]] = {
    "requests": requests.rows,
    "submitting": submitting.rows,
    "tracking": tracking.rows,
    "starting": starting.rows,
    "size": size.rows,
}


def main(scenarios: Sequence[str], sizes: Sizes) -> None:
    """Start the local Lambda, and measure one scenario after the other; one that fails does not end the rest."""
    rows: list[Row] = []
    failed = []
    with running_lambda() as cloud:
        for scenario in scenarios:
            print(f"{scenario} ...", file=sys.stderr, flush=True)
            try:
                rows += SCENARIOS[scenario](cloud, sizes)
            except Exception as exc:  # whatever a client or a server may raise
                traceback.print_exc()
                failed.append(f"{scenario} could not be measured: {type(exc).__name__}: {exc}")
    print(json.dumps({"rows": [dataclasses.asdict(row) for row in rows], "failed": failed}))


if __name__ == "__main__":
    arguments = [argument for argument in sys.argv[1:] if argument != "--quick"]
    with tempfile.TemporaryDirectory(prefix="lithops-bench-") as home:
        os.environ["HOME"] = home
        os.environ["NO_PROXY"] = "*"
        main(arguments, QUICK if "--quick" in sys.argv else WHOLE)
