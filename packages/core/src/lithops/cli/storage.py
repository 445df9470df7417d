"""`lithops storage`: put, get, list and delete objects of the configured storage."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from os.path import basename
from typing import TYPE_CHECKING

import click

from lithops.cli.options import Chosen, common_options, json_option, pass_chosen

if TYPE_CHECKING:
    from lithops.types import ObjectInfo

__all__ = ["storage"]

STANDARD_STREAM = "-"


@click.group()
@common_options
def storage() -> None:
    """Put, get, list and delete objects."""


def _not_empty(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    del ctx, param
    if value == "":
        raise click.BadParameter("it is empty")
    return value


@storage.command()
@click.argument("file", type=click.Path())
@click.argument("bucket", callback=_not_empty)
@click.option("--key", callback=_not_empty, help="The object's key; without it, the file's name.")
@common_options
@pass_chosen
def put(chosen: Chosen, file: str, bucket: str, key: str | None) -> None:
    """Write FILE as an object of BUCKET; - is standard input."""
    from lithops.cli.opening import open_store
    from lithops.cli.output import shown, size_of

    key = key or (basename(file) if file != STANDARD_STREAM else "")
    if not key:
        raise click.UsageError(f"'{shown(file)}' has no name: give --key")
    with (
        closing(open_store(chosen)) as store,
        sys.stdin.buffer if file == STANDARD_STREAM else open(file, "rb") as stream,
    ):
        info = store.put(bucket, key, stream)
    click.echo(f"Wrote '{shown(key)}' to bucket '{bucket}', {size_of(info.size_bytes)}.")


@storage.command()
@click.argument("bucket", callback=_not_empty)
@click.argument("key", callback=_not_empty)
@click.option("--out", metavar="FILE", type=click.Path(), callback=_not_empty, help="The file; - is standard output.")
@common_options
@pass_chosen
def get(chosen: Chosen, bucket: str, key: str, out: str | None) -> None:
    """Write the object KEY of BUCKET as a file.

    Without --out, the file is named by what follows the last / of KEY."""
    from lithops.cli.opening import open_store
    from lithops.cli.output import shown
    from lithops.storage.verbs import download_file, read_chunks

    out = out or basename(key)
    if out in ("", ".", ".."):
        raise click.UsageError(f"'{shown(key)}' ends in no name of a file: give --out")
    with closing(open_store(chosen)) as store:
        if out == STANDARD_STREAM:
            for chunk in read_chunks(store, bucket, key):
                sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()
            return
        download_file(store, bucket, key, out)
    click.echo(f"Wrote '{shown(out)}'.")


@storage.command("list")
@click.argument("bucket", callback=_not_empty)
@click.option("--prefix", default="", help="Only keys that begin so.")
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
@click.argument("bucket", callback=_not_empty)
@click.argument("key", required=False, callback=_not_empty)
@click.option("--prefix", callback=_not_empty, help="Delete all objects whose keys begin so.")
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
