"""Each `Process` is a process of its own: it sees nothing that an earlier one left, and all that the program has set."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

import lithops.multiprocessing as mp
from lithops.multiprocessing.executors import close_shared
from lithops.multiprocessing.process import Process

TIMEOUT_S = 30


def _leave_traces(folder: str, number: int) -> None:
    seen = [os.getcwd() == folder, os.environ.get("LEFT_BEHIND"), getattr(sys, "left_behind", None)]
    Path(folder, str(number)).write_text(f"{seen} {os.environ.get('CHOSEN')} {sys.argv} {os.getpid()}")
    os.chdir(folder)
    os.environ["LEFT_BEHIND"] = "yes"
    sys.left_behind = "yes"  # type: ignore[attr-defined]


def test_a_process_sees_nothing_of_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["program", "--fast"])
    for number in range(3):
        monkeypatch.setenv("CHOSEN", str(number))
        process = Process(target=_leave_traces, args=(str(tmp_path), number))
        process.start()
        process.join(TIMEOUT_S)
        assert process.exitcode == 0
    texts = [(tmp_path / str(number)).read_text() for number in range(3)]
    for number, text in enumerate(texts):
        assert text.startswith(f"[False, None, None] {number} ['program', '--fast'] ")
    assert len({text.rpartition(" ")[2] for text in texts}) == 3


def _say(what: str) -> None:
    print("hello", what)
    print("and", what, file=sys.stderr)


def test_what_a_process_prints_is_printed_as_it_is(capfd: Any) -> None:
    process = mp.Process(target=_say, args=("bob",))
    process.start()
    process.join(TIMEOUT_S)
    close_shared()  # prints what is left
    found = capfd.readouterr()
    assert (found.out, found.err) == ("hello bob\n", "and bob\n")


def test_threads_have_a_pool_of_this_name_too() -> None:
    from lithops.multiprocessing.dummy import Pool

    with Pool(2) as pool:
        assert pool.map(len, ["a", "bc"]) == [1, 2]
    assert (mp.SUBDEBUG, mp.SUBWARNING) == (5, 25)
