"""The storage kit: listings in order, lazily, below prefixes and above keys; deletes of many."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lithops.spi.storage import StorageBackend
from lithops.testing.storage.fixtures import StorageFixtures

__all__ = ["ListingTests"]


class ListingTests(StorageFixtures):
    """Many objects."""

    def test_many_keys_are_listed_in_order_and_above_marks(self, backend: StorageBackend, bucket: str) -> None:
        many = self._fill(backend, bucket, self.many_keys)
        infos = list(backend.list(bucket))
        assert [info.key for info in infos] == many
        assert {info.size_bytes for info in infos} == {len(many[0])}
        for at in (0, len(many) // 2, len(many) - 2, len(many) - 1):
            assert [info.key for info in backend.list(bucket, after=many[at])] == many[at + 1 :]
        assert [info.key for info in backend.list(bucket, "many/", after=many[1] + "\x01")] == many[2:]
        some = [key for key in many[4:] if key.startswith("many/0000")]
        assert [info.key for info in backend.list(bucket, "many/0000", after=many[3])] == some

    def test_many_objects_are_deleted_at_once(self, backend: StorageBackend, bucket: str) -> None:
        many = self._fill(backend, bucket, self.many_keys)
        backend.put(bucket, "other", b"")
        missing = [f"missing/{number}" for number in range(20)]
        backend.delete(bucket, [*missing, *reversed(many), *missing])
        assert [info.key for info in backend.list(bucket)] == ["other"]

    def test_very_many_keys_are_listed_and_deleted(self, backend: StorageBackend, bucket: str) -> None:
        many = self._fill(backend, bucket, self.very_many_keys)
        assert [info.key for info in backend.list(bucket, "many/")] == many
        assert [info.key for info in backend.list(bucket, after=many[-3])] == many[-2:]
        backend.delete(bucket, many)
        assert list(backend.list(bucket)) == []

    def test_a_listing_is_an_iterator(self, backend: StorageBackend, bucket: str) -> None:
        for key in ("b", "a", "c"):
            backend.put(bucket, key, b"")
        infos = backend.list(bucket)
        assert isinstance(infos, Iterator)
        assert [next(infos).key, next(infos).key, next(infos).key, next(infos, None)] == ["a", "b", "c", None]

    def test_a_mark_outside_of_the_prefix_is_a_mark(self, backend: StorageBackend, bucket: str) -> None:
        for key in ("a", "b/1", "b/2", "c"):
            backend.put(bucket, key, b"")
        assert [info.key for info in backend.list(bucket, "b/", after="a")] == ["b/1", "b/2"]
        assert [info.key for info in backend.list(bucket, "b/", after="b")] == ["b/1", "b/2"]
        assert [info.key for info in backend.list(bucket, "b/", after="b/1")] == ["b/2"]
        assert [info.key for info in backend.list(bucket, "b/", after="c")] == []
        assert [info.key for info in backend.list(bucket, after="")] == ["a", "b/1", "b/2", "c"]

    def test_a_prefix_is_no_folder(self, backend: StorageBackend, bucket: str) -> None:
        keys = ["data", "data-1", "data/1", "data/10", "data/2/x", "data1", "dat"]
        for key in keys:
            backend.put(bucket, key, b"")
        for prefix in ("", "d", "dat", "data", "data/", "data/1", "data/2/x", "data/2/xy", "ata", "DATA", "data//"):
            listed = [info.key for info in backend.list(bucket, prefix)]
            assert listed == sorted(key for key in keys if key.startswith(prefix))

    def test_an_empty_bucket_lists_nothing(self, backend: StorageBackend, bucket: str) -> None:
        assert list(backend.list(bucket)) == []
        assert list(backend.list(bucket, "prefix/")) == []
        assert list(backend.list(bucket, "prefix/", after="prefix/a")) == []

    def _fill(self, backend: StorageBackend, bucket: str, count: int) -> list[str]:
        """Write objects, not in their order; gives their keys in it."""
        if not count:
            pytest.skip("many_keys or very_many_keys is 0")
        keys = [f"many/{number * 7919 % count:06d}" for number in range(count)]
        self.fill(backend, bucket, keys)
        return sorted(keys)
