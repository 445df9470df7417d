"""The configuration as plain dicts, as programs written for Lithops 3 use it; and what `Storage` is opened from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import msgspec

from lithops.config.choice import choose_compute, choose_storage
from lithops.config.resolution import resolve_source
from lithops.config.sections import Sections
from lithops.config.settings import plain
from lithops.config.sources import Source, as_source, find_source
from lithops.config.text import read_file
from lithops.errors import ConfigError
from lithops.plugins import Registry, registry
from lithops.spi.hooks import BackendInfo

__all__ = ["default_config", "extract_storage_config", "load_yaml_config", "resolve_storage"]


def default_config(
    config_file: str | None = None,
    config_data: Mapping[str, Any] | None = None,
    config_overwrite: Mapping[str, Mapping[str, Any]] | None = None,
    load_storage_config: bool = True,
) -> dict[str, dict[str, Any]]:
    """Find and resolve the configuration, as a dict of sections.

    `config_overwrite` has sections whose keys replace those found; its section `backend` stands for the compute
    backend's. Without `load_storage_config` the storage's section is left out.
    """
    source = find_source(config_data, config_file)
    sections = dict(source.sections)
    overrides: Mapping[str, Any] = {}
    for name, keys in (config_overwrite or {}).items():
        if name == "backend":
            overrides = keys
        else:
            given = {key: value for key, value in keys.items() if value is not None}
            sections[name] = {**sections.get(name, {}), **given}
    settings = resolve_source(Source(source.origin, sections), overrides=overrides)
    found = settings.as_dict()
    if not load_storage_config and settings.storage.name != settings.compute.name:
        del found[settings.storage.name]
    return found


def load_yaml_config(filename: str) -> dict[str, Any]:
    """Read a configuration file as it is written. Raises `ConfigError`."""
    return read_file(os.path.expanduser(filename))


def extract_storage_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Take what `Storage(storage_config=...)` needs out of a configuration: `backend`, `bucket`, and its section."""
    info, options, bucket = resolve_storage(config)
    return {"backend": info.name, "bucket": bucket, info.name: plain(options)}


def resolve_storage(
    config: Mapping[str, Any] | None = None,
    backend: str | None = None,
    storage_config: Mapping[str, Any] | None = None,
    *,
    plugins: Registry | None = None,
) -> tuple[BackendInfo, msgspec.Struct, str | None]:
    """Find the storage backend, its options and its bucket (None: not configured).

    `storage_config` is what `extract_storage_config` gives; without it the configuration is found as ever, and
    `backend` is stronger than what it names. Raises `ConfigError`, `UnknownBackendError`.
    """
    plugins = plugins or registry()
    bucket: Any = None
    if storage_config is None:
        source = find_source(config)
    else:
        source, bucket = _source_of(storage_config)
        backend = backend or storage_config.get("backend")
        if backend is None:
            raise ConfigError("the argument 'storage_config' names no storage: add the key 'backend'")
    sections = Sections(source, plugins)
    lithops = sections.lithops

    def compute() -> BackendInfo:
        return choose_compute(plugins, lithops, mode=None, backend=None, sections=source.sections, where=source.origin)[
            0
        ]

    info, _ = choose_storage(plugins, lithops, compute, storage=backend, where=source.origin)
    options = sections.options(info, sections.with_default_bucket(sections.given(info)))
    return info, options, bucket or getattr(options, "storage_bucket", None)


def _source_of(storage_config: Mapping[str, Any]) -> tuple[Source, str | None]:
    origin = "the argument 'storage_config'"
    bucket = storage_config.get("bucket")
    if not isinstance(bucket, str | None):
        raise ConfigError(f"{origin}: 'bucket' is a {type(bucket).__name__}: give the name of a bucket")
    sections = {key: value for key, value in storage_config.items() if key not in ("backend", "bucket")}
    return as_source(origin, sections), bucket
