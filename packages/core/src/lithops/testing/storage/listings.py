"""The storage kit: hostile keys, and listings in order, lazily, below prefixes and above keys."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lithops.spi.storage import StorageBackend
from lithops.testing.storage.fixtures import StorageFixtures, read, together

__all__ = ["HOSTILE_KEYS", "ListingTests"]

HOSTILE_KEYS = (
    *(
        "a",
        "a/",
        "a/b",
        "a//b",
        "a///",
        "a.",
        "a!",
        "a-",
        "A",
        "A/b",
        "/",
        "//",
        "/a",
        "/a/",
        "./a",
        "a/./b",
        "a/.",
        ".",
    ),
    *(
        "..",
        "../a",
        "../../a",
        "a/..",
        "a/../b",
        "...",
        ".hidden",
        "a b",
        " a",
        "a ",
        " ",
        "a\tb",
        "a\nb",
        "\x01",
        "\x7f",
    ),
    *(
        "*",
        "?",
        "[a]",
        "**/a",
        "a*",
        "{a,b}",
        "~",
        "~/a",
        "$HOME",
        "`id`",
        "'",
        '"',
        "\\",
        "a\\b",
        "C:\\a",
        "-rf",
        "#",
        "&",
    ),
    *(
        "%",
        "%%",
        "%2F",
        "a%2Fb",
        "%2f",
        "%00",
        "%41",
        "%e",
        "%tmp/a",
        "a%/b",
        "a%",
        "+",
        "a+b",
        "a=b",
        "a;b",
        "a,b",
        "a:b",
    ),
    *(
        "caf\u00e9",
        "cafe\u0301",
        "\u00c4",
        "\u6587\u5b57/\u6587",
        "\uffff",
        "\U00010000",
        "\U0001f600",
        "\u202e",
        "\ufeff",
    ),
    *("nul", "con", "CON.txt", "index.html?x=1#y", "a" * 255, "a" * 256, "%" * 255, "b" * 1024, "c/" * 512, "/" * 1024),
    *("\u6587" * 341, "\u00e9" * 512, "\U0001f600" * 256, "%" * 1024, "d" * 249 + "/e", "d" * 250 + "/e", "d" * 250),
    *("d" * 250 + "!", "d" * 249 + "\u6587", "d" * 249 + "\u6587/", "d" * 249 + "%", "\x01" * 1024, "." * 1024),
)
"""Keys that path-like, case-folding, escaping or truncating stores confuse. All differ."""


class ListingTests(StorageFixtures):
    """Many objects."""

    @pytest.fixture
    def many(self, backend: StorageBackend, bucket: str) -> list[str]:
        """More keys than a store gives in one answer, in the order of a listing."""
        keys = [f"many/{number * 7919 % self.many_keys:06d}" for number in range(self.many_keys)]

        def write(thread: int) -> None:
            for key in keys[thread :: self.threads]:
                backend.put(bucket, key, key.encode())

        together(self.threads, write)
        return sorted(keys)

    def test_hostile_keys_are_names_like_any_other(self, backend: StorageBackend, bucket: str) -> None:
        for key in HOSTILE_KEYS:
            backend.put(bucket, key, key.encode(), if_absent=True)
        listed = [info.key for info in backend.list(bucket)]
        assert listed == sorted(HOSTILE_KEYS, key=str.encode)
        for key in HOSTILE_KEYS:
            assert read(backend, bucket, key) == key.encode()
            assert backend.head(bucket, key).key == key
        for key in HOSTILE_KEYS[::2]:
            backend.delete(bucket, [key])
        assert [info.key for info in backend.list(bucket)] == sorted(HOSTILE_KEYS[1::2], key=str.encode)

    def test_a_key_leads_to_no_other_place(self, backend: StorageBackend, bucket: str) -> None:
        backend.put(bucket, "key", b"mine")
        for key in (f"../{bucket}/key", "x/../key", "./key", "/key", "//key", f"/{bucket}/key"):
            backend.put(bucket, key, b"other")
            assert read(backend, bucket, "key") == b"mine"
            backend.delete(bucket, [key])
        assert [info.key for info in backend.list(bucket)] == ["key"]

    def test_hostile_prefixes_and_marks_select_by_bytes(self, backend: StorageBackend, bucket: str) -> None:
        for key in HOSTILE_KEYS:
            backend.put(bucket, key, b"")
        keys = sorted(HOSTILE_KEYS, key=str.encode)
        for text in (*HOSTILE_KEYS[::3], "a/.", "d" * 200, "d" * 249, "c/c", "/" * 500, "zzz", "\u6587"):
            assert [info.key for info in backend.list(bucket, text)] == [key for key in keys if key.startswith(text)]
            above = [key for key in keys if key.encode() > text.encode()]
            assert [info.key for info in backend.list(bucket, after=text)] == above

    def test_many_keys_are_listed_in_order(self, backend: StorageBackend, bucket: str, many: list[str]) -> None:
        infos = list(backend.list(bucket))
        assert [info.key for info in infos] == many
        assert {info.size_bytes for info in infos} == {len("many/000000")}

    def test_a_listing_is_an_iterator(self, backend: StorageBackend, bucket: str, many: list[str]) -> None:
        infos = backend.list(bucket)
        assert isinstance(infos, Iterator)
        assert next(infos).key == many[0]
        assert next(infos).key == many[1]

    @pytest.mark.parametrize("at", [0, 1, -2, -1])
    def test_only_keys_above_a_mark_are_listed(
        self, backend: StorageBackend, bucket: str, many: list[str], at: int
    ) -> None:
        below = many.index(many[at]) + 1
        assert [info.key for info in backend.list(bucket, after=many[at])] == many[below:]
        assert [info.key for info in backend.list(bucket, "many/", after=many[at] + "\x01")] == many[below:]
        assert [info.key for info in backend.list(bucket, "many/0000", after=many[at])] == [
            key for key in many[below:] if key.startswith("many/0000")
        ]

    def test_a_mark_outside_of_the_prefix_is_a_mark(self, backend: StorageBackend, bucket: str) -> None:
        for key in ("a", "b/1", "b/2", "c"):
            backend.put(bucket, key, b"")
        assert [info.key for info in backend.list(bucket, "b/", after="a")] == ["b/1", "b/2"]
        assert [info.key for info in backend.list(bucket, "b/", after="b")] == ["b/1", "b/2"]
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

    def test_many_objects_are_deleted_at_once(self, backend: StorageBackend, bucket: str, many: list[str]) -> None:
        backend.put(bucket, "other", b"")
        backend.delete(bucket, many)
        assert [info.key for info in backend.list(bucket)] == ["other"]
