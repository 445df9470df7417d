"""The sections `azure_storage` and `azure`: what is taken, and what the message says about what is not."""

from __future__ import annotations

from typing import Any

import pytest
from tests.emulators.azurite import ACCOUNT, KEY

from lithops.config import Secret, resolve
from lithops.errors import ConfigError, MissingDependencyError
from lithops_azure.account import Account
from lithops_azure.config import AzureStorageConfig

PLANTED = "pl4nted-s3cret"


def given(section: dict[str, Any], provider: dict[str, Any] | None = None) -> Any:
    program = {"lithops": {"backend": "localhost", "storage": "azure_storage"}, "azure_storage": section}
    return resolve(program | ({"azure": provider} if provider else {})).storage_options


def account(**config: Any) -> Account:
    secrets = ("storage_account_key", "sas_token", "connection_string")
    given: dict[str, Any] = {key: Secret(value) if key in secrets else value for key, value in config.items()}
    return Account.of(AzureStorageConfig(**given))


def test_the_sections_of_lithops_3_are_taken() -> None:
    config = given(
        {"storage_account_name": "mine123", "storage_account_key": KEY, "storage_bucket": "jobs"},
        {"resource_group": "group", "region": "westeurope", "subscription_id": "0-0"},
    )
    assert (config.storage_account_name, config.storage_bucket, config.region) == ("mine123", "jobs", "westeurope")
    assert KEY not in repr(config)


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({}, "'storage_account_name' is missing"),
        ({"storage_account_name": "Mine_1"}, "3 to 24 lower-case letters"),
        ({"storage_account_name": "mine1", "storage_bucket": "No_Dots.Here"}, "3 to 63 lower-case letters"),
        ({"storage_account_name": "mine1", "storage_bucket": "a--b"}, "'storage_bucket' is 'a--b'"),
        ({"storage_account_name": "mine1", "storage_account_key": PLANTED}, "copy key1 or key2"),
        ({"storage_account_name": "mine1", "storage_account_key": ""}, "'storage_account_key' is empty"),
        ({"storage_account_name": "mine1", "storage_account_key": KEY, "sas_token": PLANTED}, "leave one of them out"),
        ({"storage_account_name": "mine1", "endpoint": "mine1.blob.core.windows.net"}, "'endpoint' is no URL"),
        ({"storage_account_name": "mine1", "endpoint": f"https://x/?sig={PLANTED}"}, "goes into 'sas_token'"),
        ({"storage_account_name": "mine1", "storage_acount_key": KEY}, "storage_account_key"),
    ],
)
def test_a_wrong_section_says_what_to_write(section: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        given(section)
    assert said in str(caught.value)
    assert PLANTED not in str(caught.value)


@pytest.mark.parametrize(
    ("config", "endpoint"),
    [
        ({"storage_account_name": "mine1", "storage_account_key": KEY}, "https://mine1.blob.core.windows.net"),
        (
            {
                "storage_account_name": "mine1",
                "sas_token": "?sig=1",
                "endpoint": "https://mine1.blob.core.chinacloudapi.cn/",
            },
            "https://mine1.blob.core.chinacloudapi.cn",
        ),
        (
            {
                "connection_string": f"DefaultEndpointsProtocol=https;AccountName=mine1;AccountKey={KEY};"
                "EndpointSuffix=core.usgovcloudapi.net"
            },
            "https://mine1.blob.core.usgovcloudapi.net",
        ),
        (
            {"connection_string": "BlobEndpoint=https://mine1.blob.core.windows.net/;SharedAccessSignature=sv=1&sig=2"},
            "https://mine1.blob.core.windows.net",
        ),
        ({"connection_string": "UseDevelopmentStorage=true"}, f"http://127.0.0.1:10000/{ACCOUNT}"),
    ],
)
def test_each_form_names_an_account(config: dict[str, Any], endpoint: str) -> None:
    found = account(**config)
    assert found.endpoint == endpoint
    assert found.name == (ACCOUNT if "127.0.0.1" in endpoint else "mine1")


@pytest.mark.parametrize(
    "text",
    [PLANTED, f"AccountName=x;{PLANTED}", f"AccountName=mine1;AccountKey={PLANTED}", f"AccountKey={PLANTED}"],
)
def test_half_a_connection_string_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="connection_string") as caught:
        account(connection_string=text)
    assert PLANTED not in str(caught.value)


def test_a_token_is_not_sent_in_the_clear() -> None:
    with pytest.raises(ConfigError, match="https only"):
        account(storage_account_name=ACCOUNT, endpoint=f"http://127.0.0.1:10000/{ACCOUNT}")


def test_without_a_key_azure_identity_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "azure.identity", None)
    with pytest.raises(MissingDependencyError, match="pip install azure-identity"):
        account(storage_account_name="mine1")
