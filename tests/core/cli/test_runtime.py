"""`lithops runtime`: what it asks a backend for, and what it says of the answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.core.cli.conftest import Sandbox

# A backend whose runtimes are the lines of a file; it notes what it is asked.
MILL = """
import sys
from msgspec import Struct
from lithops.errors import BackendError
from lithops.spi import ComputeBackend, RuntimeInfo
from lithops.spi.hooks import BackendInfo, hookimpl


class Config(Struct, frozen=True, kw_only=True):
    runtime: str | None = None
    runtime_memory: int | None = None
    runtime_timeout: float | None = None
    python: str = f"{sys.version_info[0]}.{sys.version_info[1]}"


class Mill(ComputeBackend):
    def __init__(self, options):
        self.options = options

    def start(self, runtime, calls, report):
        raise BackendError("mill takes no calls: use another backend")

    def build_runtime(self, runtime, file=None):
        if runtime.name == "broken":
            raise RuntimeError("E123")
        self.note("build", runtime.name, runtime.memory_mb, file)
        return runtime.name + "-1"

    def ensure_runtime(self, runtime):
        self.note("ensure", runtime.name, runtime.memory_mb, runtime.timeout_s)
        return RuntimeInfo(runtime.name, self.options.python, 1, runtime.memory_mb, runtime.timeout_s)

    def list_runtimes(self):
        if self.options.runtime == "none":
            return []
        return [RuntimeInfo("blue", "3.11", 1, 256, 60.0, 1_300_000, 0.0), RuntimeInfo("red", "3.12", 1)]

    def delete_runtime(self, runtime):
        self.note("delete", runtime.name, runtime.memory_mb)

    def translate(self, exc):
        return BackendError("the mill stands still: turn it on") if "E123" in str(exc) else None

    def note(self, *what):
        with open("noted", "a") as file:
            print(*what, file=file)


@hookimpl
def lithops_compute_backends():
    return [BackendInfo("mill", "mill:Mill", "mill:Config", default_storage="localhost")]
"""


@pytest.fixture
def mill(sandbox: Sandbox) -> Sandbox:
    sandbox.install("mill", MILL)
    sandbox.configure("lithops: {backend: mill}\nmill: {runtime_memory: 512, runtime_timeout: 30}\n")
    return sandbox


def noted(sandbox: Sandbox) -> list[str]:
    return (sandbox.home / "noted").read_text(encoding="utf-8").splitlines()


def test_build_gives_the_file_to_the_backend(mill: Sandbox) -> None:
    assert mill.ok("runtime", "build", "mine", "-f", "Dockerfile") == "Built runtime 'mine-1'.\n"
    assert noted(mill) == ["build mine 512 Dockerfile"]


def test_deploy_takes_the_configured_runtime_and_sizes(mill: Sandbox) -> None:
    out = mill.ok("runtime", "deploy")
    assert out.startswith("Runtime 'default' is ready: Python 3.")
    assert out.endswith(", 512 MB.\n")
    mill.ok("runtime", "deploy", "mine", "--memory", "1024", "--timeout", "9.5")
    assert noted(mill) == ["ensure default 512 30.0", "ensure mine 1024 9.5"]


def test_update_builds_and_deploys_what_was_built(mill: Sandbox) -> None:
    mill.ok("runtime", "update", "mine", "-f", "D", "--memory", "256")
    assert noted(mill) == ["build mine 256 D", "ensure mine-1 256 30.0"]


def test_delete_names_all_sizes_or_one(mill: Sandbox) -> None:
    assert mill.ok("runtime", "delete", "mine") == "Deleted runtime 'mine'.\n"
    mill.ok("runtime", "delete", "mine", "--memory", "256")
    assert noted(mill) == ["delete mine None", "delete mine 256"]


def test_list_is_a_table_or_json(mill: Sandbox) -> None:
    head, _, blue, red = mill.ok("runtime", "list").splitlines()
    assert head.split() == ["name", "Python", "wire", "memory", "time-out", "size", "modified"]
    assert blue.split()[:9] == ["blue", "3.11", "1", "256", "MB", "60", "s", "1.3", "MB"]
    assert red.split() == ["red", "3.12", "1"]
    found = json.loads(mill.ok("runtime", "list", "--json"))
    assert [(one["name"], one["python"], one["memory_mb"], one["size_bytes"]) for one in found] == [
        ("blue", "3.11", 256, 1_300_000),
        ("red", "3.12", None, None),
    ]


def test_an_empty_list_says_so(mill: Sandbox) -> None:
    mill.configure("lithops: {backend: mill}\nmill: {runtime: none}\n")
    assert mill.ok("runtime", "list") == "There are no runtimes of 'mill'.\n"
    assert json.loads(mill.ok("runtime", "list", "--json")) == []


def test_a_runtime_of_another_python_is_a_table_with_the_command_that_mends_it(mill: Sandbox) -> None:
    mill.configure("lithops: {backend: mill}\nmill: {python: '3.5'}\n")
    done = mill.run("runtime", "deploy")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: the runtime 'default' does not fit this client:\n          client  worker\n")
    assert "  Python  3." in done.stderr
    assert "'lithops runtime update -b mill' builds it again for this client" in done.stderr
    program = "import lithops\nwith lithops.FunctionExecutor() as fexec:\n    fexec.call_async(abs, 1)"
    assert "'lithops runtime update -b mill'" in mill.python("-c", program).stderr


def test_what_a_platform_raises_is_a_sentence(mill: Sandbox) -> None:
    done = mill.run("runtime", "build", "broken")
    assert (done.returncode, done.stderr) == (1, "Error: the mill stands still: turn it on\n")


@pytest.mark.parametrize(
    "arguments", [["build", "x"], ["deploy"], ["list"], ["list", "--json"], ["update"], ["delete", "x"]], ids=str
)
def test_a_backend_without_runtimes_says_so(sandbox: Sandbox, arguments: list[str]) -> None:
    done = sandbox.run("runtime", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "Error: the backend 'localhost' has no runtimes: nothing is to be built before its first call\n"
    )


@pytest.mark.parametrize(
    "arguments", [["build"], ["delete"], ["deploy", "--memory", "0"], ["update", "--timeout", "0"]]
)
def test_wrong_usage_exits_with_2(mill: Sandbox, arguments: list[str]) -> None:
    assert mill.run("runtime", *arguments).returncode == 2
