"""The keys of the section `aws_s3` (or `minio`, `ceph`) and those that it takes from the section `aws`."""

from __future__ import annotations

from msgspec import Struct

from lithops.config import Secret

__all__ = ["AwsS3Config"]


class AwsS3Config(Struct, frozen=True, kw_only=True):
    """Where the objects are, and with which keys. None means what the comment says."""

    storage_bucket: str | None = None  # the user names a bucket each time
    region: str | None = None  # that of the SDK's own configuration; us-east-1 with an endpoint
    storage_region: str | None = None  # another name of `region`
    endpoint: str | None = None  # Amazon's own
    endpoint_url: str | None = None  # another name of `endpoint`
    access_key_id: str | None = None  # what the SDK finds by itself: environment, files, the machine's role
    secret_access_key: Secret | None = None
    session_token: Secret | None = None  # for temporary keys only
    account_id: str | int | None = None  # of the provider's section; storage needs none

    def __post_init__(self) -> None:
        for key in ("storage_bucket", "region", "storage_region", "access_key_id"):
            if getattr(self, key) == "":
                raise ValueError(f"'{key}' is empty: give it a value, or leave it out")
        for one, other in (("access_key_id", "secret_access_key"), ("secret_access_key", "access_key_id")):
            if getattr(self, one) and not getattr(self, other):
                raise ValueError(f"there is '{one}' without '{other}': write both, or neither (the SDK finds its own)")
        if self.session_token and not self.access_key_id:
            raise ValueError("there is 'session_token' without 'access_key_id': write the keys that it belongs to")
        for one, other in (("endpoint", "endpoint_url"), ("region", "storage_region")):
            first, second = getattr(self, one), getattr(self, other)
            if first and second and first != second:
                raise ValueError(f"'{one}' and '{other}' are two names of one thing and differ: keep '{one}'")
        url = self.url
        if url is not None and not url.startswith(("http://", "https://")):
            raise ValueError(f"'endpoint' is '{url}': write it with its scheme, like 'https://{url or 'host'}'")

    @property
    def url(self) -> str | None:
        """The endpoint, by either name; None for Amazon's own."""
        return self.endpoint if self.endpoint is not None else self.endpoint_url

    @property
    def place(self) -> str | None:
        """The region, by either name."""
        return self.region or self.storage_region
