"""Big arrays: stored once for a call, mapped in workers, deleted after it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from joblib import Parallel, delayed

from lithops import FunctionExecutor
from lithops.errors import StorageError
from lithops.util.joblib_backend import LithopsBackend
from lithops.util.joblib_executors import executor_for
from lithops.util.joblib_worker import load_array

BIG = 200_000  # numbers of 8 bytes: more than the 1 MiB from which on arrays are stored


def describe(array: Any, _number: int) -> tuple[float, str, bool]:
    return float(array.sum()), type(array.base).__name__, bool(array.flags.writeable)


def double(array: Any) -> Any:
    array *= 2
    return array[:3].copy()


def same(value: Any) -> Any:
    return value


def count_stored(folder: str, _array: Any) -> int:
    return len(stored(Path(folder)))


def stored(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.parent.parent.name.startswith("joblib")]


@pytest.fixture
def folder(home: Path) -> Path:
    return home / "storage"


def test_an_array_is_stored_once_mapped_read_only_and_deleted(folder: Path) -> None:
    array = np.arange(BIG, dtype=float)
    seen = Parallel(backend="lithops", batch_size=1)(delayed(describe)(array, x) for x in range(20))
    assert set(seen) == {(float(array.sum()), "mmap", False)}
    counts = Parallel(backend="lithops", batch_size=1)(delayed(count_stored)(str(folder), array) for _ in range(20))
    assert set(counts) == {1}
    assert stored(folder) == []


def test_arrays_inside_of_objects_and_closures_are_stored_too(folder: Path) -> None:
    array = np.arange(BIG, dtype=float)

    def inside(_x: int) -> int:
        return len(array) and count_stored(str(folder), None)

    assert set(Parallel(backend="lithops", batch_size=1)(delayed(inside)(x) for x in range(6))) == {1}
    nested = [{"deep": [array]}] * 6
    assert set(Parallel(backend="lithops", batch_size=1)(delayed(count_stored)(str(folder), x) for x in nested)) == {1}


@pytest.mark.parametrize(
    "array",
    [
        np.asfortranarray(np.arange(BIG, dtype=float).reshape(200, -1)),
        np.arange(2 * BIG, dtype=float)[::2],
        np.arange(BIG, dtype=float).reshape(10, 20, -1).transpose(1, 0, 2),
        np.zeros(BIG, dtype=[("x", "i4"), ("y", "f8")]),
        np.arange(BIG).astype("datetime64[s]"),
        np.arange(BIG, dtype=">i8"),
        np.array(["word"] * BIG),
        np.zeros((0, BIG)),
        np.array(1.5),
        np.array([{"a": 1}] * BIG, dtype=object),
    ],
    ids=["fortran", "strided", "transposed", "structured", "dates", "big-endian", "text", "empty", "scalar", "objects"],
)
def test_every_kind_of_array_arrives_as_it_was(array: Any) -> None:
    (got, again) = Parallel(n_jobs=2, backend="lithops")(delayed(same)(array) for _ in range(2))
    for one in (got, again):
        assert (one.dtype, one.shape, one.flags.f_contiguous) == (
            array.dtype,
            array.shape,
            np.array(array, copy=True, order="A").flags.f_contiguous if array.flags.forc else one.flags.f_contiguous,
        )
        assert np.array_equal(one, array)


def test_a_memory_mapped_array_travels(tmp_path: Path) -> None:
    array = np.memmap(tmp_path / "array", float, "w+", shape=(BIG,))
    array[:] = 1
    assert Parallel(n_jobs=2, backend="lithops")(delayed(describe)(array, x) for x in range(2))[0][0] == BIG


def test_writing_needs_the_mode_c_and_stays_with_the_call() -> None:
    array = np.ones(BIG)
    with pytest.raises(ValueError, match="read-only"):
        Parallel(n_jobs=2, backend="lithops")(delayed(double)(array) for _ in range(2))
    got = Parallel(n_jobs=2, backend="lithops", mmap_mode="c", batch_size=1)(delayed(double)(array) for _ in range(6))
    assert all(one.tolist() == [2, 2, 2] for one in got)
    assert array.sum() == BIG


def test_small_arrays_travel_with_their_calls(folder: Path) -> None:
    array = np.arange(BIG, dtype=float)
    for option in ({"max_nbytes": None}, {"max_nbytes": "100M"}, {"mmap_mode": None}):
        counts = Parallel(n_jobs=2, backend="lithops", **option)(
            delayed(count_stored)(str(folder), array) for _ in range(2)
        )
        assert counts == [0, 0]
    assert Parallel(n_jobs=2, backend="lithops", max_nbytes=10)(
        delayed(count_stored)(str(folder), array[:9]) for _ in range(2)
    ) == [1, 1]


def test_arrays_of_a_generator_are_each_right_and_deleted_as_it_goes(folder: Path) -> None:
    def calls() -> Iterator[Any]:
        for number in range(30):  # each array is freed, and another comes to lie at its address
            yield delayed(sum_and_count)(np.full(BIG, number, dtype=float), str(folder))

    got = Parallel(backend="lithops", batch_size=1, n_jobs=2)(calls())
    gc.collect()
    assert [total for total, _ in got] == [number * BIG for number in range(30)]
    assert max(count for _, count in got) < 15
    assert stored(folder) == []


def sum_and_count(array: Any, folder: str) -> tuple[float, int]:
    return float(array.sum()), len(stored(Path(folder)))


def test_an_array_that_was_changed_between_calls_is_sent_anew() -> None:
    array = np.ones(BIG)
    with Parallel(n_jobs=2, backend="lithops") as parallel:
        for factor in (1, 2, 3):
            array[:] = factor
            assert parallel(delayed(describe)(array, x) for x in range(2))[0][0] == factor * BIG


def test_a_failed_call_leaves_no_array(folder: Path) -> None:
    array = np.ones(BIG)
    with pytest.raises(ValueError, match="read-only"):
        Parallel(backend="lithops", batch_size=1)(delayed(double)(array) for _ in range(30))
    assert stored(folder) == []


def test_an_array_that_cannot_be_stored_is_an_error(tmp_path: Path) -> None:
    root = tmp_path / "storage"
    with FunctionExecutor(config={"localhost": {"worker_processes": 2, "storage_root": str(root)}}) as fexec:
        root.write_text("a file where a folder should be")
        with pytest.raises(StorageError, match=str(root)):
            Parallel(n_jobs=2, backend=LithopsBackend(executor=fexec))(delayed(same)(np.ones(BIG)) for _ in range(2))


def test_a_reference_is_of_no_use_outside_of_its_call() -> None:
    with pytest.raises(StorageError, match="outside of its call"):
        load_array("key", np.dtype(float), (1,), "C", False)


def test_executors_are_one_for_each_set_of_options(home: Path) -> None:
    options = {"config": {"localhost": {"worker_processes": 2, "storage_root": str(home / "storage")}}}
    assert executor_for(options) is executor_for({**options, "retries": None})
    assert executor_for(options) is not executor_for({**options, "retries": 1})
