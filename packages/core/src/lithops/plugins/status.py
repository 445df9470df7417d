"""What the registry knows of each plugin, also of those that it could not load."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple, TypeAlias

from lithops.spi.hooks import BackendInfo

__all__ = ["Kind", "PluginStatus", "Provided", "State"]

Kind: TypeAlias = Literal["compute", "storage", "machines", "broker"]
State: TypeAlias = Literal["ok", "broken", "refused", "disabled", "duplicate"]

_EVERYWHERE = {"", "lithops", "backend", "plugin"}


class Provided(NamedTuple):
    """One backend that a plugin describes."""

    kind: Kind
    info: BackendInfo

    @property
    def name(self) -> str:
        return self.info.name

    @property
    def mode(self) -> str:
        return self.info.mode

    @property
    def names(self) -> tuple[str, ...]:
        """The backend's name, then its aliases."""
        return (self.info.name, *self.info.aliases)


class PluginStatus(NamedTuple):
    """One plugin: where it comes from, what it provides, and why it is not used when it is not `ok`.

    `broken` raised or returned what is not a description; `refused` speaks another version of the contract;
    `disabled` is left out by LITHOPS_PLUGINS; `duplicate` provides a name that another plugin provides too.
    """

    plugin: str
    distribution: str
    version: str
    backends: tuple[Provided, ...] = ()
    status: State = "ok"
    error: str = ""

    @property
    def label(self) -> str:
        """The plugin as messages name it."""
        return f"plugin '{self.plugin}' of {self.distribution} {self.version}".rstrip()

    def mentions(self, name: str) -> bool:
        """Tell whether the plugin may be the one that `name` should come from."""
        return bool(_words(name) & (_words(self.plugin) | _words(self.distribution)))


def _words(text: str) -> set[str]:
    return set(re.split(r"[^a-z0-9]+", text.lower())) - _EVERYWHERE
