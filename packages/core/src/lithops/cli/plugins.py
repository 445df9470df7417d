"""`lithops plugins`: what is installed, and why what does not work does not."""

from __future__ import annotations

import click

from lithops.cli.options import common_options, json_option

__all__ = ["plugins"]


@click.command()
@common_options
@json_option
def plugins(as_json: bool) -> None:
    """List the installed plugins and their backends."""
    from lithops.cli.output import print_json, print_table, shown
    from lithops.plugins import registry

    found = [
        {
            "name": one.plugin,
            "distribution": one.distribution,
            "version": one.version,
            "mode": ", ".join(sorted({backend.mode for backend in one.backends})),
            "status": one.status,
            "error": one.error,
            "backends": [
                {"kind": backend.kind, "name": backend.name, "summary": backend.info.summary}
                for backend in one.backends
            ],
        }
        for one in registry().statuses()
    ]
    if as_json:
        print_json(found)
        return
    if not found:
        click.echo("No plugins are installed: pip install lithops")
        return
    columns = ("name", "distribution", "version", "mode", "status")
    print_table(columns, [[str(one[column]) for column in columns] for one in found])
    for one in found:
        if one["error"]:
            click.echo(f"\n{one['name']} is {one['status']}: {shown(str(one['error']))}")
