"""The sections `ibm_cos` and `ibm`."""

from __future__ import annotations

from typing import Any

import pytest

from lithops.config import Secret, resolve
from lithops.errors import ConfigError
from lithops_ibm.config import CosConfig
from lithops_ibm.storage import CosStorage


def resolved(**sections: Any) -> CosConfig:
    options = resolve({"lithops": {"backend": "localhost", "storage": "ibm_cos"}, **sections}).storage_options
    assert isinstance(options, CosConfig)
    return options


def test_the_endpoint_is_that_of_the_region() -> None:
    config = resolved(ibm_cos={"region": "eu-de", "storage_bucket": "b"}, ibm={"iam_api_key": "hunter2"})
    assert config.url == "https://s3.eu-de.cloud-object-storage.appdomain.cloud"
    assert config.iam_url == "https://iam.cloud.ibm.com/identity/token"
    assert "hunter2" not in repr(config)
    assert CosStorage(config).credentials() == {"iam_api_key": "hunter2"}


def test_the_keys_of_users_of_lithops_3_are_taken() -> None:
    config = resolved(
        ibm={"iam_api_key": "one", "region": "us-east", "resource_group_id": "group"},
        ibm_cos={
            "storage_bucket": "b",
            "endpoint": "https://s3.us-east.cloud-object-storage.appdomain.cloud",
            "private_endpoint": "https://s3.private.us-east.cloud-object-storage.appdomain.cloud",
            "api_key": "two",
            "access_key_id": "id",
            "secret_access_key": "three",
            "service_instance_id": "crn",
        },
    )
    assert config.url == "https://s3.us-east.cloud-object-storage.appdomain.cloud"
    assert config.iam_key == Secret("two")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://127.0.0.1:1/", "http://127.0.0.1:1/identity/token"])
def test_the_endpoint_of_iam_may_have_its_path(url: str) -> None:
    assert CosConfig(region="eu-de", iam_endpoint=url).iam_url == "http://127.0.0.1:1/identity/token"
    assert CosConfig(region="eu-de", ibm_auth_endpoint=url).iam_url == "http://127.0.0.1:1/identity/token"


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({}, "neither 'region' nor 'endpoint'"),
        ({"region": "eu-de", "access_key_id": "id"}, "without 'secret_access_key'"),
        ({"region": "eu-de", "secret_access_key": "x"}, "without 'access_key_id'"),
        ({"endpoint": "s3.eu-de.cloud-object-storage.appdomain.cloud"}, "with its scheme"),
        ({"region": "eu-de", "iam_endpoint": "iam"}, "with its scheme"),
        ({"region": "a", "storage_region": "b"}, "differ"),
        ({"region": "eu-de", "iam_endpoint": "http://a", "ibm_auth_endpoint": "http://b"}, "differ"),
        ({"region": "eu-de", "storage_bucket": ""}, "'storage_bucket' is empty"),
        ({"regoin": "eu-de"}, "did you mean 'region'"),
    ],
)
def test_a_wrong_value_is_told(keys: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        resolved(ibm_cos=keys)


def test_a_reference_has_no_key_and_opens_the_same_place() -> None:
    config = CosConfig(
        region="eu-de",
        storage_bucket="b",
        private_endpoint="https://private",
        service_instance_id="crn",
        access_key_id="an-id",
        secret_access_key=Secret("hunter2"),
        api_key=Secret("a-key"),
    )
    store = CosStorage(config)
    ref = store.ref("b")
    assert not {"an-id", "hunter2", "a-key"} & set(map(str, ref.options.values()))
    assert ref.options["private_endpoint"] == "https://private"
    assert store.credentials() == {"access_key_id": "an-id", "secret_access_key": "hunter2", "api_key": "a-key"}
    assert CosStorage.from_ref(ref).ref("b") == ref
    assert store.default_bucket() == "b"
