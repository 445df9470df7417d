"""Real jobs, whose pictures the tests look at."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lithops import FunctionExecutor


def square(x: int) -> int:
    print("squaring", x)
    if x == 4:
        raise ValueError("no </script><b>four</b> & <img src=x onerror=alert(1)>")
    return x * x


def add(results: list[int]) -> int:
    return sum(results)


def die(_x: int) -> None:
    os._exit(3)


def twice(x: int) -> int:
    return 2 * x


twice.__name__ = "<b>twice</b></script><script>throw 1</script>"


@pytest.fixture(scope="session")
def fexec(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FunctionExecutor]:
    """Give an executor with five jobs: 12 calls of `square` of which one fails, one lost, 3 + 1 of a reduction, 2 others."""
    folder: Path = tmp_path_factory.mktemp("pictures")
    config = {
        "lithops": {"backend": "localhost", "storage": "localhost"},
        "localhost": {"worker_processes": 2, "storage_root": str(folder)},
    }
    with FunctionExecutor(config=config) as executor:
        executor.map(square, range(12))
        executor.call_async(die, 0)
        executor.map_reduce(square, [1, 2, 3], add)
        executor.map(twice, [1, 2])
        executor.wait(throw_except=False, timeout=50)
        yield executor
