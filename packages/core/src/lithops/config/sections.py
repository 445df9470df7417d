"""The sections of a source, each read by the installed backends that it is for, and checked as a whole."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from lithops.config.section import LithopsSection
from lithops.config.sources import Source
from lithops.config.text import shown_key
from lithops.config.typed import Given, build, convert, fields_of, unknown_key
from lithops.errors import ConfigError, PluginError
from lithops.plugins import Registry, load_class
from lithops.plugins.suggest import closest
from lithops.spi.hooks import BackendInfo

__all__ = ["CORE", "Sections"]

log = logging.getLogger(__name__)

CORE = "lithops"
_RESEMBLES = 0.8  # sections of backends that are not installed are allowed: only clear slips are refused


class Sections:
    """A configuration and who reads it. Immutable; the constructor checks all that can be checked.

    `lithops` is the core's own section. Raises `ConfigError` at an unknown key, a wrong value, or a section that
    resembles a known one. A section that no installed backend reads cannot be checked, and is left alone.
    """

    def __init__(self, source: Source, plugins: Registry) -> None:
        self.source = source
        self.plugins = plugins
        self.core_given = self._given(CORE)
        for key, one in self.core_given.items():
            if key not in fields_of(LithopsSection):
                raise unknown_key(one, key, fields_of(LithopsSection))
        self.lithops: LithopsSection = build(LithopsSection, self.core_given, self._where(CORE))
        for name in source.sections:
            if name != CORE:
                self._check(name)

    def section_of(self, info: BackendInfo) -> str:
        """Name the section of a backend: its name, or the alias that the user wrote."""
        written = [name for name in (info.name, *info.aliases) if name in self.source.sections]
        if len(written) > 1:
            both = " and ".join(f"'{name}'" for name in written)
            raise ConfigError(f"{self.source.origin}: the sections {both} are of one backend: keep '{info.name}'")
        return written[0] if written else info.name

    def given(self, info: BackendInfo, arguments: Mapping[str, Any] | None = None) -> dict[str, Given]:
        """Collect the keys that concern a backend: its provider's section, its own above it, arguments above all.

        An argument that is None is not given. Raises `ConfigError` at an argument that the backend does not know.
        """
        section = self.section_of(info)
        found = self._given(info.provider) if info.provider else {}
        found |= {key: one for key, one in self._given(section).items() if one.value is not None or key not in found}
        for key, value in (arguments or {}).items():
            if value is not None:
                found[key] = Given(value, f"the argument '{shown_key(key)}' of backend '{info.name}'", "argument")
                known = self._known(section)
                if key not in known:
                    raise unknown_key(found[key], key, known)
        return found

    def options(self, info: BackendInfo, given: Mapping[str, Given]) -> Any:
        """Make the typed options of a backend."""
        return build(self._struct(info), given, self._where(self.section_of(info)))

    def with_default_bucket(self, given: Mapping[str, Given]) -> dict[str, Given]:
        """Let `lithops.storage_bucket` name the bucket of a storage whose own section names none."""
        own = given.get("storage_bucket")
        default = self.core_given.get("storage_bucket")
        if default is None or (own is not None and own.value is not None):
            return dict(given)
        return {**given, "storage_bucket": default}

    def _given(self, section: str) -> dict[str, Given]:
        origin = self.source.origin
        found: dict[str, Given] = {}
        for key, value in self.source.sections.get(section, {}).items():
            place = f"{origin}: the key '{shown_key(key)}' of section '{section}'"
            if not isinstance(key, str):
                raise ConfigError(f"{place} is a {type(key).__name__}: keys are names")
            found[key] = Given(value, place, f"{origin}, section '{section}'")
        return found

    def _check(self, section: str) -> None:
        readers = self._readers(section)
        if not readers:
            names = (name for one in self.plugins.backends() for name in (*one.names, one.info.provider or ""))
            meant = closest(section, {CORE, *names}, cutoff=_RESEMBLES)
            if meant:
                raise ConfigError(
                    f"{self.source.origin}: the section '{shown_key(section)}' is unknown: did you mean '{meant}'?"
                )
            log.debug("%s: no installed backend reads the section '%s'", self.source.origin, shown_key(section))
            return
        try:
            structs = [self._struct(info) for info in readers]
        except PluginError as exc:  # whoever uses the backend will be told
            log.debug("%s: the section '%s' cannot be checked: %s", self.source.origin, section, exc)
            return
        known = {key for struct in structs for key in fields_of(struct)}
        for key, one in self._given(section).items():
            if key not in known:
                raise unknown_key(one, key, known)
            for field in [fields_of(struct)[key] for struct in structs if key in fields_of(struct)]:
                if one.value is not None:
                    convert(one, field.type)

    def _readers(self, section: str) -> list[BackendInfo]:
        return [one.info for one in self.plugins.backends() if section in (*one.names, one.info.provider)]

    def _known(self, section: str) -> Iterable[str]:
        return {key for info in self._readers(section) for key in fields_of(self._struct(info))}

    def _struct(self, info: BackendInfo) -> type[msgspec.Struct]:
        found = load_class(info.config, install=self.plugins.install_name(info))
        if not issubclass(found, msgspec.Struct):
            raise PluginError(
                f"'{info.config}' of backend '{info.name}' is no msgspec.Struct: report this to its author"
            )
        return found

    def _where(self, section: str) -> str:
        return f"{self.source.origin}: the section '{section}'"
