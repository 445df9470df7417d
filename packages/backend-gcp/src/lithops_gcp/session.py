"""Requests to Cloud Storage's JSON API: one connection pool, a token where it is needed, and no second attempt."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import partial
from threading import Lock
from typing import Any, NamedTuple

import requests
from google.auth.credentials import with_scopes_if_required
from google.auth.transport.requests import Request as TokenRequest
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies

from lithops.errors import LithopsError
from lithops_gcp.credentials import Identity
from lithops_gcp.errors import translate

__all__ = ["GOOGLE", "Session"]

GOOGLE = "https://storage.googleapis.com"

_SCOPES = ("https://www.googleapis.com/auth/devstorage.read_write",)
_CONNECTIONS = 64
_TIMEOUT_S = (10.0, 60.0)  # to connect, and between two reads
_TOKEN_S = 30.0


class _Open(NamedTuple):
    requests: requests.Session
    tokens: requests.Session
    credentials: Any
    ask_token: Callable[..., Any]


class Session:
    """Sends requests. It opens itself at the first one, and again after `close`. Thread-safe."""

    def __init__(self, endpoint: str, identify: Callable[[], Identity]) -> None:
        self.endpoint = endpoint
        self._identify = identify
        self._lock = Lock()
        self._opened: _Open | None = None
        self._identity: Identity | None = None

    def identity(self) -> Identity:
        """Find the credentials, once. Raises `LithopsError`."""
        with self._lock:
            return self._identified()

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: Any = None,
        stream: bool = False,
    ) -> requests.Response:
        """Send one request; `url` may be a path of the endpoint. Raises `LithopsError` when no answer came."""
        if url.startswith("/"):
            url = self.endpoint + url
        try:
            opened = self._opened or self._open()
            sent = dict(headers or {})
            # One thread asks for a token, the others wait for it.
            with nullcontext() if opened.credentials.valid else self._lock:
                opened.credentials.before_request(opened.ask_token, method, url, sent)
            return opened.requests.request(
                method, url, headers=sent, data=data, stream=stream, timeout=_TIMEOUT_S, allow_redirects=False
            )
        except Exception as exc:  # what google-auth or requests raise; the rest is not ours
            ours = translate(exc)
            if ours is None or ours is exc:
                raise
            raise ours from exc

    def close(self) -> None:
        """End the connections. Idempotent."""
        with self._lock:
            opened, self._opened = self._opened, None
        if opened is not None:
            opened.requests.close()
            opened.tokens.close()

    def _open(self) -> _Open:
        with self._lock:
            if self._opened is None:
                credentials = with_scopes_if_required(self._identified().credentials, _SCOPES)  # type: ignore[no-untyped-call]
                tokens = requests.Session()
                ask = partial(TokenRequest(tokens), timeout=_TOKEN_S)
                self._opened = _Open(_session(self.endpoint), tokens, credentials, ask)
            return self._opened

    def _identified(self) -> Identity:
        if self._identity is None:
            try:
                self._identity = self._identify()
            except Exception as exc:  # google-auth says by many types that it found nothing
                ours = translate(exc)
                if ours is None or isinstance(exc, LithopsError):
                    raise
                raise ours from exc
        return self._identity


def _session(endpoint: str) -> requests.Session:
    """Make a session that looks at the environment (proxies, certificates) once, and not for each request."""
    session = requests.Session()
    adapter = HTTPAdapter(pool_connections=4, pool_maxsize=_CONNECTIONS, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    session.trust_env = False
    session.proxies = get_environ_proxies(endpoint)
    session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
    session.headers["User-Agent"] = "lithops (gzip)"  # Google compresses for those that name it here too
    return session
