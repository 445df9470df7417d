"""What a failing function gives: its own exception and traceback, whatever class that is, and siblings that live."""

from __future__ import annotations

import asyncio
import copy
import os
import pickle
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from subprocess import CompletedProcess
from typing import Any

import pytest

import lithops
from lithops.errors import FunctionExitError, SerializationError


class TwoArgumentsError(Exception):
    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


class KeywordOnlyError(Exception):
    def __init__(self, *, code: int) -> None:
        super().__init__("by keyword")
        self.code = code


class NoConstructorError(Exception):
    def __init__(self) -> None:
        super().__init__("made", "without", "arguments")


class SlottedError(Exception):
    __slots__ = ("code",)

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class FrozenError(Exception):
    code: int


class HoldsALockError(Exception):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.lock = threading.Lock()
        self.text = text


class LockInArgumentsError(Exception):
    pass


class BadTextError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class BadReduceError(Exception):
    def __reduce__(self) -> Any:
        raise RuntimeError("no reduce")


class BadLoadError(Exception):
    """Its pickle is made and cannot be loaded."""

    def __init__(self, text: str) -> None:
        super().__init__(text)

    def __reduce__(self) -> Any:
        return BadLoadError, ()


def raise_it(make: Callable[[], BaseException]) -> None:
    raise make()


def caught_from(executor: lithops.FunctionExecutor, make: Callable[[], BaseException]) -> BaseException:
    future = executor.call_async(raise_it, (make,))
    exc = future.exception(20)
    assert exc is not None
    with pytest.raises(type(exc)):
        future.result()
    return exc


def with_cause() -> BaseException:
    try:
        raise KeyError("inner")
    except KeyError as exc:
        outer = ValueError("outer")
        outer.__cause__ = exc
        return outer


@pytest.mark.parametrize(
    ("make", "kind", "args"),
    [
        (lambda: ValueError("x", 1, [2]), ValueError, ("x", 1, [2])),
        (lambda: ZeroDivisionError(), ZeroDivisionError, ()),
        (lambda: KeyError("ä"), KeyError, ("ä",)),
        (lambda: FileNotFoundError(2, "gone", "/nowhere"), FileNotFoundError, (2, "gone")),
        (
            lambda: UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"),
            UnicodeDecodeError,
            ("utf-8", b"\xff", 0, 1, "bad"),
        ),
        (lambda: StopIteration(5), StopIteration, (5,)),
        (lambda: TimeoutError("the user's own"), TimeoutError, ("the user's own",)),
        (lambda: MemoryError("the user's own"), MemoryError, ("the user's own",)),
        (lambda: TwoArgumentsError(404, "gone"), TwoArgumentsError, ("404: gone",)),
        (lambda: KeywordOnlyError(code=3), KeywordOnlyError, ("by keyword",)),
        (lambda: NoConstructorError(), NoConstructorError, ("made", "without", "arguments")),
        (lambda: SlottedError(3), SlottedError, (3,)),
        (lambda: FrozenError(3), FrozenError, (3,)),
        (lambda: HoldsALockError("held"), HoldsALockError, ("held",)),
        (lambda: BadLoadError("text"), BadLoadError, ("text",)),
        (lambda: BadReduceError("text"), BadReduceError, ("text",)),
        (lambda: BadTextError("text"), BadTextError, ("text",)),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_an_exception_comes_back_with_its_own_type(
    executor: lithops.FunctionExecutor, make: Callable[[], BaseException], kind: type[BaseException], args: Any
) -> None:
    exc = caught_from(executor, make)
    assert isinstance(exc, kind)
    assert exc.args == args


@pytest.mark.parametrize(
    ("make", "attributes"),
    [
        (lambda: TwoArgumentsError(404, "gone"), {"code": 404, "reason": "gone"}),
        (lambda: KeywordOnlyError(code=3), {"code": 3}),
        (lambda: SlottedError(3), {"code": 3}),
        (lambda: FrozenError(3), {"code": 3}),
        (lambda: HoldsALockError("held"), {"text": "held"}),
        (lambda: FileNotFoundError(2, "gone", "/nowhere"), {"errno": 2, "filename": "/nowhere"}),
        (lambda: UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), {"reason": "bad", "start": 0}),
        (lambda: StopIteration(5), {"value": 5}),
    ],
)
def test_an_exception_keeps_its_attributes(
    executor: lithops.FunctionExecutor, make: Callable[[], BaseException], attributes: dict[str, Any]
) -> None:
    exc = caught_from(executor, make)
    assert {name: getattr(exc, name) for name in attributes} == attributes


def test_an_argument_that_cannot_be_pickled_is_shown_in_its_place(executor: lithops.FunctionExecutor) -> None:
    exc = caught_from(executor, lambda: LockInArgumentsError("before", threading.Lock()))
    assert isinstance(exc, LockInArgumentsError)
    assert exc.args[0] == "before"
    assert "lock" in repr(exc.args[1])


def test_a_class_made_in_the_function_comes_back_under_its_name(executor: lithops.FunctionExecutor) -> None:
    def fails() -> None:
        class LocalError(Exception):
            def __init__(self, a: int, b: int) -> None:
                super().__init__(a + b)
                self.b = b

        raise LocalError(1, 2)

    exc = executor.call_async(fails, ()).exception(20)
    assert type(exc).__name__ == "LocalError"
    assert exc is not None
    assert exc.args == (3,)
    assert exc.b == 2  # type: ignore[attr-defined]


def test_the_remote_traceback_is_told_and_names_the_line(executor: lithops.FunctionExecutor) -> None:
    def deep(x: int) -> None:
        marked_line_of_the_function = 1 // x
        print(marked_line_of_the_function)

    future = executor.call_async(deep, 0)
    exc = future.exception(20)
    assert isinstance(exc, ZeroDivisionError)
    text = str(exc.__cause__)
    assert "in deep" in text
    assert "test_failures.py" in text
    assert "ZeroDivisionError" in text
    assert exc.call_id == "00000"  # type: ignore[attr-defined]
    assert exc.job_id == future.job_id  # type: ignore[attr-defined]


def test_causes_contexts_and_notes_travel(executor: lithops.FunctionExecutor) -> None:
    exc = caught_from(executor, with_cause)
    told = "".join(map(str, [exc.__cause__, *getattr(exc, "__notes__", ())]))
    assert "inner" in told

    def notes() -> None:
        exc = ValueError("noted")
        exc.add_note("a note of the user")
        raise exc

    noted = executor.call_async(notes, ()).exception(20)
    assert "a note of the user" in getattr(noted, "__notes__", [])


def test_exception_groups_come_back_whole(executor: lithops.FunctionExecutor) -> None:
    def fails() -> None:
        raise ExceptionGroup(
            "several", [ValueError("one"), TwoArgumentsError(1, "two"), ExceptionGroup("in", [OSError(3)])]
        )

    exc = executor.call_async(fails, ()).exception(20)
    assert isinstance(exc, ExceptionGroup)
    matched, rest = exc.split(ValueError)
    assert matched is not None
    assert str(matched.exceptions[0]) == "one"
    assert rest is not None
    two = rest.exceptions[0]
    assert isinstance(two, TwoArgumentsError)
    assert (two.code, two.reason) == (1, "two")
    assert isinstance(rest.exceptions[1], ExceptionGroup)


@pytest.mark.parametrize(
    "make",
    [
        lambda: SystemExit(3), lambda: SystemExit(), lambda: SystemExit("bye"), lambda: KeyboardInterrupt(),
        lambda: GeneratorExit(), lambda: asyncio.CancelledError(),
        lambda: BaseExceptionGroup("group", [KeyboardInterrupt(), ValueError()]),
    ],
)  # fmt: skip
def test_what_would_end_the_client_comes_back_as_an_exception(
    executor: lithops.FunctionExecutor, make: Callable[[], BaseException]
) -> None:
    exc = caught_from(executor, make)
    assert isinstance(exc, Exception)
    assert isinstance(exc, FunctionExitError)
    assert executor.call_async(len, ([],)).result() == 0


def test_sys_exit_ends_the_call_and_not_the_worker(executor: lithops.FunctionExecutor) -> None:
    def worker(_: int) -> int:
        return os.getpid()

    executor.map(worker, range(20)).get_result()
    before = set(executor.map(worker, range(100)).get_result())
    for code in (0, 1, None, "text"):
        with pytest.raises(FunctionExitError, match="SystemExit"):
            executor.call_async(sys.exit, (code,)).result()
    assert before & set(executor.map(worker, range(100)).get_result())


def test_endless_recursion_is_a_recursion_error(executor: lithops.FunctionExecutor) -> None:
    def forever(x: int) -> int:
        return forever(x + 1)

    with pytest.raises(RecursionError):
        executor.call_async(forever, 0).result(timeout=20)
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises((SerializationError, RecursionError)):
        executor.call_async(len, (nested,)).result(timeout=20)

    def deep_result() -> list[Any]:
        result: list[Any] = []
        for _ in range(100_000):
            result = [result]
        return result

    with pytest.raises((SerializationError, RecursionError)):
        executor.call_async(deep_result, ()).result(timeout=20)
    assert executor.call_async(len, ([],)).result() == 0


def test_one_failure_leaves_the_siblings_results(executor: lithops.FunctionExecutor) -> None:
    def odd(x: int) -> int:
        if x % 2:
            raise ValueError(x)
        return x

    futures = executor.map(odd, range(10))
    with pytest.raises(ValueError, match=r"[13579]"):
        executor.get_result(futures)
    results = executor.get_result(futures, throw_except=False)
    assert results[::2] == [0, 2, 4, 6, 8]
    assert [(type(one), one.args) for one in results[1::2]] == [(ValueError, (x,)) for x in (1, 3, 5, 7, 9)]
    assert [future.success for future in futures] == [True, False] * 5
    assert [future.error for future in futures] == [False, True] * 5


def test_an_executor_is_usable_after_get_result_raised(fresh: lithops.FunctionExecutor) -> None:
    futures = fresh.map(lambda x: 1 // x, [0, 1, 0])
    with pytest.raises(ZeroDivisionError):
        fresh.get_result()
    fresh.map(abs, [-5])
    assert fresh.get_result() == [5]
    assert futures[1].result() == 1
    results = fresh.get_result(futures, throw_except=False)
    assert [type(one) for one in results] == [ZeroDivisionError, int, ZeroDivisionError]


def test_throw_except_false_gives_the_exception_everywhere(executor: lithops.FunctionExecutor) -> None:
    future = executor.call_async(raise_it, (lambda: ValueError("given"),))
    for exc in (
        future.result(throw_except=False),
        executor.get_result(future, throw_except=False),
        lithops.get_result(future, throw_except=False),
        lithops.get_result([future], throw_except=False)[0],
        future.exception(),
    ):
        assert type(exc) is ValueError
    assert future.status(throw_except=False)["success"] is False
    with pytest.raises(ValueError, match="given"):
        future.status()


def test_a_returned_exception_is_a_result(executor: lithops.FunctionExecutor) -> None:
    future = executor.call_async(lambda: ValueError("a value"), ())
    assert repr(future.result()) == "ValueError('a value')"
    assert future.success


def test_an_exception_can_be_raised_again_and_copied(executor: lithops.FunctionExecutor) -> None:
    exc = caught_from(executor, lambda: TwoArgumentsError(1, "a"))
    assert isinstance(copy.copy(ValueError("x")), ValueError)
    for _ in range(2):
        with pytest.raises(TwoArgumentsError):
            raise exc
    plain = caught_from(executor, lambda: ValueError("x"))
    assert pickle.loads(pickle.dumps(plain)).args == ("x",)


def test_a_frozen_exception_is_raised_as_itself(executor: lithops.FunctionExecutor) -> None:
    with pytest.raises(FrozenError) as caught:
        executor.call_async(raise_it, (lambda: FrozenError(3),)).result()
    assert caught.value.code == 3


MAIN = """
import lithops

class Own(Exception):
    def __init__(self, a, b):
        super().__init__(a)
        self.b = b

class Plain(Exception):
    pass

def fail(x):
    raise Own("text", x) if x else Plain("plain", x)

if __name__ == "__main__":
    with lithops.FunctionExecutor() as fexec:
        for x in (0, 5):
            try:
                fexec.call_async(fail, x).result()
            except Own as exc:
                print("own", exc.args, exc.b, type(exc) is Own)
            except Plain as exc:
                print("plain", exc.args, type(exc) is Plain)
        fexec.call_async(fail, 7).result()
"""


def test_exception_classes_of_main_come_back_and_a_traceback_is_printed(
    run_client: Callable[..., CompletedProcess[str]],
) -> None:
    done = run_client(MAIN)
    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == "plain ('plain', 0) True"
    assert done.stdout.splitlines()[1] == "own ('text',) 5 True"
    assert 'raise Own("text", x)' in done.stderr
    assert done.stderr.rstrip().splitlines()[-1].startswith("Own: text") or "Own: text" in done.stderr
