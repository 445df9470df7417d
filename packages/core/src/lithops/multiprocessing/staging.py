"""Arguments that are too many for one call of a script: they are put into a list in Redis first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lithops.multiprocessing.redis_client import Client

__all__ = ["MAX_ARGUMENTS", "stage"]

MAX_ARGUMENTS = 4000
_AT_ONCE = 10_000
_EXPIRY_S = 300


def stage(client: Client, key: str, arguments: Sequence[bytes]) -> None:
    """Put arguments into a list that expires by itself, should nobody take them."""
    with client.pipeline(transaction=False) as pipe:
        for at in range(0, len(arguments), _AT_ONCE):
            pipe.rpush(key, *arguments[at : at + _AT_ONCE])
            if at == 0:
                pipe.expire(key, _EXPIRY_S)
        client.run_pipeline(pipe)
