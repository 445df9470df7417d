"""`lithops test`: what users do, done once for real on the configured backend.

The functions are lambdas and inner functions: these travel by value, so a worker needs no module of the command line.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from lithops.cli.options import Chosen, common_options, json_option, pass_chosen

if TYPE_CHECKING:
    from lithops.executors import FunctionExecutor
    from lithops.spi.compute import Check

__all__ = ["trial"]

TIMEOUT_S = 600.0
BIG_BYTES = 8_000_000
"""More than platforms take inline: such a result goes through the storage."""


@click.command("test")
@common_options
@json_option
@pass_chosen
def trial(chosen: Chosen, as_json: bool) -> None:
    """Try calls, errors and storage on the configured backend."""
    from lithops.cli.checks import show_checks
    from lithops.cli.opening import open_executor

    with open_executor(chosen) as executor:
        if not as_json:
            click.echo(f"Backend '{executor.backend}', storage '{executor.storage.backend}':")
        try:
            show_checks(_checks(executor), as_json=as_json)
        finally:
            executor.clean(clean_fn=True, force=True)


def _checks(executor: FunctionExecutor) -> Iterator[Check]:
    from lithops.cli.checks import attempt

    yield attempt("call_async", lambda: _call(executor))
    yield attempt("map", lambda: _map(executor))
    yield attempt("map_reduce", lambda: _map_reduce(executor))
    yield attempt("error", lambda: _error(executor))
    yield attempt("storage", lambda: _storage(executor))
    yield attempt("big result", lambda: _big_result(executor))


def _call(executor: FunctionExecutor) -> str:
    future = executor.call_async(lambda x, y: x + y, {"x": 3, "y": 4})
    _expect(7, future.result(timeout=TIMEOUT_S))
    return "a function was called and gave its result"


def _map(executor: FunctionExecutor) -> str:
    futures = executor.map(lambda x: x * x, range(10))
    _expect([x * x for x in range(10)], executor.get_result(futures, timeout=TIMEOUT_S, show_progressbar=False))
    return "10 calls gave their results in order"


def _map_reduce(executor: FunctionExecutor) -> str:
    futures = executor.map_reduce(lambda x: x * x, range(10), lambda results: sum(results))
    _expect(285, executor.get_result(futures, timeout=TIMEOUT_S, show_progressbar=False))
    return "10 results were reduced to one"


def _error(executor: FunctionExecutor) -> str:
    future = executor.call_async(lambda key: {}[key], "absent")
    try:
        result = future.result(timeout=TIMEOUT_S)
    except KeyError:
        return "the exception of a function came back"
    raise ValueError(f"a function that fails gave {result!r:.80}")


def _storage(executor: FunctionExecutor) -> str:
    """Put by the client, read by a worker, deleted by the client."""
    storage = executor.storage

    def read(bucket: str, key: str, storage: Any) -> bytes:
        body: bytes = storage.get_object(bucket, key)
        return body

    storage.create_bucket(str(storage.bucket))
    there = storage.put_cloudobject(b"Hello World!")
    try:
        future = executor.call_async(read, (there.bucket, there.key))
        _expect(b"Hello World!", future.result(timeout=TIMEOUT_S))
    finally:
        storage.delete_cloudobject(there)
    _expect([], storage.list_keys(there.bucket, there.key))
    return "an object was put, read by a worker, and deleted"


def _big_result(executor: FunctionExecutor) -> str:
    future = executor.call_async(lambda size: bytes(size), BIG_BYTES)
    _expect(BIG_BYTES, len(future.result(timeout=TIMEOUT_S)))
    return f"a result of {BIG_BYTES // 1_000_000} MB came back"


def _expect(wanted: object, result: object) -> None:
    if result != wanted:
        raise ValueError(f"the result is {result!r:.80}, not {wanted!r:.80}")
