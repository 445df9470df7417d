"""Tokens of IBM's IAM for an API key. The SDK's own manager sleeps, tries again, and leaves a thread: this one asks once.

https://cloud.ibm.com/docs/account?topic=account-iamtoken_from_apikey
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from threading import Lock
from typing import Any
from urllib.parse import urlencode

from ibm_botocore.awsrequest import AWSRequest
from ibm_botocore.httpsession import URLLib3Session

from lithops.config import Secret
from lithops.errors import AccessDeniedError, LithopsError, TransientError
from lithops.objects.answers import error_of
from lithops.objects.s3_errors import explain

__all__ = ["IamTokens"]

_TIMEOUTS_S = (10, 60)
_GRANT = "urn:ibm:params:oauth:grant-type:apikey"
_FRESH = 0.8  # of its life: then the next request brings a new one
_WHAT = "get a token from IBM's IAM"


class IamTokens:
    """Gives a token that is valid, to any number of threads; one of them asks for a new one before it ends."""

    def __init__(self, api_key: Secret, url: str, now_s: Callable[[], float] = time.monotonic) -> None:
        self._api_key = api_key
        self._url = url
        self._now_s = now_s
        self._lock = Lock()
        self._token = ""
        self._renew_at_s = self._ends_at_s = 0.0

    def get_token(self) -> str:
        """Give a token, asked for now if there is none. Raises our errors."""
        now_s = self._now_s()
        if now_s < self._renew_at_s:
            return self._token
        if not self._lock.acquire(blocking=now_s >= self._ends_at_s):
            return self._token  # another thread is asking, and the old one still holds
        try:
            if self._now_s() >= self._renew_at_s:
                self._renew()
            return self._token
        finally:
            self._lock.release()

    def _renew(self) -> None:
        asked_at_s = self._now_s()
        try:
            answer = self._ask()
            life_s = float(answer["expires_in"])
            self._token = str(answer["access_token"])
        except LithopsError as exc:
            if exc.retryable and asked_at_s < self._ends_at_s:
                return  # the old one still holds; the next request asks again
            raise
        except (KeyError, TypeError, ValueError):
            raise TransientError(f"cannot {_WHAT} now: its answer from {self._url} is no token; try again") from None
        self._renew_at_s = asked_at_s + life_s * _FRESH
        self._ends_at_s = asked_at_s + life_s

    def _ask(self) -> Any:
        body = urlencode({"grant_type": _GRANT, "apikey": self._api_key.reveal()})
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        session = URLLib3Session(timeout=_TIMEOUTS_S)
        try:
            answer = session.send(AWSRequest("POST", self._url, headers, body.encode()).prepare())
        except Exception as exc:  # an SDK may raise anything
            ours = explain(exc, _WHAT)
            if ours is None:
                raise
            raise ours from None  # the request has the key
        finally:
            session.close()
        if answer.status_code == 200:
            return json.loads(answer.content)
        code, detail = _told(answer.content)
        if answer.status_code == 400:  # BXNIM0415E: there is no such key
            raise AccessDeniedError(f"cannot {_WHAT}: it refuses the API key ({code}: {detail}); check 'api_key'")
        raise error_of(answer.status_code, code, detail, _WHAT, headers=dict(answer.headers))


def _told(content: bytes) -> tuple[str, str]:
    try:
        answer = json.loads(content)
        return str(answer.get("errorCode", "")), str(answer.get("errorMessage", ""))[:200]
    except (AttributeError, ValueError):
        return "", ""
