"""Importing what a plugin names: its module, and the classes of its backends, with errors that say what to do."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from lithops.errors import MissingDependencyError, PluginError

__all__ = ["brief", "load_class", "load_object"]


def load_object(path: str) -> Any:
    """Import "module" or "module:attribute"; whatever the module raises passes through."""
    module, _, attribute = path.partition(":")
    found: Any = import_module(module.strip())
    for name in filter(None, attribute.strip().split(".")):
        found = getattr(found, name)
    return found


def load_class(path: str, *, install: str = "") -> type[Any]:
    """Import the class that "module:Class" names; `install` is what pip installs it with, for the message.

    Raises `MissingDependencyError` when a package that the module needs is not installed, else `PluginError`.
    """
    module, _, name = path.partition(":")
    if not module or not name:
        raise PluginError(f"a plugin names a class as '{path}': its author should write it as 'module:Class'")
    try:
        found = load_object(path)
    except ModuleNotFoundError as exc:
        missing = exc.name or ""
        top = missing.partition(".")[0]
        if not top or top in {"lithops", module.partition(".")[0]} or top in sys.stdlib_module_names:
            raise _broken(path, exc, install) from exc
        command = f"pip install {install}" if install else f"install the package that provides '{missing}'"
        raise MissingDependencyError(
            f"'{path}' needs the module '{missing}', which is not installed: {command}", name=missing
        ) from exc
    except (Exception, SystemExit) as exc:  # the plugin's own code may raise anything
        raise _broken(path, exc, install) from exc
    if not isinstance(found, type):
        raise PluginError(f"'{path}' is not a class: report this to the author of {install or 'the plugin'}")
    return found


def brief(exc: BaseException) -> str:
    """Tell an exception in one short line, whatever its text does."""
    try:
        lines = str(exc).strip().splitlines()
    except Exception:  # the exception is a plugin's own, so is its __str__
        lines = []
    text = lines[0][:300] if lines else ""
    return f"{type(exc).__name__}: {text}" if text else type(exc).__name__


def _broken(path: str, exc: BaseException, install: str) -> PluginError:
    again = f"pip install --upgrade {install}" if install else "reinstall its distribution"
    return PluginError(f"'{path}' cannot be imported ({brief(exc)}): {again}, or report this to its author")
