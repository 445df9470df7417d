"""Open the backends that a configuration names, and check that their workers fit this client."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lithops.config import Settings
from lithops.errors import ConfigError, LithopsError
from lithops.plugins import registry
from lithops.spi.compute import ComputeBackend, ComputeFeature, RuntimeInfo, RuntimeSpec
from lithops.spi.storage import StorageBackend
from lithops.wire.version import WIRE_VERSION

if TYPE_CHECKING:
    from lithops.engine.job_store import JobStore
    from lithops.printing import OutputPrinter

__all__ = ["check_runtime", "finish", "observer", "open_compute", "open_storage", "resolve_runtime", "warm_up"]

log = logging.getLogger(__name__)


def open_compute(settings: Settings) -> ComputeBackend:
    """Make the compute backend. Raises `MissingDependencyError` without its SDK."""
    backend: ComputeBackend = registry().factory(settings.compute)(settings.compute_options)
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


def check_runtime(runtime: RuntimeInfo) -> None:
    """Raise `ConfigError`, with a table, when a worker could not read what this client pickles or sends."""
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if (runtime.python, runtime.wire) == (python, WIRE_VERSION[0]):
        return
    rows = [("", "client", "worker"), ("Python", python, runtime.python)]
    rows.append(("wire", str(WIRE_VERSION[0]), str(runtime.wire)))
    table = "\n".join(f"  {name:8}{ours:10}{theirs}" for name, ours, theirs in rows)
    raise ConfigError(
        f"the runtime '{runtime.name}' does not fit this client:\n{table}\n"
        "a function pickled by one minor version of Python cannot be loaded by another: run the client with the worker's "
        "Python, or name another 'runtime' in the backend's section"
    )


def finish(pid: int, backend: ComputeBackend, printer: OutputPrinter, store: JobStore, cleans: str | None) -> None:
    """End what an executor left: its workers, its printer, and with `cleans`, a prefix, its data. Not in a fork."""
    if os.getpid() != pid:
        return
    backend.close()
    printer.close()
    if cleans is not None and store.is_written:
        try:
            store.delete(cleans, keeps="/cloudobjects/")  # they were given to the user
        except LithopsError as exc:
            log.warning("the data of '%s' could not be deleted: %s; 'lithops clean' does it later", cleans, exc)
