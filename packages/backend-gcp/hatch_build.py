"""Pins the project's own distributions to the one version. The same file stands in every package that needs it.

A build from an sdist cannot look outside its folder, so the packages cannot share one file; a test keeps them equal.
"""

from __future__ import annotations

from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface


class SameVersion(MetadataHookInterface):
    """Reads the hook's table in pyproject.toml: `same-version` are names that become dependencies `<name>==<version>`.

    `others` are dependencies as they stand. `extras` is a table of lists of such names, for optional dependencies.
    """

    def update(self, metadata: dict[str, Any]) -> None:
        version = metadata["version"]

        def pinned(names: list[str]) -> list[str]:
            return [f"{name}=={version}" for name in names]

        metadata["dependencies"] = pinned(self.config["same-version"]) + self.config.get("others", [])
        extras = self.config.get("extras", {})
        if extras:
            metadata["optional-dependencies"] = {extra: pinned(names) for extra, names in extras.items()}
