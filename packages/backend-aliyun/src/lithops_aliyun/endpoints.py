"""Which of the configured endpoints a process speaks to, and the region that an endpoint's name tells. No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping

from lithops_aliyun.config import OssConfig

__all__ = ["endpoint_of", "region_of"]

_NAMED = re.compile(r"(?:https?://)?oss-([a-z]{2}-[a-z0-9-]+?)(?:-internal)?\.aliyuncs\.com(?::\d+)?")
_IN_FUNCTION_COMPUTE = "FC_FUNCTION_NAME"
"""Function Compute sets it: alibabacloud.com/help/en/functioncompute/fc-3-0/user-guide/environment-variables"""


def endpoint_of(config: OssConfig, environ: Mapping[str, str]) -> str:
    """Choose the endpoint: `endpoint`, else the internal one inside of Function Compute, else the public one.

    The internal one is chosen elsewhere too when it is the only one (on an ECS instance). HTTPS unless it says HTTP.
    """
    chosen = config.endpoint
    if chosen is None and _IN_FUNCTION_COMPUTE in environ:
        chosen = config.internal_endpoint
    if chosen is None:
        chosen = config.public_endpoint or config.internal_endpoint or f"oss-{config.region}.aliyuncs.com"
    chosen = chosen.rstrip("/")
    return chosen if "://" in chosen else f"https://{chosen}"


def region_of(config: OssConfig, endpoint: str) -> str | None:
    """Tell the region that a V4 signature needs; None when neither the configuration nor the endpoint names one."""
    if config.region is not None:
        return config.region
    named = _NAMED.fullmatch(endpoint)
    return named[1] if named else None
