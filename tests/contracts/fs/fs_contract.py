"""What fsspec's own suite asks of a file system, and what every store adds: one class for all of them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import ClassVar

import pytest
from fsspec.tests.abstract import (
    AbstractCopyTests,
    AbstractFixtures,
    AbstractGetTests,
    AbstractOpenTests,
    AbstractPipeTests,
    AbstractPutTests,
)

from lithops.errors import StorageError
from lithops.spi.storage import StorageBackend
from lithops.storage.fs import LithopsFileSystem


class FileSystemContract(
    AbstractCopyTests,  # type: ignore[misc]  # fsspec has no types
    AbstractGetTests,  # type: ignore[misc]
    AbstractPutTests,  # type: ignore[misc]
    AbstractOpenTests,  # type: ignore[misc]
    AbstractPipeTests,  # type: ignore[misc]
    AbstractFixtures,  # type: ignore[misc]
):
    """Override the fixture `backend`: an open store, with a bucket named `bucket` in it.

    Of the cases of patterns, one of `pattern_step` is run: our part of them is the same on every store.
    """

    bucket: ClassVar[str] = "files"
    pattern_step: ClassVar[int] = 1

    @pytest.fixture
    def backend(self) -> StorageBackend:
        """Open the store."""
        raise NotImplementedError

    @pytest.fixture
    def fs(self, backend: StorageBackend) -> LithopsFileSystem:
        return LithopsFileSystem(backend)

    @pytest.fixture
    def fs_path(self) -> str:
        return f"{self.bucket}/{uuid.uuid4().hex[:8]}"

    @pytest.fixture
    def fs_join(self) -> Callable[..., str]:
        return lambda *parts: "/".join(parts)

    @pytest.fixture
    def supports_empty_directories(self) -> bool:
        return False

    def test_ranges_are_slices(self, fs: LithopsFileSystem, fs_path: str) -> None:
        path, data = f"{fs_path}/x", b"0123456789"
        fs.pipe_file(path, data)
        for start, end in (
            (None, None),
            (2, 5),
            (2, None),
            (None, 3),
            (-3, None),
            (None, -3),
            (9, 99),
            (10, 12),
            (5, 5),
        ):
            assert fs.cat_file(path, start, end) == data[start:end]

    def test_an_open_file_notices_that_it_was_overwritten(self, fs: LithopsFileSystem, fs_path: str) -> None:
        path = f"{fs_path}/x"
        fs.pipe_file(path, b"old" * 10)
        with fs.open(path, cache_type="none") as file:
            assert file.read(3) == b"old"
            assert file.read(3) == b"old"
            fs.pipe_file(path, b"newer" * 10)
            with pytest.raises(StorageError, match="overwritten"):
                file.read(3)

    def test_what_is_behind_a_folder_can_be_listed(
        self, fs: LithopsFileSystem, fs_path: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("lithops.storage.fs_entries._PAGE", 2)
        fs.pipe({f"{fs_path}/{name}": b"" for name in ("a/1", "a/2", "a/3", "a/4/5", "a/\U0010ffff", "a0", "b/1")})
        assert fs.ls(fs_path, detail=False) == [f"{fs_path}/{name}" for name in ("a", "a0", "b")]

    def test_many_files_go_through(self, fs: LithopsFileSystem, fs_path: str) -> None:
        files = {f"{fs_path}/d/{number:03}": b"%d" % number for number in range(64)}
        fs.pipe(files)
        assert fs.cat(f"{fs_path}/d", recursive=True) == files
        fs.mv(f"{fs_path}/d", f"{fs_path}/e", recursive=True)
        assert sorted(fs.cat(f"{fs_path}/e/*").values()) == sorted(files.values())
        fs.rm(fs_path, recursive=True)
        assert not fs.exists(fs_path)

    def test_a_file_written_in_pieces_is_whole(self, fs: LithopsFileSystem, fs_path: str) -> None:
        piece = bytes(range(256)) * 4096
        with fs.open(f"{fs_path}/x", "wb") as file:
            for _ in range(10):
                file.write(piece)
        fs.cp_file(f"{fs_path}/x", f"{fs_path}/y")
        with fs.open(f"{fs_path}/y") as file:
            file.seek(-300, 2)
            assert file.read() == piece[-300:]
        assert fs.cat_file(f"{fs_path}/y") == piece * 10

    def test_a_store_that_has_no_such_bucket_says_so(self, fs: LithopsFileSystem) -> None:
        assert not fs.exists("lithops-none/x")
        assert fs.find("lithops-none") == []
        for ask in (fs.ls, fs.cat_file, fs.info, fs.open):
            with pytest.raises(FileNotFoundError):
                ask("lithops-none/x")
