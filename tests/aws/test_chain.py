"""Where keys and region come from when the configuration names none: the SDK's own places."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.contracts.storage.s3_contract import moto as moto
from tests.emulators.servers import Server

from lithops.errors import AccessDeniedError, ConfigError
from lithops.types import StorageRef
from lithops.worker import credentials
from lithops_aws.config import AwsS3Config
from lithops_aws.storage import AwsS3Storage


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "PROFILE", "DEFAULT_REGION", "REGION"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def store(moto: Server) -> Iterator[AwsS3Storage]:
    with closing(AwsS3Storage(AwsS3Config(endpoint=moto.url))) as store:
        yield store


def key_of(store: AwsS3Storage) -> str:
    """Send a request, and give the key that the SDK signed it with."""
    signed: list[str] = []
    client = store.client()
    client.meta.events.register(
        "before-send.s3", lambda request, **_: signed.append(str(request.headers["Authorization"]))
    )
    store.has_bucket("a-bucket-of-nobody")
    return signed[0].partition("Credential=")[2].partition("/")[0]


def test_the_environment_is_read(store: AwsS3Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "FROMENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    assert key_of(store) == "FROMENVIRONMENT"
    assert store.credentials() == {}


def test_the_shared_files_are_read(
    store: AwsS3Storage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, moto: Server
) -> None:
    (tmp_path / "credentials").write_text(
        "[default]\naws_access_key_id = FROMFILE\naws_secret_access_key = x\n"
        "[other]\naws_access_key_id = OTHER\naws_secret_access_key = x\n"
    )
    assert key_of(store) == "FROMFILE"
    monkeypatch.setenv("AWS_PROFILE", "other")
    with closing(AwsS3Storage(AwsS3Config(endpoint=moto.url))) as again:
        assert key_of(again) == "OTHER"


def test_no_keys_at_all_are_told(store: AwsS3Storage) -> None:
    with pytest.raises(AccessDeniedError, match="write the keys into the configuration"):
        store.head("b-b", "k")


def test_a_profile_that_is_missing_is_told(store: AwsS3Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "missing")
    with pytest.raises(ConfigError, match="missing"):
        store.head("b-b", "k")


def test_no_region_is_told_before_any_request(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="set 'region'"):
        AwsS3Storage(AwsS3Config()).head("b-b", "k")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-3")
    with closing(AwsS3Storage(AwsS3Config())) as store:
        assert store.client().meta.region_name == "eu-west-3"


def test_a_worker_opens_with_the_keys_that_it_was_entrusted_with(moto: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = StorageRef("lithops_aws.storage:AwsS3Storage", "b", {"endpoint": moto.url, "region": "eu-west-9"})
    monkeypatch.setattr(credentials, "_entrusted", {})
    monkeypatch.setattr(credentials, "_source", None)
    file = credentials.anonymous_file()
    credentials.entrust(file, ref, {"access_key_id": "ENTRUSTED", "secret_access_key": "x", "session_token": "y"})
    credentials.take_from(file)
    with os.fdopen(file), closing(AwsS3Storage.from_ref(ref)) as store:
        assert key_of(store) == "ENTRUSTED"
