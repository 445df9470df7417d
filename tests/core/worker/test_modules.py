"""A bundle of modules is unpacked safely, wins over what is installed, and makes room for the next one."""

from __future__ import annotations

import hashlib
import importlib
import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lithops.errors import LithopsError, WireError
from lithops.worker import modules


@pytest.fixture(autouse=True)
def a_clean_process() -> Iterator[None]:
    path, before = list(sys.path), set(sys.modules)
    yield
    modules.uninstall()
    assert sys.path == path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def packed(files: Mapping[str, str | bytes], *, kind: int = 0o100000) -> tuple[str, bytes]:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (kind | 0o644) << 16
            archive.writestr(info, content)
    data = stream.getvalue()
    return hashlib.sha256(data).hexdigest(), data


def install(home: Path, files: Mapping[str, str | bytes]) -> str:
    return modules.install(*packed(files), str(home))


def test_installed_modules_are_imported_from_the_bundle(tmp_path: Path) -> None:
    path = install(tmp_path / "home", {"mine_a/__init__.py": "from .b import X", "mine_a/b.py": "X = 5"})
    assert importlib.import_module("mine_a").X == 5
    assert sys.path[0] == path
    assert os.stat(path).st_mode & 0o777 == 0o700


def test_the_next_bundle_replaces_the_modules_of_the_one_before(tmp_path: Path) -> None:
    first = install(tmp_path, {"mine_b.py": "X = 1", "mine_gone.py": ""})
    assert importlib.import_module("mine_b").X == 1
    importlib.import_module("mine_gone")
    install(tmp_path, {"mine_b.py": "X = 2"})
    assert importlib.import_module("mine_b").X == 2
    assert first not in sys.path
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("mine_gone")


def test_the_same_bundle_again_changes_nothing(tmp_path: Path) -> None:
    digest, data = packed({"mine_c.py": "X = 1"})
    assert modules.install_needed(digest)
    path = modules.install(digest, data, str(tmp_path))
    module = importlib.import_module("mine_c")
    assert not modules.install_needed(digest)
    assert modules.install(digest, b"not even looked at", str(tmp_path)) == path
    assert importlib.import_module("mine_c") is module


def test_a_bundle_wins_over_what_is_installed_and_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "mine_d.py").write_text("X = 'installed'")
    monkeypatch.syspath_prepend(site)
    assert importlib.import_module("mine_d").X == "installed"
    install(tmp_path / "home", {"mine_d.py": "X = 'local'"})
    assert importlib.import_module("mine_d").X == "local"
    modules.uninstall()
    assert importlib.import_module("mine_d").X == "installed"


def test_a_namespace_folder_is_shared_with_what_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "site" / "mine_ns").mkdir(parents=True)
    (tmp_path / "site" / "mine_ns" / "theirs.py").write_text("")
    (tmp_path / "site" / "mine_ns" / "both.py").write_text("X = 'installed'")
    monkeypatch.syspath_prepend(tmp_path / "site")
    theirs, both = (importlib.import_module(f"mine_ns.{name}") for name in ("theirs", "both"))
    install(tmp_path / "home", {"mine_ns/ours.py": "X = 1", "mine_ns/both.py": "X = 'local'"})
    assert importlib.import_module("mine_ns.ours").X == 1
    assert importlib.import_module("mine_ns.theirs") is theirs
    program = "from mine_ns import both, ours"
    found: dict[str, object] = {}
    exec(program, found)
    assert getattr(found["both"], "X", None) == "local"
    assert found["both"] is not both
    install(tmp_path / "home", {"mine_ns/ours.py": "X = 2"})
    exec(program, found)
    assert getattr(found["ours"], "X", None) == 2
    assert getattr(found["both"], "X", None) == "installed"


def test_the_standard_library_and_lithops_stay_as_they_are(tmp_path: Path) -> None:
    before = {name: sys.modules[name] for name in ("json", "lithops", "lithops.errors", "__main__")}
    install(tmp_path, {"json.py": "", "lithops/__init__.py": "", "__main__.py": "", "mine_e.py": ""})
    assert {name: sys.modules[name] for name in before} == before


def test_a_digest_that_differs_is_refused(tmp_path: Path) -> None:
    digest, data = packed({"mine_f.py": ""})
    with pytest.raises(WireError, match="digest differs"):
        modules.install(digest, data + b"x", str(tmp_path))
    with pytest.raises(WireError):
        modules.install("../../evil", data, str(tmp_path))
    assert list(tmp_path.iterdir()) == []
    assert modules.install_needed(digest)


@pytest.mark.parametrize(
    "name", ["../evil.py", "/evil.py", "a/../../evil.py", "a//b", "./a", "a/..", "a\\b", "folder/"]
)
def test_a_path_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    digest, data = packed({"mine_g.py": "", name: "evil"})
    with pytest.raises(WireError, match="no plain file"):
        modules.install(digest, data, str(tmp_path / "home"))
    assert list((tmp_path / "home").iterdir()) == []
    assert not (tmp_path / "evil.py").exists()


def test_a_link_is_refused(tmp_path: Path) -> None:
    digest, data = packed({"link": "/etc/passwd"}, kind=0o120000)
    with pytest.raises(WireError, match="no plain file"):
        modules.install(digest, data, str(tmp_path))


def test_what_is_no_zip_or_too_big_is_refused(tmp_path: Path) -> None:
    for data in (b"", b"PK\x03\x04 no zip", _claiming(2**31 - 1)):
        with pytest.raises(WireError, match="cannot be unpacked"):
            modules.install(hashlib.sha256(data).hexdigest(), data, str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def _claiming(size: int) -> bytes:
    """Make a zip whose directory says that its one file has `size` bytes."""
    data = bytearray(packed({"big": b"0" * 100})[1])
    directory = data.index(b"PK\x01\x02")
    data[directory + 24 : directory + 28] = size.to_bytes(4, "little")
    return bytes(data)


@settings(max_examples=50, deadline=None)
@given(at=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_a_damaged_zip_ends_in_an_error_of_ours_or_unpacks(
    tmp_path_factory: pytest.TempPathFactory, at: int, byte: int
) -> None:
    data = bytearray(packed({"mine_h/__init__.py": "X = 1\n" * 50, "mine_h/data": bytes(range(256))})[1])
    data[at % len(data)] = byte
    home = tmp_path_factory.mktemp("home")
    try:
        modules.install(hashlib.sha256(data).hexdigest(), bytes(data), str(home))
    except LithopsError:
        assert list(home.iterdir()) == []
    finally:
        modules.uninstall()


def test_an_executable_file_stays_executable(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        info = zipfile.ZipInfo("mine_i/run.sh")
        info.external_attr = 0o100755 << 16
        archive.writestr(info, "#!/bin/sh\necho ran\n")
    data = stream.getvalue()
    path = modules.install(hashlib.sha256(data).hexdigest(), data, str(tmp_path))
    assert subprocess.run([f"{path}/mine_i/run.sh"], capture_output=True, check=True, timeout=10).stdout == b"ran\n"


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LithopsError, match=r"cannot be unpacked into .*file"):
        install(tmp_path / "file", {"mine_j.py": ""})
    assert sys.path[0] != str(tmp_path / "file")


def test_workers_that_race_share_one_folder(tmp_path: Path) -> None:
    digest, data = packed({f"mine_k/m{number}.py": f"X = {number}" for number in range(200)})
    bundle = tmp_path / "bundle.zip"
    bundle.write_bytes(data)
    program = (
        "import sys; from lithops.worker import modules\n"
        "digest, file, home = sys.argv[1:]\n"
        "print(modules.install(digest, open(file, 'rb').read(), home))\n"
        "import mine_k.m199; print(mine_k.m199.X)"
    )
    command = [sys.executable, "-P", "-c", program, digest, str(bundle), str(tmp_path / "home")]

    def run(_: int) -> str:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=50, cwd="/").stdout

    with ThreadPoolExecutor(6) as pool:
        printed = set(pool.map(run, range(6)))
    assert printed == {f"{tmp_path}/home/{digest}\n199\n"}
    assert [path.name for path in (tmp_path / "home").iterdir()] == [digest]


def test_without_a_home_the_bundle_goes_with_the_process(tmp_path: Path) -> None:
    digest, data = packed({"mine_l.py": "X = 1"})
    bundle = tmp_path / "bundle.zip"
    bundle.write_bytes(data)
    program = (
        "import sys; from lithops.worker import modules\n"
        "print(modules.install(sys.argv[1], open(sys.argv[2], 'rb').read(), None))\n"
        "import mine_l"
    )
    command = [sys.executable, "-c", program, digest, str(bundle)]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.startswith(str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["bundle.zip"]
