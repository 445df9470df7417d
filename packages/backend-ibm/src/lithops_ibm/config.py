"""The keys of the section `ibm_cos` and those that it takes from the section `ibm`."""

from __future__ import annotations

from msgspec import Struct

from lithops.config import Secret

__all__ = ["CosConfig"]

_KEY_ERROR = "there is '{}' without '{}': write both halves of the HMAC key, or neither and 'api_key'"


class CosConfig(Struct, frozen=True, kw_only=True):
    """Where the objects are, and with which keys. None means what the comment says."""

    storage_bucket: str | None = None  # the user names a bucket each time
    region: str | None = None  # one of `region` and `endpoint` is needed
    storage_region: str | None = None  # another name of `region`
    endpoint: str | None = None  # the public one of `region`
    private_endpoint: str | None = None  # kept, and not used: see docs/stores/ibm_cos.md
    access_key_id: str | None = None  # with the next one, an HMAC key; it wins over `api_key`
    secret_access_key: Secret | None = None
    api_key: Secret | None = None  # of IAM, for this store only
    iam_api_key: Secret | None = None  # of IAM, for all that is IBM's
    service_instance_id: str | None = None  # only `create_bucket` with an API key needs it
    iam_endpoint: str | None = None  # IBM's own
    ibm_auth_endpoint: str | None = None  # another name of `iam_endpoint`
    resource_group_id: str | None = None  # of the provider's section; storage needs none
    account_id: str | None = None  # likewise

    def __post_init__(self) -> None:
        for key in ("storage_bucket", "region", "storage_region", "access_key_id"):
            if getattr(self, key) == "":
                raise ValueError(f"'{key}' is empty: give it a value, or leave it out")
        for one, other in (("access_key_id", "secret_access_key"), ("secret_access_key", "access_key_id")):
            if getattr(self, one) and not getattr(self, other):
                raise ValueError(_KEY_ERROR.format(one, other))
        for one, other in (("region", "storage_region"), ("iam_endpoint", "ibm_auth_endpoint")):
            first, second = getattr(self, one), getattr(self, other)
            if first and second and first != second:
                raise ValueError(f"'{one}' and '{other}' are two names of one thing and differ: keep '{one}'")
        for key in ("endpoint", "private_endpoint", "iam_endpoint", "ibm_auth_endpoint"):
            url = getattr(self, key)
            if url is not None and not url.startswith(("http://", "https://")):
                raise ValueError(f"'{key}' is '{url}': write it with its scheme, like 'https://{url or 'host'}'")
        if not self.endpoint and not self.place:
            raise ValueError("there is neither 'region' nor 'endpoint': write the region of the bucket, like 'eu-de'")

    @property
    def place(self) -> str | None:
        """The region, by either name."""
        return self.region or self.storage_region

    @property
    def url(self) -> str:
        """The endpoint that requests go to."""
        return self.endpoint or f"https://s3.{self.place}.cloud-object-storage.appdomain.cloud"

    @property
    def iam_key(self) -> Secret | None:
        """The API key, the store's own before that of the provider."""
        return self.api_key or self.iam_api_key

    @property
    def iam_url(self) -> str:
        """Where a token is had for an API key."""
        url = self.iam_endpoint or self.ibm_auth_endpoint or "https://iam.cloud.ibm.com"
        return url if url.endswith("/token") else f"{url.rstrip('/')}/identity/token"
