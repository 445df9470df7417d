"""The conformance kit of storage: subclass `StorageContract` and override its fixture `backend`."""

from __future__ import annotations

from lithops.testing.storage.keys import KeyTests
from lithops.testing.storage.listings import ListingTests
from lithops.testing.storage.multipart import MultipartTests
from lithops.testing.storage.objects import ObjectTests
from lithops.testing.storage.races import RaceTests
from lithops.testing.storage.reading import ReadingTests
from lithops.testing.storage.references import ReferenceTests

__all__ = ["StorageContract"]


class StorageContract(ObjectTests, ReadingTests, MultipartTests, KeyTests, ListingTests, RaceTests, ReferenceTests):
    """Everything that `lithops.spi.storage` promises. `StorageFixtures` has what can be overridden."""
