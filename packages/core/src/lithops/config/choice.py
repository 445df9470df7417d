"""Choosing the backends: what the user names, else what the mode or the compute backend implies."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Literal, get_args

from lithops.config.section import LithopsSection
from lithops.errors import ConfigError, UnknownBackendError
from lithops.plugins import Registry
from lithops.plugins.suggest import did_you_mean
from lithops.spi.hooks import BackendInfo

__all__ = ["choose_broker", "choose_compute", "choose_storage"]

_Mode = Literal["localhost", "serverless", "standalone"]
_LOCAL: _Mode = "localhost"
STORAGE = "storage"
"""The way of hearing of statuses that needs no broker."""


def choose_compute(
    plugins: Registry,
    lithops: LithopsSection,
    *,
    mode: str | None,
    backend: str | None,
    sections: Container[str],
    where: str,
) -> tuple[BackendInfo, str]:
    """Choose the compute backend, and say why.

    The argument `backend`, else `lithops.backend`; but an argument `mode` that the configured backend does not
    have is stronger. Else the mode's default: the backend named like the mode, one that the configuration has a
    section for, the first by name.
    """
    if mode is not None and mode not in get_args(_Mode):
        raise ConfigError(f"the argument 'mode' is {mode!r:.40}: {did_you_mean(str(mode), get_args(_Mode))}")
    if backend is not None:
        found = plugins.compute(backend)
        if mode is not None and found.mode != mode:
            raise ConfigError(
                f"the backend '{found.name}' runs in mode '{found.mode}', not '{mode}': leave out the argument 'mode'"
            )
        return found, "argument"
    if lithops.backend is not None:
        try:
            found = plugins.compute(lithops.backend)
        except UnknownBackendError as exc:
            if mode != _LOCAL:  # this machine is asked for: what the configuration names elsewhere does not matter
                raise UnknownBackendError(f"{where}, section 'lithops', key 'backend': {exc}") from None
        else:
            if mode is None or found.mode == mode:
                return found, "configured"
    wanted = mode or lithops.mode or _LOCAL
    fitting = [one.info for one in plugins.backends("compute") if one.mode == wanted]
    if not fitting:
        raise UnknownBackendError(_none_of(plugins, wanted))
    first = min(fitting, key=lambda info: (info.name != wanted, info.name not in sections, info.name))
    return plugins.compute(first.name), f"default of mode '{wanted}'"


def choose_storage(
    plugins: Registry, lithops: LithopsSection, compute: Callable[[], BackendInfo], *, storage: str | None, where: str
) -> tuple[BackendInfo, str]:
    """Choose the storage backend, and say why; `compute` is asked only when nothing names a storage."""
    if storage is not None:
        return plugins.storage(storage), "argument"
    if lithops.storage is not None:
        try:
            return plugins.storage(lithops.storage), "configured"
        except UnknownBackendError as exc:
            raise UnknownBackendError(f"{where}, section 'lithops', key 'storage': {exc}") from None
    found = compute()
    reason = f"default of backend '{found.name}'"
    if found.default_storage is not None:
        return plugins.storage(found.default_storage), reason
    if any(found.name in one.names for one in plugins.backends("storage")):
        return plugins.storage(found.name), reason
    installed = ", ".join(sorted(one.name for one in plugins.backends("storage"))) or "none"
    raise ConfigError(
        f"the backend '{found.name}' has no storage of its own: name one as 'storage' in the section 'lithops'"
        f" (installed are: {installed})"
    )


def choose_broker(
    plugins: Registry, lithops: LithopsSection, *, monitoring: str | None, where: str
) -> BackendInfo | None:
    """Choose the broker of statuses; None where the store is listed for them."""
    named = monitoring or lithops.monitoring
    if named is None or named == STORAGE:
        return None
    try:
        return plugins.broker(named)
    except UnknownBackendError as exc:
        place = "the argument 'monitoring'" if monitoring else f"{where}, section 'lithops', key 'monitoring'"
        raise UnknownBackendError(f"{place}: {exc} Or leave it out: then the store is listed") from None


def _none_of(plugins: Registry, mode: str) -> str:
    installed = ", ".join(f"{one.name} ({one.mode})" for one in plugins.backends("compute")) or "none"
    advice = "pip install lithops" if mode == _LOCAL else "pip install lithops-backend-<platform>"
    return " ".join(
        [
            f"no compute backend of mode '{mode}' is installed: {advice}.",
            f"Installed are: {installed}.",
            *plugins.complaints(),
        ]
    )
