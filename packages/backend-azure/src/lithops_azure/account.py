"""The storage account that a configuration names: its endpoint, and the way to sign in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential

from lithops.errors import ConfigError, MissingDependencyError
from lithops_azure.config import check_key

if TYPE_CHECKING:
    from lithops_azure.config import AzureStorageConfig

__all__ = ["Account"]

_EMULATOR = {
    "AccountName": "devstoreaccount1",
    "AccountKey": "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
    "BlobEndpoint": "http://127.0.0.1:10000/devstoreaccount1",
}
"""What `UseDevelopmentStorage=true` stands for: constants of every Azurite, no secrets."""


@dataclass(frozen=True, slots=True)
class Account:
    """A storage account. `credential` is one of azure-core's: a key, a signature, or a source of tokens."""

    name: str
    endpoint: str
    credential: Any

    @classmethod
    def of(cls, config: AzureStorageConfig) -> Account:
        """Find the account of a configuration; no request is made.

        Raises `ConfigError` for a connection string without what is needed, and for a sign-in over plain HTTP;
        `MissingDependencyError` when azure-identity is needed and not installed.
        """
        given = _fields(config.connection_string.reveal()) if config.connection_string is not None else {}
        name = given.get("AccountName") or config.storage_account_name or ""
        endpoint = config.endpoint or given.get("BlobEndpoint")
        if not endpoint:
            scheme = given.get("DefaultEndpointsProtocol", "https")
            endpoint = f"{scheme}://{name}.blob.{given.get('EndpointSuffix', 'core.windows.net')}"
        if not name:
            name = endpoint.partition("://")[2].partition(".")[0]
        endpoint = endpoint.rstrip("/")
        key = config.storage_account_key.reveal() if config.storage_account_key is not None else None
        key = given.get("AccountKey", key)
        sas = config.sas_token.reveal() if config.sas_token is not None else None
        sas = given.get("SharedAccessSignature", sas)
        if key:
            return cls(name, endpoint, AzureNamedKeyCredential(name, key))
        if sas:
            return cls(name, endpoint, AzureSasCredential(sas.strip().lstrip("?")))
        return cls(name, endpoint, _signed_in(endpoint))


def _fields(text: str) -> dict[str, str]:
    """Take a connection string apart. Raises `ConfigError`, never with a part of it."""
    pairs = [part.strip().partition("=") for part in text.strip().split(";") if part.strip()]
    found = {name: value for name, _, value in pairs}
    if found.get("UseDevelopmentStorage", "").lower() == "true":
        return _EMULATOR
    has_place = bool(found.get("BlobEndpoint") or found.get("AccountName"))
    if not has_place or not (found.get("AccountKey") or found.get("SharedAccessSignature")):
        raise ConfigError(
            "'connection_string' has no account with a key or a signature: copy it whole from the account's access keys"
        )
    if found.get("AccountKey"):
        try:
            check_key(found["AccountKey"], "connection_string")
        except ValueError as exc:
            raise ConfigError(str(exc)) from None
    return found


def _signed_in(endpoint: str) -> Any:
    if not endpoint.startswith("https://"):
        raise ConfigError(
            f"cannot sign in to '{endpoint}': tokens are sent by https only; give 'storage_account_key' or 'sas_token'"
        )
    try:
        from azure.identity import DefaultAzureCredential
    except ImportError:
        raise MissingDependencyError(
            f"cannot sign in to '{endpoint}': the configuration has no 'storage_account_key', and azure-identity, which"
            " finds other credentials, is not installed; configure the key, or run: pip install azure-identity"
        ) from None
    return DefaultAzureCredential()
