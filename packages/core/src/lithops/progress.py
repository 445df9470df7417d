"""A progress bar for a person at a terminal or notebook; nothing for anybody else."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from lithops.engine.call import Call
from lithops.worker import context

__all__ = ["progress_for"]

SHOW_AFTER_LOOKS = 2
"""A wait that is over at once shows no bar: it would only flicker."""


@contextmanager
def progress_for(calls: Sequence[Call], is_wanted: bool) -> Iterator[Callable[[], None] | None]:
    """Give what is to be called now and then while the calls are awaited; None where there is nobody to see it."""
    if not is_wanted or not calls or not _has_watcher() or all(call.is_done for call in calls):
        yield None
        return
    try:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    except ImportError:  # without the extra `cli`
        yield None
        return
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        transient=False,
        refresh_per_second=10,
    )
    task = progress.add_task(_title(calls), total=len(calls))
    looks = 0

    def look() -> None:
        nonlocal looks
        looks += 1
        if looks == SHOW_AFTER_LOOKS:
            progress.start()
        if looks >= SHOW_AFTER_LOOKS:
            progress.update(task, completed=sum(call.is_done for call in calls))

    try:
        yield look
    finally:
        if looks >= SHOW_AFTER_LOOKS:
            progress.update(task, completed=sum(call.is_done for call in calls))
            progress.stop()


def _title(calls: Sequence[Call]) -> str:
    names = {call.job.message.function_name for call in calls[:1000]}
    return names.pop() if len(names) == 1 else f"{len(names)} functions"


def _has_watcher() -> bool:
    if context.current() is not None or os.environ.get("CI"):
        return False
    if "ipykernel" in sys.modules:
        return True
    try:
        return sys.stdout.isatty()
    except (AttributeError, ValueError):  # replaced or closed
        return False
