"""There is one registry in a process, also when many ask at once or a plugin asks too early."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lithops.plugins import registry, reset
from lithops.spi.hooks import BackendInfo, hookimpl


def run(program: str, folder: Path, **environ: str) -> str:
    env = {**os.environ, "PYTHONPATH": str(folder), **environ}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """Install a plugin `acme` whose module is `acme_plugin.py` of the folder."""
    (tmp_path / "acme-1.dist-info").mkdir()
    (tmp_path / "acme-1.dist-info" / "entry_points.txt").write_text("[lithops]\nacme = acme_plugin\n", "utf-8")
    return tmp_path


class Mine:
    @hookimpl
    def lithops_compute_backends(self) -> list[BackendInfo]:
        return [BackendInfo("mine", factory="a:B", config="a:B")]


def test_all_threads_get_the_same_registry() -> None:
    reset()
    with ThreadPoolExecutor(8) as pool:
        found = {id(one) for one in pool.map(lambda _: registry(), range(64))}
    assert found == {id(registry())}


def test_reset_forgets_what_was_registered() -> None:
    reset()
    registry().register(Mine(), "mine")
    assert registry().compute("mine").name == "mine"
    reset()
    names = [one.name for one in registry().backends("compute")]
    assert "localhost" in names
    assert "mine" not in names


@pytest.mark.parametrize(
    "text", ["raise SystemExit(1)", "import no_such_sdk", "from lithops.plugins import registry\nregistry()", "x ="]
)
def test_a_plugin_that_breaks_at_import_leaves_the_others(plugin: Path, text: str) -> None:
    (plugin / "acme_plugin.py").write_text(text, "utf-8")
    program = (
        "from lithops.plugins import registry\n"
        "registry().compute('localhost')\n"
        "print(*[f'{one.plugin}={one.status}' for one in registry().statuses()])"
    )
    assert {"acme=broken", "localhost=ok"} <= set(run(program, plugin).split())
    assert {"acme=disabled", "localhost=ok"} <= set(run(program, plugin, LITHOPS_PLUGINS="-acme").split())


def test_a_wrong_lithops_plugins_is_an_error_each_time(plugin: Path) -> None:
    program = (
        "from lithops.plugins import registry\n"
        "for _ in range(2):\n"
        "    try: registry()\n"
        "    except ValueError as exc: print(exc)"
    )
    assert run(program, plugin, LITHOPS_PLUGINS="a,-b").count("LITHOPS_PLUGINS") == 2
