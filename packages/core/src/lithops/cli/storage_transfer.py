"""`lithops storage put` and `get`: files and folders to objects and back."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from os.path import basename

import click

from lithops.cli.options import Chosen, common_options, pass_chosen

__all__ = ["get", "not_empty", "put"]

STANDARD_STREAM = "-"
_FOLDER_THREADS = 16


def not_empty(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Refuse an empty text."""
    del ctx, param
    if value == "":
        raise click.BadParameter("it is empty")
    return value


@click.command()
@click.argument("file", type=click.Path())
@click.argument("bucket", callback=not_empty)
@click.option("--key", callback=not_empty, help="The object's key; without it, the file's name.")
@click.option("-R", "--recursive", "is_folder", is_flag=True, help="FILE is a folder: write all files below it.")
@click.option("-p", "--prefix", help="With --recursive: what the keys begin with, before the paths in the folder.")
@common_options
@pass_chosen
def put(chosen: Chosen, file: str, bucket: str, key: str | None, is_folder: bool, prefix: str | None) -> None:
    """Write FILE as an object of BUCKET; - is standard input.

    With --recursive, FILE is a folder, and the key of each file below it is its path in the folder."""
    from lithops.cli.output import shown

    if is_folder and (key is not None or file == STANDARD_STREAM):
        raise click.UsageError("--recursive takes a folder and --prefix, not --key or standard input")
    if prefix is not None and not is_folder:
        raise click.UsageError("--prefix is for --recursive: give --key")
    if is_folder:
        _put_folder(chosen, file, bucket, prefix or "")
        return
    key = key or (basename(file) if file != STANDARD_STREAM else "")
    if not key:
        raise click.UsageError(f"'{shown(file)}' has no name: give --key, or --recursive for a folder")
    _put_file(chosen, file, bucket, key)


@click.command()
@click.argument("bucket", callback=not_empty)
@click.argument("key", metavar="KEY|FOLDER", required=False, callback=not_empty)
@click.option("--out", metavar="FILE", type=click.Path(), callback=not_empty, help="The file; - is standard output.")
@click.option("-p", "--prefix", callback=not_empty, help="All objects whose keys begin so and with a slash.")
@common_options
@pass_chosen
def get(chosen: Chosen, bucket: str, key: str | None, out: str | None, prefix: str | None) -> None:
    """Write the object KEY of BUCKET as a file.

    Without --out, the file is named by what follows the last / of KEY. With --prefix, all objects below it are written
    as files below FOLDER."""
    from lithops.cli.output import shown

    if prefix is not None:
        if (key is None) == (out is None) or out == STANDARD_STREAM:
            raise click.UsageError("with --prefix, give one FOLDER")
        _get_folder(chosen, bucket, prefix, key or out or "")
        return
    if key is None:
        raise click.UsageError("give a KEY, or --prefix and a FOLDER")
    out = out or basename(key)
    if out in ("", ".", ".."):
        raise click.UsageError(f"'{shown(key)}' ends in no name of a file: give --out")
    _get_file(chosen, bucket, key, out)


def _put_file(chosen: Chosen, file: str, bucket: str, key: str) -> None:
    from lithops.cli.opening import open_store
    from lithops.cli.output import shown, size_of
    from lithops.cli.storage_progress import transfer_progress
    from lithops.storage.verbs import upload_file, write_object

    with closing(open_store(chosen)) as store:
        makes_bucket = bucket == store.default_bucket()
        if file == STANDARD_STREAM:
            info = write_object(store, bucket, key, sys.stdin.buffer, makes_bucket=makes_bucket)
        else:
            with transfer_progress(basename(file), os.stat(file).st_size) as advance:
                info = upload_file(store, file, bucket, key, makes_bucket=makes_bucket, advance=advance)
    click.echo(f"Wrote '{shown(key)}' to bucket '{bucket}', {size_of(info.size_bytes)}.")


def _put_folder(chosen: Chosen, folder: str, bucket: str, prefix: str) -> None:
    from lithops.cli.opening import open_store
    from lithops.cli.output import count_of, size_of
    from lithops.cli.storage_progress import transfer_progress
    from lithops.storage.folders import find_files, folder_prefix, write_folder

    files = find_files(folder, folder_prefix(prefix))
    size = sum(os.stat(path).st_size for _, path in files)
    with closing(open_store(chosen)) as store, transfer_progress(count_of(len(files), "file"), size) as advance:
        makes_bucket = bucket == store.default_bucket()
        write_folder(store, bucket, files, threads=_FOLDER_THREADS, makes_bucket=makes_bucket, advance=advance)
    click.echo(f"Wrote {count_of(len(files), 'object')} to bucket '{bucket}', {size_of(size)}.")


def _get_file(chosen: Chosen, bucket: str, key: str, out: str) -> None:
    from lithops.cli.opening import open_store
    from lithops.cli.output import shown
    from lithops.cli.storage_progress import has_watcher, transfer_progress
    from lithops.storage.downloads import download_file
    from lithops.storage.verbs import read_chunks

    with closing(open_store(chosen)) as store:
        if out == STANDARD_STREAM:
            for chunk in read_chunks(store, bucket, key):
                sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()
            return
        size = store.head(bucket, key).size_bytes if has_watcher() else None  # who sees no bar needs no size
        with transfer_progress(basename(out), size) as advance:
            download_file(store, bucket, key, out, advance=advance)
    click.echo(f"Wrote '{shown(out)}'.")


def _get_folder(chosen: Chosen, bucket: str, prefix: str, folder: str) -> None:
    from lithops.cli.opening import open_store
    from lithops.cli.output import count_of, shown, size_of
    from lithops.cli.storage_progress import transfer_progress
    from lithops.storage.folders import find_objects, folder_prefix, places_of, read_folder

    below = folder_prefix(prefix)
    with closing(open_store(chosen)) as store:
        infos = find_objects(store, bucket, below)
        places = places_of([info.key for info in infos], below, folder)
        size = sum(info.size_bytes for info in infos)
        with transfer_progress(count_of(len(places), "object"), size) as advance:
            read_folder(store, bucket, places, folder, threads=_FOLDER_THREADS, advance=advance)
    click.echo(f"Wrote {count_of(len(places), 'file')} below '{shown(folder)}', {size_of(size)}.")
