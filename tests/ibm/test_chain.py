"""Where keys come from when the configuration names none: the places of IBM's SDK."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

import pytest
from tests.contracts.storage.s3_contract import moto as moto
from tests.emulators.servers import HERE, Server, running

from lithops.errors import AccessDeniedError
from lithops_ibm.config import CosConfig
from lithops_ibm.storage import CosStorage


@pytest.fixture
def store(moto: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CosStorage:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "IBM_API_KEY_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return CosStorage(CosConfig(endpoint=moto.url, region="us-east-1"))


def signed_by(store: CosStorage) -> str:
    told: list[str] = []
    store.client().meta.events.register("before-send.s3", lambda request, **_: told.append(_authorization(request)))
    assert not store.has_bucket("a-bucket-of-nobody")
    return told[0]


def _authorization(request: object) -> str:
    value = request.headers["Authorization"]  # type: ignore[attr-defined]
    return value.decode() if isinstance(value, bytes) else str(value)


def test_an_hmac_key_of_the_environment_is_read(store: CosStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "FROMENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with closing(store):
        assert "Credential=FROMENVIRONMENT/" in signed_by(store)


def test_an_api_key_of_the_environment_is_read(store: CosStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    with running([sys.executable, "-P", str(HERE / "ibm_iam_server.py"), "{port}", "hunter2"]) as iam, closing(store):
        monkeypatch.setenv("IBM_API_KEY_ID", "hunter2")
        monkeypatch.setenv("IBM_SERVICE_INSTANCE_ID", "crn")
        monkeypatch.setenv("IBM_AUTH_ENDPOINT", f"{iam.url}/identity/token")
        assert signed_by(store).startswith("Bearer ")


def test_no_keys_at_all_are_told(store: CosStorage) -> None:
    with closing(store), pytest.raises(AccessDeniedError, match="write the keys into the configuration"):
        store.head("b-b", "k")
