"""The installed plugins: which backends they describe, and how a backend's class is imported.

`registry()` is the one registry of this process. The environment variable `LITHOPS_PLUGINS` limits it; its words
are names of entry points: unset or empty loads every plugin, `none` (or `-`) loads none, `a,b` only those two,
`-a,-b` all but those two.
"""

from lithops.plugins.loading import load_class
from lithops.plugins.process import registry, reset
from lithops.plugins.registry import Registry
from lithops.plugins.status import Kind, PluginStatus, Provided

__all__ = ["Kind", "PluginStatus", "Provided", "Registry", "load_class", "registry", "reset"]
