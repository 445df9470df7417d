"""How results are shown: tables for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click

__all__ = ["as_json_text", "count_of", "print_json", "print_table", "shown", "size_of", "width_of_lines"]

UNLIMITED = 100_000
"""The width of what is no terminal: a program that reads a table wants no line broken."""


def shown(text: str) -> str:
    """Escape what a terminal would take for a command, or a reader for a new line."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def size_of(size_bytes: int) -> str:
    """Write a size as people read it."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    size = float(size_bytes)
    for unit in ("kB", "MB", "GB"):
        size /= 1000
        if size < 999.95:
            return f"{size:.1f} {unit}"
    return f"{size / 1000:,.1f} TB"


def count_of(number: int, word: str) -> str:
    """Write a number of things."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def as_json_text(value: Any, *, indent: int | None = 2) -> str:
    """Write JSON; what it has no form for is written as text."""
    return json.dumps(value, indent=indent, default=str)


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    click.echo(as_json_text(value))


def width_of_lines() -> int:
    """Give the width that output should keep to."""
    if sys.stdout is None or not sys.stdout.isatty():
        return UNLIMITED
    from shutil import get_terminal_size

    return max(get_terminal_size().columns, 40)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows below the names of their columns, folded into the width of a terminal."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(shown(cell)) for cell in row))
    Console(width=width_of_lines()).print(table)
