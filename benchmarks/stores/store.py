"""What a store is to the benchmark: the server that stands in for it, and its two clients, ours and the bare SDK's."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from tests.emulators.servers import Server

from lithops import Storage

__all__ = ["BUCKET", "NAMES", "Client", "Ours", "Store", "store_named"]

NAMES = ("aws_s3", "gcp_storage", "azure_storage", "ibm_cos", "aliyun_oss")
"""Each is a module of this folder, whose `STORE` is the store."""

BUCKET = "lithops-bench"


class Client(ABC):
    """What is measured of a client of one bucket."""

    @abstractmethod
    def put(self, key: str, data: bytes) -> None:
        """Write a small object."""

    @abstractmethod
    def get(self, key: str) -> bytes:
        """Read a small object."""

    @abstractmethod
    def upload(self, path: str, key: str) -> None:
        """Write a file as an object, in bounded memory."""

    @abstractmethod
    def download(self, key: str, path: str) -> None:
        """Write an object as a file, in bounded memory."""

    @abstractmethod
    def count(self, prefix: str) -> int:
        """List the keys below a prefix, and count them."""


@dataclass(frozen=True, slots=True)
class Store:
    """One store. `settings` gives the section of our configuration and `sdk` opens the SDK, both at a server's URL.

    `packages` are the distributions of the SDK and of the server that are named beside the figures, as far as Python
    knows them. `fill` writes objects that hold no more than a few bytes, quickly.
    """

    name: str
    sdk_name: str
    packages: Sequence[str]
    serve: Callable[[], AbstractContextManager[Server]]
    settings: Callable[[str], Mapping[str, Any]]
    sdk: Callable[[str], Client]
    fill: Callable[[str, Sequence[str]], None]
    page_keys: int = 1000
    listed_keys: int = 10_000

    def ours(self, url: str) -> Ours:
        """Open our side at a server's URL."""
        return Ours(self.name, self.settings(url))


class Ours(Client):
    """Our side, as its user writes it."""

    def __init__(self, name: str, settings: Mapping[str, Any]) -> None:
        self.storage = Storage({"lithops": {"storage": name}, name: dict(settings)})

    def put(self, key: str, data: bytes) -> None:
        self.storage.put_object(BUCKET, key, data)

    def get(self, key: str) -> bytes:
        return self.storage.get_object(BUCKET, key)

    def upload(self, path: str, key: str) -> None:
        self.storage.upload_file(path, BUCKET, key)

    def download(self, key: str, path: str) -> None:
        self.storage.download_file(BUCKET, key, path)

    def count(self, prefix: str) -> int:
        return sum(1 for _ in self.storage.list_objects(BUCKET, prefix))


def store_named(name: str) -> Store:
    """Give one of `NAMES`."""
    store = importlib.import_module(f"benchmarks.stores.{name}").STORE
    assert isinstance(store, Store)
    return store
