"""The one place that imports oss2, whose sources make Python warn of their escapes when it compiles them."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", SyntaxWarning)
    warnings.simplefilter("ignore", DeprecationWarning)
    import oss2
    from oss2.credentials import Credentials, CredentialsProvider, StaticCredentialsProvider
    from oss2.exceptions import ClientError, InconsistentError, OssError, RequestError, ServerError
    from oss2.http import Request, Response
    from oss2.models import PartInfo

__all__ = [
    "ClientError",
    "Credentials",
    "CredentialsProvider",
    "InconsistentError",
    "OssError",
    "PartInfo",
    "Request",
    "RequestError",
    "Response",
    "ServerError",
    "StaticCredentialsProvider",
    "oss2",
]
