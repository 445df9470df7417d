"""The pool of workers when all is well: every call runs once, in few processes, and nothing is left behind."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lithops.errors import BackendError, ConfigError
from lithops.spi import CallEnd, CallStatus, RuntimeSpec
from lithops.wire.status import expand_stats
from lithops_localhost.compute import LocalhostCompute
from lithops_localhost.compute.run_folder import make_run_folder, remove_stale_folders
from lithops_localhost.config import LocalhostConfig

if TYPE_CHECKING:
    from tests.localhost.compute.conftest import Bench

MakeBench = Callable[..., "Bench"]


def appender() -> Callable[[str], int]:
    """Give a function that travels by value."""

    def note(path: str) -> int:
        import os

        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(fd, b".")
        os.close(fd)
        return os.getpid()

    return note


def test_calls_give_their_results(two: Bench) -> None:
    assert two.run(lambda x: x * 2, *range(20)) == [x * 2 for x in range(20)]


def test_thousands_of_quick_calls_run_once_each_in_warm_workers(two: Bench, tmp_path: Path) -> None:
    file = tmp_path / "runs"
    pids = two.run(appender(), *[str(file)] * 3000)
    assert file.stat().st_size == 3000
    assert len(set(pids)) <= 2


def test_workers_stay_for_the_next_job(single: Bench) -> None:
    pids = {single.run(lambda _: __import__("os").getpid(), 0)[0] for _ in range(5)}
    assert len(pids) == 1


def test_no_more_workers_than_wanted_are_started_and_none_before_they_are_needed(two: Bench) -> None:
    before = two.children()
    assert two.run(len, "a") == [1]
    assert len(set(two.children()) - set(before)) == 1
    two.run(len, *["abc"] * 50)
    assert len(set(two.children()) - set(before)) <= 2


def test_the_first_worker_can_be_started_in_advance(two: Bench) -> None:
    before = two.children()
    two.backend.prepare()
    two.until(lambda: len(set(two.children()) - set(before)) == 1)
    two.backend.prepare()
    assert two.run(len, "abc") == [3]
    assert len(set(two.children()) - set(before)) == 1


def test_several_jobs_share_the_workers(two: Bench) -> None:
    jobs = [two.start(lambda x, factor=factor: x * factor, range(30)) for factor in range(4)]
    for factor, calls in enumerate(jobs):
        assert two.values(calls) == [x * factor for x in range(30)]


def test_calls_come_from_several_threads(two: Bench) -> None:
    results: dict[int, list[Any]] = {}

    def submit(number: int) -> None:
        results[number] = two.values(two.start(lambda x: x + number, range(50)))

    threads = [threading.Thread(target=submit, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert results == {number: [x + number for x in range(50)] for number in range(4)}


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 5_000_000])
def test_inputs_and_results_of_any_size_pass(single: Bench, size: int) -> None:
    data = os.urandom(1000) * (size // 1000) + b"x" * (size % 1000)
    assert single.run(lambda x: x[::-1], data) == [data[::-1]]


def test_many_big_inputs_do_not_block_each_other(two: Bench) -> None:
    data = [bytes([number]) * 1_500_000 for number in range(20)]
    assert two.run(lambda x: (x[0], len(x)), *data) == [(number, 1_500_000) for number in range(20)]


def test_an_error_of_a_call_is_its_own(two: Bench) -> None:
    calls = two.start(lambda x: 10 // x, [0, 1, 2])
    assert two.ends(calls) == [CallEnd.ERROR, CallEnd.SUCCESS, CallEnd.SUCCESS]


def test_statuses_tell_what_was_measured(single: Bench) -> None:
    (first, second) = single.wait(single.start(lambda _: sum(range(10_000)), [0, 1]))
    assert expand_stats(first.header)["worker_cold_start"]
    assert not expand_stats(second.header)["worker_cold_start"]
    assert expand_stats(first.header)["worker_id"] != os.getpid()


def test_calls_behind_a_slow_one_are_given_to_the_other_worker(two: Bench, tmp_path: Path) -> None:
    """The slow call ends only when all others have."""
    gate = str(tmp_path / "gate")

    def function(x: int) -> int:
        import os
        import time

        if x == 300:
            limit = time.monotonic() + 15
            while not os.path.exists(gate):
                time.sleep(0.005)
                if time.monotonic() > limit:
                    raise TimeoutError("the others did not end before")
        return x

    calls = two.start(function, range(600))
    quick = [call for call in calls if call.call_id != "00300"]
    assert two.values(quick) == [int(call.call_id) for call in quick]
    assert calls[300] not in two.statuses
    Path(gate).touch()
    assert two.values([calls[300]]) == [300]


def test_a_single_worker_runs_calls_in_order(single: Bench) -> None:
    calls = single.start(lambda x: x, range(200))
    single.wait(calls)
    assert single.order == calls


# Output


def test_printed_text_comes_with_its_call(two: Bench) -> None:
    def function(x: int) -> None:
        import sys

        print(f"printed {x}")
        sys.stderr.write(f"no end {x}")

    calls = two.start(function, range(200))
    two.wait(calls)
    for x, call in enumerate(calls):
        assert two.text(call, "stdout") == f"printed {x}\n"
        assert two.text(call, "stderr") == f"no end {x}"
    assert two.text(None) == ""


def test_text_of_descriptors_and_children_comes_with_the_call_that_runs(single: Bench) -> None:
    def function(x: int) -> None:
        import os
        import subprocess

        os.write(1, f"written {x}\n".encode())
        subprocess.run(["/bin/sh", "-c", f"echo by a child {x} >&2"], check=True)

    for x in range(3):
        calls = single.start(function, [x])
        single.wait(calls)
        single.until(lambda calls=calls: single.text(calls[0]).count("\n") == 2)  # type: ignore[misc]
        assert single.text(calls[0], "stdout") == f"written {x}\n"
        assert single.text(calls[0], "stderr") == f"by a child {x}\n"


def test_the_runtime_is_this_interpreter(single: Bench) -> None:
    info = single.backend.ensure_runtime(RuntimeSpec())
    assert (info.name, info.python) == (sys.executable, f"{sys.version_info[0]}.{sys.version_info[1]}")


@pytest.mark.parametrize("how", ["print", "descriptor"])
def test_ten_megabytes_of_text_come_whole(single: Bench, how: str) -> None:
    def function(lines: int) -> None:
        import os

        for number in range(lines):
            line = f"{number:08d} " + "x" * 990 + "\n"
            if how == "print":
                print(line, end="")
            else:
                data = line.encode()
                while data:
                    data = data[os.write(1, data) :]

    calls = single.start(function, [10_000])
    assert single.ends(calls) == [CallEnd.SUCCESS]
    single.until(lambda: len(single.text(calls[0])) == 10_000_000)
    assert [int(line[:8]) for line in single.text(calls[0]).splitlines()] == list(range(10_000))


def test_text_cut_within_a_character_is_put_together(single: Bench) -> None:
    def function(_: object) -> None:
        import os
        import time

        os.write(1, b"gr\xc3")
        time.sleep(0.05)
        os.write(1, b"\xbc\xc3\x9fe")
        os.write(1, b"x" * 200_000)

    calls = single.start(function, [0])
    assert single.ends(calls) == [CallEnd.SUCCESS]
    single.until(lambda: single.text(calls[0]) == "gr\u00fc\u00dfe" + "x" * 200_000)


def test_bytes_that_are_no_text_do_no_harm(single: Bench) -> None:
    calls = single.start(lambda _: __import__("os").write(2, b"\xff\xfe\x00"), [0])
    assert single.values(calls) == [3]
    assert single.run(len, "abc") == [3]


# The end


@pytest.mark.timeout(20)  # its calls take 600 s
def test_close_with_running_and_waiting_calls_is_prompt_and_ends_them(two: Bench) -> None:
    calls = two.start(lambda _: __import__("time").sleep(600), range(20))
    two.until(lambda: len(two.children()) >= 2)
    two.backend.close()
    assert set(two.ends(calls)) == {CallEnd.CANCELLED}
    with pytest.raises(BackendError, match="closed: make a new executor"):
        two.start(len, ["a"])


def test_close_can_be_repeated_from_many_threads_and_without_a_worker(bench: MakeBench) -> None:
    for starts in (False, True):
        one = bench()
        if starts:
            one.run(len, "a")
        failures: list[BaseException] = []

        def close(one: Bench = one, failures: list[BaseException] = failures) -> None:
            try:
                one.backend.close()
            except BaseException as exc:
                failures.append(exc)

        threads = [threading.Thread(target=close) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert failures == []


def test_whatever_is_started_while_it_closes_has_an_end(bench: MakeBench) -> None:
    for _ in range(5):
        one = bench(worker_processes=1)
        taken: list[Any] = []
        is_started = threading.Event()

        def submit(one: Bench = one, taken: list[Any] = taken, is_started: threading.Event = is_started) -> None:
            try:
                for _ in range(1000):
                    taken.extend(one.start(len, ["a"]))
                    is_started.set()
            except BackendError:
                return

        thread = threading.Thread(target=submit)
        thread.start()
        assert is_started.wait(20)
        one.backend.close()
        thread.join(20)
        assert set(one.ends(taken)) <= {CallEnd.SUCCESS, CallEnd.CANCELLED}


def test_close_from_within_a_report_does_not_wait_for_itself(single: Bench) -> None:
    closed: queue.SimpleQueue[threading.Thread] = queue.SimpleQueue()
    report = single.report

    def closing(said: Any) -> None:
        report(said)
        if isinstance(said, CallStatus):
            single.backend.close()
            closed.put(threading.current_thread())

    single.report = closing  # type: ignore[method-assign]
    single.wait(single.start(len, ["a"]))
    thread = closed.get(timeout=20)  # by its identity: other tests' pools have threads of that name
    assert thread.name == "lithops-localhost-pool"
    thread.join(20)
    assert not thread.is_alive()


def test_folders_of_clients_that_are_gone_are_removed(single: Bench) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait(30)
    runs = single.root / ".run"
    stale, alive = runs / f"{gone.pid}-dead", runs / f"{os.getppid()}-alive"
    strangers = [runs / "notes", runs / "12x-y"]
    for folder in (stale, alive, *strangers):
        folder.mkdir(parents=True)
        (folder / "file").touch()
    single.run(len, "a")
    assert not stale.exists()
    assert all(folder.exists() for folder in (alive, *strangers))
    for folder in (alive, *strangers):
        (folder / "file").unlink()
        folder.rmdir()


def test_a_run_folder_names_its_process_and_is_not_made_early(tmp_path: Path) -> None:
    names = {make_run_folder(str(tmp_path)) for _ in range(5)}
    assert len(names) == 5
    assert all(Path(name).name.startswith(f"{os.getpid()}-") for name in names)
    assert list(tmp_path.iterdir()) == []
    remove_stale_folders(str(tmp_path / "missing"))


# The interpreter


def test_an_interpreter_that_does_not_exist_is_an_error_that_names_it(bench: MakeBench) -> None:
    one = bench(runtime="/no/such/python")
    with pytest.raises(ConfigError, match=r"'/no/such/python' cannot be a worker: .*'runtime'"):
        one.backend.ensure_runtime(RuntimeSpec())
    (status,) = one.wait(one.start(len, ["a"]))
    assert status.end is CallEnd.LOST
    assert status.error is not None
    assert "/no/such/python" in status.error.message


@pytest.mark.parametrize("script", ["exit 3", "echo broken installation >&2; exit 1", "kill -9 $$"])
def test_an_interpreter_that_dies_at_its_start_ends_the_calls_with_what_it_said(
    bench: MakeBench, tmp_path: Path, script: str
) -> None:
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o700)
    one = bench(runtime=str(program))
    with pytest.raises(ConfigError, match="cannot be a worker"):
        one.backend.ensure_runtime(RuntimeSpec())
    statuses = one.wait(one.start(len, ["a"] * 20))
    assert {status.end for status in statuses} == {CallEnd.LOST}
    assert all(status.error and str(program) in status.error.message for status in statuses)
    if "broken" in script:
        assert all(status.error and "broken installation" in status.error.message for status in statuses)


def test_an_interpreter_below_the_home_folder_is_found(
    bench: MakeBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "python").symlink_to(sys.executable)
    program = tmp_path / "run"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    program.chmod(0o700)
    assert bench(runtime="~/run").run(len, "abc") == [3]


def test_doctor_finds_a_bad_interpreter_and_a_good_one(tmp_path: Path) -> None:
    good = {check.name: check for check in LocalhostCompute(LocalhostConfig(storage_root=str(tmp_path))).doctor()}
    assert all(check.ok for check in good.values())
    options = LocalhostConfig(storage_root=str(tmp_path), runtime="/no/such/python")
    bad = {check.name: check for check in LocalhostCompute(options).doctor()}
    assert not bad["interpreter"].ok
    assert "runtime" in bad["interpreter"].advice
