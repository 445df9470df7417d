"""What is written once on the verbs: text, and whole prefixes."""

from __future__ import annotations

import pytest

from lithops.storage.verbs import delete_prefix, read_bytes, read_text, write_text
from lithops.testing import MemoryStorage
from lithops.types import Span


@pytest.fixture
def store() -> MemoryStorage:
    store = MemoryStorage()
    store.create_bucket("b")
    return store


def test_text_is_written_in_utf_8(store: MemoryStorage) -> None:
    assert write_text(store, "b", "key", "\u6587\n").size_bytes == 4
    assert read_text(store, "b", "key") == "\u6587\n"
    assert read_bytes(store, "b", "key", span=Span(3, 4)) == b"\n"


def test_a_prefix_is_deleted_whole_and_nothing_else(store: MemoryStorage) -> None:
    for number in range(2500):
        store.put("b", f"job/{number}", b"")
    store.put("b", "job", b"")
    store.put("b", "job2/0", b"")
    assert delete_prefix(store, "b", "job/") == 2500
    assert delete_prefix(store, "b", "job/") == 0
    assert [info.key for info in store.list("b")] == ["job", "job2/0"]


def test_a_whole_bucket_is_not_deleted_by_accident(store: MemoryStorage) -> None:
    with pytest.raises(ValueError, match="empty prefix"):
        delete_prefix(store, "b", "")
