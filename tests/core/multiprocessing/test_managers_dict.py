"""`DictProxy` against a dict: the same operations give the same values, in the same order, and the same errors."""

from __future__ import annotations

import datetime
import enum
import pickle
from collections import OrderedDict, namedtuple
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.emulators.redis_server_process import RunningRedis

from lithops.errors import SharedObjectGoneError
from lithops.multiprocessing.dict_keys import encode
from lithops.multiprocessing.managers import SyncManager

Pair = namedtuple("Pair", "x y")


class Colour(enum.IntEnum):
    RED = 1


class Name(str):
    """A text that compares as text does."""


class Folded:
    """A key with its own equality; its pickle has more in it than that compares."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Folded) and self.text.lower() == other.text.lower()

    def __hash__(self) -> int:
        return hash(self.text.lower())


@pytest.fixture
def manager() -> Iterator[SyncManager]:
    with SyncManager() as made:
        yield made


EQUAL = [
    (1, 1.0, True, Fraction(1), Decimal("1.00"), complex(1, 0), Colour.RED),
    (0.5, Fraction(1, 2), Decimal("0.5")),
    (0, 0.0, -0.0, False),
    ((1, "a"), (1.0, "a"), (True, Name("a")), Pair(1, "a")),
    ("name", Name("name")),
    (frozenset([1, 2]), frozenset([2.0, 1])),
    (2**70, float(2**70)),
    (b"bytes",),
    (None,),
    ("1",),
    ((),),
    (((1,), 2),),
    ((1, (2,)),),
    (float("inf"), Decimal("Infinity")),
    (1j, complex(0, 1)),
    ("\ud800",),
    ("long" * 1000,),
]


@pytest.mark.parametrize("equal", EQUAL, ids=lambda equal: type(equal[0]).__name__)
def test_equal_keys_have_one_encoding_and_others_another(equal: tuple[Any, ...]) -> None:
    assert len({encode(key) for key in equal}) == 1
    assert None not in {encode(key) for key in equal}
    for others in EQUAL:
        if others is not equal:
            assert encode(others[0]) != encode(equal[0])


values = st.integers(0, 3)
keys = st.sampled_from(
    [0, 1, 1.0, True, "a", Name("a"), "b", (1, 2), (1.0, 2), None, Folded("A"), Folded("a"), Folded("b")]
)
items = st.lists(st.tuples(keys, values), max_size=4)


def delete(target: Any, key: Any) -> None:
    del target[key]


def join(target: Any, more: Any) -> None:
    target |= dict(more)


steps = st.one_of(
    st.tuples(st.just(lambda target, key, value: target.__setitem__(key, value)), keys, values),
    st.tuples(st.just(lambda target, key: target[key]), keys),
    st.tuples(st.just(lambda target, key: (target.get(key), target.get(key, 9), key in target)), keys),
    st.tuples(st.just(delete), keys),
    st.tuples(st.just(lambda target, key: target.pop(key)), keys),
    st.tuples(st.just(lambda target, key: target.pop(key, None)), keys),
    st.tuples(st.just(lambda target, key, value: target.setdefault(key, value)), keys, values),
    st.tuples(st.just(lambda target: target.popitem())),
    st.tuples(st.just(lambda target: target.clear())),
    st.tuples(st.just(lambda target, more: target.update(more)), items),
    st.tuples(st.just(join), items),
    st.tuples(st.just(lambda target, more: list((target | dict(more)).items())), items),
    st.tuples(st.just(lambda target, more: list((dict(more) | target).items())), items),
    st.tuples(st.just(lambda target: (list(target), list(reversed(target)), list(target.values()), len(target)))),
)


def outcome(step: Callable[..., Any], target: Any, arguments: Any) -> Any:
    try:
        return step(target, *arguments)
    except KeyError as exc:
        return type(exc)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=items, todo=st.lists(steps, max_size=8))
def test_it_does_what_a_dict_does(manager: SyncManager, start: list[Any], todo: list[Any]) -> None:
    shared, plain = manager.dict(start), dict(start)
    for step, *arguments in todo:
        assert outcome(step, shared, arguments) == outcome(step, plain, arguments)
        assert list(shared.items()) == list(plain.items())
        assert [type(key) for key in shared] == [type(key) for key in plain]


def test_it_is_made_as_a_dict_is(manager: SyncManager) -> None:
    assert manager.dict({"a": 1}, b=2) == {"a": 1, "b": 2}
    assert manager.dict(a=1, typeid=3) == {"a": 1, "typeid": 3}
    assert manager.dict(manager.dict(a=1)) == {"a": 1}
    for wrong in (1, [1], ["abc"]):
        with pytest.raises((TypeError, ValueError)):
            manager.dict(wrong)


def test_wrong_keys_are_those_of_a_dict(manager: SyncManager) -> None:
    shared = manager.dict()
    for use in (lambda: shared[[]], lambda: shared.get({}), lambda: shared.__setitem__([], 1), lambda: [] in shared):
        with pytest.raises(TypeError, match="unhashable"):
            use()
    with pytest.raises(KeyError) as caught:
        _ = shared["missing"]
    assert caught.value.args == ("missing",)
    with pytest.raises(KeyError, match="dictionary is empty"):
        shared.popitem()


def test_keys_of_other_classes_are_compared(manager: SyncManager) -> None:
    utc, east = datetime.UTC, datetime.timezone(datetime.timedelta(hours=2))
    noon = datetime.datetime(2024, 1, 1, 12, tzinfo=utc)
    shared = manager.dict({noon: 1})
    shared[noon.astimezone(east)] = 2
    assert shared == {noon: 2}
    assert shared.setdefault(noon, 3) == 2


def test_copies_mean_the_same_dict(manager: SyncManager) -> None:
    shared = manager.dict(a=1)
    pickle.loads(pickle.dumps(shared))["b"] = 2
    assert shared.copy() == {"a": 1, "b": 2}
    assert str(shared) == "{'a': 1, 'b': 2}"
    assert shared != {"a": 1}
    assert OrderedDict(shared) == OrderedDict(a=1, b=2)


def test_what_cannot_be_pickled_changes_nothing(manager: SyncManager) -> None:
    shared = manager.dict(a=1)
    with pytest.raises(TypeError):
        shared.update(b=2, c=(n for n in range(3)))
    assert shared == {"a": 1}


def test_two_hundred_thousand_items(manager: SyncManager) -> None:
    shared = manager.dict(zip(range(200_000), range(200_000), strict=True))
    assert len(shared) == 200_000
    assert shared.popitem() == (199_999, 199_999)
    assert shared.pop(0) == 0
    assert shared.keys() == list(range(1, 199_999))


def loop(over: Any, place: int, change: Callable[[Any], Any], seen: list[Any]) -> None:
    """Note each key, and change the dict when the loop is at one of them."""
    for key in over:
        seen.append(key)
        if key == place:
            change(over)


@pytest.mark.parametrize(
    "change",
    [lambda shared: shared.pop(0), lambda shared: shared.__setitem__("new", 0), lambda shared: shared.clear()],
    ids=["remove", "add", "clear"],
)
@pytest.mark.parametrize(("size", "place"), [(1, 0), (2, 0), (2, 1), (30, 7), (30, 29)])
def test_a_loop_ends_with_an_error_when_items_come_or_go(
    size: int, place: int, change: Callable[[Any], Any], manager: SyncManager
) -> None:
    shared = manager.dict(zip(range(size), range(size), strict=True))
    seen: list[int] = []
    with pytest.raises(RuntimeError, match="dictionary changed size during iteration"):
        loop(shared, place, change, seen)
    assert seen == list(range(len(seen)))
    assert len(seen) > place


def test_a_loop_that_began_before_a_change_is_told_of_it(manager: SyncManager) -> None:
    shared = manager.dict()
    each = iter(shared)
    shared["new"] = 1
    with pytest.raises(RuntimeError, match="changed size"):
        next(each)


def test_a_loop_may_set_what_is_there(manager: SyncManager) -> None:
    shared = manager.dict(zip("abcdef", range(6), strict=True))
    for key in shared:
        shared[key] += 1
    assert list(shared.items()) == list(zip("abcdef", range(1, 7), strict=True))


def test_keys_in_place_of_others_end_a_loop_as_in_a_dict(manager: SyncManager) -> None:
    def replace(over: Any) -> None:
        del over[0]
        over["new"] = 1

    for over in (manager.dict(zip(range(9), range(9), strict=True)), dict.fromkeys(range(9))):
        seen: list[int] = []
        with pytest.raises(RuntimeError, match="dictionary keys changed during iteration"):
            loop(over, 8, replace, seen)
        assert seen == list(range(9))


def test_a_loop_over_many_keys_takes_few_requests(manager: SyncManager, redis_server: RunningRedis) -> None:
    shared = manager.dict(zip(range(5000), range(5000), strict=True))
    with redis.Redis(redis_server.host, redis_server.port, password=redis_server.password) as server:

        def scripts_run() -> int:
            return int(server.info("commandstats")["cmdstat_evalsha"]["calls"])

        list(iter(shared))  # the scripts are known now
        before = scripts_run()
        each = iter(shared)
        assert list(each) == list(range(5000))
        assert list(each) == []
        assert scripts_run() - before == 12  # the size; 1, 4, 16, 64, 256 keys, five pages of them; the end


def test_a_loop_over_a_dict_that_is_deleted_says_so(manager: SyncManager) -> None:
    shared = manager.dict(zip(range(9), range(9), strict=True))
    each = iter(shared)
    next(each)
    manager.shutdown()
    with pytest.raises(SharedObjectGoneError, match="shut down"):
        next(each)
