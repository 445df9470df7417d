"""`lithops attach`: follow a job that another process submitted with `detach=True`, and tell how its calls ended."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from lithops.cli.options import Chosen, common_options, json_option, pass_chosen

if TYPE_CHECKING:
    from lithops.future import ResponseFuture

__all__ = ["attach"]

SHOWN = 10


@click.command()
@click.argument("job_key")
@click.option(
    "--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="How long to follow it; else to its end."
)
@common_options
@json_option
@pass_chosen
def attach(chosen: Chosen, job_key: str, timeout: float | None, as_json: bool) -> None:
    """Follow the detached job JOB_KEY, such as 1f2e3d-0-M000, to the end of its calls.

    Ctrl-C ends the following, not the job. The exit code is 1 when calls have failed.
    """
    from lithops.cli.opening import open_executor
    from lithops.cli.output import count_of, print_json

    with open_executor(chosen) as executor:
        try:
            futures = executor.attach(job_key)
        except ValueError as exc:
            raise click.UsageError(str(exc)) from exc
        ended, others = executor.wait(futures, throw_except=False, timeout=timeout, show_progressbar=not as_json)
        found = [_ending(future) for future in ended]
    failed = sum(not one["success"] for one in found)
    if as_json:
        print_json(found)
    else:
        _show(job_key, found)
    if others:
        raise click.ClickException(f"{len(others):,} of {count_of(len(futures), 'call')} had not ended: they go on")
    if failed:
        raise click.ClickException(f"{failed:,} of {count_of(len(found), 'call')} failed")


def _ending(future: ResponseFuture) -> dict[str, Any]:
    """Tell how a call ended, without what its pickles would import."""
    status = future.__lithops_call__.status
    assert status is not None
    error = status.error
    return {
        "call_id": future.call_id,
        "success": future.success,
        "end": status.end.value,
        "attempt": status.attempt,
        "seconds": status.worker_s,
        "error": None if error is None else {"type": error.type, "message": error.message},
    }


def _show(job_key: str, found: list[dict[str, Any]]) -> None:
    from lithops.cli.output import count_of, shown

    ends = Counter(one["end"] for one in found)
    told = (
        ", ".join(f"{number:,} {end}" for end, number in sorted(ends.items(), key=lambda item: -item[1]))
        or "none ended"
    )
    click.echo(f"Job '{shown(job_key)}': {count_of(len(found), 'call')}: {told}.")
    failed = [one for one in found if not one["success"]]
    for one in failed[:SHOWN]:
        error = one["error"] or {"type": one["end"], "message": ""}
        click.echo(f"  call {one['call_id']}: {shown(error['type'])}: {shown(error['message'].partition(chr(10))[0])}")
    if len(failed) > SHOWN:
        click.echo(f"  and {len(failed) - SHOWN:,} more")
