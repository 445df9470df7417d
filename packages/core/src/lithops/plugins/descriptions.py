"""Checking what the describing hooks return: a plugin of others may return anything."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lithops.plugins.status import Kind, PluginStatus, Provided
from lithops.spi.hooks import BackendInfo
from lithops.spi.version import SPI_VERSION

__all__ = ["checked", "refusal"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_CLASS = re.compile(r"[^\W\d][\w.]*:[^\W\d][\w.]*")
_MODES = ("localhost", "serverless", "standalone")
_RESERVED = "lithops"  # the core's own section of the configuration


def checked(kind: Kind, hook: str, returned: object) -> Iterator[Provided]:
    """Go through what a hook returned; raises `TypeError` or `ValueError` at what is no proper description."""
    if not hasattr(returned, "__iter__"):
        raise TypeError(f"{hook} returned {type(returned).__name__} instead of a list of BackendInfo")
    names: set[str] = set()
    for info in returned:
        if not isinstance(info, BackendInfo):
            raise TypeError(f"{hook} returned a {type(info).__name__} in place of a BackendInfo")
        _check(info)
        one = Provided(kind, info)
        for name in one.names:
            if not _is_match(_NAME, name) or name == _RESERVED:
                raise ValueError(f"{hook} returned {name!r:.60}, which cannot be the name of a backend")
            if name in names:
                raise ValueError(f"{hook} returned the name '{name}' twice")
            names.add(name)
        yield one


def refusal(plugin: PluginStatus) -> str:
    """Say why a plugin of another version of the contract is not used; empty when it may be."""
    versions = {one.info.spi_version for one in plugin.backends} - {SPI_VERSION}
    if not versions:
        return ""
    theirs = max(versions)
    side = "lithops-core" if theirs > SPI_VERSION else plugin.distribution
    return (
        f"the {plugin.label} was written for version {theirs} of the backend contract, and this lithops-core has"
        f" version {SPI_VERSION}: upgrade {side} (pip install --upgrade {side})"
    )


def _check(info: BackendInfo) -> None:
    for field in ("factory", "config"):
        if not _is_match(_CLASS, getattr(info, field)):
            raise ValueError(f"BackendInfo.{field} of '{info.name}' should be written as 'module:Class'")
    if info.mode not in _MODES:
        raise ValueError(f"BackendInfo.mode of '{info.name}' should be one of {', '.join(_MODES)}")
    if not isinstance(info.aliases, tuple):
        raise TypeError(f"BackendInfo.aliases of '{info.name}' should be a tuple of names")
    for field in ("scheme", "default_storage", "provider", "extra"):
        if not isinstance(getattr(info, field), str | None):
            raise TypeError(f"BackendInfo.{field} of '{info.name}' should be a text or None")
    if not isinstance(info.spi_version, int):
        raise TypeError(f"BackendInfo.spi_version of '{info.name}' should be a number")


def _is_match(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None
