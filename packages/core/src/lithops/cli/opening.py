"""Open what the common options and the configuration name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lithops.cli.options import Chosen

if TYPE_CHECKING:
    from lithops.config import Settings
    from lithops.executors import FunctionExecutor
    from lithops.spi.hooks import BackendInfo
    from lithops.storage.retrying import RetryingStorage

__all__ = ["open_executor", "open_store", "resolve_settings"]


def resolve_settings(chosen: Chosen) -> Settings:
    """Find and check the configuration; raises `ConfigError`, `PluginError`."""
    from lithops.config import resolve

    return resolve(
        None,
        chosen.config_file,
        backend=chosen.backend,
        storage=chosen.storage,
        overrides={"region": chosen.region},
    )


def open_executor(chosen: Chosen) -> FunctionExecutor:
    """Make an executor; raises as its constructor does."""
    from lithops.executors import FunctionExecutor

    return FunctionExecutor(
        config_file=chosen.config_file,
        backend=chosen.backend,
        storage=chosen.storage,
        log_level="DEBUG" if chosen.is_debug else False,
        region=chosen.region,
    )


def open_store(chosen: Chosen) -> RetryingStorage:
    """Open the storage alone: the compute backend is asked for only when nothing else names a storage."""
    from lithops.config.choice import choose_compute, choose_storage
    from lithops.config.sections import Sections
    from lithops.config.sources import find_source
    from lithops.plugins import registry
    from lithops.storage.retrying import RetryingStorage

    plugins = registry()
    sections = Sections(find_source(None, chosen.config_file), plugins)

    def compute() -> BackendInfo:
        found, _ = choose_compute(
            plugins,
            sections.lithops,
            mode=None,
            backend=chosen.backend,
            sections=sections.source.sections,
            where=sections.source.origin,
        )
        return found

    info, _ = choose_storage(plugins, sections.lithops, compute, storage=chosen.storage, where=sections.source.origin)
    return RetryingStorage(
        plugins.factory(info)(sections.options(info, sections.given(info, {"region": chosen.region})))
    )
