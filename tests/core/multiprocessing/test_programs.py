"""Programs as people write them do with `lithops.multiprocessing` what they do with the standard library."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.core.multiprocessing.programs import PROGRAMS
from tests.emulators.redis_server_process import RunningRedis, running_redis

TIMEOUT_S = 50


def _write(folder: Path, text: str, library: str) -> Path:
    program = folder / f"{library.partition('.')[0]}_program.py"
    program.write_text(f"import {library} as mp\n{text.replace('{mp}', library)}", "utf-8")
    return program


def _run(folder: Path, text: str, library: str = "lithops.multiprocessing") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(_write(folder, text, library))],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_prints_what_it_prints_with_the_standard_library(name: str, tmp_path: Path) -> None:
    wanted = _run(tmp_path, PROGRAMS[name], "multiprocessing")
    assert wanted.returncode == 0, wanted.stderr
    found = _run(tmp_path, PROGRAMS[name])
    assert (found.stdout, found.returncode) == (wanted.stdout, 0), found.stderr


def test_what_is_only_given_to_a_child_is_deleted_at_exit_without_a_word(tmp_path: Path) -> None:
    ended = _run(
        tmp_path,
        """
def work(lock):
    with lock: pass

if __name__ == "__main__":
    p = mp.Process(target=work, args=(mp.Lock(),))
    p.start()
    p.join()
    print(p.exitcode)
""",
    )
    assert (ended.stdout, ended.stderr) == ("0\n", "")


def test_a_server_that_refuses_does_not_end_the_heartbeat(
    configured: RunningRedis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import redis

    admin = redis.Redis(port=configured.port, password=configured.password)
    admin.execute_command("ACL", "SETUSER", "limited", "on", ">" + "x" * 20, "~*", "+@all", "-unlink")  # type: ignore[no-untyped-call]
    admin.close()
    section = {"port": configured.port, "username": "limited", "password": "x" * 20}
    monkeypatch.setenv("LITHOPS_CONFIG", json.dumps({"redis": section}))
    ended = _run(
        tmp_path,
        """
import time
from lithops.multiprocessing import heartbeat

for _ in range(3):
    q = mp.Queue()
    q.put(1)
    del q  # its keys are to be deleted, which is refused
    end = time.monotonic() + 20
    while not heartbeat._buried.empty():
        assert time.monotonic() < end, "nobody deletes any more"
        time.sleep(0.02)
lock = mp.Lock()
print(lock.acquire())
""",
    )
    assert (ended.stdout, ended.stderr) == ("True\n", "")


def _started(folder: Path, text: str) -> subprocess.Popen[str]:
    program = _write(folder, text, "lithops.multiprocessing")
    started = subprocess.Popen(
        [sys.executable, "-u", str(program)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "ready\n"
    return started


def _end(started: subprocess.Popen[str]) -> tuple[str, str]:
    try:
        return started.communicate(timeout=TIMEOUT_S)
    finally:
        started.kill()


def test_ctrl_c_in_a_map_ends_the_program_and_its_workers(tmp_path: Path) -> None:
    started = _started(
        tmp_path,
        """
import os, time
from pathlib import Path
def work(x):
    Path(f"pid-{x}").write_text(str(os.getpid()))
    time.sleep(300)

if __name__ == "__main__":
    with mp.Pool(2) as pool:
        results = pool.map_async(work, range(2), 1)
        while len(list(Path().glob("pid-*"))) < 2: time.sleep(0.02)
        while not all(p.read_text() for p in Path().glob("pid-*")): time.sleep(0.02)
        print("ready")
        results.get()
""",
    )
    started.send_signal(signal.SIGINT)
    _, errors = _end(started)
    assert started.returncode == -signal.SIGINT
    assert errors.rstrip().endswith("KeyboardInterrupt")
    for pid in tmp_path.glob("pid-*"):
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid.read_text()), 0)


def test_a_server_that_dies_ends_who_waits_with_an_error_that_has_no_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import redis

    with running_redis() as server:
        section = {"port": server.port, "password": server.password}
        monkeypatch.setenv("LITHOPS_CONFIG", json.dumps({"redis": section}))
        started = _started(
            tmp_path,
            """
def work(q, begun):
    begun.set()
    while True: q.get()

if __name__ == "__main__":
    q, begun = mp.Queue(), mp.Event()
    p = mp.Process(target=work, args=(q, begun))
    p.start()
    begun.wait()
    print("ready")
    p.join()
    print(p.exitcode)
    q.get()
""",
        )
        admin = redis.Redis(port=server.port, password=server.password)
        admin.shutdown(nosave=True)
        output, errors = _end(started)
    assert output == "1\n"
    assert started.returncode == 1
    assert "BrokerError: the Redis server at 127.0.0.1" in errors
    assert server.password not in errors
