"""The section `localhost`, as the installed package types it."""

from __future__ import annotations

from typing import Any

import pytest

from lithops.config import resolve
from lithops.errors import ConfigError
from lithops_localhost.config import LocalhostConfig


def test_one_section_serves_compute_and_storage() -> None:
    settings = resolve({"localhost": {"worker_processes": 2, "storage_root": "/x", "version": 2}})
    assert settings.compute_options == settings.storage_options
    assert settings.compute_options == LocalhostConfig(worker_processes=2, storage_root="/x", version=2)


@pytest.mark.parametrize(
    "runtime", ["python3", "python3.12", "default", "/usr/bin/python3", "~/env/bin/python", "./python", None]
)
def test_an_interpreter_is_a_runtime(runtime: str | None) -> None:
    assert resolve({"localhost": {"runtime": runtime}}).mode == "localhost"


@pytest.mark.parametrize(
    "section",
    [
        {"worker_processes": 0},
        {"worker_processes": -1},
        {"worker_processes": "4"},
        {"worker_processes": 1.5},
        {"max_workers": 0},
        {"runtime_memory": 0},
        {"runtime_timeout": 0.0},
        {"runtime_timeout": float("nan")},
        {"runtime_timeout": float("inf")},
        {"runtime": ""},
        {"runtime": "user/image:tag"},
        {"runtime": "python:3.12"},
        {"storage_root": ""},
        {"storage_bucket": ""},
        {"storage_bucket": 3},
    ],
)
def test_a_value_out_of_range_is_refused_with_its_key(section: dict[str, Any]) -> None:
    (key,) = section
    with pytest.raises(ConfigError, match=f"section 'localhost'.*{key}|{key}.*section 'localhost'"):
        resolve({"localhost": section})
