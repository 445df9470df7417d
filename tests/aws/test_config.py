"""The sections `aws_s3`, `minio`, `ceph` and `aws`."""

from __future__ import annotations

from typing import Any

import pytest

from lithops.config import Secret, resolve
from lithops.errors import ConfigError
from lithops_aws.config import AwsS3Config
from lithops_aws.storage import AwsS3Storage

_CORE = {"backend": "localhost"}


def resolved(**sections: Any) -> AwsS3Config:
    storage = next(name for name in sections if name != "aws")
    options = resolve({"lithops": {**_CORE, "storage": storage}, **sections}).storage_options
    assert isinstance(options, AwsS3Config)
    return options


@pytest.mark.parametrize("section", ["aws_s3", "minio", "ceph"])
def test_each_name_of_the_section_is_read(section: str) -> None:
    config = resolved(
        **{
            section: {
                "endpoint": "http://127.0.0.1:9000",
                "access_key_id": "id",
                "secret_access_key": "hunter2",
                "storage_bucket": "b",
            }
        }
    )
    assert (config.url, config.storage_bucket) == ("http://127.0.0.1:9000", "b")
    assert "hunter2" not in repr(config)
    assert AwsS3Storage(config).credentials() == {"access_key_id": "id", "secret_access_key": "hunter2"}


def test_the_provider_s_keys_are_taken() -> None:
    config = resolved(
        aws_s3={"storage_bucket": "b"},
        aws={"region": "eu-west-1", "access_key_id": "id", "secret_access_key": "x", "account_id": 123456789012},
    )
    assert (config.place, config.access_key_id) == ("eu-west-1", "id")


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"access_key_id": "id"}, "without 'secret_access_key'"),
        ({"secret_access_key": "x"}, "without 'access_key_id'"),
        ({"session_token": "x"}, "without 'access_key_id'"),
        ({"endpoint": "127.0.0.1:9000"}, "with its scheme"),
        ({"endpoint": ""}, "with its scheme"),
        ({"endpoint": "http://a", "endpoint_url": "http://b"}, "differ"),
        ({"region": "a", "storage_region": "b"}, "differ"),
        ({"region": ""}, "'region' is empty"),
        ({"storage_bucket": ""}, "'storage_bucket' is empty"),
        ({"acces_key_id": "id"}, "did you mean 'access_key_id'"),
    ],
)
def test_a_wrong_value_is_told(keys: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        resolved(aws_s3=keys)


def test_a_reference_has_no_key_and_opens_the_same_place() -> None:
    keys = {"access_key_id": "an-id", "secret_access_key": Secret("hunter2"), "session_token": Secret("a-token")}
    store = AwsS3Storage(AwsS3Config(region="eu-west-1", storage_bucket="b", **keys))  # type: ignore[arg-type]
    ref = store.ref("b")
    assert not {"an-id", "hunter2", "a-token"} & set(map(str, ref.options.values()))
    assert store.credentials() == {
        "access_key_id": "an-id",
        "secret_access_key": "hunter2",
        "session_token": "a-token",
    }
    assert AwsS3Storage.from_ref(ref).ref("b") == ref
    assert store.default_bucket() == "b"
