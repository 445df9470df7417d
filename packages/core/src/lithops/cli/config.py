"""`lithops config`: each value, and where it came from."""

from __future__ import annotations

import click

from lithops.cli.options import Chosen, common_options, json_option, pass_chosen

__all__ = ["config"]


@click.command()
@common_options
@json_option
@pass_chosen
def config(chosen: Chosen, as_json: bool) -> None:
    """Show the configuration: each value and where it came from."""
    from lithops.cli.opening import resolve_settings
    from lithops.cli.output import print_json, print_table, shown

    settings = resolve_settings(chosen)
    rows = settings.rows()
    if as_json:
        values = settings.as_dict()
        print_json(
            {
                "source": settings.source,
                "values": [
                    {"section": section, "key": key, "value": values.get(section, {}).get(key, text), "origin": origin}
                    for section, key, text, origin in rows
                ],
            }
        )
        return
    click.echo(f"From: {shown(settings.source)}\n")
    shorter = [(*others, origin.removeprefix(f"{settings.source}, ")) for *others, origin in rows]
    print_table(("section", "key", "value", "from"), shorter)
