"""The keys of the section `gcp_storage`; those of the section `gcp` count too, for what is not said there."""

from __future__ import annotations

from msgspec import Struct

from lithops_gcp.names import refusal_of_bucket

__all__ = ["GcpStorageConfig"]

_TEXTS = ("storage_bucket", "region", "project_name", "project", "credentials_path", "endpoint", "service_account")


class GcpStorageConfig(Struct, frozen=True, kw_only=True):
    """Where objects are kept, and by whom. None means what the comment says. No key of it is a secret."""

    storage_bucket: str | None = None  # jobs name one themselves
    region: str | None = None  # of buckets that are made: US
    project_name: str | None = None  # of buckets that are made: the credentials' own
    project: str | None = None  # another name of `project_name`
    credentials_path: str | None = None  # the credentials that Google's SDK finds
    endpoint: str | None = None  # STORAGE_EMULATOR_HOST, or Google's
    service_account: str | None = None  # whom functions run as; means nothing for objects

    def __post_init__(self) -> None:
        for key in _TEXTS:
            value = getattr(self, key)
            if value is not None and not value.strip():
                raise ValueError(f"'{key}' is empty: give it a value, or leave it out")
        if self.storage_bucket and (why := refusal_of_bucket(self.storage_bucket)):
            raise ValueError(f"'storage_bucket' is '{self.storage_bucket}': {why}")
        if self.endpoint and not self.endpoint.startswith(("http://", "https://")):
            raise ValueError(f"'endpoint' is '{self.endpoint}': write its scheme too, as in http://127.0.0.1:9023")
        if self.project and self.project_name and self.project != self.project_name:
            raise ValueError("'project' and 'project_name' are one thing and differ: leave 'project' out")
