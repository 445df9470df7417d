"""The pages of the API reference: which public names are on which page. Their words are the docstrings."""

from __future__ import annotations

from importlib import import_module

PAGES = {
    "executors": (
        "API: executors",
        "A name is imported from `lithops`.",
        [
            "lithops.executor.FunctionExecutor",
            "lithops.executors.LocalhostExecutor",
            "lithops.executors.ServerlessExecutor",
            "lithops.executors.StandaloneExecutor",
            "lithops.retries.RetryingFunctionExecutor",
        ],
    ),
    "futures": (
        "API: futures",
        "`Retry`, `wait` and `get_result` are imported from `lithops`; futures are made by executors.",
        [
            "lithops.future.ResponseFuture",
            "lithops.futures.FuturesList",
            "lithops.wait.wait",
            "lithops.wait.get_result",
            "lithops.engine.retry.Retry",
            "lithops.engine.retry.Backoff",
            "lithops.concurrent.futures.executor.LithopsExecutor",
        ],
    ),
    "storage": (
        "API: storage",
        "`Storage` is imported from `lithops`; a `CloudObject` is made by it.",
        ["lithops.storage.api.Storage", "lithops.storage.CloudObject"],
    ),
    "errors": ("API: errors", "All are in `lithops.errors`. [Errors](../errors.md) says when each is raised.", []),
    "spi": (
        "API: the contract of backends",
        "The contract, `lithops.spi` and its hooks: [writing a backend](../backends.md) explains it.",
        ["lithops.spi.hooks.BackendInfo", "lithops.spi.hooks.HookSpecs"],
    ),
}
"""Pages by file name: the title, an introduction, the names in order. Two pages get more from `__all__`."""

_MORE = {"errors": "lithops.errors", "spi": "lithops.spi"}
UNDOCUMENTED = {"Buffer", "ByteStream", "Handle", "Report", "SPI_VERSION"}  # names of types, and a number


def pages() -> dict[str, str]:
    """Write the pages, as mkdocstrings wants them."""
    found = {}
    for name, (title, introduction, names) in PAGES.items():
        lines = [f"# {title}", "", introduction, ""]
        for one in [*names, *_all_of(_MORE.get(name))]:
            lines += [f"::: {_defined(one)}", ""]
        found[f"reference/{name}.md"] = "\n".join(lines)
    return found


def _all_of(module: str | None) -> list[str]:
    """Name what a module exports."""
    if module is None:
        return []
    return [f"{module}.{name}" for name in import_module(module).__all__ if name not in UNDOCUMENTED]


def _defined(path: str) -> str:
    """Name a thing by the module that defines it, whose source is read; one that is gone fails here."""
    module, _, name = path.rpartition(".")
    return f"{getattr(import_module(module), name).__module__}.{name}"
