"""`map_reduce`: what the reducer gets, by object, word counts as plain Python makes them, and failures."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import lithops


def double(x: int) -> int:
    return 2 * x


def count_words(obj: Any) -> Counter[str]:
    counts: Counter[str] = Counter()
    for line in obj.data_stream:
        counts.update(line.decode().split())
    return counts


def merge(results: list[Counter[str]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for one in results:
        total += one
    return total


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("texts")
    chosen = random.Random(3)
    words = ["map", "reduce", "wörd", "a", "b", "c" * 30]
    for number in range(5):
        text = "\n".join(" ".join(chosen.choices(words, k=chosen.randrange(15))) for _ in range(400))
        (folder / f"{number}.txt").write_text(text, encoding="utf-8")
    return {str(path): path.read_text(encoding="utf-8") for path in sorted(folder.iterdir())}


def test_map_reduce_gives_the_map_futures_and_then_the_reducer(fresh: lithops.FunctionExecutor) -> None:
    futures = fresh.map_reduce(double, [1, 2, 3], sum)
    assert len(futures) == 4
    assert fresh.get_result() == 12
    assert fresh.get_result() == []
    assert [future.result() for future in futures] == [2, 4, 6, 12]


def test_get_result_of_the_futures_is_the_reducers_result(executor: lithops.FunctionExecutor) -> None:
    assert executor.get_result(executor.map_reduce(double, range(50), sum)) == 2450
    assert executor.map_reduce(double, range(50), sum).get_result() == 2450


def test_the_reducer_gets_the_results_in_order(executor: lithops.FunctionExecutor) -> None:
    assert executor.map_reduce(double, range(200), lambda results: results).get_result() == list(range(0, 400, 2))
    assert executor.map_reduce(lambda _: None, range(3), lambda results: results).get_result() == [None] * 3
    assert executor.map_reduce(double, [4], lambda results: results).get_result() == [8]


def test_the_reducer_takes_arguments_and_magic_parameters(executor: lithops.FunctionExecutor) -> None:
    def reduce(results: list[int], factor: int, id: int, storage: Any) -> tuple[int, int, str]:  # noqa: A002
        return sum(results) * factor, id, storage.backend

    for extra in ((10,), {"factor": 10}):
        futures = executor.map_reduce(double, [1, 2], reduce, extra_args_reduce=extra)
        assert futures.get_result() == (60, 0, "localhost")
    futures = executor.map_reduce(lambda x, y: x * y, [1, 2], sum, extra_args=(5,))
    assert futures.get_result() == 15


def test_a_reducer_with_another_name_for_its_input(executor: lithops.FunctionExecutor) -> None:
    assert executor.map_reduce(double, [1, 2], lambda whatever_name: sum(whatever_name)).get_result() == 6


def test_a_reducer_that_cannot_take_the_results_is_refused_at_once(executor: lithops.FunctionExecutor) -> None:
    before = len(executor.futures)
    with pytest.raises(TypeError):
        executor.map_reduce(double, [1, 2], lambda: 1)
    with pytest.raises(TypeError):
        executor.map_reduce(double, [1, 2], pow)
    with pytest.raises(TypeError):
        executor.map_reduce(double, [1, 2], None)
    assert len(executor.futures) == before


def test_an_empty_map_reduce_gives_an_empty_list(executor: lithops.FunctionExecutor) -> None:
    futures = executor.map_reduce(double, [], sum)
    assert futures == []
    assert futures.get_result() == []


def test_a_failing_map_fails_the_reduce_and_says_why(executor: lithops.FunctionExecutor, tmp_path: Path) -> None:
    def reduce(_: list[int]) -> None:
        (tmp_path / "reduced").touch()

    futures = executor.map_reduce(lambda x: 1 // x, [1, 0, 2], reduce)
    with pytest.raises(ZeroDivisionError):
        executor.get_result(futures)
    assert isinstance(futures[-1].exception(20), ZeroDivisionError)
    assert [future.success for future in futures] == [True, False, True, False]
    assert not (tmp_path / "reduced").exists()


def test_a_failing_reducer_is_told(executor: lithops.FunctionExecutor) -> None:
    def reduce(_: list[int]) -> None:
        raise LookupError("in the reducer")

    with pytest.raises(LookupError, match="in the reducer"):
        executor.map_reduce(double, [1, 2], reduce).get_result()


@pytest.mark.parametrize("cut", [{}, {"obj_chunk_size": 1000}, {"obj_chunk_number": 6}], ids=str)
def test_word_counts_are_those_of_plain_python(
    executor: lithops.FunctionExecutor, texts: dict[str, str], cut: dict[str, int]
) -> None:
    wanted = Counter(" ".join(texts.values()).replace("\n", " ").split())
    futures = executor.map_reduce(count_words, list(texts), merge, **cut)  # type: ignore[arg-type]
    assert executor.get_result(futures) == wanted


def test_reduce_by_key_reduces_each_object(executor: lithops.FunctionExecutor, texts: dict[str, str]) -> None:
    futures = executor.map_reduce(count_words, list(texts), merge, obj_chunk_number=4, obj_reduce_by_key=True)
    assert len(futures) == 5 * 4 + 5
    assert executor.get_result(futures) == [Counter(text.split()) for text in texts.values()]


def test_reduce_by_key_of_one_object(executor: lithops.FunctionExecutor, texts: dict[str, str]) -> None:
    path, text = next(iter(texts.items()))
    futures = executor.map_reduce(count_words, [path], merge, obj_chunk_number=4, obj_reduce_by_key=True)
    assert executor.get_result(futures) in (Counter(text.split()), [Counter(text.split())])


@pytest.mark.parametrize("spawn_reducer", [0, 20, 100])
def test_spawn_reducer_changes_no_result(executor: lithops.FunctionExecutor, spawn_reducer: int) -> None:
    assert executor.map_reduce(double, range(9), sum, spawn_reducer=spawn_reducer).get_result() == 72


def test_a_reducer_does_not_hold_a_worker_while_it_waits() -> None:
    with lithops.FunctionExecutor(worker_processes=1) as made:
        assert made.map_reduce(double, range(20), sum).get_result(timeout=20) == 380


def test_big_results_reach_the_reducer(executor: lithops.FunctionExecutor) -> None:
    futures = executor.map_reduce(
        lambda x: bytes([x]) * 6_000_000, range(4), lambda results: [(len(one), one[0]) for one in results]
    )
    assert futures.get_result(timeout=30) == [(6_000_000, x) for x in range(4)]


def test_memory_limits_of_map_and_reduce_are_their_own(executor: lithops.FunctionExecutor) -> None:
    def memory(_: Any) -> int:
        return len(bytearray(300 << 20))

    futures = executor.map_reduce(double, [1], memory, map_runtime_memory=256, reduce_runtime_memory=1024)
    assert futures.get_result(timeout=20) == 300 << 20
    assert [future.runtime_memory for future in futures] == [256, 1024]
    futures = executor.map_reduce(double, [1], memory, reduce_runtime_memory=200)
    with pytest.raises(MemoryError):
        futures.get_result(timeout=20)


def test_what_a_reducer_needs_is_stored_in_one_object(executor: lithops.FunctionExecutor) -> None:
    def sizes(results: list[bytes]) -> list[tuple[int, int]]:
        return [(len(result), result[0]) for result in results]

    futures = executor.map_reduce(lambda number: bytes([number]) * 100_000, range(1, 101), sizes)
    assert futures[-1].result(timeout=30) == [(100_000, number) for number in range(1, 101)]
    bucket = executor.storage.bucket
    assert bucket is not None
    prefix = f"lithops.jobs/{executor.executor_id}/{futures[-1].job_id}/"
    assert len(executor.storage.list_keys(bucket, prefix)) == 1
