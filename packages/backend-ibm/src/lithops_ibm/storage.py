"""Objects in IBM Cloud Object Storage. The verbs are `lithops.objects.s3`'s, on IBM's fork of Amazon's SDK."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ibm_boto3.session import Session
from ibm_botocore.config import Config

from lithops.config import Secret
from lithops.objects.s3 import S3Dialect, S3Storage
from lithops.types import StorageRef
from lithops.worker.credentials import entrusted
from lithops_ibm.config import CosConfig
from lithops_ibm.tokens import IamTokens

__all__ = ["CosStorage"]

_CONNECT_S = 10
_READ_S = 60
_CONNECTIONS = 64
_SECRETS = ("secret_access_key", "api_key", "iam_api_key")
_OPTIONS = ("storage_bucket", "region", "storage_region", "endpoint", "private_endpoint", "service_instance_id")
_IAM_OPTIONS = ("iam_endpoint", "ibm_auth_endpoint")


class CosStorage(S3Storage):
    """The store that a configuration of the section `ibm_cos` describes."""

    def __init__(self, config: CosConfig) -> None:
        self._config = config
        instance = config.service_instance_id
        options = {"IBMServiceInstanceId": instance} if instance else {}
        dialect = S3Dialect(sdk_has_if_none_match=False, create_options=options)
        super().__init__(lambda: _client(config), dialect)

    @classmethod
    def from_ref(cls, ref: StorageRef) -> CosStorage:
        keys: dict[str, Any] = dict(entrusted(ref))
        for name in keys.keys() & set(_SECRETS):
            keys[name] = Secret(keys[name])
        return cls(CosConfig(**ref.options, **keys))

    def ref(self, bucket: str) -> StorageRef:
        options = {name: getattr(self._config, name) for name in (*_OPTIONS, *_IAM_OPTIONS)}
        return StorageRef(f"{__name__}:{type(self).__name__}", bucket, options)

    def credentials(self) -> Mapping[str, str]:
        found = {name: getattr(self._config, name) for name in ("access_key_id", *_SECRETS)}
        return {name: one.reveal() if isinstance(one, Secret) else one for name, one in found.items() if one}

    def default_bucket(self) -> str | None:
        return self._config.storage_bucket


def _client(config: CosConfig) -> Any:
    """Make the client: with an HMAC key, else an API key, else with what the SDK finds by itself."""
    keys: dict[str, Any] = {}
    signature = None
    if config.access_key_id and config.secret_access_key:
        keys["aws_access_key_id"] = config.access_key_id
        keys["aws_secret_access_key"] = config.secret_access_key.reveal()
        signature = "s3v4"
    elif config.iam_key:
        keys["token_manager"] = IamTokens(config.iam_key, config.iam_url)
        signature = "oauth"
    session = Session(**keys)
    if signature is None:
        found = session.get_credentials()
        signature = "oauth" if hasattr(found, "token_manager") else "s3v4"
    settings = Config(
        signature_version=signature,
        connect_timeout=_CONNECT_S,
        read_timeout=_READ_S,
        max_pool_connections=_CONNECTIONS,
        retries={"total_max_attempts": 1, "mode": "standard"},  # whoever calls a backend retries
        tcp_keepalive=True,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": "path"},
    )
    return session.client("s3", region_name=config.place or "us-standard", endpoint_url=config.url, config=settings)
