"""Measure the zip of the default runtime."""

from __future__ import annotations

from benchmarks.functions.cloud import runtime_zip
from benchmarks.functions.sizes import Sizes
from benchmarks.measure import Row
from tests.aws.lambda_fixtures import LocalLambda

__all__ = ["rows"]

MB = 1_000_000


def rows(cloud: LocalLambda, _: Sizes) -> list[Row]:
    """Build it and look."""
    size = runtime_zip(cloud).stat().st_size
    return [Row("zip of the default runtime", f"{size:,} bytes", "-", size / MB, at_most=3, unit="MB")]
