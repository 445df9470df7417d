"""Programs as they are typed: `-c`, from stdin, interactive, as notebooks run cells, and without a `__main__` guard."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

RunClient = Callable[..., CompletedProcess[str]]

TYPED = """\
import lithops
fexec = lithops.FunctionExecutor(worker_processes=2)
class Own(Exception):
    pass

class Point:
    def __init__(self, x): self.x = x

BASE = 10
def f(x):
    if x < 0: raise Own(x)
    return Point(BASE + x)

print([point.x for point in fexec.map(f, range(3)).get_result()])
print(type(fexec.call_async(f, 1).result()) is Point, type(fexec.call_async(f, -1).exception(20)) is Own)
print(fexec.map(lambda point: point.x, [Point(7)]).get_result())
BASE = 20
print(fexec.call_async(f, 1).result().x)
"""
WANTED = ["[10, 11, 12]", "True True", "[7]", "21"]


def test_a_program_as_an_argument(run_client: RunClient) -> None:
    done = run_client(argv=["-c", TYPED])
    assert (done.stdout.splitlines(), done.stderr) == (WANTED, "")


def test_a_program_on_stdin(run_client: RunClient) -> None:
    done = run_client(argv=["-"], stdin=TYPED)
    assert (done.stdout.splitlines(), done.stderr) == (WANTED, "")


def test_an_interactive_session(run_client: RunClient) -> None:
    done = run_client(argv=["-i", "-q"], stdin=TYPED + "\nprint(fexec.get_result())\nexit()\n")
    assert "Traceback" not in done.stderr
    assert done.stdout.splitlines() == [*WANTED, "[]"]


def test_a_script_without_a_guard(run_client: RunClient) -> None:
    """Workers are never forked from the client and never run its main module."""
    done = run_client(TYPED)
    assert (done.stdout.splitlines(), done.stderr) == (WANTED, "")


NOTEBOOK = """
import sys, types
main = types.ModuleType("__main__")
sys.modules["__main__"] = main
cells = [
    "import lithops\\nfexec = lithops.FunctionExecutor(worker_processes=2)\\n",
    "BASE = 10\\nclass Point:\\n    def __init__(self, x): self.x = x\\n",
    "def f(x):\\n    return Point(BASE + x)\\n",
    "print([point.x for point in fexec.map(f, range(3)).get_result()])\\n",
    "def f(x):\\n    return Point(BASE - x)\\n",
    "print([point.x for point in fexec.map(f, range(3)).get_result()])\\n",
    "class Point:\\n    def __init__(self, x): self.x = -x\\n",
    "print([point.x for point in fexec.map(f, range(3)).get_result()])\\n",
    "print(type(fexec.call_async(f, 1).result()) is Point)\\n",
    "import asyncio\\nasync def cell():\\n    return (await fexec.call_async(f, 1)).x\\nprint(asyncio.run(cell()))\\n",
]
for number, cell in enumerate(cells):
    exec(compile(cell, f"<ipython-input-{number}>", "exec"), main.__dict__)
"""


def test_cells_of_a_notebook(run_client: RunClient) -> None:
    done = run_client(NOTEBOOK)
    wanted = ["[10, 11, 12]", "[10, 9, 8]", "[-10, -9, -8]", "True", "-9"]
    assert (done.stdout.splitlines(), done.stderr) == (wanted, "")


PYTEST = """
import lithops
import pytest

BASE = 5

class Thing:
    x = 1

def helper(x):
    return BASE + x

@pytest.mark.parametrize("x", [1, 2])
def test_it(x):
    with lithops.FunctionExecutor(worker_processes=1) as fexec:
        assert fexec.map(helper, [x]).get_result() == [5 + x]
        assert type(fexec.call_async(lambda: Thing(), ()).result()) is Thing
"""


@pytest.mark.parametrize("mode", ["importlib", "prepend"])
def test_functions_of_a_users_tests(run_client: RunClient, tmp_path: Path, mode: str) -> None:
    (tmp_path / "suite" / "tests").mkdir(parents=True)
    (tmp_path / "suite" / "tests" / "test_theirs.py").write_text(PYTEST)
    argv = ["-m", "pytest", "-q", "-p", "no:cacheprovider", f"--import-mode={mode}", "tests"]
    done = run_client(argv=argv, cwd=tmp_path / "suite")
    assert "2 passed" in done.stdout, done.stdout


def test_a_client_in_a_folder_that_is_gone(run_client: RunClient, tmp_path: Path) -> None:
    code = (
        "import os, shutil, lithops\n"
        "shutil.rmtree(os.getcwd())\n"
        "print(lithops.FunctionExecutor().call_async(abs, -1).result())\n"
    )
    (tmp_path / "gone").mkdir()
    done = run_client(argv=["-c", code], cwd=tmp_path / "gone")
    assert done.stdout == "1\n", done.stderr


def test_a_client_in_optimized_and_isolated_mode(run_client: RunClient) -> None:
    code = "import lithops; print(lithops.FunctionExecutor(worker_processes=1).call_async(lambda: 5, ()).result())"
    for flags in (["-O"], ["-I"], ["-B"], ["-X", "utf8"], ["-W", "error"], ["-X", "dev"]):
        done = run_client(argv=[*flags, "-c", code])
        assert (done.stdout, done.stderr) == ("5\n", ""), flags


@pytest.mark.parametrize("locale", ["C", "POSIX", "C.UTF-8"])
def test_a_client_in_another_locale(run_client: RunClient, locale: str) -> None:
    code = (
        "import lithops\n"
        "fexec = lithops.FunctionExecutor(worker_processes=1)\n"
        "print(ascii(fexec.call_async(lambda x: x + '\\xe4', '\\u4e2d').result()))\n"
    )
    done = run_client(argv=["-c", code], env={"LC_ALL": locale, "LANG": locale})
    assert done.stdout == "'\\u4e2d\\xe4'\n"


def test_the_current_folder_does_not_shadow_the_workers_modules(run_client: RunClient, tmp_path: Path) -> None:
    for name in ("socket", "queue", "json", "lithops_localhost_x", "random"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('shadow')\n")
    code = "import lithops; print(lithops.FunctionExecutor(worker_processes=1).call_async(abs, -1).result())"
    done = run_client(argv=["-P", "-c", code], cwd=tmp_path)
    assert done.stdout == "1\n", done.stderr


def test_a_file_limit_that_is_low_is_enough(run_client: RunClient) -> None:
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))\n"
        "import lithops\n"
        "with lithops.FunctionExecutor(worker_processes=2) as fexec:\n"
        "    print(sum(fexec.map(len, [(bytes(1_000_000),)] * 100).get_result(timeout=15)))\n"
        "    print(len(fexec.map(bytes, [1_000_000] * 100).get_result(timeout=15)))\n"
    )
    done = run_client(argv=["-c", code])
    assert done.stdout.splitlines() == ["100000000", "100"], done.stderr


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="descriptors are seen in /proc")
def test_no_descriptor_is_left_by_executors_that_come_and_go(run_client: RunClient) -> None:
    code = (
        "import lithops, os\n"
        "def one():\n"
        "    with lithops.FunctionExecutor(worker_processes=1) as fexec:\n"
        "        fexec.map(bytes, [1_000_000] * 2).get_result()\n"
        "one(); before = len(os.listdir('/proc/self/fd'))\n"
        "for _ in range(5): one()\n"
        "print(len(os.listdir('/proc/self/fd')) - before)\n"
    )
    assert run_client(argv=["-c", code]).stdout == "0\n"
