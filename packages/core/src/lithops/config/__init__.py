"""The configuration: found in one place, checked strictly, and typed by the backends that read it.

`resolve()` gives `Settings`; `lithops.config.secret` has the type of passwords and keys. The other functions are
for programs that handle the configuration as a dict. Each name is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lithops.config.dicts import default_config, extract_storage_config, load_yaml_config, resolve_storage
    from lithops.config.resolution import resolve
    from lithops.config.secret import Secret
    from lithops.config.section import LithopsSection
    from lithops.config.settings import Settings

__all__ = [
    "LithopsSection",
    "Secret",
    "Settings",
    "default_config",
    "extract_storage_config",
    "load_yaml_config",
    "resolve",
    "resolve_storage",
]

_HOMES = {
    "LithopsSection": "lithops.config.section",
    "Secret": "lithops.config.secret",
    "Settings": "lithops.config.settings",
    "default_config": "lithops.config.dicts",
    "extract_storage_config": "lithops.config.dicts",
    "load_yaml_config": "lithops.config.dicts",
    "resolve": "lithops.config.resolution",
    "resolve_storage": "lithops.config.dicts",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'lithops.config' has no attribute '{name}'")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
