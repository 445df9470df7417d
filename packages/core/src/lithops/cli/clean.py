"""`lithops clean`: delete what jobs left in the bucket of jobs, and what the backend keeps of them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

import click

from lithops.cli.options import Chosen, common_options, pass_chosen

if TYPE_CHECKING:
    from lithops.config import Settings
    from lithops.spi.storage import StorageBackend
    from lithops.types import ObjectInfo

__all__ = ["clean"]

AT_ONCE = 1000


@dataclass(slots=True)
class Tally:
    """Counts objects as they are seen."""

    objects: int = 0
    size_bytes: int = 0
    executors: set[str] = field(default_factory=set)

    def add(self, infos: Iterable[ObjectInfo]) -> None:
        """Count objects, and note whose they are: a key is `lithops.jobs/<executor_id>/...`."""
        for info in infos:
            self.objects += 1
            self.size_bytes += info.size_bytes
            self.executors.add(info.key.split("/")[1])

    def __str__(self) -> str:
        from lithops.cli.output import count_of, size_of

        return f"{count_of(self.objects, 'object')} ({size_of(self.size_bytes)})"


@click.command()
@click.argument("executor_ids", nargs=-1, metavar="[EXECUTOR_ID]...")
@click.option("--all", "is_all", is_flag=True, help="Delete the runtimes that the backend made, too.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@common_options
@pass_chosen
def clean(chosen: Chosen, executor_ids: tuple[str, ...], is_all: bool, yes: bool) -> None:
    """Delete the data of jobs: of all, or of the named executors."""
    from lithops.cli.opening import resolve_settings
    from lithops.cli.output import count_of
    from lithops.opening import open_storage
    from lithops.storage.retrying import RetryingStorage
    from lithops.wire.keys import JOBS_PREFIX, executor_prefix

    if is_all and executor_ids:
        raise click.UsageError("name executors, or give --all, not both")
    for executor_id in executor_ids:
        if not executor_id or "/" in executor_id:
            raise click.UsageError(f"'{executor_id}' is not the id of an executor, such as 1f2e3d-0")
    settings = resolve_settings(chosen)
    inner, bucket = open_storage(settings)
    store = RetryingStorage(inner)
    prefixes = [executor_prefix(executor_id) for executor_id in dict.fromkeys(executor_ids)] or [JOBS_PREFIX]
    where = f"bucket '{bucket}' of '{settings.storage.name}'"
    found, deleted = Tally(), Tally()
    with closing(inner):
        if store.has_bucket(bucket):
            for prefix in prefixes:
                found.add(store.list(bucket, prefix))
        if not yes and (found.objects or is_all):
            click.echo(f"{found} of {count_of(len(found.executors), 'executor')} in {where}.")
            click.echo("Jobs that still run fail without their data.")
            _ask("Delete them and all runtimes?" if is_all else "Delete them?")
        if found.objects:
            for prefix in prefixes:
                _delete(store, bucket, prefix, deleted)
    click.echo(f"Deleted {deleted} from {where}." if deleted.objects else f"There was nothing to delete in {where}.")
    runtimes = _clear_backend(settings, found.executors | set(executor_ids), is_all=is_all)
    if is_all:
        click.echo(f"Deleted {count_of(runtimes, 'runtime')} of '{settings.compute.name}'.")


def _ask(question: str) -> None:
    try:
        is_agreed = click.confirm(question)
    except click.Abort as exc:
        if isinstance(exc.__context__, KeyboardInterrupt):
            raise
        click.echo()
        raise click.ClickException("nothing was deleted, as nobody answered: give --yes") from exc
    if not is_agreed:
        raise click.ClickException("nothing was deleted, as the answer was no")


def _delete(store: StorageBackend, bucket: str, prefix: str, deleted: Tally) -> None:
    after: str | None = None
    while infos := list(islice(store.list(bucket, prefix, after=after), AT_ONCE)):
        store.delete(bucket, [info.key for info in infos])
        deleted.add(infos)
        after = infos[-1].key


def _clear_backend(settings: Settings, executor_ids: Iterable[str], *, is_all: bool) -> int:
    """Let the backend delete what it keeps of executors, and with `is_all` its runtimes; gives how many of these."""
    from lithops.opening import open_compute
    from lithops.spi.compute import RuntimeSpec

    with closing(open_compute(settings)) as backend:
        for executor_id in sorted(executor_ids):
            backend.clear(executor_id)
        runtimes = backend.list_runtimes() if is_all else ()
        for runtime in runtimes:
            backend.delete_runtime(RuntimeSpec(runtime.name))
        return len(runtimes)
