"""`multiprocessing.managers`: objects of many kinds that processes share by proxies.

There is no server process: the objects are in Redis, and a manager knows what it made, so that `shutdown` deletes it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from multiprocessing import ProcessError
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, NoReturn, Self

from lithops.multiprocessing import manager_directory
from lithops.multiprocessing.dict_proxy import DictProxy
from lithops.multiprocessing.list_proxy import ListProxy
from lithops.multiprocessing.native_objects import native
from lithops.multiprocessing.proxy import (
    AutoProxy,
    BaseProxy,
    IteratorProxy,
    Keeper,
    RemoteError,
    Result,
    Shared,
    auto_proxy,
    public_methods,
)
from lithops.multiprocessing.state import SharedObject
from lithops.multiprocessing.value_proxies import ArrayProxy, Namespace, NamespaceProxy, ValueProxy

__all__ = [
    "ArrayProxy",
    "AutoProxy",
    "BaseManager",
    "BaseProxy",
    "DictProxy",
    "IteratorProxy",
    "ListProxy",
    "Namespace",
    "NamespaceProxy",
    "RemoteError",
    "SharedMemoryManager",
    "SyncManager",
    "Token",
    "ValueProxy",
]


_NATIVE: dict[type, type[BaseProxy]] = {list: ListProxy, dict: DictProxy}


class Token(NamedTuple):
    """What names a shared object: kept for programs that import it."""

    typeid: str
    address: Any
    id: str


class Registered(NamedTuple):
    """How objects of a registered kind are made and shared."""

    make: Callable[..., Any] | None
    exposed: tuple[str, ...] | None
    results: dict[str, str]
    proxytype: type[BaseProxy] | None
    is_native: bool = False
    """What is made lives in Redis by itself."""


class BaseManager:
    """Makes shared objects of the kinds that were registered; a context manager that deletes them at its end.

    `authkey` and `address` name it for `connect` in another program. `serializer` and `ctx` are taken for compatibility.
    """

    _registry: ClassVar[dict[str, Registered]] = {}

    def __init__(
        self,
        address: Any = None,
        authkey: bytes | None = None,
        serializer: str = "pickle",
        ctx: Any = None,
        *,
        shutdown_timeout: float = 1.0,
    ) -> None:
        self._is_named = address is not None
        self._address = manager_directory.complete(address)
        self._authkey = bytes(authkey or b"")
        self._ctx = ctx
        self._state = "initial"
        self._keeper = Keeper()
        self._known: dict[int, tuple[Any, Any]] = {}
        self._directory: manager_directory.Directory | None = None

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """The registered kinds are methods."""

    @property
    def address(self) -> Any:
        return self._address

    def start(self, initializer: Callable[..., Any] | None = None, initargs: Sequence[Any] = ()) -> None:
        """Make the manager usable. The initializer runs in this process, since there is no other."""
        if self._state != "initial":
            raise ProcessError(
                "the manager is started already" if self._state == "started" else "the manager has shut down"
            )
        if initializer is not None and not callable(initializer):
            raise TypeError(f"initializer must be callable, not {initializer!r}")
        if initializer is not None:
            initializer(*initargs)
        if self._is_named:
            self._directory = manager_directory.publish(self._address, self._authkey, self._own_kinds())
        self._state = "started"

    def connect(self) -> None:
        """Use the objects of a manager of the same address and key that another process has started."""
        self._directory = manager_directory.find(self._address, self._authkey)
        self._state = "started"

    def get_server(self) -> NoReturn:
        raise NotImplementedError(
            "a manager has no server process here: call start() in one program and connect() in others"
        )

    def shutdown(self) -> None:
        """Delete all that this manager made. Its proxies, here and in other processes, say so from then on."""
        if self._state == "started":
            self._keeper.delete()
            if self._directory is not None:
                self._directory.close()
            self._known.clear()
        self._state = "shutdown"

    def join(self, timeout: float | None = None) -> None:
        """Return at once: there is no server process to wait for."""

    def __enter__(self) -> Self:
        if self._state == "initial":
            self.start()
        if self._state != "started":
            raise ProcessError("the manager has shut down: make a new one")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a manager cannot be pickled: give the objects that it made, or connect() by its address")

    @classmethod
    def register(
        cls,
        typeid: str,
        callable: Callable[..., Any] | None = None,  # noqa: A002
        proxytype: type[BaseProxy] | None = None,
        exposed: Sequence[str] | None = None,
        method_to_typeid: dict[str, str] | None = None,
        create_method: bool = True,
    ) -> None:
        """Add a kind of objects: a method of its name makes them by `callable` and gives their proxies.

        The methods named in `exposed` may be called, or else all public ones. `method_to_typeid` names the methods
        whose results are shared too, and as what. Without a `callable` the object itself is given to the method, or
        the manager that this one is connected to makes it.
        """
        if "_registry" not in vars(cls):
            cls._registry = dict(cls._registry)
        exposed = exposed or getattr(proxytype, "_exposed_", None)
        results = dict(method_to_typeid or getattr(proxytype, "_method_to_typeid_", None) or {})
        for method, kind in results.items():
            if not (isinstance(method, str) and isinstance(kind, str)):
                raise TypeError(f"method_to_typeid maps names of methods to names of kinds, not {method!r} to {kind!r}")
        if proxytype is AutoProxy:
            proxytype = None
        cls._registry[typeid] = Registered(callable, tuple(exposed) if exposed else None, results, proxytype)
        if create_method:

            def make(self: BaseManager, /, *args: Any, **kwds: Any) -> Any:
                return self._create(typeid, *args, **kwds)

            make.__name__ = typeid
            make.__qualname__ = f"{cls.__qualname__}.{typeid}"
            setattr(cls, typeid, make)

    # Private

    def _create(self, typeid: str, /, *args: Any, **kwds: Any) -> Any:
        """Make an object of a kind, and give the proxy of it."""
        if self._state != "started":
            raise AssertionError("the manager is not started: call start(), or use it in a with statement")
        kind = self._registry[typeid]
        if kind.is_native and kind.make is not None:
            return self._keep(kind.make(*args, **kwds))
        make = kind.make
        if make is None and self._directory is not None:
            make = self._directory.maker(typeid)
        if make is None and len(args) != 1:
            raise TypeError(f"{typeid!r} was registered without a callable: give it the object to share")
        if make is None:
            return self._share(typeid, args[0])
        value = make(*args, **kwds)
        if isinstance(make, type):
            return self._share(typeid, value)
        if self._directory is not None and make(*args, **kwds) is value:  # it gives the same object to all who ask
            return self._directory.single(typeid, (args, kwds), lambda: self._share_once(typeid, value))
        return self._share_once(typeid, value)

    def _share_once(self, typeid: str, value: Any) -> Any:
        """Give the same proxy for the same object."""
        if id(value) not in self._known:
            self._known[id(value)] = value, self._share(typeid, value)
        return self._known[id(value)][1]

    def _share(self, typeid: str, value: Any) -> Any:
        kind = self._registry[typeid]
        found = native(value)
        if found is not None:
            return self._keep(found)
        proxytype = kind.proxytype
        if proxytype is None and kind.exposed is None:
            proxytype = _NATIVE.get(type(value))
        exposed = kind.exposed or public_methods(value)
        results = {name: self._result(of) for name, of in kind.results.items()}
        return self._keep((proxytype or auto_proxy(typeid, exposed)).share(value, Shared(typeid, exposed, results)))

    def _result(self, typeid: str) -> Result:
        if typeid not in self._registry:
            raise KeyError(f"method_to_typeid names {typeid!r}, which is not registered: register it first")
        return Result(typeid, self._registry[typeid].proxytype, self._registry[typeid].exposed)

    def _keep(self, made: Any) -> Any:
        """Remember an object, so that `shutdown` deletes it."""
        if isinstance(made, BaseProxy):
            self._keeper.adopt(made)
        elif isinstance(made, SharedObject):
            self._keeper.hold(made)
        return made

    def _own_kinds(self) -> dict[str, Callable[..., Any]]:
        return {
            typeid: kind.make
            for typeid, kind in self._registry.items()
            if kind.make is not None and kind is not SyncManager._registry.get(typeid)
        }


class SyncManager(BaseManager):
    """Makes the kinds of the standard library: list, dict, Namespace, Value, Array, locks, queues and pools."""


class SharedMemoryManager(BaseManager):
    """Not there: memory cannot be shared between machines."""

    def __init__(self, *args: Any, **kwds: Any) -> None:
        raise NotImplementedError("memory cannot be shared between machines: use Array, or a list of a Manager")


def _native_kind(module: str, name: str) -> Callable[..., Any]:
    def make(*args: Any, **kwds: Any) -> Any:
        return getattr(import_module(f"lithops.multiprocessing.{module}"), name)(*args, **kwds)

    make.__name__ = name
    return make


def _register_kinds() -> None:
    kinds: dict[str, Callable[..., Any]] = {
        "list": ListProxy,
        "dict": DictProxy,
        "Namespace": NamespaceProxy,
        "Value": ValueProxy,
        "Array": ArrayProxy,
    }
    for name in ("Lock", "RLock", "Semaphore", "BoundedSemaphore", "Condition", "Event", "Barrier"):
        kinds[name] = _native_kind("synchronize", name)
    kinds |= {
        "Queue": _native_kind("queues", "JoinableQueue"),
        "JoinableQueue": _native_kind("queues", "JoinableQueue"),
    }
    kinds["Pool"] = _native_kind("pool", "Pool")
    for typeid, make in kinds.items():
        proxytype = make if isinstance(make, type) and issubclass(make, BaseProxy) else None
        SyncManager.register(typeid, make, proxytype)
        SyncManager._registry[typeid] = SyncManager._registry[typeid]._replace(is_native=True)
    SyncManager.register("Iterator", proxytype=IteratorProxy, create_method=False)


_register_kinds()
