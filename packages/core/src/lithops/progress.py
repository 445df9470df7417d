"""Progress bars for a person at a terminal or notebook; nothing for anybody else.

Waits of several threads share one display: a terminal has room for one that moves. In a notebook each wait has one
output, which changes in place.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from lithops.engine.call import Call
from lithops.worker import context

__all__ = ["progress_for"]

SHOW_AFTER_LOOKS = 2
"""A wait that is over at once shows no bar: it would only flicker."""

SHARE_OF_TIME = 0.05
"""Looking at a hundred thousand calls takes time that the engine needs: it is done no more often than this allows."""

BAR_CHARACTERS = 30
LONGEST_NAME = 40


class _Bar(Protocol):
    def show(self, count: _Count) -> None: ...

    def close(self) -> None: ...


@contextmanager
def progress_for(calls: Sequence[Call], is_wanted: bool) -> Iterator[Callable[[], None] | None]:
    """Give what is to be called now and then while the calls are awaited; None where there is nobody to see it."""
    make = _bar_maker() if is_wanted and calls and not all(call.is_done for call in calls) else None
    if make is None:
        yield None
        return
    count = _Count(calls)
    bar: _Bar | None = None
    looks = 0
    next_look = 0.0

    def look() -> None:
        nonlocal bar, looks, next_look
        looks += 1
        started = time.monotonic()
        if looks < SHOW_AFTER_LOOKS or started < next_look:
            return
        count.look()
        if bar is None:
            bar = make(_title(calls), len(calls))
        bar.show(count)
        now = time.monotonic()
        next_look = now + (now - started) * (1 / SHARE_OF_TIME - 1)

    try:
        yield look
    finally:
        if bar is not None:
            count.look()
            bar.show(count)
            bar.close()


class _Count:
    """How many calls have ended, and how. A call that has ended is not looked at again."""

    def __init__(self, calls: Sequence[Call]) -> None:
        self._left = list(calls)
        self.total = len(calls)
        self.failed = 0
        self.running = 0

    @property
    def done(self) -> int:
        """How many have ended, in whichever way."""
        return self.total - len(self._left)

    def look(self) -> None:
        """Count again."""
        left = []
        running = 0
        for call in self._left:
            if call.is_done:
                self.failed += not call.succeeded
            else:
                left.append(call)
                running += call.sent is not None
        self._left = left
        self.running = running

    def __str__(self) -> str:
        parts = [f"{self.done:,}/{self.total:,}"]
        if self.failed:
            parts.append(f"{self.failed:,} failed")
        if self.running:
            parts.append(f"{self.running:,} running")
        return ", ".join(parts)


class _Terminal:
    """The display of this process's terminal, with a line for each wait: begun by the first, ended by the last."""

    _lock = threading.Lock()
    _progress: Any = None
    _waits = 0

    def __init__(self, title: str, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        cls = _Terminal
        with cls._lock:
            if cls._progress is None:
                cls._progress = Progress(
                    TextColumn("{task.description}", markup=False),  # a function's name may look like markup
                    BarColumn(),
                    TextColumn("{task.fields[said]}", markup=False),
                    TimeElapsedColumn(),
                    console=Console(),  # not the one that the program may draw on by itself
                    refresh_per_second=10,
                )
                cls._progress.start()
            cls._waits += 1
            self._task = cls._progress.add_task(title, total=total, said="")

    def show(self, count: _Count) -> None:
        """Draw what was counted."""
        _Terminal._progress.update(self._task, completed=count.done, said=str(count))

    def close(self) -> None:
        """Leave the line as it is, and the terminal to the program when no other wait is shown."""
        cls = _Terminal
        with cls._lock:
            cls._progress.stop_task(self._task)
            cls._waits -= 1
            if not cls._waits:
                progress, cls._progress = cls._progress, None
                progress.stop()


class _Notebook:
    """One output of a notebook's cell, as text: every front end shows it, and nothing has to be installed."""

    def __init__(self, title: str, total: int) -> None:
        del total
        self._title = title
        self._began = time.monotonic()
        self._handle: Any = None
        self._said = ""

    def show(self, count: _Count) -> None:
        """Change the output, if there is anything new to say."""
        display: Any = importlib.import_module("IPython.display").display  # it has no types

        full = round(BAR_CHARACTERS * count.done / count.total)
        minutes, seconds = divmod(int(time.monotonic() - self._began), 60)
        bar = "━" * full + "╌" * (BAR_CHARACTERS - full)
        said = f"{self._title} {bar} {count}, {minutes}:{seconds:02}"
        if said == self._said:
            return
        self._said = said
        shown = {"text/plain": said}
        if self._handle is None:
            self._handle = display(shown, raw=True, display_id=True)
        else:
            self._handle.update(shown, raw=True)

    def close(self) -> None:
        """Leave it as it is."""


def _title(calls: Sequence[Call]) -> str:
    names = {call.job.message.function_name for call in calls[:1000]}
    name = names.pop() if len(names) == 1 else f"{len(names)} functions"
    name = "".join(one if one.isprintable() else " " for one in name)
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"


def _bar_maker() -> Callable[[str, int], _Bar] | None:
    """Choose how to show progress here, if there is anybody to see it."""
    if context.current() is not None or os.environ.get("CI", "").lower() not in ("", "0", "false"):
        return None
    if _is_notebook():
        return _Notebook
    try:
        if not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
            return None
    except (AttributeError, ValueError):  # replaced or closed
        return None
    try:
        import rich.progress  # noqa: F401
    except ImportError:  # without the extra `cli`
        return None
    return _Terminal


def _is_notebook() -> bool:
    """Tell whether this program is a kernel's: that its module was imported says nothing."""
    if "ipykernel" not in sys.modules:
        return False
    shell: Any = importlib.import_module("IPython").get_ipython()
    return getattr(shell, "kernel", None) is not None
