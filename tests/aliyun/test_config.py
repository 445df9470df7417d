"""The section `aliyun_oss`: what is refused, which endpoint and region follow from it, and where keys come from."""

from __future__ import annotations

import re
from typing import Any

import pytest

from lithops.config import Secret
from lithops.errors import AccessDeniedError
from lithops_aliyun.config import OssConfig
from lithops_aliyun.credentials import EnvironmentProvider, secrets_of
from lithops_aliyun.endpoints import endpoint_of, region_of

_PUBLIC, _INTERNAL = "https://oss-cn-beijing.aliyuncs.com", "https://oss-cn-beijing-internal.aliyuncs.com"
_IN_FC = {"FC_FUNCTION_NAME": "f"}


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({}, "there is no 'region'"),
        ({"region": ""}, "'region' is empty"),
        ({"region": "oss-cn-hangzhou"}, "write it like 'cn-hangzhou'"),
        ({"region": "Hangzhou"}, "write it like 'cn-hangzhou'"),
        ({"endpoint": "ftp://oss-cn-hangzhou.aliyuncs.com"}, "write it like 'https://"),
        ({"public_endpoint": "https://host/path"}, "write it like 'https://"),
        ({"region": "cn-hangzhou", "storage_bucket": "Jobs"}, "lower-case letters"),
        ({"region": "cn-hangzhou", "storage_bucket": "jobs-"}, "lower-case letters"),
        ({"region": "cn-hangzhou", "access_key_id": "a"}, "there is no 'access_key_secret'"),
        ({"region": "cn-hangzhou", "access_key_secret": Secret("hunter2")}, "there is no 'access_key_id'"),
        ({"region": "cn-hangzhou", "security_token": Secret("hunter2")}, "give all three"),
    ],
)
def test_a_wrong_value_is_refused_and_no_secret_told(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)) as caught:
        OssConfig(**keys)
    assert "hunter2" not in str(caught.value)


def test_the_account_may_be_a_number() -> None:
    assert OssConfig(region="cn-hangzhou", account_id=1234567890123456).account_id == 1234567890123456


@pytest.mark.parametrize(
    ("keys", "environ", "endpoint"),
    [
        ({"region": "cn-hangzhou"}, {}, "https://oss-cn-hangzhou.aliyuncs.com"),
        ({"region": "cn-hangzhou"}, _IN_FC, "https://oss-cn-hangzhou.aliyuncs.com"),
        ({"public_endpoint": _PUBLIC, "internal_endpoint": _INTERNAL}, {}, _PUBLIC),
        ({"public_endpoint": _PUBLIC, "internal_endpoint": _INTERNAL}, _IN_FC, _INTERNAL),
        ({"public_endpoint": _PUBLIC}, _IN_FC, _PUBLIC),
        ({"internal_endpoint": _INTERNAL}, {}, _INTERNAL),
        ({"endpoint": "http://127.0.0.1:80/", "internal_endpoint": _INTERNAL}, _IN_FC, "http://127.0.0.1:80"),
        ({"endpoint": "oss-cn-beijing.aliyuncs.com"}, {}, _PUBLIC),
    ],
)
def test_the_endpoint_follows_from_the_place(keys: dict[str, Any], environ: dict[str, str], endpoint: str) -> None:
    assert endpoint_of(OssConfig(**keys), environ) == endpoint


@pytest.mark.parametrize(
    ("endpoint", "region"),
    [
        (_PUBLIC, "cn-beijing"),
        (_INTERNAL, "cn-beijing"),
        ("http://oss-us-west-1.aliyuncs.com:80", "us-west-1"),
        ("https://oss-accelerate.aliyuncs.com", None),
        ("https://oss-accelerate-overseas.aliyuncs.com", None),
        ("https://oss.example.com", None),
        ("https://oss-cn-beijing.aliyuncs.com.example.com", None),
    ],
)
def test_the_region_follows_from_the_endpoint(endpoint: str, region: str | None) -> None:
    config = OssConfig(endpoint=endpoint)
    assert region_of(config, endpoint_of(config, {})) == region
    assert region_of(OssConfig(endpoint=endpoint, region="eu-central-1"), endpoint) == "eu-central-1"


def test_keys_of_the_configuration_are_told_by_their_names() -> None:
    assert secrets_of(OssConfig(region="cn-hangzhou")) == {}
    config = OssConfig(
        region="cn-hangzhou",
        access_key_id="id",
        access_key_secret=Secret("secret\n"),
        security_token=Secret("token"),
    )
    assert secrets_of(config) == {"access_key_id": "id", "access_key_secret": "secret", "security_token": "token"}


def test_the_environment_gives_keys_by_the_names_of_both_tools() -> None:
    environ = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "a", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "b"}
    provider = EnvironmentProvider(environ)
    assert _shown(provider) == ("a", "b", "")
    environ["ALIBABA_CLOUD_SECURITY_TOKEN"] = "renewed"
    assert _shown(provider) == ("a", "b", "renewed")
    environ |= {"OSS_ACCESS_KEY_ID": "c", "OSS_ACCESS_KEY_SECRET": "d", "OSS_SESSION_TOKEN": "e"}
    assert _shown(provider) == ("c", "d", "e")


def test_no_key_anywhere_says_what_to_set() -> None:
    with pytest.raises(AccessDeniedError, match=r"'access_key_id'.*OSS_ACCESS_KEY_ID"):
        EnvironmentProvider({"OSS_ACCESS_KEY_ID": "half"}).get_credentials()


def _shown(provider: EnvironmentProvider) -> tuple[str, str, str]:
    found = provider.get_credentials()
    return found.get_access_key_id(), found.get_access_key_secret(), found.get_security_token()
