"""What a bundle of modules holds, and when it is made again."""

from __future__ import annotations

import importlib
import io
import os
import socket
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lithops.errors import ConfigError
from lithops.jobs import bundle as bundling
from lithops.jobs.modules import Root, bundle, find, travelling


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the import path, as a program's own is."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def write(folder: Path, *names: str, **texts: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts.get("text", ""))
    importlib.invalidate_caches()


def by_value(program: str, **known: object) -> Any:
    """Make what a program calls `f`, as if it were defined in `__main__`."""
    scope: dict[str, Any] = {"__name__": "__main__", **known}
    exec(program, scope)
    return scope["f"]


def test_only_what_belongs_to_a_package_is_packed(folder: Path) -> None:
    write(
        folder, "p/__init__.py", "p/data.txt", "p/\u00fcml\u00e4ut.txt", "p/only_compiled.pyc", "p/lib.cpython-311.so"
    )
    write(
        folder, "p/.env", "p/.git/config", "p/__pycache__/x.pyc", "p/__init__.pyc", "p/venv/pyvenv.cfg", "p/venv/x.py"
    )
    write(folder, "elsewhere/linked.txt", "p/.libs/native.so", "p/back\\slash")
    os.symlink("../elsewhere", folder / "p" / "link")
    os.symlink(".", folder / "p" / "loop")
    os.symlink("nowhere", folder / "p" / "dangling")
    os.mkfifo(folder / "p" / "fifo")
    (folder / os.fsdecode(b"p/no\xfftext")).write_text("")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("p/socket")
        files = travelling(None, ["p"])
    named = [
        ".libs/native.so",
        "__init__.py",
        "data.txt",
        "lib.cpython-311.so",
        "link/linked.txt",
        "only_compiled.pyc",
        "\u00fcml\u00e4ut.txt",
    ]
    assert files == [f"p/{name}" for name in named]


def test_the_same_files_give_the_same_bytes_wherever_and_whenever(tmp_path: Path) -> None:
    for place in ("one", "two"):
        write(tmp_path / place, "p/b.py", "p/a.py", text="x = 1")
    os.utime(tmp_path / "one" / "p" / "a.py", (1, 1))
    first, second = (bundle([Root("p", str(tmp_path / place / "p"))]) for place in ("one", "two"))
    assert first is not None
    assert second is not None
    assert first == second
    with zipfile.ZipFile(io.BytesIO(first.data)) as archive:
        assert archive.namelist() == list(first.files) == ["p/a.py", "p/b.py"]


def test_a_bundle_is_made_once_until_a_file_changes_comes_or_goes(folder: Path) -> None:
    write(folder, "p/__init__.py", "p/a.py", text="x = 1")

    def again() -> bundling.Bundle:
        made = bundle(find(by_value("def f():\n    import p.a")))
        assert made is not None
        return made

    first = again()
    assert again() == first
    times = os.stat(folder / "p" / "a.py")
    write(folder, "p/a.py", text="x = 2")
    os.utime(folder / "p" / "a.py", ns=(times.st_atime_ns, times.st_mtime_ns))  # as `cp -p` does
    second = again()
    assert second.digest != first.digest
    write(folder, "p/data.txt")
    assert again().files == ("p/__init__.py", "p/a.py", "p/data.txt")
    (folder / "p" / "data.txt").unlink()
    assert again() == second


def test_an_unchanged_bundle_is_not_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, "p/__init__.py")
    monkeypatch.setattr(bundling, "_SETTLED_NS", -(10**18))
    roots = [Root("p", str(folder / "p"))]
    assert bundle(roots) is bundle(roots)


def test_new_imports_of_an_edited_module_are_followed(folder: Path) -> None:
    write(folder, "edited.py", "later.py", text="")
    f = by_value("def f():\n    import edited")
    assert travelling(f) == ["edited.py"]
    write(folder, "edited.py", text="import later")
    assert travelling(f) == ["edited.py", "later.py"]


def test_too_much_is_refused_and_the_biggest_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, "p/__init__.py")
    for number, size in enumerate((10, bundling.MAX_BYTES, 20)):
        with open(folder / "p" / f"big_{number}", "wb") as file:
            file.truncate(size)
    roots = find(None, include=["p"])
    with pytest.raises(ConfigError, match=r"the biggest are '[^']*big_1' \(268\.4 MB\)"):
        bundle(roots)
    monkeypatch.setattr(bundling, "MAX_FILES", 3)
    with pytest.raises(ConfigError, match="more than 3 files"):
        bundle(roots)


def test_nothing_makes_no_bundle(folder: Path) -> None:
    (folder / "empty").mkdir()
    assert bundle(()) is None
    assert bundle([Root("empty", str(folder / "empty"))]) is None
