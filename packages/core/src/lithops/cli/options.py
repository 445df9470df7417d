"""The options that every command takes, and what was chosen by them. They may stand before a command or after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import click

__all__ = ["Chosen", "chosen_by", "common_options", "json_option", "pass_chosen"]

F = TypeVar("F", bound=Callable[..., Any])
KEY = "lithops.chosen"  # in the `meta` that a command shares with the groups above it


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the common options say. None: the configuration decides."""

    config_file: str | None = None
    backend: str | None = None
    storage: str | None = None
    region: str | None = None
    is_debug: bool = False


def chosen_by(ctx: click.Context) -> Chosen:
    """Give what the options up to now say."""
    chosen: Chosen = ctx.meta.get(KEY, Chosen())
    return chosen


def common_options(command: F) -> F:
    """Add the common options to a command or group; those nearest to the command's end are the strongest."""
    for option in (_DEBUG, _REGION, _STORAGE, _BACKEND, _CONFIG):
        command = option(command)
    return command


def _remember(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    chosen = chosen_by(ctx)
    if param.name is not None and value is not None and value is not False:
        chosen = replace(chosen, **{param.name: value})
        if param.name == "is_debug":
            from lithops.log_setup import setup_lithops_logger

            setup_lithops_logger("DEBUG")
    ctx.meta[KEY] = chosen


def _common(*names: str, **attributes: Any) -> Callable[[F], F]:
    return click.option(*names, expose_value=False, callback=_remember, **attributes)


_CONFIG = _common("-c", "--config", "config_file", metavar="FILE", type=click.Path(), help="The configuration file.")
_BACKEND = _common("-b", "--backend", "backend", metavar="NAME", help="The compute backend.")
_STORAGE = _common("-s", "--storage", "storage", metavar="NAME", help="The storage backend.")
_REGION = _common("-r", "--region", "region", metavar="NAME", help="The region of the backend.")
_DEBUG = _common("-d", "--debug", "is_debug", is_flag=True, help="Log everything, and show tracebacks.")

pass_chosen = click.decorators.pass_meta_key(KEY, doc_description="what the common options say")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
