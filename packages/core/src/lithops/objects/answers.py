"""What an answer of HTTP means: its status and the vendor's code as one of our errors, which says what to do next."""

from __future__ import annotations

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from lithops.errors import (
    AccessDeniedError,
    LithopsError,
    StorageError,
    StorageFullError,
    ThrottledError,
    TransientError,
)

__all__ = ["error_of", "retry_after_s"]

_LONGEST_DETAIL = 300


def retry_after_s(headers: Mapping[str, str], now_s: float | None = None) -> float | None:
    """Read the header Retry-After, in seconds: a number or a date (RFC 9110, 10.2.3); None when there is none."""
    text = next((value for name, value in headers.items() if name.lower() == "retry-after"), "").strip()
    if text.replace(".", "", 1).isdecimal():
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return max(0.0, at.timestamp() - (time.time() if now_s is None else now_s))


def error_of(
    status: int,
    code: str,
    detail: str,
    what: str,
    *,
    skewed: bool = False,
    throttled: bool = False,
    headers: Mapping[str, str] | None = None,
) -> LithopsError:
    """Make the error of an answer that is no answer about a missing or an existing object: the caller knows these.

    `what` says what failed on what ("write object 'k' of bucket 'b'"). `code` is the vendor's; `skewed` says that it is
    about this machine's clock, `throttled` that it asks for fewer requests whatever the status.
    """
    said = f"{status} {code}".strip() + (f": {detail[:_LONGEST_DETAIL]}" if detail else "")
    if skewed:
        return AccessDeniedError(
            f"cannot {what}: the clock of this machine is wrong ({said}); set it, by NTP or by hand"
        )
    if throttled or status == 429 or status == 503:
        wish = retry_after_s(headers or {})
        return ThrottledError(f"cannot {what} now: the store asks for fewer requests ({said}); try again later", wish)
    if status == 401 or status == 403:
        return AccessDeniedError(
            f"cannot {what}: the store refuses the credentials, or they lack this permission ({said}); check the keys of"
            " the configuration, or those that the SDK finds by itself"
        )
    if status == 507:
        return StorageFullError(
            f"cannot {what}: the store has no room left ({said}); delete something, or raise its quota"
        )
    if status == 408 or status >= 500:
        return TransientError(f"cannot {what} now: the store failed ({said}); try again later")
    return StorageError(f"cannot {what}: the store refused ({said})")
