"""The storage kit: keys are names, whatever their text; one that a store cannot have is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lithops.errors import StorageError
from lithops.spi.storage import StorageBackend
from lithops.testing.storage.fixtures import StorageFixtures, raised_by, read, spread

__all__ = ["HOSTILE_KEYS", "KeyTests"]

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

_NO_KEYS = ("", "a\0b", "\0", "x" * 1025, "\u6587" * 342, "\udc80", "a/\ud800")
"""What the contract says is no key. A store may take one, as what it is, or refuse it."""


class KeyTests(StorageFixtures):
    """Hostile names."""

    def test_hostile_keys_are_names_like_any_other(self, backend: StorageBackend, bucket: str) -> None:
        taken = [key for key in HOSTILE_KEYS if self.takes(key)]
        spread(lambda key: backend.put(bucket, key, key.encode(), if_absent=True), taken)
        assert [info.key for info in backend.list(bucket)] == sorted(taken, key=str.encode)
        assert spread(lambda key: read(backend, bucket, key), taken) == [key.encode() for key in taken]
        assert spread(lambda key: backend.head(bucket, key).key, taken) == taken
        backend.delete(bucket, taken[::2])
        assert [info.key for info in backend.list(bucket)] == sorted(taken[1::2], key=str.encode)
        for key in taken[1:40:2]:
            backend.delete(bucket, [key])
        left = sorted({*taken[1::2]} - {*taken[1:40:2]}, key=str.encode)
        assert [info.key for info in backend.list(bucket)] == left

    def test_a_key_that_the_store_cannot_have_is_refused_by_every_verb(
        self, backend: StorageBackend, bucket: str
    ) -> None:
        backend.put(bucket, "key", b"mine")
        for key in HOSTILE_KEYS:
            if not self.takes(key):
                self._assert_is_refused(backend, bucket, key)
        assert [info.key for info in backend.list(bucket)] == ["key"]

    @pytest.mark.parametrize("key", _NO_KEYS, ids=lambda key: ascii(key[:5]))
    def test_what_is_no_key_is_refused_or_taken_as_it_is(self, backend: StorageBackend, bucket: str, key: str) -> None:
        backend.put(bucket, "key", b"mine")
        try:
            backend.put(bucket, key, b"other")
        except StorageError:
            self._assert_is_refused(backend, bucket, key)
            assert [info.key for info in backend.list(bucket)] == ["key"]
        else:
            assert read(backend, bucket, key) == b"other"
            assert backend.head(bucket, key).key == key
            assert sorted(info.key for info in backend.list(bucket)) == sorted(["key", key])
            backend.delete(bucket, [key])
            assert [info.key for info in backend.list(bucket)] == ["key"]
        assert read(backend, bucket, "key") == b"mine"

    def test_a_key_leads_to_no_other_place(self, backend: StorageBackend, bucket: str) -> None:
        backend.put(bucket, "key", b"mine")
        for key in (f"../{bucket}/key", "x/../key", "./key", "/key", "//key", f"/{bucket}/key", "key?x=1", "key#x"):
            if self.takes(key):
                backend.put(bucket, key, b"other")
            assert read(backend, bucket, "key") == b"mine"
            if self.takes(key):
                backend.delete(bucket, [key])
        assert [info.key for info in backend.list(bucket)] == ["key"]

    def test_hostile_prefixes_and_marks_select_by_bytes(self, backend: StorageBackend, bucket: str) -> None:
        keys = sorted((key for key in HOSTILE_KEYS if self.takes(key)), key=str.encode)
        spread(lambda key: backend.put(bucket, key, b""), keys)
        texts = [key for key in HOSTILE_KEYS[::5] if self.takes(key)]
        texts += [key for key in ("\uffff", "~") if self.takes(key)]
        texts += ["a/.", "a/", "d" * 200, "d" * 249, "c/c", "zzz", "\u6587"]
        listed = spread(lambda text: [info.key for info in backend.list(bucket, text)], texts)
        assert listed == [[key for key in keys if key.startswith(text)] for text in texts]
        above = spread(lambda text: [info.key for info in backend.list(bucket, after=text)], texts)
        assert above == [[key for key in keys if key.encode() > text.encode()] for text in texts]

    def _assert_is_refused(self, backend: StorageBackend, bucket: str, key: str) -> None:
        verbs: dict[str, Callable[[], object]] = {
            "put": lambda: backend.put(bucket, key, b"other"),
            "put if absent": lambda: backend.put(bucket, key, b"other", if_absent=True),
            "get": lambda: backend.get(bucket, key),
            "head": lambda: backend.head(bucket, key),
            "delete": lambda: backend.delete(bucket, [key]),
        }
        for verb, action in verbs.items():
            raised_by(action, StorageError, f"{verb} of the key {key[:80]!r}, which put refuses,")
