"""Exceptions travel as themselves whenever any way is found, and as text always."""

from __future__ import annotations

import asyncio
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lithops.errors import FunctionExitError
from lithops.types import ErrorInfo
from lithops.worker.failure import MAX_TEXT, describe
from lithops.worker.pickles import dump, load


class TwoArgumentsError(Exception):
    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text


class KeywordError(ValueError):
    def __init__(self, *, path: str) -> None:
        super().__init__("cannot read")
        self.path = path


class LockedError(Exception):
    def __init__(self, text: str) -> None:
        super().__init__(text, threading.Lock())
        self.lock = threading.Lock()
        self.code = 5


class SlottedError(Exception):
    __slots__ = ("code",)

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class ReduceRaisesError(Exception):
    def __reduce__(self) -> Any:
        raise RuntimeError("not pickled by me")


class TextRaisesError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class StaleError(OSError):
    def __init__(self, path: str, code: int) -> None:
        super().__init__(code, "stale", path)


class NewError(Exception):
    def __new__(cls, first: int, second: int) -> NewError:
        return super().__new__(cls, first, second)


class InitRaisesError(Exception):
    is_made = False

    def __init__(self, text: str) -> None:
        if self.is_made:
            raise ValueError("made only once")
        InitRaisesError.is_made = True
        super().__init__(text)


def described(exc: BaseException) -> ErrorInfo:
    try:
        raise exc
    except BaseException as caught:
        return describe(caught)


def travelled(exc: BaseException) -> Any:
    error = described(exc)
    assert error.payload is not None
    assert error.payload.parts is not None
    return load(error.payload.parts)


@pytest.mark.parametrize(
    ("exc", "attributes"),
    [
        (ValueError("plain"), {}),
        (KeyError("k"), {}),
        (FileNotFoundError(2, "No such file", "/x"), {"errno": 2, "filename": "/x"}),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), {"object": b"\xff", "reason": "bad"}),
        (StopIteration(5), {"value": 5}),
        (TwoArgumentsError(7, "broken"), {"code": 7, "text": "broken"}),
        (KeywordError(path="/x"), {"path": "/x"}),
        (SlottedError(5), {"code": 5}),
        (ReduceRaisesError("x"), {}),
        (StaleError("/x", 5), {"filename": "/x", "errno": 5}),
        (NewError(1, 2), {}),
        (InitRaisesError("once"), {}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_type_arguments_and_attributes_come_back(exc: BaseException, attributes: dict[str, object]) -> None:
    back = travelled(exc)
    assert type(back) is type(exc)
    assert back.args == exc.args
    assert {name: getattr(back, name) for name in attributes} == attributes
    assert str(back) == str(exc)


def test_what_cannot_be_pickled_within_comes_back_as_its_text() -> None:
    back = travelled(LockedError("broken"))
    assert type(back) is LockedError
    assert back.code == 5
    assert back.args[0] == "broken"
    assert "lock" in back.args[1]
    assert "lock" in vars(back)["lock"]


def test_a_class_of_a_function_comes_back_as_a_class_of_its_name() -> None:
    class LocalError(KeyError):
        def shout(self) -> str:
            return f"{self.args[0]}!"

    back = travelled(LocalError("x"))
    assert type(back).__name__ == "LocalError"
    assert KeyError in type(back).__mro__
    assert back.shout() == "x!"
    assert described(LocalError("x")).type.endswith(
        "test_a_class_of_a_function_comes_back_as_a_class_of_its_name.<locals>.LocalError"
    )


def test_a_class_of_main_comes_back_in_another_process(tmp_path: Path) -> None:
    """It is pickled as a whole: the other process has another `__main__`."""
    program = tmp_path / "program.py"
    program.write_text(
        "from lithops.worker.failure import describe\n"
        "class MainError(Exception):\n"
        "    def __init__(self, a, b):\n"
        "        super().__init__('made of', a, b)\n"
        "error = describe(MainError(1, 2))\n"
        "assert error.type == 'MainError', error.type\n"
        f"open({str(tmp_path / 'pickle')!r}, 'wb').write(error.payload.parts[0])\n",
        encoding="utf-8",
    )
    subprocess.run([sys.executable, "-W", "ignore", str(program)], timeout=30, check=True)
    back = pickle.loads((tmp_path / "pickle").read_bytes())
    assert (type(back).__name__, type(back).__module__, back.args) == ("MainError", "__main__", ("made of", 1, 2))


def test_groups_come_back_with_their_exceptions() -> None:
    group = ExceptionGroup("several", [ValueError("a"), ExceptionGroup("inner", [KeyError("b")])])
    group.add_note("noted")
    back = travelled(group)
    assert isinstance(back, ExceptionGroup)
    assert (back.message, [type(one) for one in back.exceptions]) == ("several", [ValueError, ExceptionGroup])
    assert back.__notes__ == ["noted"]


@pytest.mark.parametrize("inner", [TwoArgumentsError(1, "x"), ReduceRaisesError("x"), LockedError("x")])
def test_groups_come_back_whatever_is_in_them(inner: Exception) -> None:
    back = travelled(ExceptionGroup("several", [ValueError("a"), inner]))
    assert isinstance(back, ExceptionGroup)
    assert [type(one) for one in back.exceptions] == [ValueError, type(inner)]


def test_an_exception_within_another_comes_back() -> None:
    outer = ValueError("outer")
    outer.inner = TwoArgumentsError(1, "x")  # type: ignore[attr-defined]
    back = travelled(outer)
    assert type(back) is ValueError
    assert type(vars(back)["inner"]) is TwoArgumentsError


class OwnExitError(BaseException):
    """Not an Exception: nothing in the client expects it."""


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError, OwnExitError])
def test_what_would_end_the_client_travels_as_an_error_of_ours(kind: type[BaseException]) -> None:
    error = described(kind("why"))
    assert (error.type.rpartition(".")[2], error.message) == (kind.__name__, "why")
    back = travelled(kind("why"))
    assert type(back) is FunctionExitError
    assert f"{kind.__name__}(why)" in str(back)


def test_a_group_that_would_end_the_client_travels_as_an_error_of_ours() -> None:
    assert type(travelled(BaseExceptionGroup("several", [KeyboardInterrupt()]))) is FunctionExitError


def test_names_of_builtins_are_short_and_others_tell_their_module() -> None:
    assert described(ValueError()).type == "ValueError"
    assert described(TwoArgumentsError(1, "")).type.endswith("test_failure.TwoArgumentsError")


def test_the_text_tells_causes_and_notes() -> None:
    def fails() -> None:
        try:
            raise KeyError("first")
        except KeyError as exc:
            raise ValueError("second") from exc

    with pytest.raises(ValueError, match="second") as caught:
        fails()
    caught.value.add_note("a note")
    text = describe(caught.value).traceback
    assert [part in text for part in ("KeyError: 'first'", "direct cause", "ValueError: second", "a note")] == [
        True
    ] * 4


def test_leading_frames_can_be_left_out() -> None:
    with pytest.raises(ValueError, match="invalid") as caught:
        int("x")
    assert "test_leading_frames" in describe(caught.value).traceback
    assert "test_leading_frames" in describe(caught.value, skip_frames=9).traceback  # never all of them


def test_the_frames_of_the_worker_itself_are_left_out() -> None:
    def inner() -> None:
        raise ValueError("broken")

    def outer() -> None:
        inner()

    with pytest.raises(ValueError, match="broken") as caught:
        outer()
    assert "in outer" not in describe(caught.value, skip_frames=2).traceback
    assert "in inner" in describe(caught.value, skip_frames=2).traceback


def test_an_exception_without_a_text_is_described_all_the_same() -> None:
    error = described(TextRaisesError("x"))
    assert error.type.endswith("TextRaisesError")
    assert "RuntimeError" in error.message
    assert "in described" in error.traceback
    assert error.payload is not None


@pytest.mark.parametrize("make", [lambda: ValueError("x" * 1_000_000), lambda: ValueError("\ud800")])
def test_any_text_travels_within_a_bound(make: Callable[[], Exception]) -> None:
    error = described(make())
    assert len(error.message) <= MAX_TEXT
    assert len(error.traceback) <= MAX_TEXT + 100
    assert error.traceback.startswith("Traceback")


def test_bad_notes_do_not_hide_the_exception() -> None:
    exc = ValueError("x")
    exc.__notes__ = 5  # type: ignore[assignment]
    assert described(exc).message == "x"


def test_a_payload_stays_small_and_whole_in_one_blob() -> None:
    error = described(ValueError(bytearray(200_000)))
    assert error.payload is not None
    assert error.payload.parts is not None
    assert all(type(part) is bytes for part in error.payload.parts)
    assert load(error.payload.parts).args == (bytearray(200_000),)


def test_describing_does_not_change_the_exception() -> None:
    exc = LockedError("x")
    before = dict(vars(exc))
    described(exc)
    assert vars(exc) == before
    assert dump(5) == (pickle.dumps(5, 5),)
