"""Turn a key of a dict into bytes, so that equal keys give equal bytes in every process.

Pickles do not: `1`, `1.0` and `True` are one key of a dict with three pickles. Numbers, text, bytes, None, and tuples and
frozensets of them are encoded by their value. Any other key has no encoding: `DictProxy` compares such keys one by one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from hashlib import blake2b
from typing import Any

__all__ = ["encode"]

MAX_BYTES = 128
_NUMBERS = (int, float, complex, Fraction, Decimal)


def encode(key: Any) -> bytes | None:
    """Encode a key, or give None where its type leaves equality to its own code. Raises TypeError if it is unhashable."""
    hash(key)
    data = _encode(key)
    if data is None or len(data) <= MAX_BYTES:
        return data
    return b"#" + blake2b(data, digest_size=32).digest()


def _encode(key: Any) -> bytes | None:
    if type(key).__module__ == "numpy" and hasattr(key, "item"):
        key = key.item()
    if key is None:
        return b"N"
    if _is_like(key, str):
        return b"s" + str.encode(key, "utf-8", "surrogatepass")
    if _is_like(key, bytes):
        return b"b" + bytes(key)
    if _is_like(key, tuple):
        return _join(b"t", [_encode(item) for item in tuple.__iter__(key)])
    if _is_like(key, frozenset):
        parts = [_encode(item) for item in frozenset.__iter__(key)]
        return None if None in parts else _join(b"f", sorted(part for part in parts if part is not None))
    if any(_is_like(key, kind) for kind in _NUMBERS):
        return _number(key)
    return None


def _is_like(key: Any, kind: Any) -> bool:
    """Say whether a key is of a type, or of a subclass that compares in the same way (an IntEnum, a named tuple)."""
    own: Any = type(key)
    if own is kind:
        return True
    return issubclass(own, kind) and own.__eq__ is kind.__eq__ and own.__hash__ is kind.__hash__


def _join(mark: bytes, parts: Sequence[bytes | None]) -> bytes | None:
    joined = mark
    for part in parts:
        if part is None:
            return None
        joined += b"%d:%b" % (len(part), part)
    return joined


def _number(key: Any) -> bytes | None:
    if isinstance(key, complex):
        if key.imag:
            return _join(b"c", [_number(key.real), _number(key.imag)])
        key = key.real
    if isinstance(key, int):
        return b"i%x" % int(key)
    if isinstance(key, Decimal) and key.is_snan():
        return None
    if math.isnan(key):
        return b"nan"
    if math.isinf(key):
        return b"inf" if key > 0 else b"-inf"
    above, below = key.as_integer_ratio()
    return b"i%x" % above if below == 1 else b"r%x/%x" % (above, below)
