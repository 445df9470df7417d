"""Progress bars: on a real terminal, in a real kernel, and nowhere else."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

ENDS_WITHIN_S = 30.0
SHOWS_CURSOR, HIDES_CURSOR = "\x1b[?25h", "\x1b[?25l"
PROGRAM = """\
import threading, time
from lithops import FunctionExecutor

def nap(x):
    time.sleep(0.4)
    if x == 1:
        raise ValueError("one")
    return x

with FunctionExecutor(worker_processes=2) as fexec:
    {body}
print("after")
"""
ONE_WAIT = "fexec.wait(fexec.map(nap, range(4)), throw_except=False)"
THREE_WAITS = """jobs = [fexec.map(nap, range(4)) for _ in range(3)]
    threads = [threading.Thread(target=fexec.wait, args=(job, False)) for job in jobs]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]"""
LONG_WAIT = "fexec.wait(fexec.map(time.sleep, [100] * 2))"


def environment(home: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LITHOPS") and name != "CI"}
    return kept | {"HOME": str(home), "TMPDIR": str(home), "TERM": "xterm-256color", "COLUMNS": "100"} | more


def on_terminal(home: Path, body: str, interrupt_after: str | None = None, **more: str) -> tuple[int, str]:
    """Run a program on a terminal of its own; gives its code and all that the terminal got."""
    program = home / "program.py"
    program.write_text(PROGRAM.format(body=body), "utf-8")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-P", str(program)], stdin=theirs, stdout=theirs, stderr=theirs, cwd=home,
        env=environment(home, **more), start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    got = b""
    limit = time.monotonic() + ENDS_WITHIN_S
    try:
        while time.monotonic() < limit:
            if not select.select([ours], [], [], 0.1)[0]:
                continue
            try:
                read = os.read(ours, 65536)
            except OSError:  # Linux: nobody has the terminal any more
                read = b""
            if not read:
                break
            got += read
            if interrupt_after is not None and interrupt_after in got.decode(errors="replace"):
                os.killpg(process.pid, signal.SIGINT)
                interrupt_after = None
        return process.wait(ENDS_WITHIN_S), got.decode()
    finally:
        os.close(ours)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_a_terminal_sees_done_failed_and_running(tmp_path: Path) -> None:
    code, got = on_terminal(tmp_path, ONE_WAIT)
    assert code == 0, got
    assert "nap" in got
    assert re.search(r"\d running", got)
    assert "4/4, 1 failed" in got
    assert got.endswith("after\r\n")
    assert got.count(SHOWS_CURSOR) == got.count(HIDES_CURSOR) == 1


def test_waits_of_several_threads_share_the_terminal(tmp_path: Path) -> None:
    code, got = on_terminal(tmp_path, THREE_WAITS)
    assert code == 0, got
    assert "Traceback" not in got
    last = got.rpartition(SHOWS_CURSOR)[0]
    assert len(re.findall("4/4, 1 failed", last[-2000:])) >= 3
    assert got.rindex(SHOWS_CURSOR) > got.rindex(HIDES_CURSOR)


def test_ctrl_c_leaves_the_terminal_as_it_was(tmp_path: Path) -> None:
    code, got = on_terminal(tmp_path, LONG_WAIT, interrupt_after="running")
    assert code != 0
    assert "KeyboardInterrupt" in got
    assert got.rindex(SHOWS_CURSOR) > got.rindex(HIDES_CURSOR)


@pytest.mark.parametrize(
    ("body", "more"),
    [
        (ONE_WAIT, {"CI": "true"}),
        (ONE_WAIT, {"TERM": "dumb"}),
        ("fexec.map(nap, [0]).get_result(show_progressbar=False)", {}),
    ],
    ids=["in CI", "on a dumb terminal", "where it is not wanted"],
)
def test_a_terminal_sees_nothing(tmp_path: Path, body: str, more: dict[str, str]) -> None:
    assert on_terminal(tmp_path, body, **more) == (0, "after\r\n")


def test_a_pipe_gets_nothing(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(body=ONE_WAIT), "utf-8")
    done = subprocess.run(
        [sys.executable, "-P", str(program)], capture_output=True, text=True, timeout=50, env=environment(tmp_path)
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "after\n", "")


def test_a_function_named_like_markup_is_shown_as_it_is(tmp_path: Path) -> None:
    code, got = on_terminal(tmp_path, f"nap.__name__ = '[red]nap[/blue]'; {ONE_WAIT}")
    assert code == 0, got
    assert "[red]nap[/blue]" in got


def test_a_notebook_has_one_output_that_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    monkeypatch.delenv("CI", raising=False)
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    cell = nbformat.v4.new_code_cell(PROGRAM.format(body=ONE_WAIT))
    notebook = nbformat.v4.new_notebook(cells=[cell])
    updates: list[Any] = []

    class Client(nbclient.NotebookClient):  # type: ignore[misc,name-defined]
        def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
            updates.append(msg["msg_type"])
            return super().process_message(msg, cell, cell_index)

    Client(notebook, timeout=50, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = notebook.cells[0].outputs
    bars = [one for one in outputs if one.output_type == "display_data"]
    assert len(bars) == 1
    assert re.fullmatch(r"nap ━{30} 4/4, 1 failed, 0:\d\d", bars[0].data["text/plain"])
    assert 1 <= updates.count("update_display_data") < 50
    assert [one.text for one in outputs if one.output_type == "stream"] == ["after\n"]
