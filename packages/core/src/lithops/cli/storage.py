"""`lithops storage`: the group, and listing and deleting; files and folders are moved by `storage_transfer`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING

import click

from lithops.cli.options import Chosen, common_options, json_option, pass_chosen
from lithops.cli.storage_transfer import get, not_empty, put

if TYPE_CHECKING:
    from lithops.types import ObjectInfo

__all__ = ["storage"]


@click.group()
@common_options
def storage() -> None:
    """Put, get, list and delete objects."""


storage.add_command(put)
storage.add_command(get)


@storage.command("list")
@click.argument("bucket", callback=not_empty)
@click.option("-p", "--prefix", default="", help="Only keys that begin so.")
@common_options
@json_option
@pass_chosen
def list_objects(chosen: Chosen, bucket: str, prefix: str, as_json: bool) -> None:
    """List the objects of BUCKET with size and time."""
    from lithops.cli.opening import open_store

    with closing(open_store(chosen)) as store:
        infos = store.list(bucket, prefix)
        for line in _json_lines(infos) if as_json else map(_line, infos):
            click.echo(line)


@storage.command()
@click.argument("bucket", callback=not_empty)
@click.argument("key", required=False, callback=not_empty)
@click.option("-p", "--prefix", callback=not_empty, help="Delete all objects whose keys begin so.")
@common_options
@pass_chosen
def delete(chosen: Chosen, bucket: str, key: str | None, prefix: str | None) -> None:
    """Delete the object KEY of BUCKET, or all below --prefix."""
    from lithops.cli.opening import open_store
    from lithops.cli.output import count_of, shown
    from lithops.storage.verbs import delete_prefix

    if (key is None) == (prefix is None):
        raise click.UsageError("give a KEY or --prefix, one of them")
    with closing(open_store(chosen)) as store:
        if prefix is not None:
            click.echo(f"Deleted {count_of(delete_prefix(store, bucket, prefix), 'object')} of bucket '{bucket}'.")
        elif key is not None:
            store.head(bucket, key)  # a misspelt key is a failure
            store.delete(bucket, [key])
            click.echo(f"Deleted '{shown(key)}' of bucket '{bucket}'.")


def _line(info: ObjectInfo) -> str:
    from lithops.cli.output import shown, size_of

    modified = f"{info.modified.astimezone():%Y-%m-%d %H:%M:%S}" if info.modified else ""
    return f"{size_of(info.size_bytes):>9}  {modified:19}  {shown(info.key)}"


def _json_lines(infos: Iterable[ObjectInfo]) -> Iterator[str]:
    """Write a JSON array piece by piece: a listing may be longer than the memory."""
    from lithops.cli.output import as_json_text

    before = "["
    for info in infos:
        modified = info.modified.isoformat() if info.modified else None
        row = {"key": info.key, "size": info.size_bytes, "modified": modified, "etag": info.etag}
        yield f"{before}{as_json_text(row, indent=None)}"
        before = ","
    yield "[]" if before == "[" else "]"
