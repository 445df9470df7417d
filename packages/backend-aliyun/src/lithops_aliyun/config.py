"""The keys of the section `aliyun_oss`; the section `aliyun` gives those that it leaves out."""

from __future__ import annotations

import re

from msgspec import Struct

from lithops.config import Secret

__all__ = ["OssConfig"]

_ENDPOINT = re.compile(r"(https?://)?[\w.-]+(:\d+)?/?")
_REGION = re.compile(r"[a-z]{2}-[a-z0-9-]*[a-z0-9]")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")


class OssConfig(Struct, frozen=True, kw_only=True):
    """Where the buckets are, and the keys. None means what the comment says."""

    storage_bucket: str | None = None  # jobs need their bucket named elsewhere
    region: str | None = None  # that of the endpoint's name
    endpoint: str | None = None  # one of the next two, by where this process runs
    public_endpoint: str | None = None  # https://oss-<region>.aliyuncs.com
    internal_endpoint: str | None = None  # the public one, inside of Alibaba Cloud too
    access_key_id: str | None = None  # those of the environment
    access_key_secret: Secret | None = None
    security_token: Secret | None = None  # the keys are not of STS
    account_id: int | str | None = None  # OSS does not need it

    def __post_init__(self) -> None:
        for key in ("storage_bucket", "region", "endpoint", "public_endpoint", "internal_endpoint", "access_key_id"):
            if getattr(self, key) == "":
                raise ValueError(f"'{key}' is empty: give it a value, or leave it out")
        for key in ("endpoint", "public_endpoint", "internal_endpoint"):
            value = getattr(self, key)
            if value is not None and not _ENDPOINT.fullmatch(value):
                raise ValueError(f"'{key}' is '{value}': write it like 'https://oss-cn-hangzhou.aliyuncs.com'")
        if self.region is not None and (not _REGION.fullmatch(self.region) or self.region.startswith("oss-")):
            raise ValueError(f"'region' is '{self.region}': write it like 'cn-hangzhou'")
        if self.storage_bucket is not None and not _BUCKET.fullmatch(self.storage_bucket):
            raise ValueError(
                f"'storage_bucket' is '{self.storage_bucket}': OSS takes 3 to 63 lower-case letters, digits and hyphens"
                " in a bucket's name, with no hyphen at its ends"
            )
        if not (self.region or self.endpoint or self.public_endpoint or self.internal_endpoint):
            raise ValueError("there is no 'region': write one like 'cn-hangzhou', or give 'public_endpoint'")
        if bool(self.access_key_id) != bool(self.access_key_secret):
            missing = "access_key_secret" if self.access_key_id else "access_key_id"
            raise ValueError(f"there is no '{missing}': give both parts of the access key, or neither of them")
        if self.security_token and not self.access_key_id:
            raise ValueError(
                "there is a 'security_token' without 'access_key_id' and 'access_key_secret': give all three"
            )
