"""The one registry of this process."""

from __future__ import annotations

import threading

from lithops.errors import PluginError
from lithops.plugins.entrypoints import find_entry_points
from lithops.plugins.registry import Registry
from lithops.spi.hooks import ENTRY_POINT_GROUP

__all__ = ["registry", "reset"]

_current: Registry | None = None
_is_loading = False
_lock = threading.RLock()


def registry() -> Registry:
    """Give the registry of this process, filled from the installed entry points at the first call. Thread-safe."""
    global _current, _is_loading
    if _current is not None:
        return _current
    with _lock:
        if _is_loading:  # only the thread that loads can come here
            raise PluginError("a plugin asked for the registry while it was loaded: its module should only describe")
        if _current is None:
            _is_loading = True
            try:
                loading = Registry()
                loading.load(find_entry_points(ENTRY_POINT_GROUP))
                _current = loading
            finally:
                _is_loading = False
        return _current


def reset() -> None:
    """Forget the registry of this process: the next `registry()` loads anew. For tests."""
    global _current
    with _lock:
        _current = None
