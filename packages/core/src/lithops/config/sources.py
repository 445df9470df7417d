"""Where the configuration comes from: the first source that exists is taken whole, nothing is merged."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from lithops.config.text import parse, read_file, shown_key
from lithops.errors import ConfigError

__all__ = ["SYSTEM_FILE", "Source", "as_source", "find_source"]

SYSTEM_FILE = "/etc/lithops/config"


class Source(NamedTuple):
    """A configuration as it was written: `origin` says where, `sections` are not checked yet."""

    origin: str
    sections: Mapping[str, Mapping[str, Any]]


def find_source(
    config: Mapping[str, Any] | None = None,
    config_file: str | os.PathLike[str] | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
    cwd: str | None = None,
    system_file: str = SYSTEM_FILE,
) -> Source:
    """Find the configuration: `config`, `config_file`, LITHOPS_CONFIG (text), LITHOPS_CONFIG_FILE, `.lithops_config`
    in `cwd`, `~/.lithops/config`, `system_file`, or nothing. Raises `ConfigError`, also when a named file is missing.
    """
    if config is not None:
        return as_source("the argument 'config'", config)
    if config_file is not None:
        return _from_file(os.fspath(config_file))
    text = environ.get("LITHOPS_CONFIG", "")
    if text.strip():
        return as_source("LITHOPS_CONFIG", parse(text, "LITHOPS_CONFIG"))
    named = environ.get("LITHOPS_CONFIG_FILE", "")
    if named:
        return _from_file(named)
    home = environ.get("HOME") or os.path.expanduser("~")
    for path in (
        os.path.join(cwd or os.curdir, ".lithops_config"),
        os.path.join(home, ".lithops", "config"),
        system_file,
    ):
        if os.path.isfile(path):
            return _from_file(path)
    return Source("no configuration", {})


def _from_file(path: str) -> Source:
    path = os.path.expanduser(path)
    return as_source(path, read_file(path))


def as_source(origin: str, sections: object) -> Source:
    """Check the outer form of a configuration only, and copy it: what its owner does with it later has no effect."""
    if not isinstance(sections, Mapping):
        raise ConfigError(
            f"{origin} is a {type(sections).__name__}: give a dict of sections, or a path as 'config_file'"
        )
    found: dict[str, Mapping[str, Any]] = {}
    for name, keys in sections.items():
        if not isinstance(name, str):
            raise ConfigError(f"{origin} has a section that is named by a {type(name).__name__}: give it a name")
        if not isinstance(keys, Mapping | None):
            raise ConfigError(
                f"{origin}: the section '{shown_key(name)}' is a {type(keys).__name__}: write keys with values below it"
            )
        found[name] = dict(keys or {})
    return Source(origin, found)
