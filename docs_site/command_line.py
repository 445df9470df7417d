"""The commands of the program `lithops` with all their options, as its own help has them."""

from __future__ import annotations

from collections.abc import Iterator

import click

from lithops.cli.program import program


def lines() -> Iterator[str]:
    """Write every command with its options."""
    yield "## All commands and options"
    yield ""
    yield from _command(program, "lithops", None)


def _command(command: click.Command, name: str, parent: click.Context | None) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent, terminal_width=88, max_content_width=88)
    if isinstance(command, click.Group):
        for inner_name in command.list_commands(context):
            inner = command.get_command(context, inner_name)
            assert inner is not None
            yield from _command(inner, inner_name, context)
        return
    yield f"### `{context.command_path}`"
    yield ""
    yield "```text"
    yield command.get_help(context)
    yield "```"
    yield ""
