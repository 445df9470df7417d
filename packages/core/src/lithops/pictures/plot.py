"""Two images of jobs by matplotlib: the timeline of each call, and how many ran at each moment."""

from __future__ import annotations

import io
import math
import os
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lithops.errors import MissingDependencyError
from lithops.pictures.calls import CallRow, now_or_last, rows_of
from lithops.pictures.concurrency import columns_of, steps_of
from lithops.pictures.destination import destination, refuse_other_formats, write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lithops.future import ResponseFuture

__all__ = ["plot"]

FORMATS = (".png", ".svg", ".pdf")
LARGEST_INCHES = 100
DOTS_PER_INCH = 150
MOST_DOTS = 10_000
"""Of a side: a picture of the largest size would take a gigabyte of memory."""

NAMED_JOBS = 12
ROOM = 1.02
"""How much wider the axis of time is than what is on it."""

LEAST_LENGTH_S = 1e-3
UNITS = ((3600, "hours"), (60, "minutes"), (1, "seconds"))

# Of the palette of M. Okabe and K. Ito, which people tell apart whatever colours they see.
WAITS, PREPARES, RUNS, RETURNS, FAILS, GOES_ON = "#BDBDBD", "#E69F00", "#0072B2", "#009E73", "#D55E00", "#56B4E9"
PHASES = {
    WAITS: "waits for a worker",
    PREPARES: "worker prepares",
    RUNS: "function runs",
    RETURNS: "result returns",
    GOES_ON: "nothing reported (yet)",
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
    refuse_other_formats(prefix, what="plot()", formats=FORMATS)
    suffix = prefix.suffix.lower() if prefix.suffix.lower() in FORMATS else ""
    start = min(row.submitted_at for row in rows)
    end = max(now_or_last(rows, now), start)
    paths = []
    for name, draw in (("timeline", _draw_timeline), ("histogram", _draw_histogram)):
        figure = _figure(width, height)
        draw(figure, rows, start, end)
        content = io.BytesIO()
        figure.savefig(content, format=suffix[1:] or "png", dpi=min(DOTS_PER_INCH, MOST_DOTS / max(width, height)))
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
    import numpy as np
    from matplotlib.collections import PolyCollection
    from matplotlib.patches import Patch

    axes = figure.add_subplot()
    bars, failed = _bars(rows, start, end)
    half = 0.5 if len(rows) > 200 else 0.4  # no gaps where a row is thinner than a pixel or two
    legend: list[Any] = []
    for colour, spans in bars.items():
        if spans:
            at, left, right = np.asarray(spans, dtype=float).T
            rims = [(left, at - half), (left, at + half), (right, at + half), (right, at - half)]
            corners: Any = np.moveaxis(np.asarray(rims), 2, 0)  # as one array: a list is read five times slower
            axes.add_collection(PolyCollection(corners, facecolors=colour, linewidths=0), autolim=False)
            legend.append(Patch(facecolor=colour, label=PHASES[colour]))
    if failed:
        size = 60 if len(rows) <= 200 else 25
        legend += axes.plot(
            [when for _, when in failed], [at for at, _ in failed], linestyle="none", marker="x", color=FAILS,
            markersize=math.sqrt(size), markeredgewidth=1.6, label=_ends(rows), zorder=3,
        )  # fmt: skip
    _name_jobs(axes, rows)
    _axes(axes, end - start)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_ylabel("call, in the order of submission" if figure.get_figheight() >= 4 else "call")
    axes.set_title(f"Timeline of {_title(rows)}")
    axes.grid(axis="x", color="#E0E0E0", linewidth=0.8)
    if legend:
        figure.legend(
            handles=legend, loc="outside lower center", ncols=_columns(figure), frameon=False, fontsize="small"
        )


def _draw_histogram(figure: Figure, rows: Sequence[CallRow], start: float, end: float) -> None:
    """Draw those that run above those that are submitted: these may be a thousand times as many."""
    from matplotlib.patches import Patch

    upper, lower = figure.subplots(2, sharex=True, height_ratios=(2, 1))
    run = [
        (row.started_at - start, row.ended_at - start)
        for row in rows
        if row.started_at is not None and row.ended_at is not None
    ]
    held = [(row.submitted_at - start, (end if row.known_at is None else row.known_at) - start) for row in rows]
    length = (end - start) * ROOM or LEAST_LENGTH_S
    columns = max(1, round(figure.get_figwidth() * 100))
    moments = [at * length / columns for at in range(columns + 1)]
    for axes, spans, colour, name in ((upper, run, RUNS, "functions that run"), (lower, held, HELD, "calls not ended")):
        steps = steps_of(spans)
        most = max(steps[1], default=0)
        mosts, means = columns_of(*steps, length, columns)
        axes.fill_between(moments, [*mosts, 0], step="post", color=colour, alpha=0.35, linewidth=0)
        axes.fill_between(moments, [*means, 0], step="post", color=colour, linewidth=0)
        if most:
            axes.axhline(most, color="#404040", linewidth=0.8, linestyle=(0, (4, 3)))
            axes.annotate(
                f"at most {most:,}", (1.0, most), xycoords=("axes fraction", "data"), xytext=(-4, 2),
                textcoords="offset points", ha="right", va="bottom", fontsize="small", color="#404040",
            )  # fmt: skip
        else:
            said = "no worker has reported a function's run"
            axes.annotate(said, (0.5, 0.5), xycoords="axes fraction", ha="center", va="center", color="#404040")
        axes.set_ylim(0, (most or 1) * 1.2)
        _axes(axes, end - start)
        axes.set_ylabel(name)
        axes.grid(color="#E0E0E0", linewidth=0.8)
    parts = [Patch(facecolor=RUNS, label="mean"), Patch(facecolor=RUNS, alpha=0.35, label="most at once")]
    figure.legend(handles=parts, loc="outside lower center", ncols=_columns(figure), frameon=False, fontsize="small")
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
            times = ((GOES_ON if row.is_sent else WAITS, row.known_at or end),)
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
    axes.yaxis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10]))
    unit_s, name = next((unit_s, name) for unit_s, name in UNITS if length_s > 3 * unit_s or unit_s == 1)
    if unit_s > 1:
        ticks = MaxNLocator("auto", steps=[1, 2, 5, 10]).tick_values(0.0, length_s / unit_s)
        axes.set_xticks([tick * unit_s for tick in ticks], [f"{tick:g}" for tick in ticks])
    axes.set_xlim(0.0, length_s * ROOM or LEAST_LENGTH_S)
    axes.set_xlabel(f"{name} since the first submission")
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _title(rows: Sequence[CallRow]) -> str:
    names = list(dict.fromkeys(row.function_name for row in rows))
    name = names[0] if len(names) == 1 else f"{len(names):,} functions"
    calls = "1 call" if len(rows) == 1 else f"{len(rows):,} calls"
    return f"{calls} of {_plain(name if len(name) <= 60 else name[:59] + '…')}"


def _columns(figure: Figure) -> int:
    """Tell how many entries of a legend have room beside each other."""
    return max(1, int(figure.get_figwidth() / 1.6))


def _ends(rows: Sequence[CallRow]) -> str:
    """Count those that ended without a result, by their end."""
    counts = Counter(row.end for row in rows if row.is_failed)
    return ", ".join(f"{end} ({count:,})" for end, count in counts.items())


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
