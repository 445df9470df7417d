"""`lithops logs`: what the platform kept of what workers printed. Not every platform keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from lithops.cli.options import Chosen, common_options, pass_chosen

if TYPE_CHECKING:
    from lithops.spi.compute import ComputeBackend, LogLine

__all__ = ["logs"]

POLL_S = 2.0


@click.group()
@common_options
def logs() -> None:
    """Read the logs of jobs, where the backend keeps them."""


@logs.command()
@click.argument("job_key")
@common_options
@pass_chosen
def get(chosen: Chosen, job_key: str) -> None:
    """Print the log of a job, such as 1f2e3d-0-M000."""
    with _opened(chosen) as backend:
        for line in backend.logs(job_key):
            click.echo(line.text)


@logs.command()
@click.argument("job_key", required=False)
@common_options
@pass_chosen
def poll(chosen: Chosen, job_key: str | None) -> None:
    """Print the log of a job as it grows, until Ctrl-C."""
    from collections import Counter
    from time import sleep

    with _opened(chosen) as backend:
        if job_key is None:
            raise click.UsageError("name the job to follow: lithops logs poll JOB_KEY")
        printed: Counter[LogLine] = Counter()
        while True:  # until the user ends it
            found: Counter[LogLine] = Counter()
            for line in backend.logs(job_key):
                found[line] += 1
                if found[line] > printed[line]:  # a line may come late, between others
                    click.echo(line.text)
            printed |= found
            sleep(POLL_S)


@contextmanager
def _opened(chosen: Chosen) -> Iterator[ComputeBackend]:
    from lithops.cli.opening import resolve_settings
    from lithops.errors import NotSupportedError
    from lithops.opening import open_compute
    from lithops.spi.compute import ComputeFeature

    settings = resolve_settings(chosen)
    backend = open_compute(settings)
    try:
        if ComputeFeature.LOGS not in backend.features:
            printed = ": what workers print is shown as it comes, by the program that runs the job"
            raise NotSupportedError(
                f"the backend '{settings.compute.name}' keeps no logs"
                + (printed if ComputeFeature.OUTPUT in backend.features else "")
            )
        yield backend
    finally:
        backend.close()
