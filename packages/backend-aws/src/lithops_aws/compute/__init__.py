"""Functions on AWS Lambda. The backend is imported when it is first named: its configuration needs no SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lithops_aws.compute.backend import LambdaCompute

__all__ = ["LambdaCompute"]


def __getattr__(name: str) -> Any:
    if name == "LambdaCompute":
        from lithops_aws.compute.backend import LambdaCompute

        return LambdaCompute
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
