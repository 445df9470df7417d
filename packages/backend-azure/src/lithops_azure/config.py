"""The keys of the sections `azure_storage` and `azure`."""

from __future__ import annotations

import re
from base64 import b64decode
from urllib.parse import urlsplit

from msgspec import Struct

from lithops.config import Secret
from lithops_azure.names import BUCKET_RULE, is_bucket_name

__all__ = ["SECRETS", "AzureStorageConfig"]

SECRETS = ("storage_account_key", "sas_token", "connection_string")

_ACCOUNT = re.compile(r"[a-z0-9]{3,24}\Z")


class AzureStorageConfig(Struct, frozen=True, kw_only=True):
    """Where the blobs are, and who may use them. None means what the comment says."""

    storage_bucket: str | None = None  # the container of jobs; the user must name one
    storage_account_name: str | None = None  # that of `connection_string`
    storage_account_key: Secret | None = None  # signs in by azure-identity
    sas_token: Secret | None = None
    connection_string: Secret | None = None
    endpoint: str | None = None  # https://<storage_account_name>.blob.core.windows.net
    region: str | None = None  # of the provider's section; an account has its own
    resource_group: str | None = None  # of the provider's section; means nothing here
    subscription_id: str | None = None  # of the provider's section; means nothing here

    def __post_init__(self) -> None:
        for key in self.__struct_fields__:
            value = getattr(self, key)
            if value is not None and not (value.reveal() if isinstance(value, Secret) else value).strip():
                raise ValueError(f"'{key}' is empty: give it a value, or leave it out")
        given = [key for key in SECRETS if getattr(self, key) is not None]
        if len(given) > 1:
            raise ValueError(f"'{given[0]}' and '{given[1]}' are two ways to sign in: leave one of them out")
        name = self.storage_account_name
        if name is None and self.connection_string is None:
            raise ValueError("'storage_account_name' is missing: name the storage account, or give 'connection_string'")
        if name is not None and not _ACCOUNT.match(name):
            raise ValueError(f"'storage_account_name' is '{name}': it has 3 to 24 lower-case letters and digits")
        if self.storage_bucket is not None and not is_bucket_name(self.storage_bucket):
            raise ValueError(f"'storage_bucket' is '{self.storage_bucket}': a container's name has {BUCKET_RULE}")
        if self.endpoint is not None and not _is_endpoint(self.endpoint):
            raise ValueError(
                "'endpoint' is no URL of a blob service: write https://<account>.blob.core.windows.net, or"
                " http://127.0.0.1:10000/devstoreaccount1 for Azurite; a shared access signature goes into 'sas_token'"
            )
        if self.storage_account_key is not None:
            check_key(self.storage_account_key.reveal(), "storage_account_key")


def check_key(key: str, where: str) -> None:
    """Raise `ValueError` for what is no account key: Azure's are base64."""
    try:
        b64decode(key, validate=True)
    except ValueError:
        raise ValueError(f"'{where}' has no account key: copy key1 or key2 of the account's access keys") from None


def _is_endpoint(text: str) -> bool:
    try:
        url = urlsplit(text)
        url.port  # noqa: B018 - it raises for what is no number
    except ValueError:
        return False
    return url.scheme in ("http", "https") and bool(url.hostname) and not (url.query or url.fragment or url.username)
