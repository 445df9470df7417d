"""`lithops policy`: the least permissions that a backend's client and workers need, as documents of its platform."""

from __future__ import annotations

import click

from lithops.cli.options import Chosen, common_options, pass_chosen

__all__ = ["policy"]


@click.command()
@click.argument("name", metavar="[BACKEND]", required=False)
@click.option("--part", metavar="NAME", help="Print this document alone.")
@common_options
@pass_chosen
def policy(chosen: Chosen, name: str | None, part: str | None) -> None:
    """Print the permissions that BACKEND needs, or the configured one, as JSON.

    Nothing is asked of the platform, and no credentials are needed. What the configuration does not say is a pattern.
    """
    from contextlib import closing
    from dataclasses import replace

    from lithops.cli.opening import resolve_settings
    from lithops.cli.output import print_json
    from lithops.opening import open_compute

    settings = resolve_settings(replace(chosen, backend=name) if name else chosen)
    with closing(open_compute(settings)) as opened:
        documents = opened.policy()
    if part is not None and part not in documents:
        raise click.UsageError(f"there is no document '{part}': the parts are {', '.join(documents)}")
    print_json(documents if part is None else documents[part])
