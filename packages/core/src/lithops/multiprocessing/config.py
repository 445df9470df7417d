"""Settings of this package in the form that programs of Lithops 3 use: `set_parameter(NAME, value)`.

What the configuration says of backends and Redis is not here: see `lithops.config`.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "ENV_VARS",
    "EXPORT_EXECUTION_DETAILS",
    "LITHOPS_CONFIG",
    "PIPE_CONNECTION_TYPE",
    "REDIS_EXPIRY_TIME",
    "STREAM_STDOUT",
    "get_parameter",
    "set_parameter",
]

LITHOPS_CONFIG = "LITHOPS_CONFIG"
"""A dict: the configuration, or keyword arguments of `FunctionExecutor`, of every pool and process."""

STREAM_STDOUT = "STREAM_STDOUT"
"""Taken for compatibility: what a process prints appears at the client wherever the backend tells it."""

REDIS_EXPIRY_TIME = "REDIS_EXPIRY_TIME"
"""After so many seconds Redis drops what no living process has any more."""

PIPE_CONNECTION_TYPE = "PIPE_CONNECTION_TYPE"
"""Taken for compatibility: there is one kind of pipe."""

ENV_VARS = "ENV_VARS"
"""A dict of variables that every process and pool worker sees."""

EXPORT_EXECUTION_DETAILS = "EXPORT_EXECUTION_DETAILS"
"""A path or folder: each pool leaves a page about its calls there, as `FunctionExecutor.report` does."""

_values: dict[str, Any] = {
    LITHOPS_CONFIG: {},
    STREAM_STDOUT: True,
    REDIS_EXPIRY_TIME: 3600,
    PIPE_CONNECTION_TYPE: "redislist",
    ENV_VARS: {},
    EXPORT_EXECUTION_DETAILS: None,
}


def set_parameter(key: str, value: Any) -> None:
    """Set a parameter of this program; it holds for what is made after. Raises `KeyError` for an unknown one."""
    _check(key)
    if key in (LITHOPS_CONFIG, ENV_VARS):
        value = dict(value or {})
    if key == REDIS_EXPIRY_TIME:
        from lithops.multiprocessing.state import set_expiry

        set_expiry(value)
    _values[key] = value


def get_parameter(key: str) -> Any:
    """Give a parameter of this program. Raises `KeyError` for an unknown one."""
    _check(key)
    return _values[key]


def _check(key: str) -> None:
    if key not in _values:
        raise KeyError(f"'{key}' is no parameter of lithops.multiprocessing: there are {', '.join(sorted(_values))}")
