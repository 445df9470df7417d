"""Show checks as they are made, and fail when one is not ok."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from textwrap import wrap
from time import perf_counter

import click

from lithops.cli.failure import sentence
from lithops.cli.output import count_of, print_json, shown, width_of_lines
from lithops.spi.compute import Check

__all__ = ["attempt", "show_checks"]

LEAD = 8  # columns of the word `ok` or `failed`
NAME = 15


def attempt(name: str, action: Callable[[], str], advice: str = "") -> Check:
    """Make a check of an action, which says what it found or raises."""
    try:
        return Check(name, True, action())
    except Exception as exc:  # what is checked may be wrong in any way
        return Check(name, False, sentence(exc), advice)


def show_checks(checks: Iterable[Check], *, as_json: bool) -> None:
    """Print each check when it is made, then how many are ok. Raises `ClickException` when some are not."""
    began = perf_counter()
    done = []
    for check in checks:
        done.append(check)
        if not as_json:
            _show(check)
    if as_json:
        print_json([{"name": c.name, "ok": c.ok, "detail": c.detail, "advice": c.advice} for c in done])
    failed = sum(not check.ok for check in done)
    if failed:
        raise click.ClickException(f"{failed} of {count_of(len(done), 'check')} failed")
    if not as_json:
        click.echo(f"All {count_of(len(done), 'check')} are ok, in {perf_counter() - began:.1f} s.")


def _show(check: Check) -> None:
    mark = click.style(f"{'ok':<{LEAD}}", fg="green") if check.ok else click.style(f"{'failed':<{LEAD}}", fg="red")
    said = [shown(line) for line in check.detail.splitlines()]
    if check.advice and not check.ok:
        said.append(f"-> {shown(check.advice)}")
    width = width_of_lines() - LEAD - NAME
    lines = [line for text in said for line in wrap(text, width, break_on_hyphens=False) or [""]]
    click.echo(mark + (f"{shown(check.name):<{NAME}}" + "".join(lines[:1])).rstrip())
    for line in lines[1:]:
        click.echo(" " * (LEAD + NAME) + line)
