"""Ctrl-C, kill -9 and plain exits of the client: prompt, and no process and no temp file is left."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from subprocess import CompletedProcess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.e2e.conftest import Client

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are seen in /proc")

StartClient = Callable[..., "Client"]
RunClient = Callable[..., CompletedProcess[str]]

WORK = """
import os, subprocess, sys, time
import lithops

def work(x):
    subprocess.Popen(["sleep", "60"])
    print("running", flush=True)
    time.sleep(60)
"""
IN_WITH_BLOCK = f"""{WORK}
if __name__ == "__main__":
    with lithops.FunctionExecutor(worker_processes=2) as fexec:
        fexec.map(work, range(6))
        fexec.get_result()
"""
WITHOUT_BLOCK = f"""{WORK}
fexec = lithops.FunctionExecutor(worker_processes=2)
fexec.map(work, range(6))
fexec.get_result()
"""
IN_WAIT = f"""{WORK}
fexec = lithops.FunctionExecutor(worker_processes=2)
lithops.wait(fexec.map(work, range(6)))
"""
IN_RESULT = f"""{WORK}
fexec = lithops.FunctionExecutor(worker_processes=2)
fexec.call_async(work, 1).result()
"""
IN_STANDARD = f"""{WORK}
from lithops.concurrent.futures import ProcessPoolExecutor, as_completed
pool = ProcessPoolExecutor(2)
list(as_completed([pool.submit(work, x) for x in range(4)]))
"""
IN_SUBMISSION = f"""{WORK}
def endless():
    x = 0
    while True:
        yield x
        x += 1

fexec = lithops.FunctionExecutor(worker_processes=2)
fexec.map(work, endless())
"""
IN_BIG_SUBMISSION = f"""{WORK}
fexec = lithops.FunctionExecutor(worker_processes=2)
fexec.map(work, (bytes(3_000_000) for _ in range(500)))
fexec.get_result()
"""


@pytest.mark.parametrize(
    "program",
    [IN_WITH_BLOCK, WITHOUT_BLOCK, IN_WAIT, IN_RESULT, IN_STANDARD, IN_SUBMISSION, IN_BIG_SUBMISSION],
    ids=["with", "plain", "wait", "result", "standard", "submission", "big"],
)
def test_ctrl_c_ends_the_client_at_once_and_leaves_nothing(start_client: StartClient, program: str) -> None:
    client = start_client(program)
    assert "running" in client.line()
    client.interrupt()
    pressed = time.monotonic()
    done = client.finish()
    assert time.monotonic() - pressed < 8
    assert done.returncode in (-signal.SIGINT, 1)
    assert "KeyboardInterrupt" in done.stderr
    assert done.stderr.count("Traceback") <= 2
    assert "lithops-" not in done.stderr
    assert client.wait_until_no_process_is_left() == []
    assert client.temp_files() == []


RESUMES = f"""{WORK}
def quick(x):
    return x

fexec = lithops.FunctionExecutor(worker_processes=2)
futures = fexec.map(work, range(2))
try:
    fexec.get_result()
except KeyboardInterrupt:
    for future in futures:
        future.cancel()
    print("resumed", fexec.map(quick, range(3)).get_result(), flush=True)
"""


def test_after_ctrl_c_a_program_can_go_on_with_its_executor(start_client: StartClient) -> None:
    client = start_client(RESUMES)
    assert "running" in client.line()
    client.interrupt()
    done = client.finish()
    assert "resumed [0, 1, 2]" in done.stdout
    assert done.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_workers_die_with_their_client(start_client: StartClient, number: signal.Signals) -> None:
    client = start_client(IN_WITH_BLOCK)
    assert "running" in client.line()
    assert len(client.processes()) > 2
    client.process.send_signal(number)
    client.finish()
    assert client.wait_until_no_process_is_left() == []
    assert client.temp_files() == []


def test_what_a_killed_client_left_is_removed_by_the_next(start_client: StartClient) -> None:
    client = start_client(IN_WITH_BLOCK)
    assert "running" in client.line()
    client.process.kill()
    client.finish()
    client.wait_until_no_process_is_left()
    again = "import lithops; print(lithops.FunctionExecutor(worker_processes=1).call_async(abs, -1).result())"
    next_one = start_client(argv=["-c", again], env={"HOME": str(client.home)})
    assert next_one.finish().stdout == "1\n"
    assert list((client.home / ".lithops" / "storage" / ".run").glob("*")) == []


NEVER_CLOSED = """
import lithops
fexec = lithops.FunctionExecutor()
print(fexec.map(abs, range(-3, 0)).get_result())
"""
NEVER_AWAITED = f"""{WORK}
fexec = lithops.FunctionExecutor(worker_processes=2)
fexec.map(work, range(50))
"""
NEVER_USED = "import lithops\nfexec = lithops.FunctionExecutor()\n"
FAILS = "import lithops\nfexec = lithops.FunctionExecutor()\nfexec.call_async(abs, -1)\nraise SystemExit(7)\n"
MANY = "import lithops\nmade = [lithops.FunctionExecutor(worker_processes=1) for _ in range(8)]\n" + (
    "print([one.call_async(abs, -1).result() for one in made])\n"
)
IN_A_THREAD = """
import threading, lithops
def main():
    fexec = lithops.FunctionExecutor()
    print(fexec.map(abs, range(-3, 0)).get_result())
thread = threading.Thread(target=main)
thread.start()
"""


@pytest.mark.parametrize(
    ("program", "code", "stdout"),
    [
        (NEVER_CLOSED, 0, "[3, 2, 1]\n"),
        (NEVER_USED, 0, ""),
        (FAILS, 7, ""),
        (MANY, 0, "[1, 1, 1, 1, 1, 1, 1, 1]\n"),
        (IN_A_THREAD, 0, "[3, 2, 1]\n"),
    ],
    ids=["closed", "used", "fails", "many", "thread"],
)
def test_a_program_that_never_closes_ends_cleanly(run_client: RunClient, program: str, code: int, stdout: str) -> None:
    done = run_client(program)
    assert (done.returncode, done.stdout, done.stderr) == (code, stdout, "")


def test_a_program_that_does_not_wait_for_its_calls_ends_at_once(run_client: RunClient) -> None:
    started = time.monotonic()
    done = run_client(NEVER_AWAITED)
    assert time.monotonic() - started < 10
    assert (done.returncode, done.stderr) == (0, "")


RAISES = f"""{WORK}
with lithops.FunctionExecutor(worker_processes=2) as fexec:
    fexec.map(work, range(6))
    while not fexec.futures[0].logs: time.sleep(0.01)
    raise ValueError("in the block")
"""


def test_an_exception_in_the_block_ends_the_calls_and_is_told(run_client: RunClient) -> None:
    done = run_client(RAISES)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "ValueError: in the block"


TWICE = f"""{WORK}
import signal, threading
fexec = lithops.FunctionExecutor(worker_processes=2)
fexec.map(work, range(6))

def press():
    while not fexec.futures[0].logs: time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=press, daemon=True).start()
fexec.get_result()
"""


def test_ctrl_c_twice_leaves_nothing_either(run_client: RunClient) -> None:
    assert run_client(TWICE).returncode in (-signal.SIGINT, 1)


CHILDREN = """
import multiprocessing
import lithops

def child(x):
    with lithops.FunctionExecutor(worker_processes=1) as own:
        return own.call_async(abs, -x).result(timeout=10)

if __name__ == "__main__":
    fexec = lithops.FunctionExecutor(worker_processes=1)
    for kind in ("spawn", "fork"):
        with multiprocessing.get_context(kind).Pool(2) as pool:
            print(pool.map(child, range(3)), fexec.call_async(abs, -1).result(timeout=10), flush=True)
"""


def test_children_of_the_client_have_executors_of_their_own(run_client: RunClient) -> None:
    assert run_client(CHILDREN).stdout.splitlines() == ["[0, 1, 2] 1"] * 2


FORKS = """
import multiprocessing, os, sys, warnings
import lithops

warnings.simplefilter("ignore", DeprecationWarning)  # from Python 3.12 on, a fork beside threads is warned of

def child(queue):
    try:
        fexec.call_async(abs, -1).result(timeout=10)
    except Exception as exc:
        queue.put(f"{type(exc).__name__}: {exc}")
    with lithops.FunctionExecutor(worker_processes=1) as own:
        queue.put(own.call_async(abs, -2).result(timeout=10))

if __name__ == "__main__":
    fexec = lithops.FunctionExecutor(worker_processes=1)
    print(fexec.call_async(abs, -1).result())
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    process = context.Process(target=child, args=(queue,))
    process.start()
    print(queue.get(timeout=15), flush=True)
    print(queue.get(timeout=15), flush=True)
    process.join(15)
    print(process.exitcode, fexec.call_async(abs, -3).result(timeout=10), flush=True)
    pid = os.fork()
    if pid == 0:
        sys.exit(5)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), fexec.call_async(abs, -4).result(timeout=10), flush=True)
"""


def test_a_fork_of_the_client_harms_neither_side(run_client: RunClient) -> None:
    done = run_client(FORKS)
    lines = done.stdout.splitlines()
    assert lines[0] == "1"
    assert "fork" in lines[1]
    assert "new one" in lines[1]
    assert lines[2:] == ["2", "0 3", "5 4"]
    assert (done.returncode, done.stderr) == (0, "")
