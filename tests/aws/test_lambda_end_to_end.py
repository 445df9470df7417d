"""Whole programs on the local Lambda: what users write for Lithops 3 runs there, and says what went wrong."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("boto3")

from tests.aws.lambda_executors import (
    BUCKET,
    Before,
    Executors,
    Program,
    before,
    event,
    executors,
    home,
    local_lambda,
    program,
    reply,
)
from tests.aws.lambda_tools import until

from lithops import FunctionExecutor, Retry
from lithops.errors import (
    AccessDeniedError,
    CallRejectedError,
    CallTimeoutError,
    ConfigError,
    LithopsError,
    WorkerLostError,
    WorkerMemoryError,
)

__all__ = ["before", "event", "executors", "home", "local_lambda", "program", "reply"]

README = Path(__file__).parents[2] / "README.md"
PROGRAMS = re.findall(r"```python\n(.*?)```\n\n(?:```output\n(.*?)```)?", README.read_text("utf-8"), re.DOTALL)


@pytest.fixture(params=["reply", "event"])
def either(request: pytest.FixtureRequest) -> FunctionExecutor:
    """An executor of each kind."""
    executor: FunctionExecutor = request.getfixturevalue(request.param)
    return executor


# What works


@pytest.mark.parametrize(("text", "prints"), PROGRAMS, ids=range(len(PROGRAMS)))
def test_the_programs_of_the_readme_run_unchanged(program: Program, text: str, prints: str) -> None:
    printed = program(text).stdout
    if prints:
        assert printed == prints
    else:
        assert "ZeroDivisionError: division by zero" in printed


def test_one_call_and_many(either: FunctionExecutor) -> None:
    assert either.call_async(lambda x, y: x * y, {"x": 6, "y": 7}).result() == 42
    assert either.map(lambda x: x * x, range(50)).get_result() == [x * x for x in range(50)]


def test_many_into_one_and_futures_as_inputs(either: FunctionExecutor) -> None:
    either.map_reduce(lambda x: x + 1, range(8), sum)
    assert either.get_result() == 36
    first = either.call_async(lambda x: [x] * 3, 5)
    second = either.map(lambda x, y: sum(x) + y, [(first, 1), (first, 2)])
    assert second.get_result() == [16, 17]


def test_big_inputs_and_results_go_through_the_store(either: FunctionExecutor, executors: Executors) -> None:
    before = executors.cloud.requests("sandbox").get("s3.PutObject", 0)
    whole = bytes(range(256)) * (12 << 10)  # 3 MiB
    future = either.call_async(lambda data: data[::-1], whole)
    assert future.result() == whole[::-1]
    assert executors.cloud.requests("sandbox")["s3.PutObject"] > before
    assert len(executors.objects(f"lithops.jobs/{either.executor_id}/{future.job_id}/")) >= 2


def test_a_result_near_the_inline_limit_needs_no_store(reply: FunctionExecutor, executors: Executors) -> None:
    before = executors.cloud.requests("sandbox")
    assert len(reply.call_async(lambda size: bytes(size), 1_000_000).result()) == 1_000_000
    assert executors.cloud.requests("sandbox") == before


def test_a_function_gets_the_storage(either: FunctionExecutor) -> None:
    def write(key: str, storage: Any) -> str:
        storage.put_object(storage.bucket, key, b"written in a sandbox")
        cloud_object = storage.put_cloudobject(b"and kept")
        return str(storage.get_object(storage.bucket, key).decode() + cloud_object.key[:0])

    key = f"of-{either.executor_id}"
    assert either.call_async(write, key).result() == "written in a sandbox"
    assert either.storage.get_object(BUCKET, key) == b"written in a sandbox"


def test_data_is_cut_at_ends_of_lines(either: FunctionExecutor) -> None:
    def count(obj: Any) -> tuple[int, int]:
        lines = obj.data_stream.read().splitlines()
        return len(lines), sum(map(int, lines))

    either.storage.put_object(BUCKET, "data/numbers", "".join(f"{number}\n" for number in range(5000)))
    counted = either.map(count, f"aws_s3://{BUCKET}/data/numbers", obj_chunk_size=8192).get_result()
    assert len(counted) > 1
    assert [sum(part) for part in zip(*counted, strict=True)] == [5000, sum(range(5000))]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    name = "lithops_travelling"
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text("from .below import double\n")
    (tmp_path / name / "below.py").write_text("def double(x):\n    return 2 * x\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield name
    for known in [one for one in sys.modules if one.partition(".")[0] == name]:
        del sys.modules[known]


def test_local_modules_travel(either: FunctionExecutor, package: str) -> None:
    double = importlib.import_module(package).double
    assert either.map(double, range(3)).get_result() == [0, 2, 4]


# What was printed, measured, paid


def test_what_is_printed_reaches_the_client(executors: Executors, capfd: pytest.CaptureFixture[str]) -> None:
    fresh = executors.open(invocation="reply")
    future = fresh.call_async(lambda x: print("printed in", x), "a sandbox")
    future.result()
    assert future.logs == "printed in a sandbox\n"
    fresh.close()  # what is printed is written by a thread of its own
    assert "printed in a sandbox" in capfd.readouterr().out


def test_cold_starts_and_times_are_told(executors: Executors) -> None:
    executor = executors.open(invocation="reply", runtime_memory=512)
    stats = []
    for _ in range(2):
        future = executor.call_async(lambda x: x, 1)
        future.result()
        stats.append(future.stats)
    assert [one["worker_cold_start"] for one in stats] == [True, False]
    for one in stats:
        assert one["host_submit_tstamp"] <= one["worker_start_tstamp"] <= one["worker_end_tstamp"]


def test_small_calls_ask_nothing_of_the_store(executors: Executors) -> None:
    executor = executors.open(invocation="reply")
    assert executor.call_async(abs, -1).result() == 1
    cloud = executors.cloud
    before, before_sandbox = cloud.requests(), cloud.requests("sandbox")
    # The module of this test would travel, and no module is small.
    assert executor.map(lambda x: x + 1, range(200), include_modules=None).get_result() == list(range(1, 201))
    asked = {name: count - before.get(name, 0) for name, count in cloud.requests().items()}
    assert {name: count for name, count in asked.items() if count} == {"lambda.Invoke": 200}
    assert cloud.requests("sandbox") == before_sandbox
    spent = executor.cost()
    assert (spent.attempts, spent.measured, spent.currency) == (201, 0, "USD")
    assert spent.amount is not None
    assert 0 < spent.amount < 0.01
    assert executors.objects(f"lithops.jobs/{executor.executor_id}/") == []


def test_events_leave_statuses_in_the_store_until_they_are_cleaned(executors: Executors) -> None:
    executor = executors.open(invocation="event")
    futures = executor.map(lambda x: x + 1, range(5))
    assert futures.get_result() == [1, 2, 3, 4, 5]
    assert executor.cost().attempts == 5
    job = f"lithops.jobs/{executor.executor_id}/{futures[0].job_id}/"
    assert len([key for key in executors.objects(job) if "/status/" in key]) == 5
    executor.clean()
    assert executors.objects(job) == []


def test_an_executor_that_is_closed_leaves_nothing_here(executors: Executors, before: Before) -> None:
    with FunctionExecutor(config=executors.config()) as executor:
        assert executor.map(abs, range(-20, 0)).get_result() == list(range(20, 0, -1))
    until(lambda: not before.left())


def test_no_more_is_spent_than_may_be(executors: Executors) -> None:
    executor = executors.open(invocation="reply", lithops={"max_cost": 0.000_000_1})
    assert executor.call_async(abs, -1).result() == 1
    with pytest.raises(CallRejectedError, match=r"'max_cost' is 1e-07"):
        executor.call_async(abs, -1).result()


# What fails


def test_an_exception_comes_with_its_class_and_the_workers_traceback(either: FunctionExecutor) -> None:
    class OwnError(Exception):
        def __init__(self, code: int, text: str) -> None:
            super().__init__(f"{text} ({code})")
            self.code = code

    def fail(code: int) -> None:
        raise OwnError(code, "as asked")

    with pytest.raises(OwnError, match=r"as asked \(7\)") as raised:
        either.call_async(fail, 7).result()
    assert (raised.value.code, raised.value.call_id) == (7, "00000")  # type: ignore[attr-defined]
    assert "in fail" in str(raised.value.__cause__)


def test_an_exception_of_the_main_program_comes_back(program: Program) -> None:
    text = """
import lithops

class OwnError(Exception):
    pass

def fail(x):
    if x == 2:
        raise OwnError("of call", x)
    return x

with lithops.FunctionExecutor() as fexec:
    futures = fexec.map(fail, range(4))
    try:
        fexec.get_result(futures)
    except OwnError as exc:
        print(exc.args, type(exc) is OwnError, "in fail" in str(exc.__cause__))
    print([future.result() for future in futures if not future.error])
"""
    assert program(text).stdout.splitlines() == ["('of call', 2) True True", "[0, 1, 3]"]


def test_a_call_over_its_time_is_ended(either: FunctionExecutor) -> None:
    def sleep(seconds: float) -> None:
        import time

        time.sleep(seconds)

    futures = either.map(sleep, [60, 0], timeout=1)
    with pytest.raises(CallTimeoutError, match="time-out of 1 s") as raised:
        futures[0].result()
    assert isinstance(raised.value, TimeoutError)
    assert futures[1].result() is None


def test_a_worker_that_ends_is_told_with_its_last_words(either: FunctionExecutor) -> None:
    def leave(code: int) -> None:
        import os

        print("these are the last words", flush=True)
        os._exit(code)

    with pytest.raises(WorkerLostError, match="these are the last words") as raised:
        either.call_async(leave, 3).result()
    assert raised.value.exit_code == 3
    assert either.call_async(abs, -1).result() == 1


def test_a_call_that_needs_more_memory_gets_it(either: FunctionExecutor) -> None:
    def eat(megabytes: int) -> int:
        import os

        eaten = b"x" * (megabytes << 20)
        return int(os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]) if eaten else 0

    with pytest.raises(WorkerMemoryError, match="memory"):
        either.call_async(eat, 200, runtime_memory=128).result()
    retry = Retry(max_attempts=3, memory_factor=2)
    assert either.call_async(eat, 180, runtime_memory=128, retries=retry).result() == 256


def test_what_the_runtime_lacks_is_named(either: FunctionExecutor, package: str) -> None:
    double = importlib.import_module(package).double
    with pytest.raises(Exception, match=package) as raised:
        either.call_async(double, 1, exclude_modules=[package]).result()
    assert isinstance(raised.value, LithopsError | ImportError)


def test_a_function_that_was_deleted_is_deployed_again(either: FunctionExecutor, executors: Executors) -> None:
    assert either.call_async(abs, -1).result() == 1
    functions = executors.cloud.client("lambda")
    gone = executors.function_names()
    for name in gone:
        functions.delete_function(FunctionName=name)
    assert either.map(abs, range(-20, 0)).get_result() == list(range(20, 0, -1))
    assert set(executors.function_names()) <= set(gone)
    assert executors.function_names()


def test_keys_that_aws_does_not_know_are_refused(executors: Executors) -> None:
    executor = executors.open(aws={"secret_access_key": "wrong"})
    with pytest.raises(AccessDeniedError, match="credentials") as raised:
        executor.call_async(abs, -1).result()
    assert "wrong" not in str(raised.value)


def test_without_a_role_nothing_is_deployed(executors: Executors) -> None:
    with pytest.raises(ConfigError, match="set 'execution_role' in the section aws_lambda"):
        executors.open(execution_role=None).call_async(abs, -3)


def test_a_runtime_of_another_python_is_refused_with_a_table(executors: Executors) -> None:
    executors.open(runtime_memory=320).call_async(abs, -1).result()
    functions = executors.cloud.client("lambda")
    (name,) = (name for name in executors.function_names() if name.endswith("-320MB"))
    told = functions.get_function_configuration(FunctionName=name)["Description"]
    mine = f"{sys.version_info[0]}.{sys.version_info[1]}"
    functions.update_function_configuration(FunctionName=name, Description=told.replace(mine, "3.9"))
    with pytest.raises(ConfigError, match=rf"Python +.*{re.escape(mine)}.*3\.9") as raised:
        executors.open(runtime_memory=320).call_async(abs, -1)
    assert "lithops runtime update" in str(raised.value)
