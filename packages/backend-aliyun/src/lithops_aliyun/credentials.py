"""Where the access key comes from: the configuration, or the variables of the environment that Alibaba's tools read."""

from __future__ import annotations

import os
from collections.abc import Mapping

from lithops.errors import AccessDeniedError
from lithops_aliyun.config import OssConfig
from lithops_aliyun.sdk import Credentials, CredentialsProvider, StaticCredentialsProvider

__all__ = ["EnvironmentProvider", "provider_of", "secrets_of"]

_VARIABLES = (
    ("OSS_ACCESS_KEY_ID", "OSS_ACCESS_KEY_SECRET", "OSS_SESSION_TOKEN"),  # of oss2
    ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN"),  # of the rest
)


class EnvironmentProvider(CredentialsProvider):  # type: ignore[misc]  # oss2 has no types
    """Reads the environment at each request: Function Compute may renew what is there."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ

    def get_credentials(self) -> Credentials:
        """Give the key to sign with. Raises `AccessDeniedError` when there is none."""
        for names in _VARIABLES:
            key_id, secret, token = (self._environ.get(name, "").strip() for name in names)
            if key_id and secret:
                return Credentials(key_id, secret, token)
        raise AccessDeniedError(
            "cannot sign requests to Alibaba Cloud OSS: there is no access key; set 'access_key_id' and"
            " 'access_key_secret' in section 'aliyun' of the configuration, or the environment variables"
            " OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET (or ALIBABA_CLOUD_ACCESS_KEY_ID and _SECRET)"
        )


def provider_of(config: OssConfig) -> CredentialsProvider:
    """Give what oss2 asks for the key at each request."""
    told = secrets_of(config)
    if not told:
        return EnvironmentProvider()
    return StaticCredentialsProvider(told["access_key_id"], told["access_key_secret"], told.get("security_token", ""))


def secrets_of(config: OssConfig) -> dict[str, str]:
    """Give the texts of the configured key by the names of the configuration; empty when none is configured."""
    if config.access_key_id is None or config.access_key_secret is None:
        return {}
    told = {
        "access_key_id": config.access_key_id.strip(),
        "access_key_secret": config.access_key_secret.reveal().strip(),
    }
    if config.security_token:
        told["security_token"] = config.security_token.reveal().strip()
    return told
