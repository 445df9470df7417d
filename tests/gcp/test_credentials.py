"""Credentials: a file that the configuration names, those that Google's SDK finds, or none; and what goes wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.emulators.servers import Server
from tests.gcp.accounts import key_file, private_key

from lithops.errors import AccessDeniedError, TransientError
from lithops.testing import Answer, FaultProxy, HttpFault
from lithops_gcp.config import GcpStorageConfig
from lithops_gcp.storage import GcpStorage

_VARIABLES = ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT", "STORAGE_EMULATOR_HOST")


@pytest.fixture(autouse=True)
def _no_credentials_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")


@pytest.fixture
def proxy(server: Server) -> Iterator[FaultProxy]:
    with FaultProxy(server.url) as proxy:
        yield proxy


def opened(endpoint: str | None = None, path: str | None = None) -> GcpStorage:
    return GcpStorage(GcpStorageConfig(endpoint=endpoint, credentials_path=path))


def test_a_key_file_gives_a_token_and_the_project(server: Server, tmp_path: Path) -> None:
    with closing(opened(server.url, key_file(tmp_path, server.url))) as store:
        store.create_bucket("lithops-gcp-file")
        assert store.has_bucket("lithops-gcp-file")
        assert store.client().project == "lithops-tests"


def test_one_token_serves_all_threads(server: Server, proxy: FaultProxy, tmp_path: Path) -> None:
    with closing(opened(server.url, key_file(tmp_path, proxy.url))) as store, ThreadPoolExecutor(16) as pool:
        assert set(pool.map(store.has_bucket, ["lithops-gcp-none"] * 64)) == {False}
    assert [request.path for request in proxy.requests] == ["/lithops-tests/token"]


def test_the_chain_finds_what_the_environment_names(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", key_file(tmp_path, server.url))
    store = opened()
    identity = store._session.identity()
    assert identity.project == "lithops-tests"
    assert identity.credentials.service_account_email == "tests@lithops-tests.iam.gserviceaccount.com"


def test_without_credentials_the_first_verb_says_what_to_do() -> None:
    store = opened()
    store.ref("bucket")
    with pytest.raises(AccessDeniedError, match=r"gcloud auth application-default login.*credentials_path"):
        store.has_bucket("lithops-gcp-none")
    store.close()


def test_an_emulator_is_asked_by_nobody(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url.removeprefix("http://"))
    with closing(opened()) as store:
        assert not store.has_bucket("lithops-gcp-none")
        assert store.ref("bucket").options == {"endpoint": server.url}


def test_a_worker_elsewhere_takes_the_credentials_of_its_platform(server: Server, tmp_path: Path) -> None:
    path = key_file(tmp_path, server.url)
    ref = opened(server.url, path).ref("bucket")
    assert ref.options == {"endpoint": server.url, "credentials_path": path}
    Path(path).unlink()
    with closing(GcpStorage.from_ref(ref)) as worker:
        assert not worker.has_bucket("lithops-gcp-none")
        assert worker.ref("bucket") == ref
    with (
        closing(
            GcpStorage(
                SimpleNamespace(**ref.options, **dict.fromkeys(("storage_bucket", "region", "project_name", "project")))
            )
        ) as client,
        pytest.raises(AccessDeniedError, match="No such file"),
    ):
        client.has_bucket("lithops-gcp-none")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "it is no JSON"),
        ("[]", 'its "type" is none of'),
        ('{"type": "external_account"}', "GOOGLE_APPLICATION_CREDENTIALS"),
        ('{"type": "service_account", "client_email": "a@b"}', "a field of it is missing"),
        ('{"type": "authorized_user", "client_id": "hunter2"}', "a field of it is missing"),
        (
            json.dumps({"type": "service_account", "client_email": "a", "token_uri": "b", "private_key": "hunter2"}),
            "malformed",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_named_and_not_shown(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "key.json"
    path.write_text(text)
    with closing(opened(path=str(path))) as store, pytest.raises(AccessDeniedError) as caught:
        store.has_bucket("lithops-gcp-none")
    assert said in str(caught.value)
    assert str(path) in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_wrong_clock_is_said_to_be_wrong(server: Server, tmp_path: Path) -> None:
    path = key_file(tmp_path, server.url, "skewed")
    with (
        closing(opened(server.url, path)) as store,
        pytest.raises(AccessDeniedError, match="the clock of this machine"),
    ):
        store.put("lithops-gcp-none", "key", b"x")


def test_an_account_that_is_refused_is_denied(server: Server, tmp_path: Path) -> None:
    path = key_file(tmp_path, server.url, "refused")
    with (
        closing(opened(server.url, path)) as store,
        pytest.raises(AccessDeniedError, match="account not found") as caught,
    ):
        store.get("lithops-gcp-none", "key")
    assert private_key().splitlines()[1] not in str(caught.value)


def test_a_token_that_cannot_be_had_now_may_be_later(server: Server, proxy: FaultProxy, tmp_path: Path) -> None:
    path = key_file(tmp_path, proxy.url)
    proxy.plan(HttpFault(resets=True, times=None))
    with closing(opened(server.url, path)) as store:
        with pytest.raises(TransientError):
            store.has_bucket("lithops-gcp-none")
        proxy.plan()
        assert not store.has_bucket("lithops-gcp-none")


def test_a_store_is_used_again_after_its_end(server: Server, tmp_path: Path) -> None:
    store = opened(server.url, key_file(tmp_path, server.url))
    for _ in range(2):
        assert not store.has_bucket("lithops-gcp-none")
        store.close()


def test_a_token_that_expired_is_not_asked_for_again_by_the_way(
    server: Server, proxy: FaultProxy, tmp_path: Path
) -> None:
    """A backend never retries: a 401 is raised, and no request is sent twice."""
    with closing(opened(proxy.url, key_file(tmp_path, server.url))) as store:
        proxy.plan(HttpFault(answer=Answer(401, b"Invalid Credentials")))
        with pytest.raises(AccessDeniedError, match="Invalid Credentials"):
            store.has_bucket("lithops-gcp-none")
        assert len(proxy.requests) == 1
