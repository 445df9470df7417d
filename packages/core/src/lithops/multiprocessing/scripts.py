"""`script`: Lua that Redis runs as one step, sent whole only to a server that does not know it yet."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lithops.multiprocessing.redis_client import Client

__all__ = ["Script", "script"]


class Script:
    """A Lua script. Calling it runs it and gives its raw answer: int, bytes, list or None."""

    __slots__ = ("_sha", "_text")

    def __init__(self, text: str) -> None:
        self._text = text.strip().encode()
        self._sha = hashlib.sha1(self._text).hexdigest().encode()

    def __call__(
        self,
        client: Client,
        keys: Sequence[str],
        args: Sequence[str | bytes | int | float] = (),
        *,
        undo: Callable[[Any], None] | None = None,
    ) -> Any:
        """Run it with these keys and arguments. `undo` gets the answer when a signal interrupts."""
        return client.call_script(self._sha, self._text, len(keys), *keys, *args, undo=undo)


def script(text: str) -> Script:
    """Make a script of a text in Lua."""
    return Script(text)
