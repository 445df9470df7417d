"""`register_lithops`: joblib's parallel loops over Lithops. What does the work is in `joblib_backend`."""

from __future__ import annotations

import functools
from typing import Any

from lithops.errors import MissingDependencyError
from lithops.util.joblib_executors import close_executors

__all__ = ["close_executors", "register_lithops"]


def register_lithops(name: str = "lithops", /, *, make_default: bool = False, **options: Any) -> None:
    """Make `joblib.parallel_config(backend="lithops")` and `Parallel(backend="lithops")` run calls by Lithops.

    `options` are arguments of `FunctionExecutor`, as `backend="aws_lambda"` or `config={...}`; those that
    `parallel_config` is given are stronger. `name` registers another name, so that several can be there. With
    `make_default`, joblib uses it where no backend is named. Safe to call again.

    Raises `MissingDependencyError` when joblib is not installed or too old.
    """
    try:
        from joblib import register_parallel_backend  # type: ignore[import-untyped, import-not-found, unused-ignore]

        from lithops.util.joblib_backend import LithopsBackend
    except ImportError as exc:
        raise MissingDependencyError(
            f"joblib 1.4 or later cannot be imported here ({exc}): install it by pip install 'lithops[joblib]'"
        ) from exc
    register_parallel_backend(name, functools.partial(LithopsBackend, **options), make_default=make_default)
