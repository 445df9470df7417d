"""One Azurite for all tests of this folder, and stores of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any
from uuid import uuid4

import pytest
from tests.emulators.azurite import ACCOUNT, KEY, azurite

from lithops.config import Secret
from lithops.worker import credentials
from lithops_azure.config import SECRETS, AzureStorageConfig
from lithops_azure.storage import AzureStorage

Open = Callable[..., AzureStorage]


@pytest.fixture(scope="session")
def url() -> Iterator[str]:
    with azurite() as server:
        yield server.url


@pytest.fixture
def open_store(url: str) -> Iterator[Open]:
    """Open a store on Azurite, or on what stands in front of it; with the account's key when no secret is given."""
    with ExitStack() as stack:

        def opened(url: str = url, **config: Any) -> AzureStorage:
            if not set(config) & set(SECRETS):
                config["storage_account_key"] = KEY
            if "connection_string" not in config:
                config = {"storage_account_name": ACCOUNT, "endpoint": f"{url}/{ACCOUNT}", **config}
            given: dict[str, Any] = {key: Secret(value) if key in SECRETS else value for key, value in config.items()}
            return stack.enter_context(closing(AzureStorage(AzureStorageConfig(**given))))

        yield opened


@pytest.fixture
def entrust(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[AzureStorage], None]]:
    """Entrust this process with a store's keys, as a worker of this machine is."""
    file = credentials.anonymous_file()
    monkeypatch.setattr(credentials, "_entrusted", {})
    monkeypatch.setattr(credentials, "_source", file)
    yield lambda store: credentials.entrust(file, store.ref(""), store.credentials())
    os.close(file)


@pytest.fixture
def store(open_store: Open) -> AzureStorage:
    return open_store()


@pytest.fixture
def bucket(store: AzureStorage) -> str:
    name = f"lithops-{uuid4().hex[:12]}"
    store.create_bucket(name)
    return name
