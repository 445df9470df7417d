"""Cut the data that a job reads into parts: find the objects of each reference, then divide their bytes.

references --parse--> Reference --find: list, HEAD, walk--> _Whole --cut--> DataPart
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from lithops.errors import NoSuchBucketError, StorageNoSuchKeyError
from lithops.jobs.partition_listings import Listings
from lithops.jobs.partition_paths import find_files
from lithops.jobs.partition_patterns import compile_pattern, literal_prefix
from lithops.jobs.references import Kind, Reference, parse_references
from lithops.spi.storage import StorageBackend
from lithops.types import ObjectInfo, Span, StorageRef
from lithops.wire.keys import JOBS_PREFIX
from lithops.worker.data import HTTP_TIMEOUT_S, DataPart
from lithops.worker.stores import patiently

__all__ = ["partition"]

_THREADS = 32


@dataclass(frozen=True, slots=True)
class _Whole:
    """Something found. One that has no ranges stays in one part."""

    kind: Literal["object", "url", "path"]
    size_bytes: int | None
    backend: str | None = None
    bucket: str | None = None
    key: str | None = None
    url: str | None = None
    path: str | None = None
    store: StorageRef | None = None
    has_ranges: bool = True


def partition(
    references: Sequence[object],
    *,
    open_store: Callable[[str | None], StorageBackend],
    chunk_size: int | None = None,
    chunk_number: int | None = None,
    newline: str | bytes | None = "\n",
    default_backend: str | None = None,
    http_timeout_s: float = HTTP_TIMEOUT_S,
    sleep: Callable[[float], None] = time.sleep,
) -> list[list[DataPart]]:
    """Cut what the references name into parts: one list per reference, objects as listed, parts in order.

    `open_store` opens the store of a scheme, or the configured one for None; `default_backend` is the latter's name,
    shown to the user's function. Each object is cut into `chunk_number` parts (or as many as it has bytes), else into
    parts of `chunk_size` bytes, else not at all; one of 0 bytes gives one part. `newline` separates the records that
    are kept whole, None cuts exactly there. Left out are what Lithops keeps under `lithops.jobs/`, unless a reference
    begins so, and empty objects whose keys end with a slash: the directories of some tools.

    Nothing is asked for twice: a prefix is listed once, whatever references begin with it, and a key has one HEAD.

    Raises `ValueError` or `TypeError` for a reference or number that cannot be, and for references of several kinds;
    `FileNotFoundError`, which `StorageNoSuchKeyError` is, when a reference finds nothing; what the stores raise.
    """
    separator = _separator(newline)
    _check("obj_chunk_size", chunk_size)
    _check("obj_chunk_number", chunk_number)
    parsed = parse_references(references)
    stores = {
        name: open_store(name)
        for name in dict.fromkeys(ref.backend for ref in parsed if ref.kind not in (Kind.URL, Kind.PATH))
    }
    listings = Listings()

    def find(reference: Reference) -> list[_Whole]:
        if reference.kind is Kind.PATH:
            return [_Whole("path", size, path=path) for path, size in find_files(reference.target)]
        if reference.kind is Kind.URL:
            from lithops.jobs.partition_urls import probe_url  # here: most jobs never need what it imports

            wants_ranges = chunk_size is not None or chunk_number is not None
            size, has_ranges = patiently(
                lambda: probe_url(reference.target, wants_ranges=wants_ranges, timeout_s=http_timeout_s), sleep=sleep
            )
            return [_Whole("url", size, url=reference.target, has_ranges=has_ranges)]
        return _find_objects(reference, stores, listings, default_backend, sleep)

    return [
        [part for whole in wholes for part in _cut(whole, chunk_size, chunk_number, separator)]
        for wholes in _find_all(find, parsed)
    ]


def _separator(newline: str | bytes | None) -> bytes | None:
    separator = newline.encode("utf-8", "surrogateescape") if isinstance(newline, str) else newline
    if separator is not None and not isinstance(separator, bytes):
        raise TypeError(f"obj_newline is {newline!r}: give a text, bytes, or None for exact ranges")
    if separator == b"":
        raise ValueError("obj_newline is empty: give what separates the records, or None for exact ranges")
    return separator


def _check(name: str, value: object) -> None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise ValueError(f"{name} is {value!r}: give a whole number from 1 on, or None")


def _find_all(find: Callable[[Reference], list[_Whole]], references: Sequence[Reference]) -> list[list[_Whole]]:
    different = dict.fromkeys(references)
    if len(different) < 2 or references[0].kind is Kind.PATH:
        found = {reference: find(reference) for reference in different}
        return [found[reference] for reference in references]
    with ThreadPoolExecutor(min(_THREADS, len(different)), thread_name_prefix="lithops-partition") as pool:
        futures = {reference: pool.submit(find, reference) for reference in different}
        try:
            return [futures[reference].result() for reference in references]  # bounded by the requests' time-outs
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)  # leaving the block waits for those that run
            raise


def _find_objects(
    reference: Reference,
    stores: Mapping[str | None, StorageBackend],
    listings: Listings,
    default_backend: str | None,
    sleep: Callable[[float], None],
) -> list[_Whole]:
    store, bucket = stores[reference.backend], reference.bucket
    try:
        if reference.kind in (Kind.KEY, Kind.CLOUD_OBJECT):
            infos = [patiently(lambda: store.head(bucket, reference.key), sleep=sleep)]
        else:
            prefix = literal_prefix(reference.key) if reference.kind is Kind.PATTERN else reference.key
            below = listings.get(
                (reference.backend, bucket, prefix),
                lambda: _listed(store, bucket, prefix, sleep),
            )
            infos = _chosen(below, reference, prefix)
    except (FileNotFoundError, PermissionError) as exc:
        if reference.kind is not Kind.CLOUD_OBJECT and reference.backend is None and os.path.lexists(reference.text):
            absolute = os.path.abspath(reference.text)
            raise ValueError(
                f"'{reference.text}' is not in the store but on this machine: give the absolute path, '{absolute}'"
            ) from exc
        if isinstance(exc, NoSuchBucketError):
            raise NoSuchBucketError(exc.bucket, reference.text) from None
        raise
    ref = store.ref(bucket)
    backend = reference.backend or default_backend
    return [
        _Whole("object", info.size_bytes, backend=backend, bucket=bucket, key=info.key, store=ref) for info in infos
    ]


def _listed(store: StorageBackend, bucket: str, prefix: str, sleep: Callable[[float], None]) -> list[ObjectInfo]:
    infos: list[ObjectInfo] = []

    def list_on() -> None:  # a listing that breaks goes on behind its last key
        for info in store.list(bucket, prefix, after=infos[-1].key if infos else None):
            infos.append(info)  # noqa: PERF402 - what came before a failure is kept

    patiently(list_on, sleep=sleep)
    return infos


def _chosen(below: Sequence[ObjectInfo], reference: Reference, prefix: str) -> list[ObjectInfo]:
    key = reference.key
    infos = [info for info in below if _is_data(info, prefix)]
    if reference.kind is Kind.PATTERN:
        pattern = compile_pattern(key)
        exact = [info for info in infos if info.key == key]  # a key may have an asterisk in it
        infos = exact or [info for info in infos if pattern.fullmatch(info.key)]
    if not infos:
        raise StorageNoSuchKeyError(reference.bucket, key or "*")
    return infos


def _is_data(info: ObjectInfo, prefix: str) -> bool:
    if info.key.startswith(JOBS_PREFIX) and not prefix.startswith(JOBS_PREFIX):
        return False
    return info.size_bytes > 0 or not info.key.endswith("/")


def _cut(
    whole: _Whole, chunk_size: int | None, chunk_number: int | None, separator: bytes | None
) -> Iterator[DataPart]:
    size = whole.size_bytes
    spans: list[Span] | list[tuple[int, int | None]] = [(0, size)]
    chunk = size
    if size and whole.has_ranges and chunk_number is not None:
        number = min(chunk_number, size)
        chunk = -(-size // number)
        spans = [Span(at * size // number, (at + 1) * size // number) for at in range(number)]
    elif size and whole.has_ranges and chunk_size is not None:
        chunk = chunk_size
        spans = [Span(at, min(size, at + chunk_size)) for at in range(0, size, chunk_size)]
    for number, (start, end) in enumerate(spans, 1):
        yield DataPart(
            kind=whole.kind,
            backend=whole.backend,
            bucket=whole.bucket,
            key=whole.key,
            url=whole.url,
            path=whole.path,
            start=start,
            end=end,
            size_bytes=size,
            part=number,
            total_parts=len(spans),
            chunk_size=chunk,
            newline=separator,
            store=whole.store,
        )
