"""Managers: their life, namespaces, values, arrays, custom objects, and what is said when something is gone."""

from __future__ import annotations

import copy
import pickle
import types
from collections.abc import Iterator
from multiprocessing import ProcessError
from typing import Any

import pytest

from lithops.multiprocessing.managers import (
    BaseManager,
    BaseProxy,
    IteratorProxy,
    ListProxy,
    RemoteError,
    SharedMemoryManager,
    SyncManager,
)
from lithops.multiprocessing.state import dumps, loads


class Counter:
    def __init__(self, start: int = 0) -> None:
        self.count = start

    def add(self, by: int = 1) -> int:
        self.count += by
        return self.count

    def fail(self) -> None:
        self.count = -1
        raise ValueError("as asked")

    def steps(self) -> list[int]:
        return list(range(self.count))

    def _hidden(self) -> str:
        return "hidden"


class CounterProxy(BaseProxy):
    _exposed_ = ("add", "__str__")

    def twice(self) -> Any:
        self._callmethod("add")
        return self._callmethod("add", (), {"by": 1})


def squares() -> Iterator[int]:
    for number in range(4):
        yield number * number


class Manager(BaseManager):
    """With kinds of its own."""


Manager.register("Counter", Counter)
Manager.register("Hidden", callable=Counter, exposed=("add", "_hidden"))
Manager.register("Own", Counter, CounterProxy)
Manager.register("Steps", Counter, exposed=("steps",), method_to_typeid={"steps": "list"})
Manager.register("list", proxytype=ListProxy)
Manager.register("squares", squares, IteratorProxy)


@pytest.fixture
def manager() -> Iterator[SyncManager]:
    with SyncManager() as made:
        yield made


def test_a_namespace_has_attributes(manager: SyncManager) -> None:
    space = manager.Namespace(x=1, _own=0)
    space.y = [2]
    other = pickle.loads(pickle.dumps(space))
    other.x += 1
    del other.y
    assert space.x == 2
    assert not hasattr(space, "y")
    assert str(space) == "Namespace(x=2)"
    with pytest.raises(AttributeError, match="has no attribute 'z'"):
        _ = space.z
    with pytest.raises(AttributeError, match="has no attribute 'z'"):
        del space.z
    assert space._callmethod("__getattribute__", ("x",)) == 2


def test_a_value_holds_anything(manager: SyncManager) -> None:
    shared = manager.Value("i", 1)
    other = pickle.loads(pickle.dumps(shared))
    other.value = {"a": [1]}
    assert shared.get() == {"a": [1]}
    shared.set(2)
    assert other.value == 2
    assert str(shared) == "Value('i', 2)"


def test_an_array_is_one_of_the_module_array(manager: SyncManager) -> None:
    shared = manager.Array("h", range(5))
    shared[1] = -1
    shared[::2] = [7, 8, 9]
    other = pickle.loads(pickle.dumps(shared))
    assert list(other) == [7, -1, 8, 3, 9]
    assert str(shared) == "array('h', [7, -1, 8, 3, 9])"
    assert shared[1:3].tolist() == [-1, 8]
    wrongs: list[tuple[Any, type[Exception]]] = [
        (lambda: shared[5], IndexError),
        (lambda: shared.__setitem__(0, 2**20), OverflowError),
    ]
    for wrong, error in wrongs:
        with pytest.raises(error):
            wrong()
    with pytest.raises(ValueError, match="fixed"):
        shared[0:2] = [1]


def test_a_custom_object_runs_its_methods() -> None:
    with Manager() as manager:
        shared = manager.Counter(3)
        other = loads(dumps(shared))
        assert other.add() == 4
        assert shared.add(by=2) == 6
        assert other._getvalue().count == 6
        assert copy.deepcopy(shared).count == 6
        assert repr(shared).startswith("<AutoProxy[Counter] object, typeid 'Counter' at 0x")
        with pytest.raises(ValueError, match="as asked"):
            other.fail()
        assert shared.add() == 0
        assert not hasattr(shared, "_hidden")


def test_only_exposed_methods_may_be_called() -> None:
    with Manager() as manager:
        assert manager.Hidden()._hidden() == "hidden"
        assert not hasattr(manager.Hidden(), "fail")
        with pytest.raises(RemoteError, match=r"'_hidden' of the shared 'Counter' is not exposed: exposed are add"):
            manager.Counter()._callmethod("_hidden")
        assert manager.Own(1).twice() == 3
        assert loads(dumps(manager.Own(1))).twice() == 3


def test_results_and_generators_are_shared() -> None:
    with Manager() as manager:
        steps = manager.Steps(3).steps()
        steps.append(9)
        assert steps == [0, 1, 2, 9]
        assert isinstance(steps, ListProxy)
        squares = manager.squares()
        assert next(loads(dumps(squares))) == 0
        assert list(squares) == [1, 4, 9]


def test_a_manager_has_a_beginning_and_an_end() -> None:
    manager = Manager()
    with pytest.raises(AssertionError, match="not started"):
        manager.Counter()
    with pytest.raises(TypeError, match="must be callable"):
        manager.start(initializer=1)  # type: ignore[arg-type]
    ran: list[int] = []
    manager.start(ran.append, (1,))
    assert ran == [1]
    with pytest.raises(ProcessError, match="started already"):
        manager.start()
    manager.shutdown()
    manager.shutdown()
    manager.join()
    with pytest.raises(ProcessError, match="shut down"):
        manager.start()
    with pytest.raises(ProcessError, match="make a new one"), manager:
        pass
    with pytest.raises(TypeError, match="connect"):
        pickle.dumps(manager)


def test_after_shutdown_each_proxy_says_so_and_nothing_is_left() -> None:
    manager = SyncManager()
    manager.start()
    shared = manager.list([1])
    items = manager.dict(a=manager.list([2]))
    space, value, array = manager.Namespace(x=1), manager.Value("i", 1), manager.Array("i", [1])
    keys = [key for one in (shared, items, space, value, array) for key in one._keys()]
    manager.shutdown()
    uses = (
        lambda: shared.append(1),
        lambda: shared[0],
        lambda: len(shared),
        lambda: list(shared),
        lambda: shared.sort(),
        lambda: items["a"],
        lambda: items.update(b=2),
        lambda: items.popitem(),
        lambda: space.x,
        lambda: setattr(space, "x", 2),
        lambda: value.value,
        lambda: value.set(1),
        lambda: array[0],
        lambda: array.__setitem__(0, 1),
    )
    for use in uses:
        with pytest.raises(ConnectionError, match="not in Redis any more: its manager was shut down"):
            use()
    assert "cannot be shown" in str(shared)
    assert shared._redis.call("EXISTS", *keys) == 0


def test_programs_connect_by_address_and_key() -> None:
    class Server(BaseManager):
        pass

    class Client(BaseManager):
        pass

    values = [1]
    Server.register("get_values", callable=lambda: values, proxytype=ListProxy)
    Server.register("Counter", Counter)
    for name in ("get_values", "Counter"):
        Client.register(name)
    server = Server(("127.0.0.1", 0), authkey=b"key")
    with server:
        here = server.get_values()
        here.append(2)
        client = Client(server.address, authkey=b"key")
        client.connect()
        client.get_values().append(3)
        assert here == [1, 2, 3]
        assert server.get_values() == [1, 2, 3]
        one, two = client.Counter(1), client.Counter(5)
        assert (one.add(), two.add()) == (2, 6)
        with pytest.raises(ConnectionRefusedError, match="start it first"):
            Client(server.address, authkey=b"wrong").connect()
    with pytest.raises(ConnectionRefusedError):
        Client(server.address, authkey=b"key").connect()


def test_kinds_belong_to_their_class_and_wrong_ones_are_refused() -> None:
    assert not hasattr(BaseManager, "Counter")
    with pytest.raises(TypeError, match="method_to_typeid"):
        BaseManager.register("Wrong", Counter, method_to_typeid={"steps": 1})  # type: ignore[dict-item]


def test_what_is_impossible_says_so() -> None:
    with pytest.raises(NotImplementedError, match="between machines"):
        SharedMemoryManager()
    with pytest.raises(NotImplementedError, match="connect"):
        SyncManager().get_server()


def test_a_generator_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lithops.multiprocessing.proxy.MAX_GENERATED", 3)
    with Manager() as manager, pytest.raises(NotImplementedError, match="give a list"):
        manager.squares()


def test_an_object_that_cannot_be_pickled_is_refused() -> None:
    class Holder(BaseManager):
        pass

    Holder.register("view", callable=lambda: types.SimpleNamespace(numbers=squares()))
    with Holder() as manager, pytest.raises(TypeError):
        manager.view()


def test_every_key_expires_also_after_it_was_emptied_and_filled_again(manager: SyncManager) -> None:
    items, counts = manager.list([1]), manager.dict(a=1)
    made = [items, counts, manager.Namespace(x=1), manager.Value("i", 1), manager.Array("i", [1])]
    items.pop()
    items.append(2)
    counts.clear()
    counts["b"] = 2
    made[3].value = 2
    made[4][0] = 2
    for key in (key for one in made for key in one._keys()):
        assert items._redis.call("PTTL", key) > 0, key
