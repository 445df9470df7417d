"""Many small chunks of a `map` go in groups, and nobody can tell but by the time that it takes."""

from __future__ import annotations

import os
import time
import traceback
from pathlib import Path

import pytest

from lithops.executor import FunctionExecutor
from lithops.multiprocessing.pool import Pool
from lithops.multiprocessing.pool_groups import LARGEST_GROUP

TIMEOUT_S = 40
MANY = 400


def _double(x: int) -> int:
    return 2 * x


def _add(a: int, b: int) -> int:
    return a + b


def _wait_a_little(x: int) -> tuple[int, int]:
    if x % 50 == 0:
        time.sleep(0.03)
    return x, os.getpid()


def _leave_a_mark(given: tuple[str, int]) -> int:
    folder, x = given
    with open(f"{folder}/{x}", "ab") as file:
        file.write(b".")
    if x in (70, 71, 333):
        raise ValueError("not this one", x)
    return x


def _exit_at_hundred(x: int) -> int:
    if x == 100:
        os._exit(3)
    return x


def _fail_at_first(given: tuple[str, int]) -> int:
    folder, x = given
    if x == 9 and not Path(folder, "failed").exists():
        Path(folder, "failed").touch()
        raise OSError("only once")
    return x


def _sleep(x: int) -> int:
    time.sleep(0.2)
    return x


def test_results_keep_their_order_for_every_number_of_chunks(pool: Pool) -> None:
    for count in (*range(14, 27), 129, 515, 3000):
        assert pool.map(_double, range(count), 1) == [2 * x for x in range(count)]
    assert pool.map(_double, range(1001), 2) == [2 * x for x in range(1001)]
    assert pool.starmap(_add, [(x, x) for x in range(MANY)], 1) == [2 * x for x in range(MANY)]


def test_a_long_chunk_holds_up_no_other(pool: Pool) -> None:
    got = pool.map(_wait_a_little, range(MANY), 1)
    assert [x for x, _ in got] == list(range(MANY))
    assert len({process for _, process in got}) == 2


def test_a_chunk_that_fails_keeps_no_other_from_running(pool: Pool, tmp_path: Path) -> None:
    folder = tmp_path / "marks"
    folder.mkdir()
    inputs = [(str(folder), x) for x in range(MANY)]
    heard: list[BaseException] = []
    result = pool.map_async(_leave_a_mark, inputs, 1, error_callback=heard.append)
    with pytest.raises(ValueError, match="not this one") as caught:
        result.get(TIMEOUT_S)
    assert caught.value.args == ("not this one", 70)  # the first of them
    assert heard == [caught.value]
    assert "in _leave_a_mark" in "".join(traceback.format_exception(caught.value))
    assert {file.name: file.read_text() for file in folder.iterdir()} == {str(x): "." for x in range(MANY)}


def test_a_worker_that_dies_ends_the_map_by_an_error(pool: Pool) -> None:
    from lithops.errors import WorkerLostError

    with pytest.raises(WorkerLostError):
        pool.map_async(_exit_at_hundred, range(MANY), 1).get(TIMEOUT_S)
    assert pool.map(_double, range(MANY), 1)[-1] == 2 * (MANY - 1)


def test_what_is_tried_again_is_a_chunk(tmp_path: Path) -> None:
    with (
        FunctionExecutor(worker_processes=2, retries=1) as executor,
        Pool(2, executor=executor) as pool,
    ):
        assert pool.map(_fail_at_first, [(str(tmp_path), x) for x in range(MANY)], 1) == list(range(MANY))
    assert (tmp_path / "failed").exists()


def test_a_worker_is_initialized_anew_after_so_many_chunks_of_a_group(tmp_path: Path) -> None:
    count = 4 * LARGEST_GROUP
    with Pool(1, _note_start, (str(tmp_path),), maxtasksperchild=8) as pool:
        pool.map(_double, range(count), 1)
    assert len((tmp_path / "starts").read_text()) == count / 8


def test_terminate_ends_a_map_in_the_middle_of_its_groups() -> None:
    pool = Pool(2)
    result = pool.map_async(_sleep, range(MANY), 1)
    time.sleep(0.5)  # some groups have given back what they had no time for
    pool.terminate()
    pool.join()
    assert result.ready()
    assert not result.successful()


def test_a_closed_pool_does_what_groups_gave_back() -> None:
    pool = Pool(2)
    result = pool.map_async(_wait_a_little, range(MANY), 1)
    pool.close()
    pool.join()
    assert [x for x, _ in result.get(0)] == list(range(MANY))


def _note_start(folder: str) -> None:
    with open(f"{folder}/starts", "ab") as file:
        file.write(b".")
