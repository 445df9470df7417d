"""Writers that are killed, that race from several processes, and that find the disk full: no object is half there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest

from lithops.testing.storage.fixtures import read
from lithops_localhost.file_writes import open_temporary, remove_stale
from lithops_localhost.storage import LocalhostStorage

OPEN = """
import io, os, resource, sys
from types import SimpleNamespace
from lithops.errors import ObjectExistsError, StorageFullError, StorageNoSuchKeyError
from lithops_localhost.storage import LocalhostStorage
store = LocalhostStorage(SimpleNamespace(storage_root=sys.argv[1], storage_bucket="data"))
"""


def localhost(root: Path) -> LocalhostStorage:
    return LocalhostStorage(SimpleNamespace(storage_root=str(root), storage_bucket="data"))


def start(root: Path, program: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", OPEN + textwrap.dedent(program), str(root), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )


def run(root: Path, program: str, *arguments: str) -> str:
    output, errors = start(root, program, *arguments).communicate(timeout=50)
    assert errors == ""
    return output


def keys(store: LocalhostStorage) -> list[str]:
    return [info.key for info in store.list("data")]


def test_a_killed_writer_leaves_no_object_and_its_file_is_removed(tmp_path: Path) -> None:
    writer = start(
        tmp_path,
        """
        class Stuck(io.RawIOBase):
            count = 0
            def read(self, size):
                self.count += 1
                if self.count == 3:
                    print("stuck", flush=True)
                    sys.stdin.read()
                return bytes(1000)
        store.put("data", "a/key", Stuck())
        """,
    )
    with writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "stuck\n"
        temporary = tmp_path / "data" / "%tmp"
        localhost(tmp_path).put("data", "while it writes", b"")
        assert len(list(temporary.iterdir())) == 1
        writer.send_signal(signal.SIGKILL)
        writer.communicate(timeout=30)
    assert keys(localhost(tmp_path)) == ["while it writes"]
    localhost(tmp_path).put("data", "after it died", b"")
    assert list(temporary.iterdir()) == []


def test_the_files_of_living_writers_are_not_stale(tmp_path: Path) -> None:
    descriptor, mine = open_temporary(os.fsencode(tmp_path))
    elsewhere = tmp_path / "999999999.0123"  # no such process here: another machine's, which holds the lock
    os.rename(mine, elsewhere)
    remove_stale(os.fsencode(tmp_path))
    assert elsewhere.exists()
    os.close(descriptor)
    remove_stale(os.fsencode(tmp_path))
    assert not elsewhere.exists()


@pytest.mark.parametrize("if_absent", [False, True])
@pytest.mark.parametrize("body", ["bytes(200_000)", "[bytes(1000)] * 200", "io.BytesIO(bytes(200_000))"])
def test_a_write_without_room_says_so_and_leaves_nothing(tmp_path: Path, body: str, if_absent: bool) -> None:
    """The limit of a file's size fails in the middle of a write, as a full disk does."""
    store = localhost(tmp_path)
    store.put("data", "old", b"old")
    said = run(
        tmp_path,
        f"""
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_500, 100_500))
        for key in ("new/folder", "old"):
            try:
                store.put("data", key, {body}, if_absent={if_absent} and key != "old")
            except StorageFullError as exc:
                print(exc)
        """,
    )
    assert said.count("free some space") == 2
    assert keys(store) == ["old"]
    assert read(store, "data", "old") == b"old"
    assert list((tmp_path / "data" / "%tmp").iterdir()) == []


def test_a_full_disk_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    """A real one: a file system of 64 KiB in a mount namespace of its own, where the machine allows that."""
    (tmp_path / "disk").mkdir()
    mount = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-ec"]
    script = 'mount -t tmpfs -o size=64k none "$1"; exec "$2" -c "$3" "$1"'
    program = OPEN + textwrap.dedent(
        """
        store.put("data", "old", b"old")
        for _ in range(2):
            try:
                store.put("data", "big", io.BytesIO(bytes(200_000)))
            except StorageFullError:
                print("full")
        print(*[info.key for info in store.list("data")], *os.listdir(sys.argv[1] + "/data/%tmp"))
        store.put("data", "small", b"there is room again")
        """
    )
    try:
        probe = subprocess.run([*mount, "mount -t tmpfs none /mnt"], capture_output=True, timeout=30)
    except FileNotFoundError:
        pytest.skip("no command 'unshare' here")
    if probe.returncode:
        pytest.skip("no user namespaces here")
    done = subprocess.run(
        [*mount, script, "sh", str(tmp_path / "disk"), sys.executable, program],
        capture_output=True,
        text=True,
        timeout=50,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    assert done.stderr == ""
    assert done.stdout == "full\nfull\nold\n"


def test_one_of_many_processes_wins_each_conditional_put(tmp_path: Path) -> None:
    program = """
    sys.stdin.readline()
    for number in range(100):
        try:
            store.put("data", f"race/{number % 10}/{number}", sys.argv[2].encode() * 1000, if_absent=True)
        except ObjectExistsError:
            continue
        print(number)
    """
    writers = {name: start(tmp_path, program, name) for name in "abcd"}
    for writer in writers.values():
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    won = {name: writer.communicate(timeout=50) for name, writer in writers.items()}
    assert {errors for _, errors in won.values()} == {""}
    wins = {number: name for name, (output, _) in won.items() for number in map(int, output.split())}
    assert sorted(wins) == list(range(100))
    assert sum(len(output.split()) for output, _ in won.values()) == 100
    store = localhost(tmp_path)
    for number, name in wins.items():
        assert read(store, "data", f"race/{number % 10}/{number}") == name.encode() * 1000


def test_processes_put_and_delete_in_one_folder_that_comes_and_goes(tmp_path: Path) -> None:
    program = """
    for number in range(300):
        store.put("data", f"deep/folder/{sys.argv[2]}", b"x" * 100, if_absent=number % 2 == 0)
        list(store.list("data", "deep/"))
        store.delete("data", [f"deep/folder/{sys.argv[2]}"])
    print("done")
    """
    workers = [start(tmp_path, program, str(number)) for number in range(4)]
    assert [worker.communicate(timeout=50) for worker in workers] == [("done\n", "")] * 4
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["%tmp"]
