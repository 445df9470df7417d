"""Stores that list, name and delete many objects wrongly."""

from __future__ import annotations

import fnmatch
import posixpath
from collections.abc import Iterator, Sequence
from itertools import islice

from tests.contracts.storage.broken_base import Body, Broken

from lithops.errors import NoSuchBucketError, StorageError, StorageNoSuchKeyError
from lithops.testing import MemoryStorage
from lithops.types import ObjectInfo


class TestListsAsInserted(Broken):
    catches = "test_many_keys_are_listed_in_order_and_above_marks"

    class store(MemoryStorage):  # noqa: N801
        def list(self, bucket: str, prefix: str = "", *, after: str | None = None) -> Iterator[ObjectInfo]:
            found = list(super().list(bucket, prefix, after=after))
            return iter(sorted(found, key=lambda info: info.key[::-1]))


class TestListsByUtf16(Broken):
    catches = "test_hostile_keys_are_names_like_any_other"

    class store(MemoryStorage):  # noqa: N801
        def list(self, bucket: str, prefix: str = "", *, after: str | None = None) -> Iterator[ObjectInfo]:
            found = list(super().list(bucket, prefix, after=after))
            return iter(sorted(found, key=lambda info: info.key.encode("utf-16-be")))


class TestListsOnePage(Broken):
    catches = "test_many_keys_are_listed_in_order_and_above_marks"

    class store(MemoryStorage):  # noqa: N801
        def list(self, bucket: str, prefix: str = "", *, after: str | None = None) -> Iterator[ObjectInfo]:
            found = list(super().list(bucket, prefix, after=after))
            return iter(found[:1000])


class TestListsAList(Broken):
    catches = "test_a_listing_is_an_iterator"

    class store(MemoryStorage):  # noqa: N801
        def list(self, bucket: str, prefix: str = "", *, after: str | None = None) -> Iterator[ObjectInfo]:
            return list(super().list(bucket, prefix, after=after))  # type: ignore[return-value]


class TestListsFromAMark(Broken):
    catches = "test_a_mark_outside_of_the_prefix_is_a_mark"

    class store(MemoryStorage):  # noqa: N801
        def list(self, bucket: str, prefix: str = "", *, after: str | None = None) -> Iterator[ObjectInfo]:
            return (info for info in super(type(self), self).list(bucket, prefix) if after is None or info.key >= after)


class TestTakesPrefixesForFolders(Broken):
    catches = "test_a_prefix_is_no_folder"

    class store(MemoryStorage):  # noqa: N801
        def list(self, bucket: str, prefix: str = "", *, after: str | None = None) -> Iterator[ObjectInfo]:
            folder = prefix if not prefix or prefix.endswith("/") else prefix + "/"
            return super().list(bucket, folder, after=after)


class TestDeletesOnePage(Broken):
    catches = "test_many_objects_are_deleted_at_once"

    class store(MemoryStorage):  # noqa: N801
        def delete(self, bucket: str, keys: Sequence[str]) -> None:
            super().delete(bucket, keys[:1000])


class TestResolvesDots(Broken):
    catches = "test_a_key_leads_to_no_other_place"

    class store(MemoryStorage):  # noqa: N801
        def put(self, bucket: str, key: str, body: Body, *, if_absent: bool = False) -> ObjectInfo:
            path = posixpath.normpath(posixpath.join("/root", bucket, key))
            return super().put(bucket, path.removeprefix(f"/root/{bucket}/"), body, if_absent=if_absent)


class TestFoldsCase(Broken):
    catches = "test_hostile_keys_are_names_like_any_other"

    class store(MemoryStorage):  # noqa: N801
        def put(self, bucket: str, key: str, body: Body, *, if_absent: bool = False) -> ObjectInfo:
            return super().put(bucket, key.lower(), body, if_absent=if_absent)


class TestListsTenPages(Broken):
    catches = "test_very_many_keys_are_listed_and_deleted"

    class store(MemoryStorage):  # noqa: N801
        def list(self, bucket: str, prefix: str = "", *, after: str | None = None) -> Iterator[ObjectInfo]:
            return islice(super().list(bucket, prefix, after=after), 10_000)


class TestDeletesTenPages(Broken):
    catches = "test_very_many_keys_are_listed_and_deleted"

    class store(MemoryStorage):  # noqa: N801
        def delete(self, bucket: str, keys: Sequence[str]) -> None:
            super().delete(bucket, keys[:10_000])


class TestStopsDeletingWhereSomethingIsMissing(Broken):
    catches = "test_many_objects_are_deleted_at_once"

    class store(MemoryStorage):  # noqa: N801
        def delete(self, bucket: str, keys: Sequence[str]) -> None:
            for key in keys:
                try:
                    self.head(bucket, key)
                except StorageNoSuchKeyError:
                    return
                super().delete(bucket, [key])


class TestComparesMarksByUtf16(Broken):
    catches = "test_hostile_prefixes_and_marks_select_by_bytes"

    class store(MemoryStorage):  # noqa: N801
        def list(self, bucket: str, prefix: str = "", *, after: str | None = None) -> Iterator[ObjectInfo]:
            mark = (after or "").encode("utf-16-be")
            return (
                info for info in super(type(self), self).list(bucket, prefix) if info.key.encode("utf-16-be") > mark
            )


class TestTakesPrefixesForGlobs(Broken):
    catches = "test_hostile_prefixes_and_marks_select_by_bytes"

    class store(MemoryStorage):  # noqa: N801
        def list(self, bucket: str, prefix: str = "", *, after: str | None = None) -> Iterator[ObjectInfo]:
            infos = super().list(bucket, "", after=after)
            return (info for info in infos if fnmatch.fnmatchcase(info.key, prefix + "*"))


class TestListsAnEmptyBucketAsMissing(Broken):
    catches = "test_an_empty_bucket_lists_nothing"

    class store(MemoryStorage):  # noqa: N801
        def list(self, bucket: str, prefix: str = "", *, after: str | None = None) -> Iterator[ObjectInfo]:
            infos = list(super().list(bucket, prefix, after=after))
            if prefix and not infos:
                raise NoSuchBucketError(bucket)
            return iter(infos)


class TestRefusesAKeyInSomeVerbsOnly(Broken):
    catches = "test_a_key_that_the_store_cannot_have_is_refused_by_every_verb"

    def takes(self, key: str) -> bool:
        return "*" not in key

    class store(MemoryStorage):  # noqa: N801
        def put(self, bucket: str, key: str, body: Body, *, if_absent: bool = False) -> ObjectInfo:
            if "*" in key:
                raise StorageError(f"cannot use key '{key}'")
            return super().put(bucket, key, body, if_absent=if_absent)


class TestTakesAKeyThatItSaysItRefuses(Broken):
    catches = "test_a_key_that_the_store_cannot_have_is_refused_by_every_verb"
    store = MemoryStorage

    def takes(self, key: str) -> bool:
        return "*" not in key


class TestDropsWhatIsNoText(Broken):
    catches = "test_what_is_no_key_is_refused_or_taken_as_it_is"

    class store(MemoryStorage):  # noqa: N801
        def put(self, bucket: str, key: str, body: Body, *, if_absent: bool = False) -> ObjectInfo:
            return super().put(bucket, key.replace("\0", ""), body, if_absent=if_absent)


class TestCutsLongKeys(Broken):
    catches = "test_what_is_no_key_is_refused_or_taken_as_it_is"

    class store(MemoryStorage):  # noqa: N801
        def put(self, bucket: str, key: str, body: Body, *, if_absent: bool = False) -> ObjectInfo:
            return super().put(bucket, key[:1024], body, if_absent=if_absent)


class TestTakesAQueryForNoPartOfAKey(Broken):
    catches = "test_a_key_leads_to_no_other_place"

    class store(MemoryStorage):  # noqa: N801
        def put(self, bucket: str, key: str, body: Body, *, if_absent: bool = False) -> ObjectInfo:
            return super().put(bucket, key.partition("?")[0], body, if_absent=if_absent)
