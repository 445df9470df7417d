"""One server that stands in for OSS, for all tests of this folder; each test names its own bucket."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from uuid import uuid4

import pytest
from tests.emulators.servers import HERE, Server, running


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with running([sys.executable, "-P", str(HERE / "oss_server.py"), "{port}"]) as server:
        yield server


@pytest.fixture
def bucket() -> str:
    """The name of a bucket that does not exist yet."""
    return f"lithops-test-{uuid4().hex[:12]}"


@pytest.fixture(autouse=True)
def _no_keys_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OSS_ACCESS_KEY_ID", "OSS_ACCESS_KEY_SECRET", "OSS_SESSION_TOKEN", "FC_FUNCTION_NAME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("ACCESS_KEY_ID", "ACCESS_KEY_SECRET", "SECURITY_TOKEN"):
        monkeypatch.delenv(f"ALIBABA_CLOUD_{name}", raising=False)
