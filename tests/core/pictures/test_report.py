"""The report of real jobs, in a real browser."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.core.pictures.chromium import Page, opened_page

import lithops

HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)> & \u2028 é"


def works(x: int) -> int:
    time.sleep(0.01)
    print("said", x)
    return x


def fails(x: int) -> int:
    raise ValueError(f"{HOSTILE} {x}")


def dies(x: int) -> None:
    print(x, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as patch, lithops.FunctionExecutor(worker_processes=2) as executor:
        patch.setenv("HOME", str(folder))
        for futures in (executor.map(works, range(30)), executor.map(fails, range(3)), executor.map(dies, [1])):
            executor.wait(futures, throw_except=False)
        yield executor.report(dst=folder / "page.html")


@pytest.fixture(scope="module")
def page(report: Path) -> Iterator[Page]:
    with opened_page(report) as opened:
        yield opened


def test_the_page_shows_all_calls_without_a_complaint(page: Page, report: Path) -> None:
    assert page.evaluate("document.getElementById('shown').textContent").startswith("34 of 34")
    assert page.evaluate("document.title") == "Lithops report"
    assert page.complaints == []
    text = report.read_text("utf-8")
    assert "http" not in text.replace("http-equiv", ""), "the page refers to the network"
    assert "onerror=alert" not in text.split("<script", 1)[0]


def test_what_a_user_wrote_is_text_and_never_markup(page: Page) -> None:
    assert page.evaluate("document.querySelectorAll('img').length") == 0
    assert page.evaluate("document.querySelectorAll('script').length") == 2
    shown = page.evaluate("document.getElementById('failures').textContent")
    assert HOSTILE in shown


def test_failures_show_their_types_and_remote_tracebacks(page: Page) -> None:
    shown = page.evaluate("document.getElementById('failures').textContent")
    assert shown.count("ValueError") >= 3
    assert "WorkerLostError" in shown
    assert "in fails" in page.evaluate(
        "(() => { document.querySelectorAll('#failures details').forEach(one => one.open = true);"
        " return document.getElementById('failures').textContent })()"
    )


def test_a_filter_leaves_what_it_names(page: Page) -> None:
    choose = (
        "(() => {{ const box = document.getElementById('{0}');"
        " const found = [...box.options].find(one => one.textContent.includes('{1}'));"
        " box.value = found.value; box.dispatchEvent(new Event('change')); }})()"
    )
    page.evaluate(choose.format("by-function", "fails"))
    page.until("document.getElementById('shown').textContent.startsWith('3 of 34')")
    page.evaluate("document.getElementById('reset').click()")
    page.until("document.getElementById('shown').textContent.startsWith('34 of 34')")
    page.evaluate(
        "(() => { const box = document.getElementById('by-text'); box.value = 'SAID 7';"
        " box.dispatchEvent(new Event('input')); })()"
    )
    page.until("document.getElementById('shown').textContent.startsWith('1 of 34')")
    page.evaluate("document.getElementById('reset').click()")
    page.until("document.getElementById('shown').textContent.startsWith('34 of 34')")


def test_pointing_at_a_call_shows_it(page: Page) -> None:
    box = page.evaluate("(() => { const b = document.getElementById('timeline').getBoundingClientRect();"
                        " return [b.left, b.top, b.width, b.height] })()")  # fmt: skip
    for at in range(5, 95, 5):
        page.mouse("mouseMoved", box[0] + box[2] * at / 100, box[1] + box[3] * 0.3)
        page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        if not page.evaluate("document.getElementById('tip').hidden"):
            break
    shown = page.evaluate("document.getElementById('tip').textContent")
    assert "works" in shown
    assert page.complaints == []


def test_ten_thousand_calls_make_a_page_that_filters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with lithops.FunctionExecutor(worker_processes=2) as executor:
        executor.wait(executor.map(abs, range(10_000)))
        path = executor.report(dst=tmp_path / "big")
    assert path.name == "big_report.html"
    assert path.stat().st_size < 5_000_000
    with opened_page(path, is_dark=True) as page:
        page.until("document.getElementById('shown').textContent.startsWith('10,000 of 10,000')")
        page.evaluate(
            "(() => { const box = document.getElementById('by-text'); box.value = '09999';"
            " box.dispatchEvent(new Event('input')); })()"
        )
        page.until("document.getElementById('shown').textContent.startsWith('1 of 10,000')")
        assert page.complaints == []


def test_no_calls_is_an_error_that_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with lithops.FunctionExecutor(worker_processes=1) as executor:
        with pytest.raises(ValueError, match="no calls to show"):
            executor.report(dst=tmp_path / "none.html")
        assert list(tmp_path.glob("*.html")) == []
