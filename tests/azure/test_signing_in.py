"""Who may do what: keys, connection strings, shared access signatures, tokens, and the absence of them."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
import requests
from azure.core.credentials import AccessToken
from azure.storage.blob import generate_container_sas
from requests.adapters import HTTPAdapter
from tests.emulators.azurite import ACCOUNT, KEY
from urllib3 import HTTPResponse

from lithops.errors import AccessDeniedError, LithopsError, TransientError
from lithops.testing.storage.fixtures import read
from lithops_azure.config import AzureStorageConfig
from lithops_azure.storage import AzureStorage

Open = Callable[..., AzureStorage]
ALL = "racwdl"


def signature(bucket: str, permission: str = ALL, **lasts: float) -> str:
    ends = datetime.now(UTC) + timedelta(**(lasts or {"hours": 1}))
    starts = ends - timedelta(days=2)
    return str(generate_container_sas(ACCOUNT, bucket, KEY, permission=permission, start=starts, expiry=ends))


def sig_of(token: str) -> str:
    return next(part for part in token.split("&") if part.startswith("sig="))[4:]


def refused(action: Callable[[], object], *secrets: str) -> LithopsError:
    """Give the error of an action; nothing that is printed of it has a secret."""
    with pytest.raises(LithopsError) as caught:
        action()
    said = "".join(traceback.format_exception(caught.value))
    assert [secret for secret in secrets if secret in said] == []
    return caught.value


def config_of(form: str, url: str, bucket: str) -> dict[str, str]:
    token = signature(bucket)
    place = f"DefaultEndpointsProtocol=http;BlobEndpoint={url}/{ACCOUNT}"
    return {
        "key": {"storage_account_key": KEY},
        "signature": {"sas_token": token},
        "signature with its question mark": {"sas_token": "?" + token},
        "connection string": {"connection_string": f"{place};AccountName={ACCOUNT};AccountKey={KEY};"},
        "connection string with a signature": {
            "connection_string": f"{place};AccountName={ACCOUNT};SharedAccessSignature={token}"
        },
    }[form]


@pytest.mark.parametrize(
    "form",
    [
        "key",
        "signature",
        "signature with its question mark",
        "connection string",
        "connection string with a signature",
    ],
)
def test_each_way_to_sign_in_reaches_all_verbs(
    form: str, open_store: Open, url: str, bucket: str, entrust: Callable[[AzureStorage], None]
) -> None:
    store = open_store(**config_of(form, url, bucket))
    store.create_bucket(bucket)
    assert store.has_bucket(bucket)
    big = bytes(9 << 20)
    assert store.put(bucket, "big", big).size_bytes == len(big)
    for key in ("a b/\u00e9?&#%41+", "b", "c"):
        store.put(bucket, key, key.encode(), if_absent=True)
        assert read(store, bucket, key) == key.encode()
    assert [info.key for info in store.list(bucket, after="b")] == ["big", "c"]
    store.delete(bucket, ["a b/\u00e9?&#%41+", "b", "missing"])
    store.delete(bucket, ["c"])
    assert [info.key for info in store.list(bucket)] == ["big"]
    entrust(store)
    with closing(AzureStorage.from_ref(store.ref(bucket))) as opened:
        assert opened.head(bucket, "big").size_bytes == len(big)
        assert opened.ref(bucket) == store.ref(bucket)
        assert opened.credentials() == store.credentials()


def test_a_signature_gives_no_more_than_it_says(open_store: Open, store: AzureStorage, bucket: str) -> None:
    store.put(bucket, "key", b"x")
    token = signature(bucket, "rl")
    reader = open_store(sas_token=token)
    assert read(reader, bucket, "key") == b"x"
    for action in (
        lambda: reader.put(bucket, "key", b"y"),
        lambda: reader.delete(bucket, ["key"]),
        lambda: reader.delete(bucket, ["key", "other"]),
        lambda: reader.create_bucket("another-bucket"),
    ):
        assert isinstance(refused(action, sig_of(token)), AccessDeniedError)
    assert read(store, bucket, "key") == b"x"


def test_an_expired_signature_is_denied(open_store: Open, bucket: str) -> None:
    token = signature(bucket, hours=-1)
    store = open_store(sas_token=token)
    assert isinstance(refused(lambda: store.put(bucket, "key", b"x"), sig_of(token)), AccessDeniedError)


def test_a_broken_connection_does_not_tell_the_signature(open_store: Open, bucket: str) -> None:
    token = signature(bucket)
    store = open_store("http://127.0.0.1:1", sas_token=token)
    for action in (
        lambda: store.put(bucket, "key", b"x"),
        lambda: store.get(bucket, "key"),
        lambda: list(store.list(bucket)),
        lambda: store.delete(bucket, ["a", "b"]),
    ):
        error = refused(action, sig_of(token))
        assert isinstance(error, TransientError)
        assert "refused" in str(error)


def test_without_any_credentials_the_message_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")  # the others ask programs and servers
    with closing(AzureStorage(AzureStorageConfig(storage_account_name="mine1"))) as store:
        error = refused(lambda: store.put("bucket", "key", b"x"))
    assert isinstance(error, AccessDeniedError)
    assert "storage_account_key" in str(error)
    assert "az login" in str(error)


class _SignedIn:
    """Stands for azure-identity's DefaultAzureCredential on a machine where somebody is signed in."""

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        assert scopes == ("https://storage.azure.com/.default",)
        return AccessToken("t0ken", int(datetime.now(UTC).timestamp()) + 3600)

    def close(self) -> None:
        return


def test_a_token_goes_with_each_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("azure.identity.DefaultAzureCredential", _SignedIn)
    sent: list[requests.PreparedRequest] = []

    def answered(_: HTTPAdapter, request: requests.PreparedRequest, **__: Any) -> requests.Response:
        sent.append(request)
        response = requests.Response()
        response.status_code, response.request, response.raw = (
            201,
            request,
            HTTPResponse(BytesIO(), preload_content=False),
        )
        return response

    monkeypatch.setattr(HTTPAdapter, "send", answered)
    with closing(AzureStorage(AzureStorageConfig(storage_account_name="mine1"))) as store:
        assert sent == []
        assert store.credentials() == {}
        store.put("bucket", "key", b"x")
        assert store.ref("bucket").options["endpoint"] == "https://mine1.blob.core.windows.net"
    (request,) = sent
    assert request.url == "https://mine1.blob.core.windows.net/bucket/key"
    assert request.headers["Authorization"] == "Bearer t0ken"
