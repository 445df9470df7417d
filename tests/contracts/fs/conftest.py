"""Leaves out some of fsspec's many cases of patterns, where each costs a hundred requests and tells nothing of the store."""

from __future__ import annotations

from collections import Counter

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep one of `pattern_step` cases of each test of patterns."""
    seen: Counter[tuple[object, str]] = Counter()
    kept: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        step = getattr(getattr(item, "cls", None), "pattern_step", 1)
        name = getattr(item, "originalname", item.name)
        is_kept = "glob_edge_cases" not in name or seen[item.parent, name] % step == 0
        seen[item.parent, name] += 1
        (kept if is_kept else left_out).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept
