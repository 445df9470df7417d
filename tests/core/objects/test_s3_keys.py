"""Keys that S3 takes, and those that an XML document carries."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from lithops.errors import StorageError
from lithops.objects.s3_keys import check_key, fits_in_xml
from lithops.testing.storage.keys import HOSTILE_KEYS


@pytest.mark.parametrize("key", ["", "a\0b", "k" * 1025, "\u6587" * 342, "a\ud800"])
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(StorageError, match=r"cannot use key .* of bucket 'b': .*; choose another key"):
        check_key("b", key)


def test_hostile_keys_are_taken() -> None:
    for key in HOSTILE_KEYS:
        check_key("b", key)


@pytest.mark.parametrize("key", ["..", "../a", "../../a", "a/../..", "a/../../b", "soap", "a/../../../b/c/d"])
def test_amazon_refuses_what_climbs_above_the_bucket(key: str) -> None:
    check_key("b", key)
    with pytest.raises(StorageError):
        check_key("b", key, is_amazon=True)


@pytest.mark.parametrize("key", ["a/../b", "a/..", "a/b/../../c", "...", "a..b", "..a", "soap/x", "//", "."])
def test_amazon_takes_dots_that_stay_below(key: str) -> None:
    check_key("b", key, is_amazon=True)


@pytest.mark.parametrize("key", ["a\x01", "a\nb", "a\rb", "\x7f", "\x85", "\uffff", "\ufffe", " a", "a ", " "])
def test_what_xml_changes_does_not_fit(key: str) -> None:
    assert not fits_in_xml(key)


def test_what_fits_comes_through_a_document() -> None:
    fitting = [key for key in HOSTILE_KEYS if fits_in_xml(key)]
    assert len(fitting) > len(HOSTILE_KEYS) * 0.8
    for key in fitting:
        node = ElementTree.Element("Key")
        node.text = key
        assert ElementTree.fromstring(ElementTree.tostring(node)).text == key
