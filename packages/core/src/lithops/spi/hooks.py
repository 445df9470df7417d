"""The hooks by which a plugin describes itself and observes jobs. The whole hook surface is in this file.

A plugin's `plugin.py` imports this module and no more: no SDK, no backend code. It is named by an entry point
of the group `lithops` and holds functions marked with `hookimpl`:

    from lithops.spi.hooks import BackendInfo, hookimpl

    @hookimpl
    def lithops_compute_backends():
        return [BackendInfo(name="acme", factory="lithops_acme.compute:AcmeCompute", ...)]
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import pluggy

if TYPE_CHECKING:
    from lithops.spi.compute import RuntimeSpec

__all__ = ["ENTRY_POINT_GROUP", "BackendInfo", "CallEvent", "JobEndEvent", "JobEvent", "hookimpl", "hookspec"]

ENTRY_POINT_GROUP = "lithops"
FIRST_SPI_VERSION = 1

hookspec = pluggy.HookspecMarker("lithops")
hookimpl = pluggy.HookimplMarker("lithops")


class BackendInfo(NamedTuple):
    """What a plugin says of a backend, without importing it.

    `factory` is "module:Class" of a `ComputeBackend`, `StorageBackend` or `StatusBroker`; the class is called with one
    argument, its typed configuration. `config` is "module:Class" of a frozen `msgspec.Struct` whose fields are the keys of
    the section named like the backend. `scheme` is the URL scheme of a store (`s3`); `provider` names the
    section whose keys this backend takes as defaults; `extra` is the distribution to name when its SDK is missing.
    `spi_version` is the version of the contract that the backend was written for, as a plain number: the default is the
    first one for ever, since the installed core's own number would always fit.
    """

    name: str
    factory: str
    config: str
    summary: str = ""
    mode: Literal["localhost", "serverless", "standalone"] = "serverless"
    scheme: str | None = None
    default_storage: str | None = None
    aliases: tuple[str, ...] = ()
    provider: str | None = None
    extra: str | None = None
    spi_version: int = FIRST_SPI_VERSION


class JobEvent(NamedTuple):
    """A job was accepted by the engine. `calls` is 0 where the input has no length. `tstamp`: seconds since the epoch."""

    executor_id: str
    job_id: str
    function_name: str
    calls: int
    tstamp: float


class CallEvent(NamedTuple):
    """A call reached its end. `stats` has the keys of `ResponseFuture.stats`.

    `attempt` is the number of its last attempt, from 0. `error_type` and `error_message` tell what it ended with.
    """

    executor_id: str
    job_id: str
    call_id: str
    end: str
    stats: dict[str, Any]
    attempt: int = 0
    error_type: str = ""
    error_message: str = ""


class JobEndEvent(NamedTuple):
    """All calls of a job have ended, and no more can come. `tstamp` is that of the last end: seconds since the epoch."""

    executor_id: str
    job_id: str
    calls: int
    tstamp: float


class HookSpecs:
    """The hooks. Arguments are given by keyword; an implementation may take fewer of them."""

    @hookspec
    def lithops_compute_backends(self) -> Iterable[BackendInfo]:
        """Name the compute backends of this plugin."""
        raise NotImplementedError

    @hookspec
    def lithops_storage_backends(self) -> Iterable[BackendInfo]:
        """Name the storage backends of this plugin."""
        raise NotImplementedError

    @hookspec
    def lithops_machine_pools(self) -> Iterable[BackendInfo]:
        """Name the providers of machines for standalone mode."""
        raise NotImplementedError

    @hookspec
    def lithops_status_brokers(self) -> Iterable[BackendInfo]:
        """Name the brokers that can carry statuses; their `mode` means nothing."""
        raise NotImplementedError

    @hookspec(firstresult=True)
    def lithops_resolve_runtime(self, backend: str, spec: RuntimeSpec) -> RuntimeSpec | None:
        """Replace a runtime's specification before it is ensured, or return None."""
        raise NotImplementedError

    @hookspec
    def lithops_job_started(self, event: JobEvent) -> None:
        """Observe that a job was accepted. Called on the submitting thread: return quickly."""

    @hookspec
    def lithops_call_settled(self, event: CallEvent) -> None:
        """Observe that a call ended. Called on a thread of the engine: return quickly."""

    @hookspec
    def lithops_job_ended(self, event: JobEndEvent) -> None:
        """Observe that a job ended, after its last call. Called on any of these threads: return quickly."""

    @hookspec
    def lithops_add_commands(self, cli: Any) -> None:
        """Add commands to the `lithops` program; `cli` is a `click.Group`."""
