"""What a reader does with a report: clicks, drags, sorts, filters twice, reads by night. Nothing else may run in it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from tests.core.pictures.chromium import Page, opened_page

from lithops import FunctionExecutor


@pytest.fixture(scope="module")
def written(fexec: FunctionExecutor, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fexec.report(dst=tmp_path_factory.mktemp("report") / "page.html")


@pytest.fixture(scope="module")
def opened(written: Path) -> Iterator[Page]:
    with opened_page(written) as page:
        yield page


@pytest.fixture
def page(opened: Page) -> Iterator[Page]:
    """Give the page with nothing filtered, and see that it complains of nothing."""
    opened.evaluate("document.getElementById('reset').click()")
    opened.evaluate("scrollTo(0, 0)")
    yield opened
    assert opened.complaints == []


def choose(page: Page, control: str, value: str) -> None:
    page.evaluate(
        f"(() => {{ const one = document.getElementById('{control}');"
        f" one.value = one.options ? [...one.options].find((o) => o.text === {value!r}).value : {value!r};"
        " one.dispatchEvent(new Event(one.options ? 'change' : 'input')); })()"
    )


def rows_of(page: Page) -> list[list[str]]:
    text = (
        "[...document.querySelectorAll('#calls tbody tr')].map((row) => [...row.cells].map((cell) => cell.textContent))"
    )
    return list(page.evaluate(text))


def place_of(page: Page, row: int) -> tuple[float, float]:
    """Give where the middle of a row's bar is in the window."""
    x, y = page.evaluate(
        f"(() => {{ const box = timeline.getBoundingClientRect(), at = shown[{row}];"
        " const middle = (figures.submitted_at[at] + figures.known_at[at]) / 2;"
        " return [box.left + margin.left + (middle - view.x[0]) / (view.x[1] - view.x[0]) * frame.width,"
        f" box.top + margin.top + ({row} + 0.5 - view.y[0]) / (view.y[1] - view.y[0]) * frame.height]; }})()"
    )
    return x, y


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse("mouseMoved", *start)
    page.mouse("mousePressed", *start)
    if start != end:
        page.ask("Input.dispatchMouseEvent", {"type": "mouseMoved", "x": end[0], "y": end[1], "buttons": 1})
    page.mouse("mouseReleased", *end)


def test_the_summary_counts_what_there_is(page: Page) -> None:
    tiles = page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('.tile')]"
        ".map((tile) => [tile.lastChild.textContent, tile.firstChild.textContent]))"
    )
    expected = {"calls": "19", "success": "17", "error": "1", "lost": "1", "jobs": "5", "functions": "4"}
    assert {name: tiles[name] for name in expected} == expected


@pytest.mark.parametrize("canvas", ["timeline", "concurrency", "durations"])
def test_a_canvas_is_drawn(page: Page, canvas: str) -> None:
    colours = page.evaluate(
        f"(() => {{ const one = document.getElementById('{canvas}');"
        " const pixels = one.getContext('2d').getImageData(0, 0, one.width, one.height).data.buffer;"
        " return new Set(new Uint32Array(pixels)).size; })()"
    )
    assert colours > 3


def test_pointing_at_a_failure_says_what_failed(page: Page) -> None:
    page.mouse("mouseMoved", *place_of(page, 4))
    tip = page.evaluate("document.getElementById('tip').textContent")
    for words in ("M000-00004", "square", "error", "peak memory", "ValueError: no </script><b>four", "squaring 4"):
        assert words in tip
    page.mouse("mouseMoved", 5, 5)
    assert page.evaluate("document.getElementById('tip').hidden")


def test_a_click_keeps_a_call_with_its_traceback_and_log(page: Page) -> None:
    place = place_of(page, 4)
    drag(page, place, place)
    kept = page.evaluate("document.getElementById('call').textContent")
    assert "raise ValueError" in kept
    assert "squaring 4" in kept


def test_dragging_comes_closer_and_a_key_shows_the_whole(page: Page) -> None:
    x, y, width, height = page.evaluate(
        "(() => { const b = timeline.getBoundingClientRect(); return [b.x, b.y, b.width, b.height]; })()"
    )
    drag(page, (x + width * 0.3, y + height * 0.3), (x + width * 0.6, y + height * 0.6))
    assert page.evaluate("view.x[1] - view.x[0] < figures.length / 2 && view.y[1] - view.y[0] < 10")
    page.evaluate("void timeline.dispatchEvent(new KeyboardEvent('keydown', { key: '0' }))")
    assert page.evaluate("view.y[1] - view.y[0]") == 19


def test_filters_go_together(page: Page, fexec: FunctionExecutor) -> None:
    choose(page, "by-job", f"{fexec.executor_id}-M000")
    choose(page, "by-end", "error")
    assert [row[0] for row in rows_of(page)] == [f"{fexec.executor_id}-M000-00004"]


def test_a_filter_that_leaves_nothing_is_no_accident(page: Page) -> None:
    choose(page, "by-text", "nobody said this")
    assert rows_of(page) == []
    assert page.evaluate("document.getElementById('failed').hidden")


def test_a_head_of_the_table_sorts_both_ways(page: Page) -> None:
    for reverse in (False, True):
        page.evaluate("document.querySelectorAll('#calls th button')[2].click()")
        ends = [row[2] for row in rows_of(page)]
        assert ends == sorted(ends, reverse=reverse)


def test_the_name_of_a_function_is_no_markup(page: Page) -> None:
    assert page.evaluate("document.querySelectorAll('table b, #by-function b').length") == 0
    assert "<b>twice</b></script><script>throw 1</script>" in {row[1] for row in rows_of(page)}


def test_no_other_script_and_no_other_style_is_taken(written: Path) -> None:
    with opened_page(written) as page:
        for tag, text in (("script", "window.ran = 1"), ("style", "h1 { position: fixed }")):
            page.evaluate(
                f"(() => {{ const bad = document.createElement('{tag}');"
                f" bad.textContent = '{text}'; document.body.append(bad); }})()"
            )
        assert page.evaluate("window.ran") is None
        assert page.evaluate("getComputedStyle(document.querySelector('h1')).position") == "static"
        assert sum("Content Security Policy" in one for one in page.complaints) == 2


def test_it_is_dark_where_its_reader_wants_it(written: Path) -> None:
    with opened_page(written, is_dark=True) as page:
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(21, 24, 28)"
        assert page.complaints == []


def test_a_narrow_window_shows_failures_without_scrolling_to_the_side(written: Path) -> None:
    with opened_page(written) as page:
        page.ask(
            "Emulation.setDeviceMetricsOverride",
            {"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": False},
        )
        page.until("innerWidth === 400 && timeline.width < 400")
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        assert page.evaluate("document.querySelector('#failures td.message').getBoundingClientRect().right < 400")
        assert page.complaints == []


def test_the_drawn_concurrency_keeps_the_time_that_functions_took(page: Page) -> None:
    drawn, taken = page.evaluate(
        "(() => { const { means } = columnsOf(stepsOf(runs()).steps, 0, whole().x[1] / 300, 300);"
        " return [means.reduce((one, other) => one + other) * whole().x[1] / 300,"
        " shown.map(functionTime).reduce((one, other) => one + other)]; })()"
    )
    assert drawn == pytest.approx(taken, rel=1e-6)
    assert taken > 0


@pytest.mark.parametrize(("us", "said"), [(0, "0 s"), (7, "7 µs"), (999_999, "1.00 s"), (61_000_000, "1 min 1 s")])
def test_a_duration_is_written_in_its_unit(page: Page, us: int, said: str) -> None:
    assert page.evaluate(f"duration({us})") == said


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 11), (4.3, 4.9), (5.75, 6.25), (7.7, 8.3), (7.8, 11.6)])
def test_an_axis_of_durations_has_ticks_that_can_be_read(page: Page, low: float, high: float) -> None:
    ticks = page.evaluate(f"durationTicks({low}, {high}, 480)")
    gaps = [(other - one) / (high - low) * 480 for one, other in pairwise(ticks)]
    assert len(ticks) >= 2
    assert min(gaps) >= 54.9
    names = [page.evaluate(f"nameOf(Math.round(10 ** {tick}))") for tick in ticks]
    assert len(set(names)) == len(names)
    assert not any("e+" in name for name in names)
