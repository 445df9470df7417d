"""The resolved configuration: which backends are used, with which options, and where each value came from."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import msgspec

from lithops.config.section import LithopsSection
from lithops.config.sections import CORE, Sections
from lithops.config.typed import Given, fields_of
from lithops.errors import UnknownBackendError
from lithops.spi.hooks import BackendInfo

__all__ = ["Settings", "origins_of", "plain"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What a program runs with. `source` says where the configuration was found.

    The options are structs of the class that the backend's `BackendInfo.config` names.
    """

    lithops: LithopsSection
    compute: BackendInfo
    compute_options: msgspec.Struct
    storage: BackendInfo
    storage_options: msgspec.Struct
    sections: Sections = field(repr=False, compare=False)
    origins: Mapping[tuple[str, str], str] = field(repr=False, compare=False)

    broker: BackendInfo | None = None

    @property
    def source(self) -> str:
        return self.sections.source.origin

    @property
    def mode(self) -> str:
        return self.compute.mode

    def storage_for(self, name: str) -> tuple[BackendInfo, msgspec.Struct]:
        """Find a storage backend by its name, alias or URL scheme, with its options; the configured one goes first.

        Raises `UnknownBackendError`, `ConfigError`.
        """
        if name in (self.storage.name, *self.storage.aliases, self.storage.scheme):
            return self.storage, self.storage_options
        plugins = self.sections.plugins
        try:
            info = plugins.storage(name)
        except UnknownBackendError:
            info = plugins.storage_for_scheme(name)
        return info, self.sections.options(info, self.sections.given(info))

    def brokers(self) -> list[tuple[BackendInfo, msgspec.Struct]]:
        """List the brokers of statuses that the configuration has a section for, and the one that is used."""
        return [
            (one.info, self.sections.options(one.info, self.sections.given(one.info)))
            for one in self.sections.plugins.backends("broker")
            if one.info is self.broker or any(name in self.sections.source.sections for name in one.names)
        ]

    def section(self, name: str) -> Mapping[str, Any]:
        """Give a section as it was written, also one that no backend reads; empty when there is none."""
        return self.sections.source.sections.get(name, {})

    def as_dict(self) -> dict[str, dict[str, Any]]:
        """Give the configuration as a dict of sections, as `config=` takes it; secrets stay `Secret`."""
        found = {CORE: plain(self.lithops), self.storage.name: plain(self.storage_options)}
        found[self.compute.name] = found.get(self.compute.name, {}) | plain(self.compute_options)
        return found

    def rows(self) -> list[tuple[str, str, str, str]]:
        """List section, key, shown value and origin of all that is used; then, hidden, of what is not."""
        rows = [
            (section, key, _shown(value), self.origins.get((section, key), "default"))
            for section, keys in self.as_dict().items()
            for key, value in keys.items()
        ]
        used = {CORE, *(self.sections.section_of(info) for info in (self.compute, self.storage))}
        used |= {name for name in (self.compute.provider, self.storage.provider) if name}
        return rows + [
            (section, key, "***", f"{self.source}, not used")
            for section, keys in self.sections.source.sections.items()
            for key in keys
            if section not in used
        ]


def origins_of(section: str, given: Mapping[str, Given]) -> dict[tuple[str, str], str]:
    """Say where the keys of a section came from; one without a value has its default."""
    return {(section, key): one.origin for key, one in given.items() if one.value is not None}


def plain(options: msgspec.Struct) -> dict[str, Any]:
    """Copy a struct into a dict by the names that users write."""
    return {key: deepcopy(getattr(options, field.name)) for key, field in fields_of(type(options)).items()}


def _shown(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
