"""No room left where results go: a clear error, and calls that need no room still work."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

import lithops
from lithops.errors import LithopsError

MOUNT = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    folder = tmp_path / "small"
    folder.mkdir()
    try:
        done = subprocess.run([*MOUNT, str(folder)], capture_output=True, text=True, check=False)
        problem = done.stderr if done.returncode else ""
    except OSError as exc:
        problem = str(exc)
    if problem:
        if os.environ.get("CI"):
            pytest.fail(f"a small file system could not be mounted: {problem}")
        pytest.skip(f"a small file system cannot be mounted: {problem.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_result_without_room_is_a_clear_error_and_others_work(small_disk: Path) -> None:
    config = {"localhost": {"storage_root": str(small_disk), "worker_processes": 2}}
    with lithops.FunctionExecutor(config=config) as made:
        with pytest.raises(OSError, match=r"(?i)space|room|full") as caught:
            made.call_async(bytes, 8_000_000).result(timeout=20)
        assert isinstance(caught.value, LithopsError)
        assert made.call_async(bytes, 1000).result(timeout=20) == bytes(1000)
        results = made.map(bytes, [400_000, 8_000_000, 10]).get_result(throw_except=False, timeout=20)
        assert [type(one) for one in (results[0], results[2])] == [bytes, bytes]
        assert isinstance(results[1], OSError)
        assert [path for path in small_disk.rglob("*") if path.is_file() and path.stat().st_size > 500_000] == []


def test_an_input_without_room_is_a_clear_error_at_once(small_disk: Path) -> None:
    config = {"localhost": {"storage_root": str(small_disk), "worker_processes": 1}}
    with lithops.FunctionExecutor(config=config) as made:
        with pytest.raises(OSError, match=r"(?i)space|room|full") as caught:
            made.map(len, [(bytes(8_000_000),)])
        assert isinstance(caught.value, LithopsError)
        assert made.map(len, [(bytes(100_000),)]).get_result(timeout=20) == [100_000]
        big = bytes(8_000_000)
        with pytest.raises(LithopsError):
            made.call_async(lambda: len(big), ()).result(timeout=20)
        with pytest.raises(LithopsError):
            made.storage.put_object(made.storage.bucket or "", "key", bytes(8_000_000))
        made.storage.put_object(made.storage.bucket or "", "key", bytes(1000))


PROGRAM = """
import lithops
from pack import mod

def work(x):
    return mod.f(x)

if __name__ == "__main__":
    with lithops.FunctionExecutor(config={config!r}) as fexec:
        print(fexec.map(work, [1, 2]).get_result(timeout=15))
"""


def test_modules_without_room_are_a_clear_error(
    small_disk: Path, run_client: Callable[..., CompletedProcess[str]], tmp_path: Path
) -> None:
    folder = tmp_path / "project"
    (folder / "pack").mkdir(parents=True)
    (folder / "pack" / "__init__.py").touch()
    (folder / "pack" / "mod.py").write_text("def f(x):\n    return x\n")
    (folder / "pack" / "data.bin").write_bytes(os.urandom(8_000_000))
    config = {"localhost": {"storage_root": str(small_disk), "worker_processes": 1}}
    (folder / "main.py").write_text(PROGRAM.format(config=config))
    done = run_client(argv=[str(folder / "main.py")])
    assert done.returncode == 1
    assert "Error" in done.stderr.splitlines()[-1]
    assert any(word in done.stderr.splitlines()[-1] for word in ("space", "room", "full"))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the temp folder is a small file system")
def test_a_full_temp_folder_does_not_stop_small_calls(small_disk: Path, tmp_path: Path) -> None:
    (small_disk / "filler").write_bytes(bytes(900_000))
    env = {**os.environ, "TMPDIR": str(small_disk), "HOME": str(tmp_path)}
    code = "import lithops; print(lithops.FunctionExecutor(worker_processes=1).map(abs, range(-9, 0)).get_result())"
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "[9, 8, 7, 6, 5, 4, 3, 2, 1]\n"
