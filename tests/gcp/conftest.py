"""The server that stands in for Cloud Storage, a store on it, and Google's own client."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from tests.emulators.servers import HERE, Server, running

from lithops_gcp.config import GcpStorageConfig
from lithops_gcp.storage import GcpStorage


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with running([sys.executable, "-P", str(HERE / "gcs_server.py"), "{port}", "--token", "ya29.right"]) as server:
        yield server


@pytest.fixture
def store(server: Server) -> Iterator[GcpStorage]:
    opened = GcpStorage(GcpStorageConfig(endpoint=server.url, project_name="lithops-tests"))
    yield opened
    opened.close()


@pytest.fixture
def bucket(store: GcpStorage, request: pytest.FixtureRequest) -> str:
    name = f"lithops-gcp-{abs(hash(request.node.nodeid)):x}"[:40]
    store.create_bucket(name)
    return name


@pytest.fixture
def google_bucket(store: GcpStorage, bucket: str) -> Any:
    """The bucket as Google's client sees it."""
    return store.client().bucket(bucket)
