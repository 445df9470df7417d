"""`ListProxy` against a list: the same operations give the same values, and the same errors."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lithops.multiprocessing.managers import SyncManager


@pytest.fixture
def manager() -> Iterator[SyncManager]:
    with SyncManager() as made:
        yield made


number = st.integers(-9, 9)
numbers = st.lists(number, max_size=6)
bound = st.integers(-15, 15) | st.none()
where = st.builds(slice, bound, bound, st.sampled_from([None, 1, 2, 3, -1, -2]))


def delete(target: Any, at: Any) -> None:
    del target[at]


def repeat(target: Any, times: int) -> None:
    target *= times


def add(target: Any, values: list[int]) -> None:
    target += values


steps = st.one_of(
    st.tuples(st.just(lambda target, value: target.append(value)), number),
    st.tuples(st.just(lambda target, values: target.extend(values)), numbers),
    st.tuples(
        st.just(lambda target, at, value: target.insert(at, value)), bound.filter(lambda at: at is not None), number
    ),
    st.tuples(st.just(lambda target: target.pop())),
    st.tuples(st.just(lambda target, at: target.pop(at)), number),
    st.tuples(st.just(lambda target, value: target.remove(value)), number),
    st.tuples(st.just(lambda target: target.reverse())),
    st.tuples(st.just(lambda target: target.clear())),
    st.tuples(st.just(lambda target: target.sort(key=lambda n: (n % 3, n)))),
    st.tuples(st.just(lambda target: target.sort(reverse=True))),
    st.tuples(st.just(lambda target, at, value: target.__setitem__(at, value)), number, number),
    st.tuples(st.just(lambda target, at, values: target.__setitem__(at, values)), where, numbers),
    st.tuples(st.just(delete), number),
    st.tuples(st.just(delete), where),
    st.tuples(st.just(repeat), st.integers(-1, 2)),
    st.tuples(st.just(add), numbers),
    st.tuples(st.just(lambda target, at: target[at]), number),
    st.tuples(st.just(lambda target, at: target[at]), where),
    st.tuples(st.just(lambda target, value: target.index(value)), number),
    st.tuples(st.just(lambda target, value: (value in target, target.count(value))), number),
    st.tuples(st.just(lambda target, values: (target + values, target * 2, 2 * target)), numbers),
    st.tuples(st.just(lambda target, values: (target < values, target >= values, target == values)), numbers),
    st.tuples(st.just(lambda target: (list(target), list(reversed(target)), len(target), target.copy()))),
)


def outcome(step: Callable[..., Any], target: Any, arguments: Any) -> Any:
    try:
        return step(target, *arguments)
    except (IndexError, ValueError) as exc:
        return type(exc)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=numbers, todo=st.lists(steps, max_size=8))
def test_it_does_what_a_list_does(manager: SyncManager, start: list[int], todo: list[Any]) -> None:
    shared, plain = manager.list(start), list(start)
    for step, *arguments in todo:
        assert outcome(step, shared, arguments) == outcome(step, plain, arguments)
        assert shared == plain


def test_wrong_arguments_are_those_of_a_list(manager: SyncManager) -> None:
    shared = manager.list([1])
    wrongs: list[Any] = [
        lambda: shared["a"],
        lambda: shared["a":1],
        lambda: shared.pop("a"),
        lambda: shared.__setitem__("a", 1),
    ]
    for wrong in wrongs:
        with pytest.raises(TypeError):
            wrong()
    with pytest.raises(ValueError, match="zero"):
        shared[::0]
    with pytest.raises(IndexError, match="pop from empty list"):
        manager.list().pop()
    with pytest.raises(IndexError, match="pop index out of range"):
        shared.pop(5)
    with pytest.raises(TypeError):
        manager.list(1)


def test_copies_mean_the_same_list(manager: SyncManager) -> None:
    shared = manager.list("ab")
    pickle.loads(pickle.dumps(shared)).append("c")
    assert shared[:] == ["a", "b", "c"]
    assert str(shared) == "['a', 'b', 'c']"
    assert repr(shared).startswith("<ListProxy object, typeid 'list' at 0x")


def test_proxies_nest(manager: SyncManager) -> None:
    shared = manager.list([manager.dict(inner=manager.list([manager.Namespace(x=1)]))])
    shared[0]["inner"].append(2)
    shared[0]["inner"][0].x += 1
    assert shared[0]["inner"][0].x == 2
    assert shared[0]["inner"][1] == 2
    assert manager.list([shared])[0][0]["inner"][1] == 2


def test_a_list_in_itself_and_a_plain_item(manager: SyncManager) -> None:
    shared = manager.list([[1]])
    shared[0].append(2)
    assert shared[0] == [1]
    shared.append(shared)
    assert shared[1][0] == [1]
    shared.extend(manager.list([7]))
    shared[0:1] = manager.list([8, 9])
    assert (shared[0], shared[1], shared[3]) == (8, 9, 7)
    shared.clear()


def test_functions_and_classes_made_here_can_be_items(manager: SyncManager) -> None:
    shared = manager.list([lambda n: n + 1])
    assert shared[0](1) == 2


def test_what_cannot_be_pickled_changes_nothing(manager: SyncManager) -> None:
    shared = manager.list([1, 2])
    generator = (n for n in range(3))
    changes: list[Any] = [
        lambda: shared.append(generator),
        lambda: shared.extend([3, generator]),
        lambda: shared.__setitem__(0, generator),
    ]
    for change in changes:
        with pytest.raises(TypeError):
            change()
    assert shared == [1, 2]


def test_two_hundred_thousand_items(manager: SyncManager) -> None:
    shared = manager.list(range(200_000))
    shared.insert(100_000, "middle")
    assert shared.pop(100_000) == "middle"
    shared.sort(reverse=True)
    assert shared[:3] == [199_999, 199_998, 199_997]
    shared[1:199_999] = []
    assert shared == [199_999, 0]
