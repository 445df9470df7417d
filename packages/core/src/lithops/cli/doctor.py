"""`lithops doctor`: what may be wrong between the user and a first result, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from lithops.cli.options import Chosen, common_options, json_option, pass_chosen

if TYPE_CHECKING:
    from lithops.config import Settings
    from lithops.plugins import PluginStatus
    from lithops.spi.compute import Check

__all__ = ["doctor"]

TIMEOUT_S = 600.0


@click.command()
@common_options
@json_option
@pass_chosen
def doctor(chosen: Chosen, as_json: bool) -> None:
    """Check everything from configuration to storage."""
    from lithops.cli.checks import show_checks

    show_checks(_checks(chosen), as_json=as_json)


def _checks(chosen: Chosen) -> Iterator[Check]:
    from lithops.cli.checks import attempt
    from lithops.cli.failure import sentence
    from lithops.cli.opening import resolve_settings
    from lithops.spi.compute import Check

    yield from _plugins()
    try:
        settings = resolve_settings(chosen)
    except Exception as exc:  # it imports the typed configuration of plugins
        yield Check("configuration", False, sentence(exc))
        return
    compute, store = settings.compute.name, settings.storage.name
    yield Check("configuration", True, f"{settings.source}: backend '{compute}', storage '{store}'")
    yield from _backend(settings)
    yield attempt("runtime", lambda: _runtime(chosen), "mend what failed above; --debug shows more")
    advice = f"check the section of '{store}' in the configuration, and its credentials"
    yield attempt("storage", lambda: _storage(settings), advice)


def _plugins() -> Iterator[Check]:
    from lithops.errors import LithopsError
    from lithops.plugins import registry
    from lithops.spi.compute import Check

    try:
        statuses = registry().statuses()
    except LithopsError as exc:  # a wrong LITHOPS_PLUGINS
        yield Check("plugins", False, str(exc))
        return
    bad = [one for one in statuses if one.status not in ("ok", "disabled")]
    for one in bad:
        advice = f"pip install --upgrade {one.distribution}, or pip uninstall {one.distribution}"
        yield Check("plugins", False, f"the {one.label} is {one.status}: {one.error}", advice)
    if not bad:
        yield Check("plugins", True, ", ".join(_named(one) for one in statuses) or "none")


def _named(plugin: PluginStatus) -> str:
    return plugin.plugin if plugin.status == "ok" else f"{plugin.plugin} ({plugin.error})"


def _backend(settings: Settings) -> Iterator[Check]:
    from lithops.cli.failure import sentence
    from lithops.opening import open_compute
    from lithops.spi.compute import Check

    try:
        backend = open_compute(settings)
    except Exception as exc:  # a backend's constructor may raise anything
        yield Check("backend", False, sentence(exc))
        return
    try:
        yield from backend.doctor()
    except Exception as exc:  # and so may its checks
        yield Check("backend", False, f"its own checks failed: {sentence(exc)}")
    finally:
        backend.close()


def _runtime(chosen: Chosen) -> str:
    """Run a call, as a user's first one: the runtime is made ready, and a worker answers."""
    from lithops.cli.opening import open_executor

    def python() -> str:  # travels by value, as all inner functions do
        import sys

        return sys.version.split()[0]

    with open_executor(chosen) as executor:
        return f"a worker answered, with Python {executor.submit(python).result(timeout=TIMEOUT_S)}"


def _storage(settings: Settings) -> str:
    from secrets import token_hex

    from lithops.opening import open_storage
    from lithops.storage import Storage
    from lithops.wire.keys import JOBS_PREFIX

    backend, bucket = open_storage(settings)
    try:
        storage, key, body = Storage.over(backend, bucket), f"{JOBS_PREFIX}doctor/{token_hex(8)}", token_hex(8).encode()
        storage.create_bucket(bucket)
        storage.put_object(bucket, key, body)
        try:
            found = storage.get_object(bucket, key)
        finally:
            storage.delete_object(bucket, key)
    finally:
        backend.close()
    if found != body:
        raise ValueError(f"an object of bucket '{bucket}' was read as {found!r:.40}, and written as {body!r}")
    return f"an object was put into bucket '{bucket}', read and deleted"
