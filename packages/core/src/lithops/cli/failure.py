"""What is said when a command fails: one sentence, and with `--debug` the traceback."""

from __future__ import annotations

import click

from lithops.cli import NEEDS_EXTRA
from lithops.cli.options import chosen_by
from lithops.cli.output import shown
from lithops.errors import LithopsError

__all__ = ["report", "sentence"]


def report(ctx: click.Context, exc: Exception) -> None:
    """Say on standard error why a command failed."""
    if chosen_by(ctx).is_debug:
        import traceback

        click.echo("".join(traceback.format_exception(exc)), err=True, nl=False)
    if isinstance(exc, ModuleNotFoundError) and (exc.name or "").partition(".")[0] == "rich":
        click.echo(NEEDS_EXTRA, err=True)
        return
    hint = "" if isinstance(exc, LithopsError | OSError) else " (--debug shows where)"
    click.echo(f"Error: {sentence(exc)}{hint}", err=True)


def sentence(exc: BaseException) -> str:
    """Say what an exception says: ours by its message, one of the system by its reason and file, others by type too."""
    try:
        text = "\n".join(shown(line) for line in str(exc).strip().splitlines())
    except Exception:  # the exception may be a plugin's or a user's, and so is its __str__
        text = ""
    if isinstance(exc, LithopsError) and text:
        return text
    if isinstance(exc, OSError) and exc.strerror:
        return f"{exc.strerror}: '{shown(str(exc.filename))}'" if exc.filename is not None else exc.strerror
    return f"{type(exc).__name__}: {text}" if text else type(exc).__name__
