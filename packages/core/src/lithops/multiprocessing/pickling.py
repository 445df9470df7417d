"""Pickle what is put into Redis: plain pickle, and cloudpickle for what other processes cannot import."""

from __future__ import annotations

import pickle
from typing import Any

__all__ = ["dumps", "loads"]

_ATOMS = frozenset({int, float, bool, str, bytes, type(None)})


def dumps(obj: Any) -> bytes:
    """Pickle an object; functions and classes of `__main__`, and local ones, by value.

    Raises what their own pickling raises, or `pickle.PicklingError`.
    """
    if type(obj) in _ATOMS:
        return pickle.dumps(obj, 5)
    try:
        plain = pickle.dumps(obj, 5)
        if b"__main__" not in plain:
            return plain
    except (pickle.PicklingError, AttributeError, TypeError):  # what pickle raises of lambdas and local classes
        pass
    return _by_value(obj)


def loads(data: bytes) -> Any:
    """Undo `dumps`. Runs code that the pickle names: only for what the user's own program wrote."""
    if b"cloudpickle" not in data:
        return pickle.loads(data)
    from lithops.worker.pickles import load_own

    return load_own((data,))


def _by_value(obj: Any) -> bytes:
    import io

    from lithops.worker.pickles import Pickler

    stream = io.BytesIO()
    Pickler(stream, 5).dump(obj)
    return stream.getvalue()
