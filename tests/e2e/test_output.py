"""What calls print reaches the user with the call's name, however it is written, and never disturbs the calls."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

import lithops

MEGABYTES = 10


def by_print(stream: str, megabytes: int) -> str:
    for _ in range(megabytes * 1024):
        print("x" * 1023, file=getattr(sys, stream))
    return "done"


def by_write(stream: str, megabytes: int) -> str:
    fd = {"stdout": 1, "stderr": 2}[stream]
    for _ in range(megabytes):
        left = memoryview((b"y" * 1023 + b"\n") * 1024)
        while left:
            left = left[os.write(fd, left) :]
    return "done"


def by_subprocess(stream: str, megabytes: int) -> str:
    code = f"import sys; sys.{stream}.write(('z' * 1023 + chr(10)) * (1024 * {megabytes}))"
    subprocess.run([sys.executable, "-c", code], check=True)
    return "done"


def by_one_line(stream: str, megabytes: int) -> str:
    print("w" * (megabytes << 20), file=getattr(sys, stream))
    return "done"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.parametrize("how", [by_print, by_write, by_subprocess, by_one_line])
def test_ten_megabytes_are_printed_whole(
    fresh: lithops.FunctionExecutor, capfd: pytest.CaptureFixture[str], stream: str, how: Callable[[str, int], str]
) -> None:
    assert fresh.call_async(how, (stream, MEGABYTES)).result(timeout=30) == "done"
    fresh.close()
    out, err = capfd.readouterr()
    text = out if stream == "stdout" else err
    assert sum(text.count(letter) for letter in "yzw") + text.count("xxx") * 3 >= MEGABYTES * 1000 * 1000


def test_lines_come_with_the_name_of_their_call(
    fresh: lithops.FunctionExecutor, capfd: pytest.CaptureFixture[str]
) -> None:
    def talks(x: int) -> None:
        print(f"line {x}")
        print(f"error {x}", file=sys.stderr)

    futures = fresh.map(talks, range(5))
    fresh.wait(futures)
    fresh.close()
    out, err = capfd.readouterr()
    for text, word in ((out, "line"), (err, "error")):
        lines = text.splitlines()
        assert len(lines) == 5
        for future, x in zip(futures, range(5), strict=True):
            (line,) = [line for line in lines if line.endswith(f"{word} {x}")]
            assert future.call_id in line
            assert future.job_id in line


def test_logs_of_a_future_are_what_its_call_printed(executor: lithops.FunctionExecutor) -> None:
    def talks(x: int) -> None:
        print("ä", x)
        print("without an end", end="")
        sys.stderr.write("\nto stderr\n")

    futures = executor.map(talks, range(3))
    executor.wait(futures)
    for x, future in enumerate(futures):
        assert f"ä {x}" in future.logs
        assert "without an end" in future.logs
        assert "to stderr" in future.logs
        assert f"ä {(x + 1) % 3}" not in future.logs


def test_what_was_printed_before_the_end_is_in_the_logs_when_the_result_is_there(
    executor: lithops.FunctionExecutor,
) -> None:
    for x in range(30):
        future = executor.call_async(lambda x: print(f"<{x}>", end=""), x)
        future.result()
        assert future.logs == f"<{x}>"


def test_the_last_words_of_a_dead_worker_are_kept(executor: lithops.FunctionExecutor) -> None:
    def dies() -> None:
        print("printed before the death", flush=True)
        os.write(2, b"fatal: written before the death\n")
        os._exit(3)

    future = executor.call_async(dies, ())
    exc = future.exception(20)
    assert "fatal: written before the death" in future.logs
    assert "printed before the death" in future.logs
    assert "fatal: written before the death" in str(exc)


def test_bytes_that_are_no_text_do_no_harm(fresh: lithops.FunctionExecutor) -> None:
    def rubbish() -> str:
        os.write(1, bytes(range(256)) * 100)
        os.write(1, b"\xc3")
        sys.stdout.buffer.write(b"\xff\xfe")
        print("\ud800 \0 \x1b[31m \r")
        return "ok"

    assert fresh.call_async(rubbish, ()).result(timeout=20) == "ok"

    def long_after() -> str:
        os.write(1, b"\xc3\n" * 100_000)
        return "ok"

    assert fresh.call_async(long_after, ()).result(timeout=20) == "ok"
    fresh.close()  # what it printed is printed while this test captures it


def test_programs_that_close_or_replace_their_streams_do_not_break_the_protocol(
    fresh: lithops.FunctionExecutor,
) -> None:
    def closes() -> str:
        os.close(0)
        os.close(1)
        os.close(2)
        return "closed"

    def replaces() -> str:
        import io

        sys.stdout = io.StringIO()
        print("lost")
        sys.stdout = sys.__stdout__
        return "replaced"

    def closes_the_object() -> str:
        sys.stdout.close()
        sys.stderr.close()
        return "closed objects"

    def nothing() -> str:
        sys.stdout = sys.stderr = None
        return "none"

    for function, result in (
        (closes, "closed"), (replaces, "replaced"), (closes_the_object, "closed objects"), (nothing, "none"),
    ):  # fmt: skip
        assert fresh.call_async(function, ()).result(timeout=20) == result
        assert fresh.map(lambda x: print(x), range(4)).get_result(timeout=20) == [None] * 4


def test_reading_stdin_gives_its_end_at_once(executor: lithops.FunctionExecutor) -> None:
    assert executor.call_async(lambda: sys.stdin.read(), ()).result(timeout=20) == ""
    with pytest.raises(EOFError):
        executor.call_async(input, ()).result(timeout=20)


def test_logging_and_warnings_of_a_function_are_seen(
    fresh: lithops.FunctionExecutor, capfd: pytest.CaptureFixture[str]
) -> None:
    def logs() -> None:
        logging.getLogger("user").error("an error was logged")
        warnings.warn("a warning was given", stacklevel=1)

    fresh.call_async(logs, ()).result()
    fresh.close()
    err = capfd.readouterr().err
    assert "an error was logged" in err
    assert "a warning was given" in err


def test_a_childs_output_is_its_calls(executor: lithops.FunctionExecutor) -> None:
    def child(x: int) -> None:
        subprocess.run(["echo", f"child of {x}"], check=True)

    futures = executor.map(child, range(4))
    executor.wait(futures)
    assert [future.logs.strip() for future in futures] == [f"child of {x}" for x in range(4)]


QUIET = """
import lithops
with lithops.FunctionExecutor() as fexec:
    assert fexec.map(abs, range(100)).get_result() == list(range(100))
"""

DAEMON = """
import pathlib, sys, lithops

def talks(x):
    print("x" * 1000)
    return x

if __name__ == "__main__":
    with lithops.FunctionExecutor() as fexec:
        results = fexec.map(talks, range(50)).get_result(timeout=15)
    pathlib.Path("results").write_text(f"{results == list(range(50))} {sys.stdin} {sys.stdout} {sys.stderr}")
"""


def test_the_library_itself_is_quiet(run_client: Callable[..., CompletedProcess[str]]) -> None:
    done = run_client(QUIET)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_client_without_standard_streams_gets_its_results(tmp_path: Path) -> None:
    """As a daemon has it: the first files that are opened get the numbers 0, 1 and 2."""
    (tmp_path / "program.py").write_text(DAEMON)
    command = f"exec {sys.executable} program.py <&- >&- 2>&-"
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, env={**os.environ, "HOME": str(tmp_path)}, timeout=30)
    assert done.returncode == 0
    assert (tmp_path / "results").read_text() == "True None None None"


def test_a_reader_that_does_not_read_stops_nothing(start_client: Callable[..., Any]) -> None:
    """The client's stdout is a full pipe: results still come; what is printed waits."""
    client = start_client(
        "import sys, lithops\n"
        "def talks(x):\n    print('x' * 100_000)\n    return x\n"
        "fexec = lithops.FunctionExecutor()\n"
        "print(fexec.map(talks, range(50)).get_result(timeout=15)[-1], file=sys.stderr, flush=True)\n"
    )
    assert client.process.stderr.readline() == "49\n"
    assert client.finish().returncode == 0
