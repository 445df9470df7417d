"""Listings: the order of names, where they start, and what XML cannot show."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lithops.types import ObjectInfo
from lithops_azure.listing import in_utf8_order, parsed, start_of

keys = st.lists(st.text(st.sampled_from("ab/z\u0416\uf8ff\uff01\U0001f600\U00010000"), max_size=6), unique=True)


def as_utf16(key: str) -> bytes:
    return key.encode("utf-16-be")


@given(keys)
def test_names_in_either_order_come_in_that_of_utf8(names: list[str]) -> None:
    wanted = sorted(names, key=str.encode)
    for order in (as_utf16, str.encode):
        infos = [ObjectInfo(name, 0) for name in sorted(names, key=order)]
        assert [info.key for info in in_utf8_order(infos)] == wanted


def test_names_without_rare_characters_are_not_held() -> None:
    infos = iter([ObjectInfo(name, 0) for name in ("a", "\u6587", "z")])
    listed = in_utf8_order(infos)
    assert [next(listed).key, next(listed).key] == ["a", "\u6587"]
    assert next(infos).key == "z"


def test_names_are_held_no_longer_than_they_must() -> None:
    infos = iter([ObjectInfo(name, 0) for name in ("a\U0001f600", "a\uff01", "b", "c")])
    listed = in_utf8_order(infos)
    assert [next(listed).key, next(listed).key] == ["a\uff01", "a\U0001f600"]
    assert next(infos).key == "c"


@given(keys, st.text(st.sampled_from("ab\uff01\U0001f600"), max_size=3), st.text(st.sampled_from("ab"), max_size=2))
def test_no_name_above_a_mark_is_before_the_start(names: list[str], after: str, prefix: str) -> None:
    start = start_of(after, prefix)
    for name in names:
        if name > after and name.startswith(prefix):
            assert as_utf16(name) >= as_utf16(start)
            assert name.encode() >= start.encode()


def test_a_name_that_xml_cannot_have_is_decoded() -> None:
    page = parsed(
        b'\xef\xbb\xbf<?xml version="1.0"?><EnumerationResults><Blobs><Blob><Name Encoded="true">a%EF%BF%BF%20b</Name>'
        b"<Properties><Content-Length>3</Content-Length><Etag>0x1</Etag>"
        b"<Last-Modified>Mon, 30 Nov 2026 01:23:32 GMT</Last-Modified></Properties></Blob>"
        b"<Blob><Name>a%20b</Name><Properties><Content-Length>0</Content-Length></Properties></Blob></Blobs>"
        b"<NextMarker>next</NextMarker></EnumerationResults>"
    )
    assert [(info.key, info.size_bytes, info.etag) for info in page.infos] == [
        ("a\uffff b", 3, "0x1"),
        ("a%20b", 0, None),
    ]
    assert page.marker == "next"
