"""A plugin of pytest for joblib's own tests: the name `loky`, which they use and which is the default, means Lithops.

Prints a line of JSON for each test that ran something by Lithops, or that does not apply. The environment's variable
`JOBLIB_SUITE_ONLY` may name a file with the tests to run.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from joblib import register_parallel_backend
from tests.joblib_suite.not_applicable import reason_for

from lithops.util.joblib import close_executors
from lithops.util.joblib_backend import LithopsBackend

_used: list[bool] = []


class LithopsInPlaceOfLoky(LithopsBackend):
    """Notes that it was used, and runs one call at a time where `n_jobs` is not given, as loky does."""

    default_n_jobs = 1

    def configure(self, *args: Any, **options: Any) -> int:
        """Note it, and go on."""
        _used.append(True)
        return super().configure(*args, **options)


def pytest_configure() -> None:
    """Take the place of loky, before the tests look which backends there are."""
    register_parallel_backend("loky", LithopsInPlaceOfLoky)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what does not apply."""
    if only := os.environ.get("JOBLIB_SUITE_ONLY"):
        wanted = set(Path(only).read_text("utf-8").splitlines())
        items[:] = [item for item in items if item.name in wanted]
    left_out = {item: reason for item in items if (reason := reason_for(item.name)) is not None}
    for item, reason in left_out.items():
        _say(item.name, "not applicable", reason)
    items[:] = [item for item in items if item not in left_out]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Note whether a test ran anything by Lithops."""
    _used.clear()
    try:
        yield
    finally:
        item.user_properties.append(("used", bool(_used)))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Say what became of a test."""
    is_used = dict(report.user_properties).get("used")
    if report.when == "call" and (is_used or report.failed):
        lines = str(report.longrepr or "").splitlines()
        _say(report.nodeid.rpartition("::")[2], report.outcome, lines[-1] if lines else "")


def pytest_unconfigure() -> None:
    """End the workers, and say that all was run."""
    close_executors()
    _say("end", "", "")


def _say(test: str, kind: str, why: str) -> None:
    print("\n" + json.dumps({"test": test, "kind": kind, "why": why}), flush=True)
