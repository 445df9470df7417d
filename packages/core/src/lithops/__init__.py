"""Run unmodified Python functions at massive scale on any cloud, on VMs, or on your own machine.

This file is the list of the public API; each name is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lithops._version import __version__
    from lithops.executors import FunctionExecutor, LocalhostExecutor, ServerlessExecutor, StandaloneExecutor
    from lithops.retries import Retry, RetryingFunctionExecutor
    from lithops.storage import Storage
    from lithops.wait import get_result, wait

__all__ = [
    "FunctionExecutor",
    "LocalhostExecutor",
    "Retry",
    "RetryingFunctionExecutor",
    "ServerlessExecutor",
    "StandaloneExecutor",
    "Storage",
    "__version__",
    "get_result",
    "wait",
]

_HOMES = {
    "FunctionExecutor": "lithops.executors",
    "LocalhostExecutor": "lithops.executors",
    "Retry": "lithops.retries",
    "RetryingFunctionExecutor": "lithops.retries",
    "ServerlessExecutor": "lithops.executors",
    "StandaloneExecutor": "lithops.executors",
    "Storage": "lithops.storage",
    "__version__": "lithops._version",
    "get_result": "lithops.wait",
    "wait": "lithops.wait",
}


_MODULES = frozenset({"concurrent", "config", "errors", "executors", "future", "retries", "storage", "utils"})


def __getattr__(name: str) -> Any:
    from importlib import import_module

    home = _HOMES.get(name)
    if home is None:
        if name in _MODULES:  # programs write `lithops.utils.FuturesList` after a bare `import lithops`
            return import_module(f"lithops.{name}")
        raise AttributeError(f"module 'lithops' has no attribute '{name}'")
    module = import_module(home)
    if name == "wait":  # the module itself can be called: the import system binds this name to it anyway
        return module
    value = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
