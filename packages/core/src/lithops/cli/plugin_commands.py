"""The commands that plugins add. One that breaks is told of, and disturbs neither the program nor the others."""

from __future__ import annotations

from collections.abc import Container, Iterator

import click

from lithops.cli.failure import sentence
from lithops.errors import LithopsError
from lithops.plugins import registry

__all__ = ["plugin_commands"]


def plugin_commands(taken: Container[str]) -> Iterator[click.Command]:
    """Ask each plugin for its commands, in a group of its own; a name in `taken`, or of another plugin, is refused."""
    try:
        implementations = registry().hook.lithops_add_commands.get_hookimpls()
    except LithopsError as exc:  # a wrong LITHOPS_PLUGINS
        _complain("the plugins are left out", exc)
        return
    names: set[str] = set()
    for implementation in implementations:
        group = click.Group()
        try:
            implementation.function(*[group for _ in implementation.argnames])
            clashes = sorted(name for name in group.commands if name in taken or name in names)
            if clashes:
                raise ValueError(f"there is a command '{clashes[0]}' already")
        except (Exception, SystemExit) as exc:  # a plugin's code may raise anything
            _complain(f"the commands of the plugin {implementation.plugin_name} are left out", exc)
            continue
        names.update(group.commands)
        yield from group.commands.values()


def _complain(what: str, exc: BaseException) -> None:
    click.echo(f"Warning: {what}: {sentence(exc)}", err=True)
