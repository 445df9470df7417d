"""Open the backends that a configuration names, and check that their workers fit this client."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgspec import structs

from lithops.config import Settings
from lithops.errors import ConfigError, LithopsError
from lithops.plugins import registry
from lithops.spi.compute import ComputeBackend, ComputeFeature, RuntimeInfo, RuntimeSpec
from lithops.spi.monitoring import StatusBroker
from lithops.spi.storage import StorageBackend
from lithops.types import StorageRef
from lithops.wire.version import WIRE_VERSION

if TYPE_CHECKING:
    from lithops.engine.job_store import JobStore
    from lithops.printing import OutputPrinter

__all__ = [
    "check_runtime",
    "finish",
    "has_runtimes",
    "observer",
    "open_brokers",
    "open_compute",
    "open_storage",
    "resolve_runtime",
    "warm_up",
]

log = logging.getLogger(__name__)


def open_compute(settings: Settings) -> ComputeBackend:
    """Make the compute backend; one that takes a bucket gets that of jobs.

    Raises `MissingDependencyError` without its SDK.
    """
    options = settings.compute_options
    bucket = settings.lithops.storage_bucket or getattr(settings.storage_options, "storage_bucket", None)
    if bucket and settings.compute.provider is not None and settings.compute.provider == settings.storage.provider:
        fields = {field.name for field in structs.fields(options)}
        if "storage_bucket" in fields and getattr(options, "storage_bucket", None) is None:
            options = structs.replace(options, storage_bucket=bucket)  # the same cloud: what it is given passes there
    backend: ComputeBackend = registry().factory(settings.compute)(options)
    return backend


def warm_up(backend: ComputeBackend) -> None:
    """Let a backend whose `start` is instant make its runtime ready now, while the program goes on."""
    if ComputeFeature.INSTANT_START in backend.features:
        backend.prepare()


def open_storage(settings: Settings, name: str | None = None) -> tuple[StorageBackend, str]:
    """Make a storage backend, the configured one or that of a name or scheme, and name the bucket of jobs."""
    info, options = (settings.storage, settings.storage_options) if name is None else settings.storage_for(name)
    backend: StorageBackend = registry().factory(info)(options)
    bucket = settings.lithops.storage_bucket or getattr(options, "storage_bucket", None) or backend.default_bucket()
    if name is None and not bucket:
        raise ConfigError(
            f"no bucket is named for the storage '{info.name}': set 'storage_bucket' in its section of the configuration"
        )
    return backend, bucket or ""


def open_brokers(settings: Settings, compute: ComputeBackend) -> StatusBroker | None:
    """Make the broker that statuses come by, if one is configured.

    Workers of this machine are told the keys of every broker that the configuration has a section for.
    """
    used = None
    for info, options in settings.brokers():
        broker: StatusBroker = registry().factory(info)(options)
        credentials = broker.credentials()
        if credentials:
            ref = broker.ref("")
            compute.entrust(StorageRef(ref.factory, "", ref.options), credentials)
        if info is settings.broker:
            used = broker
    return used


def observer(hook: str) -> Callable[[Any], None] | None:
    """Give what tells the plugins of an event; None when no plugin wants to know, so that nothing is told."""
    plugins = registry()
    if not plugins.observes(hook):
        return None

    def tell(event: Any) -> None:
        plugins.notify(hook, event=event)

    return tell


def resolve_runtime(backend: str, runtime: RuntimeSpec) -> RuntimeSpec:
    """Let the plugins replace a runtime; the first that does wins."""
    plugins = registry()
    if not plugins.observes("lithops_resolve_runtime"):
        return runtime
    replaced: RuntimeSpec | None = plugins.hook.lithops_resolve_runtime(backend=backend, spec=runtime)
    return replaced or runtime


def has_runtimes(backend: ComputeBackend) -> bool:
    """Tell whether a backend makes runtimes: whether there is something to build, list or delete."""
    return any(
        getattr(type(backend), name) is not getattr(ComputeBackend, name)
        for name in ("build_runtime", "list_runtimes", "delete_runtime")
    )


def check_runtime(runtime: RuntimeInfo, backend: str | None = None) -> None:
    """Raise `ConfigError`, with a table, when a worker could not read what this client pickles or sends.

    `backend` names one that makes runtimes: then there is a command that mends it.
    """
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if (runtime.python, runtime.wire) == (python, WIRE_VERSION[0]):
        return
    from lithops.runtimes.spec import mismatches, update_command

    rows = [("Python", python, runtime.python), ("wire", str(WIRE_VERSION[0]), str(runtime.wire))]
    advice = "run the client with the worker's Python, or name another 'runtime' in the backend's section"
    if backend is not None:
        advice = f"'{update_command(backend)}' builds it again for this client; or {advice}"
    raise ConfigError(
        f"the runtime '{runtime.name}' does not fit this client:\n{mismatches(rows)}\n"
        f"a function pickled by one minor version of Python cannot be loaded by another: {advice}"
    )


def finish(pid: int, backend: ComputeBackend, printer: OutputPrinter, store: JobStore, cleans: str | None) -> None:
    """End what an executor left: its workers, its printer, and with `cleans`, a prefix, its data. Not in a fork."""
    if os.getpid() != pid:
        return
    backend.close()
    printer.close()
    if cleans is not None and store.is_written and not store.is_kept:
        try:
            store.delete(cleans, keeps="/cloudobjects/")  # they were given to the user
        except LithopsError as exc:
            log.warning("the data of '%s' could not be deleted: %s; 'lithops clean' does it later", cleans, exc)
