"""The registry: loads each plugin by itself, remembers those that fail, and finds backends by their names."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NoReturn

import pluggy

from lithops.errors import ConfigError, PluginError, UnknownBackendError
from lithops.plugins.descriptions import checked, refusal
from lithops.plugins.entrypoints import EntryPoint
from lithops.plugins.loading import brief, load_class, load_object
from lithops.plugins.selection import VARIABLE, selected
from lithops.plugins.status import Kind, PluginStatus, Provided
from lithops.plugins.suggest import closest
from lithops.spi.hooks import BackendInfo, HookSpecs

__all__ = ["Registry"]

log = logging.getLogger(__name__)

_HOOKS = tuple(name for name in vars(HookSpecs) if name.startswith("lithops_"))
_DESCRIBING: dict[str, Kind] = {
    "lithops_compute_backends": "compute",
    "lithops_storage_backends": "storage",
    "lithops_machine_pools": "machines",
    "lithops_status_brokers": "broker",
}
_IN_PROCESS = "this process"


class Registry:
    """The plugins of a process. Thread-safe; an empty one is filled by `load` or `register`.

    `hook` is pluggy's relay: `hook.lithops_add_commands(cli=...)` calls every plugin and raises what one raises.
    For events use `notify`, which keeps plugins from disturbing each other.
    """

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager("lithops")
        self._manager.add_hookspecs(HookSpecs)
        self.hook: Any = self._manager.hook
        self._lock = threading.RLock()
        self._plugins: tuple[PluginStatus, ...] = ()
        self._observed: frozenset[str] = frozenset()

    # Filling

    def load(self, entries: Iterable[EntryPoint], environ: Mapping[str, str] = os.environ) -> None:
        """Load each entry point by itself, as far as LITHOPS_PLUGINS allows; only a wrong LITHOPS_PLUGINS raises."""
        text = environ.get(VARIABLE, "")
        is_selected = selected(text)
        for entry in entries:
            status = PluginStatus(entry.name, entry.distribution, entry.version)
            if not is_selected(entry.name):
                self._keep(status._replace(status="disabled", error=f"left out by {VARIABLE}={text}"))
                continue
            try:
                plugin = load_object(entry.value)
            except (Exception, SystemExit) as exc:  # a plugin's module may raise anything
                self._keep(status._replace(status="broken", error=brief(exc)))
            else:
                self._keep(self._admit(plugin, status))

    def register(self, plugin: object, name: str) -> None:
        """Add a module or object of this process as a plugin. Raises `PluginError` when it cannot be used."""
        with self._lock:
            if any((status.plugin, status.distribution) == (name, _IN_PROCESS) for status in self._plugins):
                raise PluginError(f"a plugin '{name}' is registered in this process already: choose another name")
            status = self._admit(plugin, PluginStatus(name, _IN_PROCESS, ""))
            if status.status != "ok":
                raise PluginError(f"{status.label} cannot be used: {status.error}")
            self._keep(status)

    # Backends

    def compute(self, name: str) -> BackendInfo:
        """Find a compute backend by its name or an alias.

        Raises `UnknownBackendError`; `PluginError` when its plugin is refused or two plugins provide the name.
        """
        return self._named("compute", name)

    def storage(self, name: str) -> BackendInfo:
        """Find a storage backend by its name or an alias; raises as `compute` does."""
        return self._named("storage", name)

    def machines(self, name: str) -> BackendInfo:
        """Find a provider of machines by its name or an alias; raises as `compute` does."""
        return self._named("machines", name)

    def broker(self, name: str) -> BackendInfo:
        """Find a broker of statuses by its name or an alias; raises as `compute` does."""
        return self._named("broker", name)

    def storage_for_scheme(self, scheme: str) -> BackendInfo:
        """Find the storage backend of a URL scheme (`s3`), or else the one of that name; raises as `compute` does."""
        found = [(owner, one) for owner, one in self._usable("storage") if one.info.scheme == scheme]
        if len(found) > 1:
            raise PluginError(_clash("storage", scheme, [owner for owner, _ in found], what="URL scheme"))
        return found[0][1].info if found else self._named("storage", scheme)

    def backends(self, kind: Kind | None = None) -> list[Provided]:
        """List the backends of all plugins that work, in the order of the plugins' names."""
        return [one for _, one in self._usable(kind)]

    def factory(self, info: BackendInfo) -> type[Any]:
        """Import a backend's class. Raises `MissingDependencyError` with the pip command, or `PluginError`."""
        return load_class(info.factory, install=self.install_name(info))

    def install_name(self, info: BackendInfo) -> str:
        """Name what pip installs a backend's dependencies with; empty for a plugin of this process."""
        if info.extra:
            return info.extra
        owners = (owner.distribution for owner, one in self._usable() if one.info is info)
        return next((owner for owner in owners if owner != _IN_PROCESS), "")

    # Plugins

    def statuses(self) -> Sequence[PluginStatus]:
        """Tell of every plugin, also of those that are not used."""
        return [self._with_clash(status) for status in self._plugins]

    def complaints(self, name: str | None = None) -> list[str]:
        """Quote the plugins that are not used; with a backend's name, only those that it may come from."""
        return [
            f"The {status.label} is {status.status}: {status.error}."
            for status in self._plugins
            if status.status not in {"ok", "duplicate"} and (name is None or status.mentions(name))
        ]

    def observes(self, hook: str) -> bool:
        """Tell whether any plugin implements the hook; costs one look into a set."""
        return hook in self._observed

    def notify(self, hook: str, **arguments: Any) -> None:
        """Call a hook of every plugin; what one raises is logged, and the others are called all the same."""
        for implementation in getattr(self.hook, hook).get_hookimpls():
            try:
                implementation.function(*[arguments[name] for name in implementation.argnames])
            except Exception:  # an observer is a plugin's code: it must not disturb a job
                log.warning("%s failed in plugin %s", hook, implementation.plugin_name, exc_info=True)

    # Private

    def _keep(self, status: PluginStatus) -> None:
        with self._lock:
            self._plugins += (status,)

    def _admit(self, plugin: object, status: PluginStatus) -> PluginStatus:
        """Register a plugin with pluggy and ask what it provides; one that cannot be used is taken out again."""
        name = f"{status.plugin} ({status.distribution})"
        with self._lock:
            try:
                twin = self._manager.get_name(plugin)
                if twin is not None:
                    return status._replace(status="duplicate", error=f"it is the same as {twin}: uninstall one of them")
                self._manager.register(plugin, name)
                status = status._replace(backends=tuple(self._described(plugin)))
            except (Exception, SystemExit) as exc:  # a plugin's hooks may raise anything
                status = status._replace(status="broken", error=brief(exc))
            reason = refusal(status)
            if reason:
                status = status._replace(status="refused", error=reason)
            if status.status != "ok" and self._manager.has_plugin(name):
                self._manager.unregister(name=name)
            self._observed = frozenset(hook for hook in _HOOKS if getattr(self.hook, hook).get_hookimpls())
        return status

    def _described(self, plugin: object) -> Iterator[Provided]:
        callers = self._manager.get_hookcallers(plugin)
        if not callers:
            raise TypeError("it has no hooks: mark its functions with lithops.spi.hooks.hookimpl")
        for caller in callers:
            for implementation in caller.get_hookimpls():
                if implementation.plugin is not plugin or implementation.optionalhook:
                    continue
                if caller.name not in _HOOKS:
                    raise TypeError(f"there is no hook '{caller.name}'{_meant(caller.name, _HOOKS)}")
                if implementation.wrapper or implementation.hookwrapper:
                    raise TypeError(f"{caller.name} is a hook wrapper, which Lithops does not support")
                if caller.name in _DESCRIBING:
                    yield from checked(_DESCRIBING[caller.name], caller.name, implementation.function())

    def _usable(self, kind: Kind | None = None) -> Iterator[tuple[PluginStatus, Provided]]:
        for status in self._plugins:
            if status.status == "ok":
                yield from ((status, one) for one in status.backends if kind in (None, one.kind))

    def _named(self, kind: Kind, name: str) -> BackendInfo:
        if not isinstance(name, str):
            raise ConfigError(f"a {kind} backend is asked for by its name, a text, not by a {type(name).__name__}")
        owners = [(owner, one) for owner, one in self._usable(kind) if name in one.names]
        if len(owners) > 1:
            raise PluginError(_clash(kind, name, [owner for owner, _ in owners]))
        if not owners:
            self._raise_unknown(kind, name)
        return owners[0][1].info

    def _raise_unknown(self, kind: Kind, name: str) -> NoReturn:
        for status in self._plugins:
            if status.status == "refused" and any(name in one.names and one.kind == kind for one in status.backends):
                raise PluginError(status.error)
        known = {name for one in self.backends(kind) for name in one.names}
        others = sorted(one.kind for one in self.backends() if name in one.names)
        parts = [
            f"there is no {kind} backend '{name[:60]}'{_meant(name, known)}",
            f"Installed are: {', '.join(sorted(one.name for one in self.backends(kind))) or 'none'}.",
        ]
        if others:
            parts.append(f"There is a {' and a '.join(others)} backend of this name.")
        elif closest(name, known) is None:
            parts.append("Install the distribution that provides it: pip install lithops-backend-<platform>.")
        raise UnknownBackendError(" ".join(parts + self.complaints(name)))

    def _with_clash(self, status: PluginStatus) -> PluginStatus:
        if status.status != "ok":
            return status
        for one in status.backends:
            for name in one.names:
                owners = [owner for owner, other in self._usable(one.kind) if name in other.names]
                if len(owners) > 1:
                    return status._replace(status="duplicate", error=_clash(one.kind, name, owners))
        return status


def _clash(kind: Kind, name: str, owners: Sequence[PluginStatus], *, what: str = "name") -> str:
    both = " and ".join(f"the {owner.label}" for owner in owners)
    return (
        f"the {what} '{name}' of a {kind} backend is taken by {both}: uninstall one of them, or leave one out with"
        f" {VARIABLE}=-{owners[-1].plugin}"
    )


def _meant(word: str, known: Iterable[str]) -> str:
    meant = closest(word, known)
    return f": did you mean '{meant}'?" if meant else "."
