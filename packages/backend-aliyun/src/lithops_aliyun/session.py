"""The HTTP session under oss2: a pool for many threads, no retries, no redirects, and nothing of a request in a log."""

from __future__ import annotations

import logging

import requests
from requests.adapters import HTTPAdapter

from lithops_aliyun.sdk import Request, RequestError, Response

__all__ = ["OssSession"]

_CONNECTIONS = 64
_TELLING = ("oss2.api", "oss2.auth")
"""They log what is signed, at DEBUG, and what OSS says was signed, at INFO: the token of STS is in there."""


class OssSession:
    """What oss2 takes for its `Session`. Thread-safe."""

    def __init__(self) -> None:
        for name in _TELLING:
            logging.getLogger(name).setLevel(logging.WARNING)
        self._session = requests.Session()
        self._session.auth = _as_signed
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(_CONNECTIONS, _CONNECTIONS, max_retries=0))

    def do_request(self, req: Request, timeout: tuple[float, float]) -> Response:
        """Send a request; the body of an answer that is no failure is left to be read. Raises `RequestError`."""
        try:
            answer = self._session.request(
                req.method,
                req.url,
                data=req.data,
                params=req.params,
                headers=req.headers,
                stream=True,
                timeout=timeout,
                proxies=req.proxies,
                allow_redirects=False,  # OSS signs for one place; another must not get the signature
            )
            if answer.status_code // 100 != 2:
                answer.content  # noqa: B018 - read to its end, so that the connection can be used again
        except requests.RequestException as exc:
            raise RequestError(exc) from exc
        return Response(answer)

    def close(self) -> None:
        """End the connections. Idempotent."""
        self._session.close()


def _as_signed(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Leave a request as it is: requests would take a password out of ~/.netrc, in the place of the signature."""
    return request
