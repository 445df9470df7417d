"""Two images of jobs by matplotlib: the timeline of each call, and how many ran at each moment."""

from __future__ import annotations

import io
import math
import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lithops.errors import MissingDependencyError
from lithops.pictures.calls import NEW, CallRow, now_or_last, rows_of
from lithops.pictures.concurrency import steps_of
from lithops.pictures.destination import destination, write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lithops.future import ResponseFuture

__all__ = ["plot"]

FORMATS = (".png", ".svg", ".pdf")
LARGEST_INCHES = 100
NAMED_JOBS = 12

# Of the palette of M. Okabe and K. Ito, which people tell apart whatever colours they see.
WAITS, PREPARES, RUNS, RETURNS, FAILS, GOES_ON = "#BDBDBD", "#E69F00", "#0072B2", "#009E73", "#D55E00", "#56B4E9"
PHASES = {
    WAITS: "waits for a worker",
    PREPARES: "worker prepares",
    RUNS: "function runs",
    RETURNS: "result returns",
    GOES_ON: "has not ended",
}
HELD = "#8C8C8C"
Bars = dict[str, list[tuple[int, float, float]]]


def plot(
    futures: Iterable[ResponseFuture],
    dst: str | os.PathLike[str] | None,
    figsize: Sequence[float],
    executor_id: str,
) -> tuple[Path, Path]:
    """Draw both images and give their paths: `<dst>_timeline.png` and `<dst>_histogram.png`.

    A `dst` that ends in .png, .svg or .pdf chooses the format. Raises `ValueError` when there are no calls.
    """
    rows = rows_of(futures)
    width, height = _size(figsize)
    now = time.time()
    prefix = destination(dst, executor_id, now)
    suffix = prefix.suffix.lower() if prefix.suffix.lower() in FORMATS else ""
    start = min(row.submitted_at for row in rows)
    end = max(now_or_last(rows, now), start)
    paths = []
    for name, draw in (("timeline", _draw_timeline), ("histogram", _draw_histogram)):
        figure = _figure(width, height)
        draw(figure, rows, start, end)
        content = io.BytesIO()
        figure.savefig(content, format=suffix[1:] or "png", dpi=150)
        stem = prefix.with_suffix("") if suffix else prefix
        paths.append(write_whole(stem.with_name(f"{stem.name}_{name}{suffix or '.png'}"), content.getvalue()))
    return paths[0], paths[1]


def _figure(width: float, height: float) -> Figure:
    """Make a figure that no window and no other figure of the program knows of."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as exc:
        raise MissingDependencyError(
            f"plot() needs the package of the module '{exc.name}', which is not installed: pip install 'lithops[plot]'; "
            "report() needs nothing",
            name=exc.name,
        ) from exc
    return Figure(figsize=(width, height), layout="constrained")


def _draw_timeline(figure: Figure, rows: Sequence[CallRow], start: float, end: float) -> None:
    from matplotlib.collections import PolyCollection
    from matplotlib.patches import Patch

    axes = figure.add_subplot()
    bars, failed = _bars(rows, start, end)
    half = 0.5 if len(rows) > 200 else 0.4  # no gaps where a row is thinner than a pixel or two
    legend: list[Any] = []
    for colour, spans in bars.items():
        corners = [
            ((left, at - half), (left, at + half), (right, at + half), (right, at - half)) for at, left, right in spans
        ]
        if corners:
            axes.add_collection(PolyCollection(corners, facecolors=colour, linewidths=0), autolim=False)
            legend.append(Patch(facecolor=colour, label=PHASES[colour]))
    if failed:
        size = 60 if len(rows) <= 200 else 25
        legend += axes.plot(
            [when for _, when in failed], [at for at, _ in failed], linestyle="none", marker="x", color=FAILS,
            markersize=math.sqrt(size), markeredgewidth=1.6, label=f"failed ({len(failed):,})", zorder=3,
        )  # fmt: skip
    _name_jobs(axes, rows)
    _axes(axes, end - start)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_ylabel("call, in the order of submission")
    axes.set_title(f"Timeline of {_title(rows)}")
    axes.grid(axis="x", color="#E0E0E0", linewidth=0.8)
    if legend:
        figure.legend(handles=legend, loc="outside lower center", ncols=6, frameon=False, fontsize="small")


def _draw_histogram(figure: Figure, rows: Sequence[CallRow], start: float, end: float) -> None:
    """Draw those that run above those that are submitted: these may be a thousand times as many."""
    upper, lower = figure.subplots(2, sharex=True, height_ratios=(2, 1))
    run = [
        (row.started_at - start, row.ended_at - start)
        for row in rows
        if row.started_at is not None and row.ended_at is not None
    ]
    held = [(row.submitted_at - start, (end if row.known_at is None else row.known_at) - start) for row in rows]
    for axes, spans, colour, name in ((upper, run, RUNS, "functions that run"), (lower, held, HELD, "calls not ended")):
        moments, counts = steps_of(spans)
        if counts:
            axes.fill_between(moments, counts, step="post", color=colour, linewidth=0)
            most = max(counts)
            axes.axhline(most, color="#404040", linewidth=0.8, linestyle=(0, (4, 3)))
            axes.annotate(
                f"at most {most:,}", (1.0, most), xycoords=("axes fraction", "data"), xytext=(-4, -4),
                textcoords="offset points", ha="right", va="top", fontsize="small", color="#404040",
            )  # fmt: skip
        axes.set_ylim(bottom=0)
        _axes(axes, end - start)
        axes.set_ylabel(name)
        axes.grid(color="#E0E0E0", linewidth=0.8)
    upper.set_xlabel("")
    upper.set_title(f"Concurrency of {_title(rows)}")


def _bars(rows: Sequence[CallRow], start: float, end: float) -> tuple[Bars, list[tuple[int, float]]]:
    """Cut each call into its phases, by colour; and tell where those that failed ended."""
    bars: Bars = {colour: [] for colour in PHASES}
    failed = []
    for at, row in enumerate(rows):
        left = row.submitted_at - start
        times: tuple[tuple[str, float | None], ...]
        times = ((WAITS, row.fetched_at), (PREPARES, row.started_at), (RUNS, row.ended_at), (RETURNS, row.known_at))
        if row.fetched_at is None:  # no worker has told of it
            times = ((WAITS if row.known_at is not None or row.end == NEW else GOES_ON, row.known_at or end),)
        for colour, until in times:
            if until is not None:
                if until - start > left:
                    bars[colour].append((at, left, until - start))
                left = max(left, until - start)
        if row.is_failed:
            failed.append((at, left))
    return bars, failed


def _name_jobs(axes: Axes, rows: Sequence[CallRow]) -> None:
    """Part jobs by lines, and name them at the right edge where there is room."""
    starts = [at for at in range(len(rows)) if at == 0 or rows[at].job_key != rows[at - 1].job_key]
    if not 1 < len(starts) <= NAMED_JOBS:
        return
    for begin, end in zip(starts, [*starts[1:], len(rows)], strict=True):
        if begin:
            axes.axhline(begin - 0.5, color="#707070", linewidth=0.8, linestyle=(0, (4, 3)))
        if end - begin >= len(rows) / 40:
            name = rows[begin].function_name
            short = name if len(name) <= 24 else name[:23] + "…"
            axes.annotate(
                _plain(f"{rows[begin].job_id} {short}"), (1.0, (begin + end - 1) / 2), xycoords=("axes fraction", "data"),
                xytext=(6, 0), textcoords="offset points", va="center", fontsize="small", color="#404040",
            )  # fmt: skip


def _axes(axes: Axes, length_s: float) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlim(0.0, length_s * 1.02 or 1e-3)
    axes.set_xlabel("seconds since the first submission")
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _title(rows: Sequence[CallRow]) -> str:
    names = list(dict.fromkeys(row.function_name for row in rows))
    name = names[0] if len(names) == 1 else f"{len(names):,} functions"
    calls = "1 call" if len(rows) == 1 else f"{len(rows):,} calls"
    return f"{calls} of {_plain(name if len(name) <= 60 else name[:59] + '…')}"


def _plain(text: str) -> str:
    """Keep matplotlib from reading mathematics in a name."""
    return text.replace("$", r"\$")


def _size(figsize: Sequence[float]) -> tuple[float, float]:
    try:
        width, height = (float(one) for one in figsize)
    except (TypeError, ValueError):
        width = height = 0.0
    if not (0 < width <= LARGEST_INCHES and 0 < height <= LARGEST_INCHES):
        raise ValueError(f"figsize is {figsize!r}: give width and height in inches, such as (10, 6)")
    return width, height
