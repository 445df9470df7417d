"""The side doors by which servers are filled with many small objects."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from benchmarks.stores.store import BUCKET, Client

__all__ = ["fill_by_side_door", "fill_by_threads"]

_THREADS = 16
_TIMEOUT_S = 300


def fill_by_side_door(url: str, keys: Sequence[str]) -> None:
    """Ask a server of tests/emulators to write objects."""
    body = json.dumps({"bucket": BUCKET, "keys": list(keys)}).encode()
    request = urllib.request.Request(f"{url}/lithops-tests/fill", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S):
        pass


def fill_by_threads(opened: Callable[[str], Client]) -> Callable[[str, Sequence[str]], None]:
    """Write objects by the SDK, to a server without a side door."""

    def fill(url: str, keys: Sequence[str]) -> None:
        client = opened(url)
        with ThreadPoolExecutor(_THREADS) as pool:
            for _ in pool.map(lambda key: client.put(key, b"x"), keys):
                pass

    return fill
