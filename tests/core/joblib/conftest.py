"""joblib, and executors that end with each module's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("joblib")
pytest.importorskip("numpy")

from joblib.parallel import BACKENDS

from lithops.util.joblib import close_executors, register_lithops


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module", autouse=True)
def _registered(home: Path) -> Iterator[None]:
    """Register `lithops` with two workers and a store of the test's own."""
    register_lithops(config={"localhost": {"worker_processes": 2, "storage_root": str(home / "storage")}})
    yield
    close_executors()
    BACKENDS.pop("lithops")
