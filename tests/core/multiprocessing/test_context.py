"""The package has every name of the standard one, and start methods that change nothing."""

from __future__ import annotations

import inspect
import multiprocessing as native
import os
import pickle
import subprocess
import sys

import pytest

import lithops.multiprocessing as mp
from lithops.multiprocessing import context


def test_every_name_of_the_standard_module_exists() -> None:
    assert set(native.__all__) - {"reducer"} <= set(mp.__all__)
    for name in mp.__all__:
        assert getattr(mp, name) is not None
    assert {"Pool", "Queue", "pool", "queues"} <= set(dir(mp))


def test_exceptions_are_those_of_the_standard_module() -> None:
    for name in ("ProcessError", "TimeoutError", "BufferTooShort", "AuthenticationError"):
        assert getattr(mp, name) is getattr(native, name)
        assert getattr(mp.get_context(), name) is getattr(native, name)


def test_makers_take_what_the_standard_ones_take() -> None:
    ours, theirs = mp.get_context(), native.get_context()
    makers = (
        "Array", "Barrier", "BoundedSemaphore", "Condition", "Event", "JoinableQueue", "Lock", "Manager", "Pipe", "Pool",
        "Queue", "RLock", "RawArray", "RawValue", "Semaphore", "SimpleQueue", "Value",
    )  # fmt: skip
    for name in makers:
        have = inspect.signature(getattr(ours, name)).parameters
        for wanted in inspect.signature(getattr(theirs, name)).parameters:
            assert wanted in have, (name, wanted)


def test_every_start_method_is_taken_and_none_other() -> None:
    for method in ("fork", "spawn", "forkserver"):
        found = mp.get_context(method)
        assert found.get_start_method() == method
        assert type(found) is type(mp.get_context())
        assert pickle.loads(pickle.dumps(found)).get_start_method() == method
    with pytest.raises(ValueError, match="cannot find context"):
        mp.get_context("thread")
    assert mp.get_all_start_methods()[0] == "spawn"


def test_a_start_method_is_set_once() -> None:
    made = context.LithopsContext()
    assert made.get_start_method(allow_none=True) is None
    assert made.get_start_method() == "spawn"
    made.set_start_method("fork")
    with pytest.raises(RuntimeError, match="already been set"):
        made.set_start_method("spawn")
    made.set_start_method("spawn", force=True)
    assert made.get_start_method() == "spawn"


def test_processors_are_those_that_this_process_may_use() -> None:
    assert mp.cpu_count() == len(os.sched_getaffinity(0))


def test_what_is_impossible_says_so() -> None:
    for impossible in (lambda: mp.set_executable("python"), lambda: mp.get_context().reducer, lambda: mp.shared_memory):
        with pytest.raises(NotImplementedError, match=r"\w+: "):
            impossible()
    mp.freeze_support()
    mp.allow_connection_pickling()
    mp.set_forkserver_preload(["json"])


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Quue'"):
        _ = mp.Quue


def test_importing_the_package_imports_neither_redis_nor_an_executor() -> None:
    program = (
        "import sys, lithops.multiprocessing\n"
        "print([name for name in ('redis', 'lithops.executor') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == "[]"
