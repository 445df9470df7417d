"""`lithops runtime`: build, deploy, list, update and delete the environments that workers run in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from lithops.cli.options import Chosen, common_options, json_option, pass_chosen

if TYPE_CHECKING:
    from lithops.config import Settings
    from lithops.spi.compute import ComputeBackend, RuntimeInfo, RuntimeSpec

__all__ = ["runtime"]

F = TypeVar("F", bound=Callable[..., Any])

_MEMORY = click.option("--memory", "memory_mb", type=click.IntRange(min=1), metavar="MB", help="Memory of a worker.")
_TIMEOUT = click.option(
    "--timeout", "timeout_s", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help="Time for a call."
)
_FILE = click.option("-f", "--file", type=click.Path(), help="What it is built from, such as a Dockerfile.")


class _Opened(NamedTuple):
    settings: Settings
    backend: ComputeBackend

    def spec(self, name: str | None, memory_mb: int | None, timeout_s: float | None) -> RuntimeSpec:
        """Complete what was asked for by the configuration, as an executor does."""
        from lithops.opening import resolve_runtime
        from lithops.spi.compute import RuntimeSpec

        options = self.settings.compute_options
        spec = RuntimeSpec(
            name or str(getattr(options, "runtime", None) or "default"),
            memory_mb or getattr(options, "runtime_memory", None),
            timeout_s or getattr(options, "runtime_timeout", None),
        )
        return resolve_runtime(self.settings.compute.name, spec)


def _sizes(command: F) -> F:
    return _MEMORY(_TIMEOUT(command))


@click.group()
@common_options
def runtime() -> None:
    """Build, deploy, list and delete runtimes, where the backend has them."""


@runtime.command()
@click.argument("name")
@_FILE
@_sizes
@common_options
@pass_chosen
def build(chosen: Chosen, name: str, file: str | None, memory_mb: int | None, timeout_s: float | None) -> None:
    """Build what the runtime NAME consists of."""
    from lithops.cli.output import shown

    with _opened(chosen) as opened:
        built = opened.backend.build_runtime(opened.spec(name, memory_mb, timeout_s), file)
    click.echo(f"Built runtime '{shown(built)}'.")


@runtime.command()
@click.argument("name", required=False)
@_sizes
@common_options
@pass_chosen
def deploy(chosen: Chosen, name: str | None, memory_mb: int | None, timeout_s: float | None) -> None:
    """Make a runtime ready for its first call: NAME, or the configured one."""
    with _opened(chosen) as opened:
        _deploy(opened, opened.spec(name, memory_mb, timeout_s))


@runtime.command("list")
@common_options
@json_option
@pass_chosen
def list_runtimes(chosen: Chosen, as_json: bool) -> None:
    """List the runtimes that are ready."""
    from lithops.cli.output import print_json, print_table

    with _opened(chosen) as opened:
        found = list(opened.backend.list_runtimes())
    if as_json:
        print_json([one._asdict() for one in found])
    elif found:
        print_table(("name", "Python", "wire", "memory", "time-out", "size", "modified"), map(_row, found))
    else:
        click.echo(f"There are no runtimes of '{opened.settings.compute.name}'.")


@runtime.command()
@click.argument("name", required=False)
@_FILE
@_sizes
@common_options
@pass_chosen
def update(chosen: Chosen, name: str | None, file: str | None, memory_mb: int | None, timeout_s: float | None) -> None:
    """Build and deploy a runtime again for this client: NAME, or the configured one."""
    with _opened(chosen) as opened:
        spec = opened.spec(name, memory_mb, timeout_s)
        _deploy(opened, spec._replace(name=opened.backend.build_runtime(spec, file)))


@runtime.command()
@click.argument("name")
@_sizes
@common_options
@pass_chosen
def delete(chosen: Chosen, name: str, memory_mb: int | None, timeout_s: float | None) -> None:
    """Delete the runtime NAME: in all sizes, or with --memory in one."""
    from lithops.cli.output import shown
    from lithops.spi.compute import RuntimeSpec

    with _opened(chosen) as opened:
        opened.backend.delete_runtime(RuntimeSpec(name, memory_mb, timeout_s))
    click.echo(f"Deleted runtime '{shown(name)}'.")


def _deploy(opened: _Opened, spec: RuntimeSpec) -> None:
    from lithops.cli.output import shown
    from lithops.opening import check_runtime

    info = opened.backend.ensure_runtime(spec)
    check_runtime(info, opened.settings.compute.name)
    memory = f", {info.memory_mb} MB" if info.memory_mb is not None else ""
    click.echo(f"Runtime '{shown(info.name)}' is ready: Python {info.python}{memory}.")


def _row(info: RuntimeInfo) -> tuple[str, ...]:
    from datetime import datetime

    from lithops.cli.output import size_of

    modified = info.modified
    return (
        info.name,
        info.python,
        str(info.wire),
        f"{info.memory_mb} MB" if info.memory_mb is not None else "",
        f"{info.timeout_s:g} s" if info.timeout_s is not None else "",
        size_of(info.size_bytes) if info.size_bytes is not None else "",
        f"{datetime.fromtimestamp(modified):%Y-%m-%d %H:%M:%S}" if modified is not None else "",
    )


@contextmanager
def _opened(chosen: Chosen) -> Iterator[_Opened]:
    """Open a backend that has runtimes; what its SDK raises becomes an error of ours."""
    from lithops.cli.opening import resolve_settings
    from lithops.errors import LithopsError, NotSupportedError
    from lithops.opening import has_runtimes, open_compute

    settings = resolve_settings(chosen)
    backend = open_compute(settings)
    try:
        if not has_runtimes(backend):
            raise NotSupportedError(
                f"the backend '{settings.compute.name}' has no runtimes: nothing is to be built before its first call"
            )
        yield _Opened(settings, backend)
    except LithopsError:
        raise
    except Exception as exc:  # a plugin's, or its SDK's
        ours = backend.translate(exc)
        if ours is None:
            raise
        raise ours from exc
    finally:
        backend.close()
