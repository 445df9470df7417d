"""The command `lithops` itself: its commands by name, those of plugins, and how a failure becomes an exit code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import click

from lithops._version import __version__
from lithops.cli import INTERRUPTED
from lithops.cli.options import common_options

__all__ = ["program"]

COMMANDS = {
    "attach": "lithops.cli.attach:attach",
    "clean": "lithops.cli.clean:clean",
    "config": "lithops.cli.config:config",
    "doctor": "lithops.cli.doctor:doctor",
    "hello": "lithops.cli.hello:hello",
    "logs": "lithops.cli.logs:logs",
    "plugins": "lithops.cli.plugins:plugins",
    "policy": "lithops.cli.policy:policy",
    "runtime": "lithops.cli.runtime:runtime",
    "storage": "lithops.cli.storage:storage",
    "test": "lithops.cli.trial:trial",
}


class Program(click.Group):
    """Imports a command when it is asked for, and asks plugins only for names that it does not know itself."""

    _has_plugins = False

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name all commands."""
        self._load_plugins()
        return sorted({*COMMANDS, *self.commands})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Give a command, or None."""
        if cmd_name in COMMANDS:
            module, _, name = COMMANDS[cmd_name].partition(":")
            command: click.Command = getattr(import_module(module), name)
            return command
        self._load_plugins()
        return self.commands.get(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of the arguments; a misspelt one is a usage error that says what was meant."""
        if not ctx.resilient_parsing and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            from lithops.plugins.suggest import did_you_mean

            ctx.fail(f"there is no command '{args[0]}': {did_you_mean(args[0], self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        with _failures(ctx):
            return super().invoke(ctx)

    def _load_plugins(self) -> None:
        if not self._has_plugins:
            self._has_plugins = True
            from lithops.cli.plugin_commands import plugin_commands

            for command in plugin_commands(COMMANDS):
                self.add_command(command)


@contextmanager
def _failures(ctx: click.Context) -> Iterator[None]:
    """Turn what a command raises into a sentence on standard error, and the exit code."""
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, BrokenPipeError):  # click's own business
        raise
    except KeyboardInterrupt:
        click.echo(err=True)
        ctx.exit(INTERRUPTED)
    except click.Abort as exc:  # a question was not answered
        if isinstance(exc.__context__, KeyboardInterrupt):
            click.echo(err=True)
            ctx.exit(INTERRUPTED)
        raise
    except Exception as exc:  # a command runs code of plugins, SDKs and the user
        from lithops.cli.failure import report

        report(ctx, exc)
        ctx.exit(1)


@click.command(cls=Program)
@common_options
@click.version_option(__version__, prog_name="lithops", message="%(prog)s %(version)s")
def program() -> None:
    """Run Python functions in parallel, on this machine or on a cloud, by one change of configuration.

    The options before a command are those of every command.
    """
