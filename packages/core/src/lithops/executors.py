"""The executors: `FunctionExecutor`, and one for each mode, which is chosen whatever the configuration says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lithops.executor import FunctionExecutor

__all__ = ["FunctionExecutor", "LocalhostExecutor", "ServerlessExecutor", "StandaloneExecutor"]


class LocalhostExecutor(FunctionExecutor):
    """A `FunctionExecutor` that runs on this machine, whatever the configuration says."""

    def __init__(
        self,
        config: Mapping[str, Any] | None = None,
        config_file: str | None = None,
        storage: str | None = None,
        monitoring: str | None = None,
        log_level: str | int | bool | None = False,
        **kwargs: Any,
    ) -> None:
        super().__init__("localhost", config, config_file, None, storage, monitoring, log_level, **kwargs)


class ServerlessExecutor(FunctionExecutor):
    """A `FunctionExecutor` on a serverless platform."""

    def __init__(
        self,
        config: Mapping[str, Any] | None = None,
        config_file: str | None = None,
        backend: str | None = None,
        storage: str | None = None,
        monitoring: str | None = None,
        log_level: str | int | bool | None = False,
        **kwargs: Any,
    ) -> None:
        super().__init__("serverless", config, config_file, backend, storage, monitoring, log_level, **kwargs)


class StandaloneExecutor(FunctionExecutor):
    """A `FunctionExecutor` on machines that it starts or is given."""

    def __init__(
        self,
        config: Mapping[str, Any] | None = None,
        config_file: str | None = None,
        backend: str | None = None,
        storage: str | None = None,
        monitoring: str | None = None,
        log_level: str | int | bool | None = False,
        **kwargs: Any,
    ) -> None:
        super().__init__("standalone", config, config_file, backend, storage, monitoring, log_level, **kwargs)
