"""`call_async`: any callable, every form of input, magic parameters, environments, and what a future tells."""

from __future__ import annotations

import functools
import math
import operator
import os
import time
from typing import Any

import pytest

import lithops
from lithops.errors import LithopsError

SEEN_BY_IMPORT = "a global of the module"


def add(a: int, b: int = 10) -> int:
    return a + b


def everything(a: int, /, b: int, *rest: int, c: int = 3, **more: int) -> tuple[Any, ...]:
    return a, b, rest, c, more


def needs_keyword(a: int, *, b: int) -> int:
    return a + b


@functools.lru_cache
def cached(a: int, b: int) -> int:
    return a + b


class Scale:
    """A class, an object that can be called, and methods."""

    def __init__(self, by: int) -> None:
        self.by = by

    def __call__(self, x: int) -> int:
        return self.by * x

    def times(self, x: int) -> int:
        return self.by * x

    @classmethod
    def made(cls, by: int) -> Scale:
        return cls(by)

    @staticmethod
    def half(x: int) -> float:
        return x / 2


def test_hello_world(fresh: lithops.FunctionExecutor) -> None:
    fresh.call_async(lambda name: f"Hello {name}!", "World")
    assert fresh.get_result() == "Hello World!"


@pytest.mark.parametrize(
    ("function", "data", "result"),
    [
        (add, 1, 11),
        (add, (1, 2), 3),
        (add, {"a": 1, "b": 2}, 3),
        (add, {"b": 2, "a": 1}, 3),
        (lambda x: x, [1, 2], [1, 2]),
        (lambda x: x, ([1, 2],), [1, 2]),
        (lambda x: x, ({"a": 1},), {"a": 1}),
        (lambda x: x, {"x": {"a": 1}}, {"a": 1}),
        (lambda x: x, "text", "text"),
        (lambda x: x, None, None),
        (lambda *args: args, (1, 2, 3), (1, 2, 3)),
        (lambda *args: args, {"args": [1, 2]}, (1, 2)),
        (lambda **kwargs: kwargs, {"kwargs": {"a": 1}}, {"a": 1}),
        (lambda **kwargs: kwargs, {"a": 1, "b": 2}, {"a": 1, "b": 2}),
        (lambda: "nothing", (), "nothing"),
        (lambda: "nothing", {}, "nothing"),
        (lambda a, *, b=2: (a, b), 1, (1, 2)),
        (lambda a, *, b: (a, b), {"a": 1, "b": 3}, (1, 3)),
        (everything, (1, 2, 3, 4), (1, 2, (3, 4), 3, {})),
        (functools.partial(add, b=5), 1, 6),
        (functools.partial(add, 7), 1, 8),
        (Scale(3), 4, 12),
        (Scale(3).times, 4, 12),
        (Scale.half, 5, 2.5),
        (math.sqrt, 16.0, 4.0),
        (len, ([1, 2, 3],), 3),
        (max, (3, 9, 4), 9),
        (operator.itemgetter(1), ([5, 6],), 6),
        (str.upper, "a", "A"),
        (int, "12", 12),
        (cached, (1, 2), 3),
    ],
)
def test_every_callable_gets_its_input(
    executor: lithops.FunctionExecutor, function: Any, data: Any, result: Any
) -> None:
    assert executor.call_async(function, data).result() == result


def test_a_class_is_a_function_that_makes_objects(executor: lithops.FunctionExecutor) -> None:
    made = executor.call_async(Scale, 5).result()
    assert type(made) is Scale
    assert made.by == 5
    assert executor.call_async(Scale.made, 6).result().by == 6


def test_a_function_sees_its_module_and_its_closure(executor: lithops.FunctionExecutor) -> None:
    kept = [1, 2, 3]

    def sees() -> tuple[str, list[int], int]:
        return SEEN_BY_IMPORT, kept, add(1)

    assert executor.call_async(sees, ()).result() == ("a global of the module", [1, 2, 3], 11)


@pytest.mark.parametrize(
    ("function", "data", "parameter"),
    [
        (add, (1, 2, 3), "too many"),
        (add, {"a": 1, "z": 2}, "z"),
        (add, {"b": 1}, "a"),
        (lambda: None, 1, "too many"),
        (needs_keyword, 1, "b"),
        (everything, (1,), "b"),
    ],
)
def test_input_that_does_not_fit_is_a_type_error_before_anything_is_sent(
    executor: lithops.FunctionExecutor, function: Any, data: Any, parameter: str
) -> None:
    before = len(executor.futures)
    with pytest.raises(TypeError, match=parameter):
        executor.call_async(function, data)
    assert len(executor.futures) == before


@pytest.mark.parametrize("function", [None, 3, "add", [add]])
def test_what_cannot_be_called_is_a_type_error(executor: lithops.FunctionExecutor, function: Any) -> None:
    with pytest.raises(TypeError, match="call"):
        executor.call_async(function, 1)


def test_magic_parameters_are_filled_by_the_worker(executor: lithops.FunctionExecutor) -> None:
    def sees(x: int, id: int, storage: Any) -> tuple[int, int, str, str]:  # noqa: A002
        storage.put_object(storage.bucket, f"magic-{x}", b"made")
        return x, id, storage.backend, type(storage).__name__

    assert executor.call_async(sees, 7).result() == (7, 0, "localhost", "Storage")
    assert executor.storage.get_object(executor.storage.bucket or "", "magic-7") == b"made"


def test_what_the_input_gives_is_not_filled(executor: lithops.FunctionExecutor) -> None:
    def sees(id: Any, storage: Any = "default") -> Any:  # noqa: A002
        return id, storage if isinstance(storage, str) else "filled"

    assert executor.call_async(sees, {"id": "mine", "storage": "own"}).result() == ("mine", "own")
    assert executor.call_async(sees, {}).result() == (0, "filled")


def test_a_magic_parameter_that_nobody_can_fill_is_told(executor: lithops.FunctionExecutor) -> None:
    def wants(rabbitmq: Any) -> Any:
        return rabbitmq

    with pytest.raises(LithopsError, match=r"rabbitmq.*argument"):
        executor.call_async(wants, {}).result(timeout=20)
    assert executor.call_async(wants, {"rabbitmq": "own"}).result(timeout=20) == "own"


def test_extra_env_is_there_in_the_call_and_gone_after_it(executor: lithops.FunctionExecutor) -> None:
    def read(name: str) -> str | None:
        return os.environ.get(name)

    env = {"E2E_EXTRA": "ä ö\n=", "E2E_NUMBER": 3}
    futures = [executor.call_async(read, name, extra_env=env) for name in env]  # type: ignore[arg-type]
    assert [future.result() for future in futures] == ["ä ö\n=", "3"]
    assert executor.map(read, ["E2E_EXTRA"] * 8).get_result() == [None] * 8
    assert "E2E_EXTRA" not in os.environ


def test_none_is_a_result_like_any_other(fresh: lithops.FunctionExecutor) -> None:
    future = fresh.call_async(lambda _: None, 1)
    assert fresh.get_result() is None
    assert future.success
    assert future.result() is None


def test_a_future_tells_how_its_call_went(executor: lithops.FunctionExecutor) -> None:
    before = time.time()
    future = executor.call_async(add, (1, 2))
    assert future.result() == 3
    assert (future.done, future.success, future.error) == (True, True, False)
    assert (future.ready, future.invoked, future.new, future.running) == (True, True, False, False)
    assert (future.function_name, future.executor_id) == ("add", executor.executor_id)
    assert future.job_key == f"{future.executor_id}-{future.job_id}"
    stats = future.stats
    wanted = {
        "host_job_create_tstamp", "host_submit_tstamp", "host_status_done_tstamp", "host_result_done_tstamp",
        "worker_start_tstamp", "worker_end_tstamp", "worker_func_start_tstamp", "worker_func_end_tstamp",
        "worker_exec_time", "worker_func_exec_time", "worker_func_cpu_user_time", "worker_func_cpu_system_time",
        "worker_func_rss", "worker_peak_memory_end", "worker_cold_start", "func_result_size",
    }  # fmt: skip
    assert wanted <= set(stats)
    assert before - 1 < stats["host_submit_tstamp"] <= stats["host_status_done_tstamp"] <= time.time()
    assert stats["worker_start_tstamp"] <= stats["worker_func_start_tstamp"] <= stats["worker_func_end_tstamp"]
    status = future.status()
    assert (status["success"], status["call_id"]) == (True, future.call_id)


def test_stats_are_those_of_the_call(executor: lithops.FunctionExecutor) -> None:
    def burn() -> int:
        limit = time.process_time() + 0.08
        while time.process_time() < limit:
            pass
        return 1

    idle = executor.call_async(add, 1)
    busy = executor.call_async(burn, ())
    executor.wait([idle, busy])
    assert busy.stats["worker_func_cpu_user_time"] + busy.stats["worker_func_cpu_system_time"] >= 0.06
    assert idle.stats["worker_func_cpu_user_time"] < 0.06


def test_submit_takes_arguments_as_they_are(executor: lithops.FunctionExecutor) -> None:
    assert executor.submit(everything, 1, 2, 3, c=4, d=5).result() == (1, 2, (3,), 4, {"d": 5})
    assert executor.submit(lambda pair: pair, (1, 2)).result() == (1, 2)
    assert executor.submit(lambda table: table, {"a": 1}).result() == {"a": 1}


def test_a_coroutine_function_gives_no_hang(executor: lithops.FunctionExecutor) -> None:
    async def answer() -> int:
        return 42

    future = executor.call_async(answer, ())
    assert future.wait(10)
