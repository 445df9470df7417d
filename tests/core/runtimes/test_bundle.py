"""The zip of a runtime: complete, the same bytes every time, runnable by itself, and of a size that is checked."""

from __future__ import annotations

import os
import platform
import stat
import subprocess
import sys
import tomllib
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lithops.errors import ConfigError
from lithops.runtimes.bundle import BundleInfo, build_zip, check_size, digest_of_sources
from lithops.runtimes.installed import parsed
from lithops.runtimes.sources import CORE_NEEDS

if TYPE_CHECKING:
    from tests.core.runtimes.conftest import Index

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
CPYTHON = f"cp{sys.version_info[0]}{sys.version_info[1]}"

ROOT = Path(__file__).parents[3]


def build(path: Path, *pins: str, architecture: str = "x86_64", packages: tuple[str, ...] = ()) -> BundleInfo:
    return build_zip(
        path,
        packages=packages,
        pins=pins,
        python=PYTHON,
        architecture=architecture,
        extra_files={"entry.py": b"ran = True\n"},
    )


def names_in(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as found:
        return found.namelist()


@pytest.mark.usefixtures("index")
def test_it_has_the_worker_and_not_the_tools_of_the_client(tmp_path: Path) -> None:
    info = build(tmp_path / "a.zip", packages=("lithops_localhost",))
    names = names_in(tmp_path / "a.zip")
    assert {"entry.py", "lithops/worker/run.py", "lithops/storage/__init__.py", "cloudpickle/__init__.py"} <= set(names)
    assert "lithops_localhost/storage.py" in names
    assert [name for name in names if name.startswith(("lithops/cli", "lithops/testing"))] == []
    assert [name for name in names if name.endswith((".pyc", "RECORD", "INSTALLER", "direct_url.json"))] == []
    assert set(info.by_package) == {"lithops", "lithops_localhost", "other files", *CORE_NEEDS}
    assert info.unzipped_bytes == sum(info.by_package.values())
    assert info.size_bytes == (tmp_path / "a.zip").stat().st_size < 3_000_000
    assert sorted(os.listdir(tmp_path)) == ["a.zip", "index"]


def test_the_bytes_are_the_same_when_built_again_and_elsewhere(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.add("alpha")
    first = build(tmp_path / "a.zip", "alpha==1.0")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    before = os.umask(0o077)
    try:
        second = build(Path("b.zip"), "alpha==1.0")
    finally:
        os.umask(before)
    assert first == second
    assert (tmp_path / "a.zip").read_bytes() == (elsewhere / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as found:
        infos = found.infolist()
    assert [info.filename for info in infos] == sorted(info.filename for info in infos)
    assert {info.date_time for info in infos} == {(1980, 1, 1, 0, 0, 0)}
    assert {stat.S_IMODE(info.external_attr >> 16) for info in infos} <= {0o644, 0o755}


def test_an_installed_copy_gives_the_bytes_of_its_wheel(index: Index, site: Path, tmp_path: Path) -> None:
    wheel = index.add(
        "alpha", files={"alpha/__init__.py": b"", "alpha/tests/data.bin": bytes(99), "alpha_one.py": b"1"}
    )
    fetched = build(tmp_path / "a.zip", "alpha==1.0")
    index.install("alpha", site)
    wheel.unlink()
    assert build(tmp_path / "b.zip", "alpha==1.0") == fetched
    assert {"alpha/tests/data.bin", "alpha_one.py"} <= set(names_in(tmp_path / "b.zip"))


def test_an_installed_copy_that_was_changed_is_not_taken(index: Index, site: Path, tmp_path: Path) -> None:
    index.add("alpha")
    index.install("alpha", site)
    (site / "alpha" / "__init__.py").write_text("changed", "utf-8")
    build(tmp_path / "a.zip", "alpha==1.0")
    with zipfile.ZipFile(tmp_path / "a.zip") as found:
        assert found.read("alpha/__init__.py") == b"number = '1.0'\n"


def test_compiled_packages_are_of_the_target(index: Index, tmp_path: Path) -> None:
    for machine in ("x86_64", "aarch64"):
        files = {"alpha/core.so": machine.encode()}
        index.add("alpha", tag=f"{CPYTHON}-{CPYTHON}-manylinux_2_17_{machine}", files=files)
    for architecture, body in (("x86_64", b"x86_64"), ("arm64", b"aarch64")):
        build(tmp_path / "a.zip", "alpha==1.0", architecture=architecture)
        with zipfile.ZipFile(tmp_path / "a.zip") as found:
            assert found.read("alpha/core.so") == body


def test_files_of_a_wheel_go_where_an_installer_puts_them(index: Index, tmp_path: Path) -> None:
    files = {
        "alpha-1.0.data/purelib/alpha/__init__.py": b"",
        "alpha-1.0.data/scripts/alpha": b"#!python",
        "alpha-1.0.data/data/share/alpha.txt": b"",
        "../evil.py": b"",
    }
    index.add("alpha", files=files)
    build(tmp_path / "a.zip", "alpha==1.0")
    assert {name for name in names_in(tmp_path / "a.zip") if "alpha" in name or "evil" in name} == {
        "alpha/__init__.py",
        "alpha-1.0.dist-info/METADATA",
        "alpha-1.0.dist-info/WHEEL",
    }


@pytest.mark.usefixtures("index")
def test_a_pin_that_is_not_there_is_told_and_leaves_the_old_zip(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"old")
    with pytest.raises(ConfigError, match=r"no wheel of 'nowhere==1\.0'"):
        build(tmp_path / "a.zip", "nowhere==1.0")
    assert (tmp_path / "a.zip").read_bytes() == b"old"
    assert sorted(os.listdir(tmp_path)) == ["a.zip", "index"]


def test_a_package_that_is_not_there_is_told() -> None:
    with pytest.raises(ConfigError, match="'lithops_nowhere' is no folder of files here"):
        digest_of_sources(["lithops_nowhere"])


@pytest.mark.skipif(sys.platform != "linux", reason="a runtime is for Linux")
@pytest.mark.usefixtures("index")
def test_our_code_has_the_same_digest_inside_the_runtime(tmp_path: Path) -> None:
    """So a function that itself has an executor finds the runtime that it runs in."""
    build(tmp_path / "a.zip", packages=("lithops_localhost",), architecture=platform.machine())
    inside = tmp_path / "inside"
    with zipfile.ZipFile(tmp_path / "a.zip") as found:
        found.extractall(inside)
    program = (
        "import entry, lithops; from lithops.runtimes.bundle import digest_of_sources as d;"
        "import lithops.worker.run, lithops_localhost.storage; from lithops.plugins import registry;"
        "print(lithops.__file__, d(['lithops_localhost']), *(one.plugin for one in registry().statuses()))"
    )
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(inside)!r}); {program}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False, env={})
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [
        str(inside / "lithops/__init__.py"),
        digest_of_sources(["lithops_localhost"]),
        "localhost",
    ]


def test_the_digest_differs_by_packages() -> None:
    assert digest_of_sources([]) == digest_of_sources(["lithops"]) != digest_of_sources(["lithops_localhost"])


def test_what_the_core_requires_is_all_there() -> None:
    settings = tomllib.loads((ROOT / "packages/core/pyproject.toml").read_text("utf-8"))
    assert {parsed(line)[0] for line in settings["project"]["dependencies"]} == set(CORE_NEEDS)


def test_a_zip_that_is_too_big_lists_the_ten_biggest_packages() -> None:
    sizes = {f"p{number}": number * 1_000_000 for number in range(1, 13)}
    info = BundleInfo("", 1, sum(sizes.values()), sizes)
    check_size(info, 78_000_000)
    with pytest.raises(ConfigError) as raised:
        check_size(info, 77_999_999)
    lines = str(raised.value).splitlines()
    assert lines[0] == "the runtime is 78.0 MB unzipped, and the platform takes 78.0 MB:"
    assert [line.split()[0] for line in lines[1:-1]] == [f"p{number}" for number in range(12, 2, -1)]
    assert "leave out packages in 'requirements', or use an image" in lines[-1]
    check_size(replace(info, unzipped_bytes=262_144_000))
