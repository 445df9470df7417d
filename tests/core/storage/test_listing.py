"""A lazy list does what a list does."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lithops.storage.listing import LazyList


@given(st.lists(st.integers(), max_size=8), st.integers(-10, 10), st.slices(8))
def test_it_reads_like_the_list_of_its_items(items: list[int], at: int, part: slice) -> None:
    def fresh() -> LazyList[int]:
        return LazyList(iter(items))

    assert fresh() == items
    assert list(fresh()) == items
    assert len(fresh()) == len(items)
    assert bool(fresh()) == bool(items)
    assert list(fresh()[part]) == items[part]
    assert repr(fresh()) == repr(items)
    assert fresh() + [7] == [*items, 7]  # noqa: RUF005 - the operator is what is tested
    assert sorted(fresh()) == sorted(items)
    assert list(reversed(fresh())) == items[::-1]
    assert (at in fresh()) == (at in items)
    assert copy.copy(fresh()) == pickle.loads(pickle.dumps(fresh())) == items
    if -len(items) <= at < len(items):
        assert fresh()[at] == items[at]
    else:
        with pytest.raises(IndexError):
            fresh()[at]


def test_it_can_be_changed_like_a_list() -> None:
    items = LazyList(iter([3, 1, 2]))
    items.append(0)
    items.sort()
    items.remove(1)
    items += [9]
    assert items == [0, 2, 3, 9]
    assert items.pop() == 9


def test_two_loops_at_once_see_all_items() -> None:
    items = LazyList(iter(range(4)))
    assert [(one, other) for one in items for other in items] == [
        (one, other) for one in range(4) for other in range(4)
    ]


def test_a_source_that_cannot_begin_fails_at_once() -> None:
    with pytest.raises(ZeroDivisionError):
        LazyList(1 // number for number in [0, 1])
