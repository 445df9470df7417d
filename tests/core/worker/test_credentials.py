"""Keys of stores reach workers of this machine by an anonymous file, and leave no trace elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lithops.types import StorageRef
from lithops.worker import credentials
from lithops.worker.credentials import anonymous_file, entrust, entrusted, take_from

ACME = StorageRef("acme:Store", "bucket", {"region": "north"})
KEYS = {"access_key_id": "me", "secret_access_key": "hunter2"}


@pytest.fixture
def file(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(credentials, "_source", None)
    monkeypatch.setattr(credentials, "_entrusted", {})
    fd = anonymous_file()
    yield fd
    os.close(fd)


def test_keys_are_found_by_the_store_whatever_the_bucket(file: int) -> None:
    take_from(file)
    entrust(file, ACME, KEYS)
    assert entrusted(ACME._replace(bucket="other")) == KEYS
    assert entrusted(ACME._replace(options={"region": "south"})) == {}
    assert entrusted(ACME._replace(factory="acme:Other")) == {}


def test_keys_that_come_later_are_found(file: int) -> None:
    take_from(file)
    assert entrusted(ACME) == {}
    entrust(file, ACME, KEYS)
    assert entrusted(ACME) == KEYS


def test_without_a_file_there_are_none() -> None:
    assert entrusted(ACME) == {}


def test_the_half_of_a_line_is_not_read(file: int) -> None:
    take_from(file)
    entrust(file, ACME, KEYS)
    os.pwrite(file, b'["half', os.fstat(file).st_size)
    assert entrusted(ACME) == KEYS


def test_the_file_has_no_name_and_no_child_inherits_it(file: int) -> None:
    take_from(file)
    entrust(file, ACME, KEYS)
    assert os.fstat(file).st_nlink == 0 or "memfd" in os.readlink(f"/proc/self/fd/{file}")
    program = f"import os\ntry: os.fstat({file})\nexcept OSError: print('closed')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, close_fds=False)
    assert done.stdout == "closed\n"


def test_where_memory_has_no_files_a_file_without_a_name_does(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delattr(os, "memfd_create")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    fd = anonymous_file()
    try:
        assert list(tmp_path.iterdir()) == []
        assert os.fstat(fd).st_mode & 0o077 == 0
        entrust(fd, ACME, KEYS)
        assert b"hunter2" in os.pread(fd, 1000, 0)
    finally:
        os.close(fd)
