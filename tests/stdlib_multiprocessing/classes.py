"""The standard library's test classes, over `lithops.multiprocessing`, in whichever process this is imported."""

from __future__ import annotations

import multiprocessing
import types
import unittest
from typing import Any, ClassVar

import test._test_multiprocessing as native

import lithops.multiprocessing as ours
from lithops.multiprocessing import connection, context, managers, pool, process, queues, sharedctypes, synchronize


class _Module(types.ModuleType):
    """Gives what `lithops.multiprocessing` has, and the rest, such as `util`, from the standard module."""

    def __getattr__(self, name: str) -> Any:
        try:
            return getattr(ours, name)
        except AttributeError:
            return getattr(multiprocessing, name)

    def __reduce__(self) -> Any:
        return _the_replacement, ()


def _the_replacement() -> types.ModuleType:
    return replacement


replacement = _Module("lithops.multiprocessing")
for room in (connection, context, managers, pool, process, queues, sharedctypes, synchronize):
    setattr(replacement, room.__name__.rpartition(".")[2], room)

MAKERS = (
    "Pool", "Pipe", "Queue", "JoinableQueue", "Lock", "RLock", "Semaphore", "BoundedSemaphore", "Condition", "Event",
    "Barrier", "Value", "Array", "RawValue", "RawArray",
)  # fmt: skip
OF_MANAGERS = (
    "Queue", "JoinableQueue", "Lock", "RLock", "Semaphore", "BoundedSemaphore", "Condition", "Event", "Barrier", "Value",
    "Array", "list", "dict", "Namespace", "Pool",
)  # fmt: skip


class Processes:
    """What the test classes take from their mixin, for processes."""

    TYPE = "processes"
    Process = ours.Process
    connection = connection
    current_process = staticmethod(ours.current_process)
    parent_process = staticmethod(ours.parent_process)
    active_children = staticmethod(ours.active_children)
    set_executable = staticmethod(ours.set_executable)


for name in MAKERS:
    setattr(Processes, name, staticmethod(getattr(ours, name)))


class _OfManager:
    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: Any) -> Any:
        return getattr(owner.manager, self.name)


class Manager:
    """The same, for what a manager makes."""

    TYPE = "manager"
    Process = ours.Process
    current_process = staticmethod(ours.current_process)
    active_children = staticmethod(ours.active_children)
    manager: ClassVar[Any] = None

    @classmethod
    def setUpClass(cls) -> None:
        """Start the manager."""
        cls.manager = ours.Manager()

    @classmethod
    def tearDownClass(cls) -> None:
        """End it."""
        cls.manager.shutdown()
        cls.manager = None


for name in OF_MANAGERS:
    setattr(Manager, name, _OfManager(name))


def _list_of_manager() -> Any:
    """Make what takes the place of the tests' own list in memory that is shared by descriptors."""
    manager = ours.Manager()
    made = manager.list()
    _managers.append(manager)
    return made


_managers: list[Any] = []


def _install() -> list[str]:
    native._DummyList = _list_of_manager
    native._UpperCaser.__bases__ = (ours.Process,)
    native.multiprocessing = replacement
    native.wait = connection.wait
    for name in ours.__all__:  # what its import statements took
        if hasattr(native, name):
            setattr(native, name, getattr(ours, name))
    for name in ("Value", "copy"):
        if hasattr(native, name):
            setattr(native, name, getattr(sharedctypes, name))
    made = []
    for name, base in list(vars(native).items()):
        if not isinstance(base, type) or not hasattr(base, "ALLOWED_TYPES") or base is native.BaseTestCase:
            continue
        for mixin in (Processes, Manager):
            if mixin.TYPE in base.ALLOWED_TYPES:
                title = f"With{mixin.__name__}{name[1:]}"
                globals()[title] = type(title, (base, mixin, unittest.TestCase), {"__module__": __name__})
                made.append(title)
    return made


NAMES = _install()
