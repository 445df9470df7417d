"""`lithops hello`: the quick start."""

from __future__ import annotations

import click

from lithops.cli.options import Chosen, common_options, pass_chosen

__all__ = ["hello"]

TIMEOUT_S = 600.0


@click.command()
@common_options
@pass_chosen
def hello(chosen: Chosen) -> None:
    """Run one function on the configured backend."""
    from time import perf_counter

    from lithops.cli.opening import open_executor

    began = perf_counter()
    with open_executor(chosen) as executor:
        # A lambda travels by value: the worker needs no module of the command line.
        future = executor.call_async(lambda name: f"Hello {name}!", "World")
        click.echo(future.result(timeout=TIMEOUT_S))
        seconds = perf_counter() - began
        click.echo(f"It ran on '{executor.backend}', in {seconds:.2f} s.")
