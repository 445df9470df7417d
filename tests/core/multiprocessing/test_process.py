"""`Process` behaves as the standard one: exit codes, output, its end and its parent's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lithops.multiprocessing import Process, active_children, current_process, get_context, parent_process
from lithops.multiprocessing.executors import close_shared
from lithops.multiprocessing.process import FIRST_PID

TIMEOUT_S = 30


@pytest.fixture(autouse=True)
def shared_executor_is_closed() -> Iterator[None]:
    """Leave no process to the next test, and no executor of this test's configuration."""
    yield
    for child in active_children():
        child.kill()
    close_shared()


def _leave(code: object) -> None:
    sys.exit(code)  # type: ignore[arg-type]


def _sleep(seconds: float) -> None:
    time.sleep(seconds)


def _fail() -> None:
    raise ValueError("a bug in a process")


def _write(path: str, text: str) -> None:
    Path(path).write_text(text, "utf-8")


def _ended(process: Process) -> int | None:
    process.join(TIMEOUT_S)
    return process.exitcode


class _Writer(Process):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def run(self) -> None:
        parent = parent_process()
        assert parent is not None
        me = current_process()
        self.path.write_text(f"{me is self} {me.name} {me.pid} {parent.name} {me.daemon}", "utf-8")


def test_a_process_calls_its_target_with_its_arguments(tmp_path: Path) -> None:
    process = Process(target=_write, args=(str(tmp_path / "out"),), kwargs={"text": "done"})
    assert (process.exitcode, process.pid, process.is_alive()) == (None, None, False)
    process.start()
    assert _ended(process) == 0
    assert (tmp_path / "out").read_text("utf-8") == "done"
    assert not process.is_alive()


def test_a_subclass_overrides_run_and_sees_itself(tmp_path: Path) -> None:
    process = _Writer(tmp_path / "out")
    process.start()
    assert _ended(process) == 0
    assert (tmp_path / "out").read_text("utf-8") == f"True {process.name} {process.pid} MainProcess False"


@pytest.mark.parametrize(("given", "code"), [(0, 0), (None, 0), (5, 5), ("a text", 1), (True, 1)])
def test_the_exit_code_is_that_of_sys_exit(given: object, code: int) -> None:
    process = Process(target=_leave, args=(given,))
    process.start()
    assert _ended(process) == code


def test_an_exception_gives_one_and_a_hard_exit_its_code() -> None:
    failed, left = Process(target=_fail), Process(target=os._exit, args=(9,))
    killed = Process(target=lambda: os.kill(os.getpid(), signal.SIGSEGV))
    for process in (failed, left, killed):
        process.start()
    assert [_ended(process) for process in (failed, left, killed)] == [1, 9, -signal.SIGSEGV]


def test_terminate_and_kill_end_a_process_that_runs() -> None:
    for verb, code in (("terminate", -15), ("kill", -9)):
        process = Process(target=_sleep, args=(300,))
        process.start()
        process.join(0.01)
        assert process.exitcode is None
        assert process.is_alive()
        assert process in active_children()
        getattr(process, verb)()
        assert _ended(process) == code
        assert process not in active_children()
        getattr(process, verb)()
        assert process.exitcode == code


def test_numbers_of_processes_can_hurt_nobody() -> None:
    processes = [Process(target=_sleep, args=(0,)) for _ in range(3)]
    for process in processes:
        process.start()
    idents = [process.ident for process in processes]
    assert all(ident is not None and ident > FIRST_PID for ident in idents)
    assert len(set(idents)) == 3
    assert [_ended(process) for process in processes] == [0, 0, 0]


def test_processes_run_side_by_side_whatever_the_number_of_processors(tmp_path: Path) -> None:
    def meet(number: int, folder: str, others: int) -> None:
        Path(folder, str(number)).touch()
        deadline = time.monotonic() + TIMEOUT_S
        while len(os.listdir(folder)) < others:
            assert time.monotonic() < deadline
            time.sleep(0.02)

    processes = [Process(target=meet, args=(number, str(tmp_path / "meet"), 12)) for number in range(12)]
    (tmp_path / "meet").mkdir()
    for process in processes:
        process.start()
    assert [_ended(process) for process in processes] == [0] * 12


def test_a_process_can_start_processes(tmp_path: Path) -> None:
    def parent(path: str) -> None:
        child = Process(target=lambda: Path(path).write_text(current_process().name, "utf-8"))
        child.start()

    process = Process(target=parent, args=(str(tmp_path / "out"),), name="outer")
    process.start()
    assert _ended(process) == 0
    assert (tmp_path / "out").read_text("utf-8").startswith("Process-")


def test_a_process_waits_for_its_threads(tmp_path: Path) -> None:
    def work(path: str) -> None:
        threading.Timer(0.2, _write, (path, "late")).start()

    process = Process(target=work, args=(str(tmp_path / "out"),))
    process.start()
    assert _ended(process) == 0
    assert (tmp_path / "out").read_text("utf-8") == "late"


def test_a_daemon_may_have_no_children() -> None:
    def parent() -> None:
        Process(target=_sleep, args=(0,)).start()

    process = Process(target=parent, daemon=True)
    process.start()
    assert _ended(process) == 1


def test_misuse_is_told() -> None:
    process = Process(target=_sleep, args=(0,))
    for verb in ("join", "terminate", "kill"):
        with pytest.raises(AssertionError, match="started process"):
            getattr(process, verb)()
    process.daemon = True
    process.name = "other"
    assert repr(process).startswith("<Process name='other' parent=")
    with pytest.raises(TypeError, match="string"):
        process.name = 3  # type: ignore[assignment]
    process.start()
    with pytest.raises(AssertionError, match="twice"):
        process.start()
    with pytest.raises(AssertionError, match="already started"):
        process.daemon = False
    with pytest.raises(NotImplementedError, match="sentinel"):
        _ = process.sentinel
    assert _ended(process) == 0
    assert "stopped exitcode=0 daemon" in repr(process)
    process.close()
    process.close()
    with pytest.raises(ValueError, match="closed"):
        process.is_alive()
    with pytest.raises(AssertionError, match="group"):
        Process("group")  # type: ignore[arg-type]


def test_a_process_that_runs_is_not_closed() -> None:
    process = Process(target=_sleep, args=(300,))
    process.start()
    with pytest.raises(ValueError, match="still running"):
        process.close()
    process.kill()
    assert _ended(process) == -9


def test_a_target_that_cannot_be_pickled_leaves_no_process() -> None:
    process = Process(target=_sleep, args=(sys._getframe(),))
    with pytest.raises(Exception, match="cannot be pickled"):
        process.start()
    assert process.pid is None
    assert active_children() == []


def test_every_context_makes_the_same_processes() -> None:
    for method in (None, "fork", "spawn", "forkserver"):
        assert get_context(method).Process is Process


def _run(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    file = folder / "program.py"
    file.write_text(program, "utf-8")
    return subprocess.run([sys.executable, file], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)


def test_a_program_waits_for_its_processes_but_not_for_daemons(tmp_path: Path) -> None:
    done = _run(
        "import time\nfrom lithops.multiprocessing import Process\n"
        "def work(seconds):\n    time.sleep(seconds)\n    print('slept', seconds)\n"
        "Process(target=work, args=(0.3,)).start()\n"
        "Process(target=work, args=(300,), daemon=True).start()\n"
        "print('main is over')\n",
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "main is over"
    assert "slept 0.3" in done.stdout
    assert "300" not in done.stdout


def test_output_and_tracebacks_appear_at_the_client(tmp_path: Path) -> None:
    done = _run(
        "from lithops.multiprocessing import Process\n"
        "def work():\n    print('out of the process')\n    raise LookupError('lost')\n"
        "p = Process(target=work, name='worker-bee')\np.start()\np.join()\nprint(p.exitcode)\n",
        tmp_path,
    )
    assert "out of the process" in done.stdout
    assert "1" in done.stdout.splitlines()
    assert "Process worker-bee:" in done.stderr
    assert "LookupError: lost" in done.stderr


def test_an_interrupted_program_ends_its_processes(tmp_path: Path) -> None:
    file = tmp_path / "program.py"
    file.write_text(
        "import time\nfrom lithops.multiprocessing import Process\n"
        "p = Process(target=time.sleep, args=(300,))\np.start()\nprint('started', flush=True)\np.join()\n",
        "utf-8",
    )
    program = subprocess.Popen([sys.executable, file], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert program.stdout is not None
        assert program.stdout.readline() == "started\n"
        program.send_signal(signal.SIGINT)
        _, error = program.communicate(timeout=TIMEOUT_S)
    finally:
        program.kill()
        program.communicate()
    assert "KeyboardInterrupt" in error
    assert program.returncode != 0
