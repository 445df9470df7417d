"""Every store of this repository passes the storage kit, and so do the wrappers around one."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest

from lithops.spi.storage import StorageBackend
from lithops.storage.retrying import RetryingStorage
from lithops.testing import FaultyStorage, MemoryStorage, StorageContract
from lithops.testing.storage.keys import HOSTILE_KEYS
from lithops_localhost.storage import LocalhostStorage


def localhost(root: Path) -> LocalhostStorage:
    return LocalhostStorage(SimpleNamespace(storage_root=str(root), storage_bucket="default"))


class TestLocalhostStorage(StorageContract):
    rounds: ClassVar[int] = 20

    @pytest.fixture
    def backend(self, tmp_path: Path) -> StorageBackend:
        return localhost(tmp_path / "missing" / "root")


class TestMemoryStorage(StorageContract):
    is_shared: ClassVar[bool] = False
    memory_bytes: ClassVar[int] = 0

    @pytest.fixture
    def backend(self) -> StorageBackend:
        return MemoryStorage()


class TestRetryingStorage(StorageContract):
    streams_have_etags: ClassVar[bool] = False
    very_many_keys: ClassVar[int] = 0

    @pytest.fixture
    def backend(self, tmp_path: Path) -> StorageBackend:
        return RetryingStorage(localhost(tmp_path))


class TestFaultyStorageWithoutFaults(StorageContract):
    is_shared: ClassVar[bool] = False
    memory_bytes: ClassVar[int] = 0

    @pytest.fixture
    def backend(self) -> StorageBackend:
        return FaultyStorage(MemoryStorage(), [])


def test_the_hostile_keys_are_allowed_and_all_differ() -> None:
    assert len(set(HOSTILE_KEYS)) == len(HOSTILE_KEYS)
    assert [key for key in HOSTILE_KEYS if not 0 < len(key.encode()) <= 1024 or "\0" in key] == []
