"""How far a transfer is, for a person at a terminal: bytes and rate, on standard error. Nothing for anybody else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["BIG_BYTES", "has_watcher", "transfer_progress"]

BIG_BYTES = 8_000_000
"""What is smaller shows no bar: it would only flicker."""


def has_watcher() -> bool:
    """Tell whether standard error is a terminal."""
    return sys.stderr is not None and sys.stderr.isatty()


@contextmanager
def transfer_progress(title: str, size_bytes: int | None) -> Iterator[Callable[[int], None] | None]:
    """Give what is to be told how many more bytes were moved; None where there is nobody to see it.

    `size_bytes` None: not known. It may be told by several threads.
    """
    if not has_watcher() or (size_bytes is not None and size_bytes < BIG_BYTES):
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.text import Text

    from lithops.cli.output import shown

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(Text(shown(title)).markup, total=size_bytes)
        yield lambda count: progress.advance(task, count)
