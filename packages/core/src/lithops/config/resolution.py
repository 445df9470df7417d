"""From what the user wrote to `Settings`: find the source, check it, choose the backends, type their options."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import msgspec

from lithops.config.choice import choose_broker, choose_compute, choose_storage
from lithops.config.sections import CORE, Sections
from lithops.config.settings import Settings, origins_of
from lithops.config.sources import SYSTEM_FILE, Source, find_source
from lithops.plugins import Registry, registry

__all__ = ["resolve", "resolve_source"]


def resolve(
    config: Mapping[str, Any] | None = None,
    config_file: str | os.PathLike[str] | None = None,
    *,
    mode: str | None = None,
    backend: str | None = None,
    storage: str | None = None,
    monitoring: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] = os.environ,
    cwd: str | None = None,
    system_file: str = SYSTEM_FILE,
    plugins: Registry | None = None,
) -> Settings:
    """Find the configuration and resolve it; the arguments are stronger than what is found.

    `overrides` are keys of the compute backend's section; those that are None are not given. Raises `ConfigError`;
    `UnknownBackendError` and `PluginError` when a backend cannot be used. Imports no backend and does no I/O but
    reading the file.
    """
    source = find_source(config, config_file, environ=environ, cwd=cwd, system_file=system_file)
    return resolve_source(
        source,
        mode=mode,
        backend=backend,
        storage=storage,
        monitoring=monitoring,
        overrides=overrides,
        plugins=plugins,
    )


def resolve_source(
    source: Source,
    *,
    mode: str | None = None,
    backend: str | None = None,
    storage: str | None = None,
    monitoring: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    plugins: Registry | None = None,
) -> Settings:
    """Resolve a configuration that was found; raises as `resolve` does."""
    plugins = plugins or registry()
    sections = Sections(source, plugins)
    lithops = sections.lithops
    compute, why_compute = choose_compute(
        plugins, lithops, mode=mode, backend=backend, sections=source.sections, where=source.origin
    )
    store, why_storage = choose_storage(plugins, lithops, lambda: compute, storage=storage, where=source.origin)

    compute_given = sections.given(compute, overrides)
    shares_section = sections.section_of(store) == sections.section_of(compute)
    storage_given = sections.with_default_bucket(sections.given(store, overrides if shares_section else None))
    if shares_section:  # one section, so one bucket
        compute_given = sections.with_default_bucket(compute_given)
    origins = {
        **origins_of(CORE, sections.core_given),
        **origins_of(store.name, storage_given),
        **origins_of(compute.name, compute_given),
    }
    for key, why in (("backend", why_compute), ("storage", why_storage), ("mode", f"of backend '{compute.name}'")):
        if why != "configured":
            origins[CORE, key] = why
    return Settings(
        lithops=msgspec.structs.replace(lithops, backend=compute.name, storage=store.name, mode=compute.mode),
        compute=compute,
        compute_options=sections.options(compute, compute_given),
        storage=store,
        storage_options=sections.options(store, storage_given),
        sections=sections,
        origins=origins,
        broker=choose_broker(plugins, lithops, monitoring=monitoring, where=source.origin),
    )
