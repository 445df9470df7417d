"""Turn an exception of the user's function into what travels, so that it comes back with its own type."""

from __future__ import annotations

import contextlib
from types import GetSetDescriptorType, MemberDescriptorType
from typing import Any

from lithops.errors import FunctionExitError
from lithops.types import Buffer, ErrorInfo, Payload
from lithops.worker.pickles import dump, dump_reducing, load

__all__ = ["describe", "rebuild"]

MAX_TEXT = 64 * 1024
MAX_FRAMES = 500


def describe(exc: BaseException, *, skip_frames: int = 0) -> ErrorInfo:
    """Describe an exception; its text always travels, itself when any way is found to pickle it."""
    name = _name(type(exc))
    text = "".join(_traceback(exc, skip_frames))
    if len(text) > MAX_TEXT:
        text = text[: MAX_TEXT // 2] + "\n...\n" + text[-MAX_TEXT // 2 :]
    return ErrorInfo(name, _message(exc)[:MAX_TEXT], text, _payload(exc))


def rebuild(cls: type[BaseException], args: tuple[Any, ...], state: dict[str, Any]) -> BaseException:
    """Make an exception without calling its constructor, which may want other arguments than it passed on."""
    try:
        exc = cls.__new__(cls, *args)
    except TypeError:  # __new__ is the user's own too
        exc = BaseException.__new__(cls)
    BaseException.__setattr__(exc, "args", args)  # not by the user's own __setattr__: the class may be frozen
    for key, value in state.items():
        with contextlib.suppress(AttributeError, TypeError):
            BaseException.__setattr__(exc, key, value)
    return exc


def _payload(exc: BaseException) -> Payload | None:
    if not isinstance(exc, Exception):  # would end the client too, or is asyncio's own
        exc = FunctionExitError(
            f"the function raised {_name(type(exc))}({_message(exc)}): end a function by 'return', or raise another "
            "exception"
        )
    try:
        parts = dump(exc)
        if type(load(parts)) is type(exc):
            return Payload(_inline(parts))
    except Exception:  # the user's reduce and constructor, and what they hold, may raise anything
        pass
    state = _state(exc)
    for args, attributes in ((exc.args, state), (exc.args, _plain(state)), (_plain_args(exc.args), _plain(state))):
        try:
            parts = dump_reducing(_Rebuilt(type(exc), args, attributes), _reduce_inner)
            if isinstance(load(parts), type(exc)):
                return Payload(_inline(parts))
        except Exception:  # as above
            continue
    return None


def _reduce_inner(exc: BaseException) -> tuple[Any, ...]:
    args = exc.args if isinstance(exc, BaseExceptionGroup) else _plain_args(exc.args)
    return rebuild, (type(exc), args, _plain(_state(exc)))


def _state(exc: BaseException) -> dict[str, Any]:
    """Give the attributes of an exception: those of its dict, of slots, and of the built-in classes (errno, name)."""
    state = dict(getattr(exc, "__dict__", {}))
    for cls in type(exc).__mro__:
        for name, kind in vars(cls).items():
            if isinstance(kind, (MemberDescriptorType, GetSetDescriptorType)) and not name.startswith("__"):
                value = getattr(exc, name, None)
                if value is not None and name != "args":
                    state.setdefault(name, value)
    return state


class _Rebuilt:
    """Unpickles as the exception that it describes."""

    def __init__(self, cls: type[BaseException], args: tuple[Any, ...], state: dict[str, Any]) -> None:
        self._what = (cls, args, state)

    def __reduce__(self) -> tuple[Any, ...]:
        return rebuild, self._what


def _inline(parts: tuple[Buffer, ...]) -> tuple[Buffer, ...]:
    return tuple(bytes(part) for part in parts)


def _plain(state: dict[str, Any]) -> dict[str, Any]:
    return {key: value if _travels(value) else repr(value) for key, value in state.items()}


def _plain_args(args: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(value if _travels(value) else repr(value) for value in args)


def _travels(value: object) -> bool:
    try:
        load(dump(value))
    except Exception:  # the user's classes may raise anything
        return False
    return True


def _name(cls: type[BaseException]) -> str:
    return cls.__qualname__ if cls.__module__ in ("builtins", "__main__") else f"{cls.__module__}.{cls.__qualname__}"


def _message(exc: BaseException) -> str:
    try:
        return str(exc)
    except Exception as failure:  # the user's __str__ may raise anything
        return f"(its text cannot be made: {type(failure).__name__})"


def _traceback(exc: BaseException, skip_frames: int) -> list[str]:
    import traceback  # late: a worker whose calls succeed does not need it

    trace = exc.__traceback__
    for _ in range(skip_frames):
        if trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
    try:
        return traceback.format_exception(type(exc), exc, trace, limit=-MAX_FRAMES)
    except Exception:  # the user's __str__ or __notes__ may raise anything
        return [*traceback.format_tb(trace, -MAX_FRAMES), f"{_name(type(exc))}: {_message(exc)}\n"]
