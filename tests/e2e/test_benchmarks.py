"""The benchmarks run. What they measure is not judged here: a test machine is never idle."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
README = BENCHMARKS / "README.md"
NEED_NO_PEER_PACKAGE = {"import_time": 1, "noop": 2, "payloads": 1, "many": 3}
"""Scenarios whose peer is in the standard library, and how many rows each has."""


@pytest.fixture(scope="module")
def program() -> dict[str, Any]:
    return runpy.run_path(str(BENCHMARKS / "run.py"))


def run(*arguments: str, program: str = "run.py") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, BENCHMARKS / program, *arguments], capture_output=True, text=True, timeout=55, check=False
    )


@pytest.mark.parametrize("name", NEED_NO_PEER_PACKAGE)
def test_a_quick_run_prints_a_table(name: str) -> None:
    done = run(name, "--quick")
    assert done.returncode == 0, done.stderr
    facts, empty, header, line, *rows = done.stdout.splitlines()
    assert "processors" in facts
    assert "joblib" in facts
    assert empty == ""
    assert [cell.strip() for cell in header.split("|")[1:-1]] == [
        "scenario", "ours", "peer", "figure", "bar", "reached",
    ]  # fmt: skip
    assert set(line) == {"|", "-"}
    assert len(rows) == NEED_NO_PEER_PACKAGE[name]
    assert len({len(row) for row in (header, line, *rows)}) == 1
    assert {row.split("|")[-2].strip() for row in rows} <= {"yes", "no"}


def test_every_scenario_is_in_the_list(program: dict[str, Any]) -> None:
    assert sorted(program["NAMES"]) == sorted(path.stem for path in (BENCHMARKS / "scenarios").glob("*.py"))


@pytest.mark.parametrize(
    ("figure", "at_least", "at_most", "reached"),
    [(3.0, 3, None, "yes"), (2.99, 3, None, "no"), (2.0, None, 2, "yes"), (2.01, None, 2, "no")],
)
def test_a_bar_is_a_floor_or_a_ceiling(
    program: dict[str, Any], figure: float, at_least: float | None, at_most: float | None, reached: str
) -> None:
    row = {"scenario": "s", "ours": "1", "peer": "2", "figure": figure, "at_least": at_least, "at_most": at_most}
    assert program["cells_of"]({**row, "unit": "x"})[-1] == reached


def test_a_figure_that_misses_its_bar_by_little_is_not_shown_as_the_bar(program: dict[str, Any]) -> None:
    row = {"scenario": "s", "ours": "1", "peer": "2", "figure": 0.9996, "at_least": 1, "at_most": None, "unit": "x"}
    *_, figure, bar, reached = program["cells_of"](row)
    assert (figure, bar, reached) == ("0.999x", "at least 1x", "no")


def test_the_readme_takes_a_new_table_and_keeps_the_rest(program: dict[str, Any]) -> None:
    before = README.read_text("utf-8")
    once = program["with_table"](before, "| new |\n")
    assert program["with_table"](once, "| newer |\n") == once.replace("| new |", "| newer |")
    begin, end = program["BEGIN"], program["END"]
    assert once.partition(begin)[0] == before.partition(begin)[0]
    assert once.partition(end)[2] == before.partition(end)[2]
    assert f"{begin}| new |\n{end}" in once


def test_a_readme_without_a_place_for_the_table_is_refused(program: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no place for the table"):
        program["with_table"]("# Benchmarks\n", "| new |\n")


def test_a_quick_run_of_a_store_prints_a_table() -> None:
    done = run("gcp_storage", "opening", "small", "get_many", "--quick", program="storage.py")
    assert done.returncode == 0, done.stderr
    facts, empty, header, _, *rows = done.stdout.splitlines()
    assert "google-cloud-storage" in facts
    assert empty == ""
    assert header.split("|")[1].strip() == "scenario"
    assert len(rows) == 7
    cells = [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows]
    assert all(row[0].startswith("gcp_storage: ") for row in cells)
    assert {row[0]: row[3] for row in cells if "requests of" in row[0]} == {
        "gcp_storage: requests of opening": "0 requests",
        "gcp_storage: requests of a put of 10 KiB": "1 requests",
        "gcp_storage: requests of a get of 10 KiB": "1 requests",
    }


def test_every_scenario_of_the_stores_is_in_both_lists() -> None:
    storage = runpy.run_path(str(BENCHMARKS / "storage.py"))
    measuring = runpy.run_path(str(BENCHMARKS / "stores" / "measuring.py"))
    assert list(storage["SCENARIOS"]) == list(measuring["SCENARIOS"])
    assert all((BENCHMARKS / "stores" / f"{name}.py").is_file() for name in (*storage["NAMES"], *storage["SCENARIOS"]))


def test_the_readme_takes_a_new_table_of_the_stores_and_keeps_the_other() -> None:
    storage = runpy.run_path(str(BENCHMARKS / "storage.py"))
    before = README.read_text("utf-8")
    once = storage["with_table"](before, "| new |\n", storage["BEGIN"], storage["END"])
    assert f"{storage['BEGIN']}| new |\n{storage['END']}" in once
    assert once.partition(storage["BEGIN"])[0] == before.partition(storage["BEGIN"])[0]


def test_a_quick_run_of_serverless_prints_a_table() -> None:
    pytest.importorskip("awslambdaric")
    done = run("--quick", program="serverless.py")
    assert done.returncode == 0, done.stderr
    facts, empty, _, _, *rows = done.stdout.splitlines()
    assert "awslambdaric" in facts
    assert empty == ""
    cells = [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows]
    assert len(cells) == 17
    by_workers = {row[0].partition(":")[0]: row[3] for row in cells if row[0].endswith("by workers")}
    assert by_workers == {"reply": "0 in all", "event": "1 a call"}
    assert [row[3] for row in cells if "after the job's end" in row[0]] == ["0 requests", "0 requests"]


def test_every_scenario_of_serverless_is_in_both_lists() -> None:
    pytest.importorskip("awslambdaric")
    serverless = runpy.run_path(str(BENCHMARKS / "serverless.py"))
    measuring = runpy.run_path(str(BENCHMARKS / "functions" / "measuring.py"))
    assert list(serverless["SCENARIOS"]) == list(measuring["SCENARIOS"])
    assert all((BENCHMARKS / "functions" / f"{name}.py").is_file() for name in serverless["SCENARIOS"])


def test_the_readme_takes_a_new_table_of_serverless_and_keeps_the_others() -> None:
    serverless = runpy.run_path(str(BENCHMARKS / "serverless.py"))
    before = README.read_text("utf-8")
    once = serverless["with_table"](before, "| new |\n", serverless["BEGIN"], serverless["END"])
    assert f"{serverless['BEGIN']}| new |\n{serverless['END']}" in once
    assert once.partition(serverless["BEGIN"])[0] == before.partition(serverless["BEGIN"])[0]


@pytest.mark.parametrize("program", ["run.py", "storage.py", "serverless.py"])
@pytest.mark.parametrize(
    "arguments", [["--quick", "--write"], ["noop", "--write"], ["small", "--write"], ["no_such_scenario"]]
)
def test_wrong_usage_is_refused_and_writes_nothing(arguments: list[str], program: str) -> None:
    before = README.read_bytes()
    done = run(*arguments, program=program)
    assert done.returncode == 2
    assert "error:" in done.stderr
    assert README.read_bytes() == before
