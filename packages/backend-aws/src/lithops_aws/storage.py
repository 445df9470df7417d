"""Objects in Amazon S3, or by `endpoint` in what speaks its dialect. The verbs are `lithops.objects.s3`'s."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from boto3.session import Session
from botocore.config import Config
from botocore.session import get_session
from botocore.utils import parse_timestamp

from lithops.config import Secret
from lithops.errors import ConfigError
from lithops.objects.s3 import S3Dialect, S3Storage
from lithops.objects.s3_times import quick_dates
from lithops.types import StorageRef
from lithops.worker.credentials import entrusted
from lithops_aws.config import AwsS3Config

__all__ = ["AwsS3Storage"]

_CONNECT_S = 10
_READ_S = 60
_CONNECTIONS = 64
_FIRST_REGION = "us-east-1"
_SECRETS = {"secret_access_key", "session_token"}


class AwsS3Storage(S3Storage):
    """The store that a configuration of the section `aws_s3` describes."""

    def __init__(self, config: AwsS3Config) -> None:
        self._config = config
        super().__init__(lambda: _client(config), _dialect(config))

    @classmethod
    def from_ref(cls, ref: StorageRef) -> AwsS3Storage:
        keys: dict[str, Any] = dict(entrusted(ref))
        for name in _SECRETS & keys.keys():
            keys[name] = Secret(keys[name])
        return cls(AwsS3Config(**ref.options, **keys))

    def ref(self, bucket: str) -> StorageRef:
        config = self._config
        options = {"region": config.place, "endpoint": config.url, "storage_bucket": config.storage_bucket}
        return StorageRef(f"{__name__}:{type(self).__name__}", bucket, options)

    def credentials(self) -> Mapping[str, str]:
        return _keys(self._config)

    def default_bucket(self) -> str | None:
        return self._config.storage_bucket


def _dialect(config: AwsS3Config) -> S3Dialect:
    if config.url is not None:
        return S3Dialect()
    here = {} if config.place in (None, _FIRST_REGION) else {"LocationConstraint": config.place}
    options = {"CreateBucketConfiguration": here} if here else {}
    return S3Dialect(is_amazon=True, checksum="CRC32", sends_md5=False, create_options=options)


def _client(config: AwsS3Config) -> Any:
    """Make the client. With an endpoint, requests are as plain as servers older than 2025 expect them."""
    keys = _keys(config)
    sdk = get_session()
    sdk.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=quick_dates(parse_timestamp))
    session = Session(
        botocore_session=sdk,
        aws_access_key_id=keys.get("access_key_id"),
        aws_secret_access_key=keys.get("secret_access_key"),
        aws_session_token=keys.get("session_token"),
        region_name=config.place,
    )
    region = session.region_name or (_FIRST_REGION if config.url else None)
    if region is None:
        raise ConfigError("cannot open Amazon S3: no region is known; set 'region' in the section aws_s3 or aws")
    plain: dict[str, Any] = {
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
        "s3": {"addressing_style": "path"},
    }
    settings = Config(
        connect_timeout=_CONNECT_S,
        read_timeout=_READ_S,
        max_pool_connections=_CONNECTIONS,
        retries={"total_max_attempts": 1, "mode": "standard"},  # whoever calls a backend retries
        tcp_keepalive=True,
        **(plain if config.url else {}),
    )
    return session.client("s3", region_name=region, endpoint_url=config.url, config=settings)


def _keys(config: AwsS3Config) -> dict[str, str]:
    if config.access_key_id is None or config.secret_access_key is None:
        return {}
    keys = {"access_key_id": config.access_key_id, "secret_access_key": config.secret_access_key.reveal()}
    if config.session_token:
        keys["session_token"] = config.session_token.reveal()
    return keys
