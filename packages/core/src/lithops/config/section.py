"""The section `lithops` of the configuration."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

__all__ = ["LithopsSection"]

_LEVELS = {"DEBUG", "INFO", "WARNING", "WARN", "ERROR", "CRITICAL", "NONE"}


class LithopsSection(Struct, frozen=True, kw_only=True):
    """The keys that concern the framework itself. None means that Lithops decides."""

    backend: str | None = None
    storage: str | None = None
    mode: Literal["localhost", "serverless", "standalone"] | None = None
    storage_bucket: str | None = None  # for the storage's section, when that names none
    monitoring: str | None = None
    monitoring_interval: Annotated[float, Meta(gt=0)] | None = None  # in seconds
    execution_timeout: Annotated[float, Meta(gt=0)] | None = 1800.0  # in seconds
    data_limit: float | bool | None = None  # in MB; False or None: unlimited
    data_cleaner: bool = True
    chunksize: Annotated[int, Meta(ge=1)] | None = None
    include_modules: list[str] | None = []
    exclude_modules: list[str] = []
    log_level: str | int | bool | None = None
    log_format: str | None = None
    log_stream: str | None = None
    log_filename: str | None = None
    retries: Annotated[int, Meta(ge=0)] = 0
    max_cost: Annotated[float, Meta(gt=0)] | None = None  # in the currency of the backend's prices
    telemetry: bool = False
    customized_runtime: bool = False  # of Lithops 3; only False is possible

    def __post_init__(self) -> None:
        limit = self.data_limit
        if limit is True or (limit is not None and limit is not False and not limit > 0):
            raise ValueError(f"'data_limit' is {limit}: give a number of MB above 0, or false for no limit")
        if isinstance(self.log_level, str) and self.log_level.upper() not in _LEVELS:
            raise ValueError(f"'log_level' is '{self.log_level}': give one of {', '.join(sorted(_LEVELS))}")
        if self.customized_runtime:
            raise ValueError("'customized_runtime' is not supported: leave it out, local modules travel by themselves")
