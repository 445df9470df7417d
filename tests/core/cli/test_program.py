"""The program as a whole: help, exit codes, what goes wrong in a sentence, commands of plugins, what it loads."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.core.cli.conftest import Sandbox

COMMANDS = ["attach", "clean", "config", "doctor", "hello", "logs", "plugins", "policy", "runtime", "storage", "test"]
COMMON = ["--config", "--backend", "--storage", "--region", "--debug"]

EXTRAS = """
import click
from lithops.spi.hooks import hookimpl

@hookimpl
def lithops_add_commands(cli):
    @cli.command()
    def dance():
        "Dance."
        click.echo("dancing")

    @cli.command()
    def fall():
        raise KeyError("the floor")

    @cli.command()
    def count():
        for number in range(200_000):
            click.echo(number)

    @cli.command()
    def sleep():
        import time
        from lithops import FunctionExecutor

        def rest(number):
            print("asleep", flush=True)
            time.sleep(60)

        with FunctionExecutor(worker_processes=2) as executor:
            executor.get_result(executor.map(rest, range(4)))
"""


def test_the_help_lists_every_command(sandbox: Sandbox) -> None:
    listed = sandbox.ok("--help").partition("Commands:")[2]
    assert [line.split()[0] for line in listed.splitlines() if line.startswith("  ")] == COMMANDS


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS), ["storage", "put"], ["logs", "get"]], ids=str)
def test_every_command_takes_the_common_options_and_has_help_of_80_columns(
    sandbox: Sandbox, command: list[str]
) -> None:
    text = sandbox.ok(*command, "--help")
    assert [option for option in COMMON if option not in text] == []
    assert max(map(len, text.splitlines())) <= 80


def test_the_version_is_lithops(sandbox: Sandbox) -> None:
    import lithops

    assert sandbox.ok("--version") == f"lithops {lithops.__version__}\n"


def test_help_loads_neither_executors_nor_backends_nor_tables(sandbox: Sandbox) -> None:
    program = (
        "import sys, atexit; atexit.register(lambda: print(*sys.modules, file=sys.stderr));"
        "from lithops.cli.main import main; main(['--help'])"
    )
    loaded = set(sandbox.python("-c", program).stderr.split())
    assert {"click", "lithops.cli.hello", "lithops_localhost.plugin"} <= loaded
    assert {
        "rich",
        "msgspec",
        "yaml",
        "cloudpickle",
        "asyncio",
        "lithops.executors",
        "lithops.config",
    } & loaded == set()
    assert {name for name in loaded if name.startswith("lithops_localhost.")} == {"lithops_localhost.plugin"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["helo"], "did you mean 'hello'?"),
        (["hello", "--wrong"], "--wrong"),
        (["hello", "surplus"], "surplus"),
        (["storage", "put"], "FILE"),
        (["storage", "put", "-", "bucket"], "--key"),
        (["storage", "put", "/", "bucket"], "--key"),
        (["storage", "get", "bucket", "a/.."], "--out"),
        (["storage", "get", "bucket", ""], "empty"),
        (["storage", "delete", "bucket"], "--prefix"),
        (["storage", "delete", "bucket", "key", "--prefix", "k"], "--prefix"),
        (["storage", "delete", "bucket", "--prefix", ""], "empty"),
        (["clean", "a/b"], "'a/b'"),
        (["clean", "a-0", "--all"], "--all"),
    ],
    ids=str,
)
def test_wrong_usage_exits_with_2(sandbox: Sandbox, arguments: list[str], said: str) -> None:
    done = sandbox.run(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert said in done.stderr


@pytest.mark.parametrize("command", [["hello"], ["test"], ["config"], ["clean"], ["storage", "list", "b"]], ids=str)
def test_a_wrong_configuration_is_a_sentence_and_exits_with_1(sandbox: Sandbox, command: list[str]) -> None:
    sandbox.configure("localhost: {worker_proceses: 2, password: hunter2}\n")
    done = sandbox.run(*command)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "Error: ./.lithops_config: the key 'worker_proceses' of section 'localhost' is unknown: "
        "did you mean 'worker_processes'?\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [["-b", "nope", "hello"], ["hello", "-b", "nope"], ["-b", "localhost", "hello", "-b", "nope"]],
    ids=str,
)
def test_common_options_stand_before_or_after_the_command_and_the_last_counts(
    sandbox: Sandbox, arguments: list[str]
) -> None:
    done = sandbox.run(*arguments)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: there is no compute backend 'nope'")
    assert len(done.stderr.splitlines()) == 1


def test_the_other_common_options_are_used(sandbox: Sandbox) -> None:
    (sandbox.home / "own.yaml").write_text("lithops: {storage: nope}\n", encoding="utf-8")
    assert "storage backend 'nope'" in sandbox.run("config", "-c", "own.yaml").stderr
    assert "storage backend 'dope'" in sandbox.run("config", "-c", "own.yaml", "-s", "dope").stderr
    assert "'absent.yaml'" in sandbox.run("-c", "absent.yaml", "storage", "list", "b").stderr
    assert "'region'" in sandbox.run("hello", "-r", "mars").stderr
    assert "'region'" in sandbox.run("storage", "-r", "mars", "list", "storage").stderr


def test_debug_shows_the_traceback_and_the_log(sandbox: Sandbox) -> None:
    done = sandbox.run("storage", "list", "absent", "--debug")
    assert done.returncode == 1
    assert "Traceback (most recent call last)" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("Error: there is no bucket 'absent'")
    assert "[DEBUG]" in sandbox.run("-d", "hello").stderr


@pytest.mark.parametrize(("missing", "command"), [("click", "hello"), ("rich", "plugins")])
def test_without_what_it_needs_it_says_what_to_install(sandbox: Sandbox, missing: str, command: str) -> None:
    program = f"import sys; sys.modules['{missing}'] = None; from lithops.cli.main import main; main(['{command}'])"
    done = sandbox.python("-c", program)
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert "pip install 'lithops-core[cli]'" in done.stderr


def test_the_installed_program_is_the_same(sandbox: Sandbox) -> None:
    program = Path(sys.executable).with_name("lithops")
    done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == sandbox.ok("--version")


def test_plugins_add_commands(sandbox: Sandbox) -> None:
    sandbox.install("extras", EXTRAS)
    assert "Dance." in sandbox.ok("--help")
    assert sandbox.ok("dance") == "dancing\n"


def test_a_command_of_a_plugin_that_raises_is_a_sentence(sandbox: Sandbox) -> None:
    sandbox.install("extras", EXTRAS)
    done = sandbox.run("fall")
    assert (done.returncode, done.stderr) == (1, "Error: KeyError: 'the floor' (--debug shows where)\n")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("raise RuntimeError('oh no')", "RuntimeError: oh no"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("cli.command('half')(lambda: None); 1 / 0", "ZeroDivisionError"),
        ("cli.command('hello')(lambda: print('not me'))", "there is a command 'hello' already"),
    ],
)
def test_a_plugin_whose_commands_break_disturbs_nobody(sandbox: Sandbox, body: str, reason: str) -> None:
    head = "from lithops.spi.hooks import hookimpl\n@hookimpl\ndef lithops_add_commands(cli):\n    "
    sandbox.install("broken", head + body)
    sandbox.install("extras", EXTRAS)
    done = sandbox.run("--help")
    assert done.returncode == 0
    assert "Dance." in done.stdout
    assert "half" not in done.stdout
    (warning,) = done.stderr.splitlines()
    assert warning.startswith("Warning: the commands of the plugin broken (broken) are left out: ")
    assert reason in warning
    assert sandbox.run("dance").stdout == "dancing\n"
    assert sandbox.ok("hello").startswith("Hello World!\n")


def test_a_wrong_choice_of_plugins_leaves_the_help(sandbox: Sandbox) -> None:
    done = sandbox.run("--help", LITHOPS_PLUGINS="a,-b")
    assert done.returncode == 0
    assert done.stderr.startswith("Warning: the plugins are left out: LITHOPS_PLUGINS=")


@pytest.mark.parametrize("command", ["count", "plugins", "config", "--help"])
def test_a_closed_pipe_is_quiet(sandbox: Sandbox, command: str) -> None:
    sandbox.install("extras", EXTRAS)
    with sandbox.start("-m", "lithops.cli", command) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a full device")
@pytest.mark.parametrize("command", ["hello", "plugins"])
def test_output_that_cannot_be_written_is_a_failure(sandbox: Sandbox, command: str) -> None:
    program = f"import sys; sys.stdout = open('/dev/full', 'w'); from lithops.cli.main import main; main(['{command}'])"
    done = sandbox.python("-c", program)
    assert (done.returncode, done.stderr) == (1, "Error: No space left on device\n")


def test_ctrl_c_exits_with_130_and_leaves_nothing(sandbox: Sandbox) -> None:
    sandbox.install("extras", EXTRAS)
    with sandbox.start("-m", "lithops.cli", "sleep") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert b"asleep" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.stderr.read().strip() == b""  # the end of all that hold the pipe
        assert process.wait(30) == 130
    run_folders = sandbox.home / ".lithops" / "storage" / ".run"
    assert not run_folders.exists() or list(run_folders.iterdir()) == []
