"""Keys and files: one name for each key, one key for each name, and folders in the order of the keys."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lithops.testing.storage.keys import HOSTILE_KEYS
from lithops_localhost.file_names import added_by, bucket_name, encoded_key, folders_of, key_names

PARTS = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20),
    st.sampled_from(["", ".", "..", "%", "%e", "%tmp", "a", "a%", "a%2B", "+", "\n"]),
    st.builds(lambda char, count: char * count, st.sampled_from("a%\u6587\x01\U0001f600"), st.integers(80, 260)),
)
KEYS = (
    st.lists(PARTS, min_size=1, max_size=6)
    .flatmap(lambda parts: st.sampled_from(["/".join(parts), "".join(parts)]))
    .filter(lambda key: len(key.encode()) <= 1024)
)


def key_of(names: tuple[bytes, ...]) -> bytes | None:
    key = b""
    for at, name in enumerate(names):
        added = added_by(name, is_folder=at < len(names) - 1)
        if added is None:
            return None
        key += added
    return key


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("table.csv", "table.csv"),
        ("data/table.csv", "data%/table.csv"),
        ("a b/\u00e9*?", "a b%/\u00e9*?"),
        ("/a//b/", "%/a%/%/b%/%e"),
        ("../50% off", "%2E%2E%/50%25 off"),
        ("\n", "%0A"),
        ("x" * 300, "x" * 250 + "%+/" + "x" * 50),
    ],
)
def test_simple_keys_are_readable_on_disk(key: str, path: str) -> None:
    assert b"/".join(key_names(encoded_key(key))) == path.encode()


@pytest.mark.parametrize("key", HOSTILE_KEYS)
def test_hostile_keys_have_names_that_a_disk_takes(key: str) -> None:
    names = key_names(encoded_key(key))
    assert key_of(names) == key.encode()
    assert all(0 < len(name) <= 255 and b"/" not in name and name not in (b".", b"..", b"%tmp") for name in names)


@pytest.mark.parametrize("tail", [".", "..", "./x", "../x", ".a", "/."])
def test_what_a_cut_leaves_over_is_no_dot(tail: str) -> None:
    for before in ("%" * 83 + "0", "a" * 250):
        names = key_names(encoded_key(before + tail))
        assert key_of(names) == (before + tail).encode()
        assert not {b".", b"..", b".%", b"..%"} & set(names)


@settings(max_examples=500)
@given(KEYS)
def test_a_key_comes_back_from_its_names(key: str) -> None:
    names = key_names(encoded_key(key))
    assert key_of(names) == key.encode()
    assert all(0 < len(name) <= 255 for name in names)


@settings(max_examples=500)
@given(
    st.lists(st.binary(min_size=1, max_size=12).filter(lambda name: b"/" not in name and b"\0" not in name), min_size=1)
)
def test_each_name_that_is_read_as_a_key_is_the_name_of_that_key(names: list[bytes]) -> None:
    key = key_of(tuple(names))
    if key is not None:
        assert key_names(key) == tuple(names)


@settings(max_examples=500)
@given(st.lists(KEYS, min_size=2, max_size=8, unique=True))
def test_walking_the_names_gives_the_keys_in_order(keys: list[str]) -> None:
    def tokens(key: str) -> list[bytes]:
        names = key_names(encoded_key(key))
        return [added_by(name, is_folder=at < len(names) - 1) or b"" for at, name in enumerate(names)]

    assert sorted(keys, key=tokens) == sorted(keys, key=str.encode)


@given(KEYS, KEYS)
def test_what_lies_below_a_prefix_lies_in_its_folders(head: str, tail: str) -> None:
    key = f"{head}/{tail}"
    if len(key.encode()) <= 1024:
        folders = folders_of(head.encode())
        assert key_names(key.encode())[: len(folders)] == folders


@pytest.mark.parametrize(
    ("name", "is_folder"),
    [
        *[
            (b"%00", False),
            (b"%41", False),
            (b"%2e", False),
            (b".", False),
            (b"a%", False),
            (b"%tmp", False),
            (b"\n", False),
        ],
        *[(b"\xff", False), (b"x" * 250, False), (b"folder", True), (b"%tmp", True), (b"short%+", True), (b".%", True)],
        *[(b"x" * 251 + b"%+", True), (b"x" * 250 + b"%", True), (b"%2F%", True), (b"%e%", True)],
    ],
)
def test_names_that_no_key_has_are_no_keys(name: bytes, is_folder: bool) -> None:
    assert added_by(name, is_folder) is None


@pytest.mark.parametrize("key", ["a\0b", "x" * 1025, "\u6587" * 342, "\udc80"])
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match=r"NUL|surrogates"):
        encoded_key(key)


def test_buckets_have_one_folder_each() -> None:
    assert [bucket_name(name) for name in ("data", "a/b", "..", "a%2Fb")] == [b"data", b"a%2Fb", b"%2E%2E", b"a%252Fb"]
    for name in ("", "a\0b", "x" * 251):
        with pytest.raises(ValueError, match="bucket"):
            bucket_name(name)
