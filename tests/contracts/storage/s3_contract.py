"""What the tests of S3's dialects share: a server, and a way past the SDK to many objects."""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from typing import ClassVar

import pytest
from tests.emulators.servers import HERE, Server, running

from lithops.spi.storage import StorageBackend
from lithops.testing import Answer
from lithops.testing.storage.fixtures import StorageFixtures

__all__ = ["S3Fixtures", "S3HttpAnswers", "error_answer", "moto"]


@pytest.fixture(scope="session")
def moto() -> Iterator[Server]:
    """S3 in memory; what tests leave there disturbs no other, since each has its own bucket."""
    with running([sys.executable, "-P", str(HERE / "moto_server.py"), "{port}"]) as server:
        yield server


class S3Fixtures(StorageFixtures):
    """Many objects are written by the server's side door."""

    def fill(self, backend: StorageBackend, bucket: str, keys: Sequence[str]) -> None:
        url = backend.client().meta.endpoint_url
        asked = urllib.request.Request(
            f"{url}/lithops-tests/fill", json.dumps({"bucket": bucket, "keys": list(keys)}).encode(), method="POST"
        )
        with urllib.request.urlopen(asked, timeout=30) as answer:
            assert answer.status == 204


def error_answer(status: int, code: str) -> Answer:
    """Make an error as S3 tells it."""
    body = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>told by a test</Message></Error>'
    return Answer(status, body.encode(), {"Content-Type": "application/xml"})


class S3HttpAnswers:
    """The refusals of S3, in its own shape."""

    throttled: ClassVar[Answer] = error_answer(503, "SlowDown")
    denied: ClassVar[Answer] = error_answer(403, "SignatureDoesNotMatch")
    failed: ClassVar[Answer] = error_answer(500, "InternalError")
    skewed: ClassVar[Answer | None] = error_answer(403, "RequestTimeTooSkewed")
