"""A call over its time ends its process, and says so; one in time does not. Each in a process of its own."""

from __future__ import annotations

import subprocess
import sys

from lithops.worker.overtime import EXIT_CODE, OVERTIME

START = """
import time
from lithops.types import Artifact, CallMessage, JobMessage, Payload
from lithops.worker.overtime import Watch

def call(number):
    job = JobMessage("x-0", "M000", Artifact("", Payload((b"f",))), timeout_s=0.1)
    return CallMessage(job, f"{number:05d}", Payload((b"d",)))

def give_up(call, error):
    print("given up", call.call_id, error.type, error.message, "wait_here" in error.traceback, flush=True)

def wait_here(seconds):
    time.sleep(seconds)

watch = Watch(give_up)
"""


def run(code: str) -> tuple[int, str, str]:
    done = subprocess.run([sys.executable, "-c", START + code], capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stdout, done.stderr


def test_a_call_over_its_time_is_given_up_and_ends_the_process() -> None:
    code, out, err = run("watch.begin(call(3), 0.1, tells=True)\nwait_here(20)\n")
    assert code == EXIT_CODE
    assert out == "given up 00003 CallTimeoutError it ran over its time-out of 0.1 s True\n"
    assert err.splitlines()[-1] == f"{OVERTIME} of 0.1 s"


def test_it_is_not_told_where_nobody_looks() -> None:
    code, out, err = run("watch.begin(call(3), 0.1, tells=False)\nwait_here(20)\n")
    assert (code, out) == (EXIT_CODE, "")
    assert OVERTIME in err


def test_giving_up_that_fails_ends_the_process_too() -> None:
    code, _, err = run(
        "def give_up(*_): raise ZeroDivisionError\nwatch = Watch(give_up)\n"
        "watch.begin(call(0), 0.1, tells=True)\nwait_here(20)\n"
    )
    assert code == EXIT_CODE
    assert OVERTIME in err


def test_calls_in_time_go_on_and_a_later_one_is_still_watched() -> None:
    code, out, _ = run(
        "for number in range(3):\n"
        "    watch.begin(call(number), 20.0, tells=True)\n"
        "    watch.end()\n"
        "watch.begin(call(7), 0.05, tells=True)\n"
        "watch.end()\n"
        "wait_here(0.2)\n"
        "print('in time', flush=True)\n"
        "watch.begin(call(8), 0.05, tells=True)\n"
        "wait_here(20)\n"
    )
    assert code == EXIT_CODE
    assert out.splitlines() == ["in time", "given up 00008 CallTimeoutError it ran over its time-out of 0.1 s True"]
