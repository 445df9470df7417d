"""Shared objects in real worker processes: sixteen writers at once lose nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lithops import FunctionExecutor
from lithops.multiprocessing.managers import SyncManager
from lithops.multiprocessing.sharedctypes import Array, Value

WRITERS = 16
TIMES = 25


def write(number: int, items: Any, counts: Any, space: Any) -> int:
    for step in range(TIMES):
        items.append((number, step))
        counts[(number, step)] = step
        counts.setdefault("shared", items)
        items.remove((number, step))
        items.insert(0, (number, step))
    counts["shared"].extend([(number, -1)])
    setattr(space, f"writer{number}", number)
    return len(counts)


def increment(number: int, total: Any, cells: Any) -> None:
    for _ in range(TIMES):
        with total.get_lock():
            total.value += 1
        with cells:
            cells[number % 4] += 1


@pytest.fixture(scope="module")
def executor(redis_server: Any) -> Iterator[Any]:
    section = {"host": redis_server.host, "port": redis_server.port, "password": redis_server.password}
    config = {"lithops": {"backend": "localhost"}, "redis": section}
    with FunctionExecutor(config=config, worker_processes=WRITERS) as made:
        yield made


@pytest.mark.timeout(120)
def test_sixteen_writers_of_lists_and_dicts_lose_nothing(executor: Any) -> None:
    with SyncManager() as manager:
        items, counts, space = manager.list(), manager.dict(), manager.Namespace()
        futures = executor.map(write, [(number, items, counts, space) for number in range(WRITERS)])
        executor.get_result(futures)
        steps = {(number, step) for number in range(WRITERS) for step in range(TIMES)}
        assert set(items) == steps | {(number, -1) for number in range(WRITERS)}
        assert len(items) == WRITERS * (TIMES + 1)
        assert set(counts) == steps | {"shared"}
        assert vars(space._getvalue()) == {f"writer{number}": number for number in range(WRITERS)}


@pytest.mark.timeout(120)
def test_sixteen_writers_under_the_lock_lose_nothing(executor: Any) -> None:
    total, cells = Value("q", 0), Array("i", 4)
    executor.get_result(executor.map(increment, [(number, total, cells) for number in range(WRITERS)]))
    assert total.value == WRITERS * TIMES
    assert cells[:] == [WRITERS * TIMES // 4] * 4
