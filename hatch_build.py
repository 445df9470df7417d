"""Pins the project's own distributions to the one version. The same file stands in every package that needs it.

A build from an sdist cannot look outside its folder, so the packages cannot share one file; a test keeps them equal.
"""

from __future__ import annotations

from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface


class SameVersion(MetadataHookInterface):
    """Adds `<name>==<version>` for each name in `same-version` of the hook's table in pyproject.toml."""

    def update(self, metadata: dict[str, Any]) -> None:
        metadata["dependencies"] = [f"{name}=={metadata['version']}" for name in self.config["same-version"]]
