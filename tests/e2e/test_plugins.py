"""Plugins that break: they are told of when they are wanted, and never stop the others."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

RunClient = Callable[..., CompletedProcess[str]]

WORKS = "import lithops\nprint(lithops.FunctionExecutor().call_async(abs, -1).result())\n"
ASKS = "import lithops\nlithops.FunctionExecutor(backend='broken')\n"


def distribution(folder: Path, name: str, entry: str, code: str) -> None:
    """Install a distribution of one module by hand, for PYTHONPATH."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[lithops]\n{entry} = {name}_plugin\n")
    (folder / f"{name}_plugin.py").write_text(code)


INFO = """
from lithops.spi.hooks import BackendInfo, hookimpl

@hookimpl
def lithops_compute_backends():
    return [BackendInfo(name={name!r}, factory={factory!r}, config={config!r}, summary="of a test", mode="serverless")]
"""

HOOK = """
from lithops.spi.hooks import hookimpl

@hookimpl
def lithops_compute_backends():
    {body}
"""

BREAKS = {
    "raises": "raise RuntimeError('the plugin broke')",
    "exits": "import sys; sys.exit('the plugin broke')",
    "imports": "import a_module_that_is_not_there",
    "syntax": "def broken(:",
    "hook": HOOK.format(body="raise OSError('the plugin broke')"),
    "rubbish": HOOK.format(body="return [1, None, 'x']"),
}


@pytest.mark.parametrize("how", BREAKS)
def test_a_plugin_that_breaks_stops_nobody_else(run_client: RunClient, tmp_path: Path, how: str) -> None:
    distribution(tmp_path, "broken", "broken", BREAKS[how])
    done = run_client(WORKS, env={"PYTHONPATH": str(tmp_path)})
    assert (done.returncode, done.stdout) == (0, "1\n")


@pytest.mark.parametrize("how", ["raises", "imports", "syntax"])
def test_a_plugin_that_breaks_is_quoted_when_its_backend_is_asked_for(
    run_client: RunClient, tmp_path: Path, how: str
) -> None:
    distribution(tmp_path, "broken", "broken", BREAKS[how])
    done = run_client(ASKS, env={"PYTHONPATH": str(tmp_path)})
    last = done.stderr.rstrip().splitlines()[-1]
    assert done.returncode == 1
    assert "broken" in last
    assert {"raises": "the plugin broke", "imports": "a_module_that_is_not_there", "syntax": "SyntaxError"}[how] in last


def test_two_plugins_with_one_name_are_an_error_that_names_both(run_client: RunClient, tmp_path: Path) -> None:
    for name in ("first", "second"):
        distribution(tmp_path, name, name, INFO.format(name="broken", factory="x:Y", config="x:Z"))
    done = run_client(ASKS, env={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 1
    assert "first" in done.stderr.splitlines()[-1]
    assert "second" in done.stderr.splitlines()[-1]
    assert run_client(WORKS, env={"PYTHONPATH": str(tmp_path)}).stdout == "1\n"


def test_a_missing_sdk_is_one_sentence_with_the_pip_command(run_client: RunClient, tmp_path: Path) -> None:
    code = INFO.format(
        name="broken", factory="broken_compute:Compute", config="lithops_localhost.config:LocalhostConfig"
    )
    distribution(tmp_path, "broken", "broken", code)
    (tmp_path / "broken_compute.py").write_text("import an_sdk_that_is_missing\n")
    asks = ASKS.replace("'broken'", "'broken', storage='localhost'")
    done = run_client(asks, env={"PYTHONPATH": str(tmp_path)})
    last = done.stderr.rstrip().splitlines()[-1]
    assert "MissingDependencyError" in last
    assert "an_sdk_that_is_missing" in last
    assert "pip install" in last


def test_the_variable_leaves_plugins_out(run_client: RunClient, tmp_path: Path) -> None:
    marker = tmp_path / "was-loaded"
    distribution(tmp_path, "broken", "broken", f"open({str(marker)!r}, 'w').close(); raise RuntimeError")
    for choice in ("-broken", "localhost"):
        done = run_client(WORKS, env={"PYTHONPATH": str(tmp_path), "LITHOPS_PLUGINS": choice})
        assert done.stdout == "1\n"
        assert not marker.exists()


def test_without_any_plugin_the_message_says_why(run_client: RunClient) -> None:
    done = run_client(WORKS, env={"LITHOPS_PLUGINS": "none"})
    assert done.returncode == 1
    assert "LITHOPS_PLUGINS" in done.stderr.splitlines()[-1]


def test_a_plugin_that_prints_or_warns_does_not_break_the_worker(run_client: RunClient, tmp_path: Path) -> None:
    distribution(tmp_path, "noisy", "noisy", "import sys; print('noise'); print('noise', file=sys.stderr)\n")
    done = run_client(WORKS, env={"PYTHONPATH": str(tmp_path)})
    assert done.stdout.splitlines()[-1] == "1"


def test_another_interpreter_without_lithops_is_told(run_client: RunClient, tmp_path: Path) -> None:
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S -I "$@"\n')
    bare.chmod(0o755)
    done = run_client(f"import lithops\nlithops.FunctionExecutor(runtime={str(bare)!r}).call_async(abs, -1).result()\n")
    last = done.stderr.rstrip().splitlines()[-1]
    assert done.returncode == 1
    assert str(bare) in last
    assert "lithops" in last
