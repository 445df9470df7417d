"""How what a user gives as data is understood, and what is said when it is not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lithops.jobs.references import Kind, Reference, parse_reference, parse_references


@dataclass
class CloudObject:
    backend: str | None
    bucket: str
    key: str


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bucket", (Kind.BUCKET, None, "bucket", "")),
        ("bucket/", (Kind.BUCKET, None, "bucket", "")),
        ("s3://bucket", (Kind.BUCKET, "s3", "bucket", "")),
        ("bucket/a/b/", (Kind.PREFIX, None, "bucket", "a/b/")),
        ("gs://bucket/a/", (Kind.PREFIX, "gs", "bucket", "a/")),
        ("bucket/key", (Kind.KEY, None, "bucket", "key")),
        ("COS://bucket/a/k e\u00fd", (Kind.KEY, "cos", "bucket", "a/k e\u00fd")),
        ("my_store://bucket//a//b", (Kind.KEY, "my_store", "bucket", "/a//b")),
        ("bucket/../a", (Kind.KEY, None, "bucket", "../a")),
        ("bucket/*.csv", (Kind.PATTERN, None, "bucket", "*.csv")),
        ("az://bucket/a/**/b?", (Kind.PATTERN, "az", "bucket", "a/**/b?")),
        ("bucket/[ab]/", (Kind.PATTERN, None, "bucket", "[ab]/")),
        ("bucket/a\nb", (Kind.KEY, None, "bucket", "a\nb")),
    ],
)
def test_a_text_names_something_in_a_store(text: str, expected: tuple[Kind, str | None, str, str]) -> None:
    kind, backend, bucket, key = expected
    assert parse_reference(text) == Reference(kind, text, backend, bucket, key)


@pytest.mark.parametrize("text", ["http://host/a?b=*", "https://host:81/a b", "HTTP://host"])
def test_a_url_is_taken_whole(text: str) -> None:
    assert parse_reference(text) == Reference(Kind.URL, text, target=text)


@pytest.mark.parametrize(
    ("reference", "path"),
    [
        ("/data/a.csv", "/data/a.csv"),
        ("/data/", "/data/"),
        (Path("/data/*.csv"), "/data/*.csv"),
        (PurePosixPath("/data"), "/data"),
        ("file:///data/a%20b%25", "/data/a b%"),
        ("file://localhost/data?#", "/data?#"),
        ("file:///data/100%.txt", "/data/100%.txt"),
    ],
)
def test_absolute_paths_are_local(reference: object, path: str) -> None:
    assert parse_reference(reference) == Reference(Kind.PATH, str(reference), target=path)


def test_a_path_as_a_uri_is_the_path() -> None:
    path = Path("/data/a [1]*\u00fd%20.csv")
    assert parse_reference(path.as_uri()).target == str(path)


def test_a_cloud_object_is_known_by_its_attributes() -> None:
    found = parse_reference(CloudObject("s3", "bucket", "a/*/[b]"))
    assert found == Reference(Kind.CLOUD_OBJECT, "s3://bucket/a/*/[b]", "s3", "bucket", "a/*/[b]")
    assert parse_reference(CloudObject(None, "bucket", "a")).backend is None


@pytest.mark.parametrize("reference", ["./a", "../a", ".", "..", "~/a", Path("a"), Path("a/b"), "file://"])
def test_a_relative_path_is_refused_with_the_absolute_one(reference: object) -> None:
    with pytest.raises(ValueError, match="give the absolute path, '/"):
        parse_reference(reference)


@pytest.mark.parametrize(
    "reference", ["", "  ", "\n", "a\0b", "/a\0b", "file:///a%00b", "s3://", "s3:///key", "http://"]
)
def test_a_text_that_names_nothing_is_refused(reference: str) -> None:
    with pytest.raises(ValueError, match="a data reference is 'bucket', 'bucket/prefix/'"):
        parse_reference(reference)


@pytest.mark.parametrize("reference", [None, 1, 1.5, b"bucket/key", ["a"], {}, object(), True])
def test_another_type_is_refused_with_what_is_accepted(reference: object) -> None:
    with pytest.raises(TypeError, match="a data reference is 'bucket', 'bucket/prefix/'"):
        parse_reference(reference)


@pytest.mark.parametrize("reference", ["buck*et/key", "s3://*", "[b]/a"])
def test_a_pattern_in_a_bucket_is_refused(reference: str) -> None:
    with pytest.raises(ValueError, match="pattern in its bucket"):
        parse_reference(reference)


def test_a_cloud_object_without_a_key_is_refused() -> None:
    with pytest.raises(ValueError, match="names a bucket and a key"):
        parse_reference(CloudObject("s3", "bucket", ""))


def test_a_file_of_another_host_is_refused() -> None:
    with pytest.raises(ValueError, match="the host 'elsewhere'"):
        parse_reference("file://elsewhere/a")


def test_a_password_in_a_url_is_refused_and_not_shown() -> None:
    with pytest.raises(ValueError, match="user name") as caught:
        parse_reference("https://ann:s3cret@host/a")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://[::1", "http://host:port/a", "http://host:99999/"])
def test_a_broken_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="is no URL"):
        parse_reference(url)


ONE_OF_EACH = ["bucket", "bucket/p/", "bucket/k", "bucket/*", CloudObject(None, "bucket", "c"), "http://h/a", "/path"]


@pytest.mark.parametrize("first", ONE_OF_EACH)
@pytest.mark.parametrize("second", ONE_OF_EACH)
def test_kinds_do_not_mix(first: object, second: object) -> None:
    if first is second:
        assert len({reference.kind for reference in parse_references([first, second, first])}) == 1
        return
    with pytest.raises(ValueError, match="mixes") as caught:
        parse_references([first, first, second])
    for reference in (first, second):
        assert parse_reference(reference).kind.value in str(caught.value)
        assert f"'{parse_reference(reference).text}'" in str(caught.value)


def test_one_store_named_in_two_ways_does_not_count_as_two_kinds() -> None:
    assert [found.backend for found in parse_references(["a/k", "s3://a/k"])] == [None, "s3"]


def test_no_references_are_none() -> None:
    assert parse_references([]) == []


@given(st.text())
def test_any_text_is_parsed_or_refused_with_a_reason(text: str) -> None:
    try:
        found = parse_reference(text)
    except ValueError:
        return
    assert found.text == text
    assert found.bucket or found.target
