"""Make jobs of what users submit: bind, partition, pickle, store what is big, and hand it to the engine.

elements --Binder--> arguments --InputDumper--> payload (inline, or spilled to the store) --> Call --> engine.add
    \\--data reference--> partition --> one call per part
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from lithops.engine.call import Call, Job
from lithops.engine.detached import record_job
from lithops.engine.engine import Engine
from lithops.engine.retry import Retry
from lithops.errors import ConfigError
from lithops.jobs.serialize import InputDumper, dump_function
from lithops.spi.compute import RuntimeSpec
from lithops.spi.storage import StorageBackend
from lithops.types import Artifact, BrokerRef, Buffer, JobMessage, Payload, StorageRef
from lithops.wire.keys import function_key, modules_key
from lithops.worker.arguments import Arguments, Binder
from lithops.worker.pickles import CALL_ATTRIBUTE
from lithops.worker.stores import patiently, write_payload

__all__ = ["Chunks", "Submission", "Submitter"]

FUNCTION_INLINE_BYTES = 8 * 1024
"""A function up to this size travels in each message; a bigger one is stored once, and fetched once by each worker."""

FIRST_BLOCK = 32
LARGEST_BLOCK = 1024
"""Calls go to the engine in growing blocks, so that workers begin while the rest is still pickled."""

GATHER_S = 0.05
SPILL_TOGETHER_BYTES = 1024 * 1024
"""Inputs that do not fit a message are stored together up to about this size: fewer requests."""


class Chunks(NamedTuple):
    """How data is cut: the size of a chunk in bytes, or the number of chunks of an object, and the line separator."""

    size: int | None = None
    number: int | None = None
    newline: str | None = "\n"


class Submission(NamedTuple):
    """What a submitting method was asked for, but for the input."""

    function: Any
    kind: str
    extra_args: Any
    env: Mapping[str, str]
    memory_mb: int | None
    timeout_s: float | None
    retry: Retry
    include: Sequence[str] | None
    exclude: Sequence[str]
    chunks: Chunks
    is_detached: bool = False


class Submitter:
    """Makes the jobs of one executor. Thread-safe."""

    def __init__(
        self,
        engine: Engine,
        executor_id: str,
        runtime: RuntimeSpec,
        store_ref: StorageRef,
        open_named_store: Callable[[str | None], StorageBackend],
        storage_name: str,
        broker_ref: BrokerRef | None = None,
    ) -> None:
        self._broker_ref = broker_ref
        self._engine = engine
        self._executor_id = executor_id
        self._runtime = runtime
        self._store_ref = store_ref
        self._open_named_store = open_named_store
        self._storage_name = storage_name
        self._numbers = itertools.count()
        self._stored: dict[str, Payload] = {}
        self._sources: dict[int, list[str]] = {}

    def next_number(self) -> int:
        """Give the number of the next job."""
        return next(self._numbers)

    def submit(self, what: Submission, elements: Iterable[Any], number: int | None = None) -> list[Call]:
        """Submit a job with one call per element, or per part of its data, and give the calls."""
        binder = Binder(what.function, what.extra_args)
        return [
            call
            for block in self.blocks(what, binder, elements, self.next_number() if number is None else number)
            for call in block
        ]

    def groups_by_object(self, number: int) -> list[list[int]]:
        """Group the calls of data job `number` by the object that they read: lists of call numbers."""
        groups: dict[str, list[int]] = {}
        for at, source in enumerate(self._sources.pop(number, ())):
            groups.setdefault(source, []).append(at)
        return list(groups.values())

    def forget_stored(self) -> None:
        """Store functions and modules again when they are needed: the stored ones were deleted."""
        self._stored.clear()

    def blocks(
        self,
        what: Submission,
        binder: Binder,
        elements: Iterable[Any],
        number: int,
        *,
        largest: int = LARGEST_BLOCK,
        dumper: InputDumper | None = None,
    ) -> Generator[list[Call], None, None]:
        """Submit a job block by block, as the input comes. Input that does not fit is found before anything is sent,
        when the input has a length. A `dumper` pickles the input in its own way.
        """
        inputs = self._data_inputs(what, binder, elements, number) if binder.takes_data else _bound(binder, elements)
        expected = len(elements) if isinstance(elements, Sequence) else 0
        job = self._job(what, binder, number, expected)
        self._engine.open(job, expected)
        try:
            yield from self._fill(job, what, inputs, dumper or InputDumper(), largest)
        finally:
            self._engine.observers.job_filled(job)

    def _fill(
        self,
        job: Job,
        what: Submission,
        inputs: Iterator[tuple[Arguments, bool]],
        dumper: InputDumper,
        largest: int,
    ) -> Iterator[list[Call]]:
        if job.is_detached:
            inputs = self._record(job, inputs)
        size = min(FIRST_BLOCK, largest)
        known: frozenset[str] = frozenset()
        message = job.message
        at = 0
        while block := _gather(inputs, size):
            calls = []
            for arguments, is_chained in block:
                parts, needs = dumper.dump(arguments, at, is_chained=is_chained)
                calls.append(Call(job, f"{at:05d}", Payload(parts), needs))
                at += 1
            if not dumper.modules <= known:
                known = frozenset(dumper.modules)
                message = self._with_modules(message, what, known)
            for call in calls:
                call.message = message
            self._spill(job, calls)
            for call in calls:
                _detach(call)
            self._engine.add(job, calls)
            yield calls
            size = min(2 * size, largest)

    def _job(self, what: Submission, binder: Binder, number: int, expected: int) -> Job:
        commits = self._engine.commits(expected, detached=what.is_detached)
        limits = self._engine.limits(commits=commits)
        _check_limits(what, limits.memory_mb, limits.max_timeout_s)
        digest, parts = dump_function(what.function, binder.name)
        message = JobMessage(
            executor_id=self._executor_id,
            job_id=f"{what.kind}{number:03d}",
            function=self._artifact(function_key(self._executor_id, digest), digest, parts),
            function_name=binder.name,
            fill=binder.fill,
            store=self._store_ref,
            timeout_s=what.timeout_s,
            memory_mb=what.memory_mb,
            env=dict(what.env),
            results_inline_max=limits.max_inline_bytes,
            commit=commits,
            commit_after_s=None if commits else self._engine.backend.commit_after_s,
            broker=self._broker_ref,
        )
        message = self._with_modules(message, what, frozenset())
        runtime = self._runtime._replace(memory_mb=what.memory_mb, timeout_s=what.timeout_s)
        job = Job(message, runtime, what.retry, self._engine)
        job.is_detached = what.is_detached
        return job

    def _with_modules(self, message: JobMessage, what: Submission, seen: Collection[str]) -> JobMessage:
        from lithops.jobs.modules import bundle, find

        packed = bundle(find(what.function, include=what.include, exclude=what.exclude, also=seen))
        if packed is None:
            return message
        key = modules_key(self._executor_id, packed.digest)
        return message._replace(modules=self._artifact(key, packed.digest, (packed.data,)))

    def _artifact(self, key: str, digest: str, parts: tuple[Buffer, ...]) -> Artifact:
        payload = Payload(parts)
        if payload.size_bytes <= FUNCTION_INLINE_BYTES:
            return Artifact(digest, Payload(tuple(bytes(part) for part in parts)))
        stored = self._stored.get(key)
        if stored is None:
            store, bucket = self._engine.store.open()
            self._engine.store.is_written = True
            stored = self._stored[key] = write_payload(store, bucket, key, parts, pads=False)
        return Artifact(digest, stored)

    def _data_inputs(
        self, what: Submission, binder: Binder, elements: Iterable[Any], number: int
    ) -> Iterator[tuple[Arguments, bool]]:
        from lithops.jobs.partition import partition

        bound = [binder.bind_data(element) for element in elements]
        parts_of = partition(
            [reference for reference, _ in bound],
            open_store=self._open_named_store,
            chunk_size=what.chunks.size,
            chunk_number=what.chunks.number,
            newline=what.chunks.newline,
            default_backend=self._storage_name,
        )
        self._sources[number] = [part.source for parts in parts_of for part in parts]
        return iter(
            [
                (Arguments((), {**(beside.kwargs or {}), "obj": part}), False)
                for (_, beside), parts in zip(bound, parts_of, strict=True)
                for part in parts
            ]
        )

    def _record(self, job: Job, inputs: Iterator[tuple[Arguments, bool]]) -> Iterator[tuple[Arguments, bool]]:
        """Leave the record of a job that is to outlive this process, before its first call starts."""
        if job.retry.max_attempts > 1:
            raise ValueError(
                "a detached job cannot be retried, since nobody watches it: leave out 'retries' or 'detach'"
            )
        known = list(inputs)
        if any(is_chained for _, is_chained in known):
            raise ValueError("a detached job cannot wait for futures: wait for them, and give their results")
        store, bucket = self._engine.store.open()
        self._engine.store.is_kept = True
        limits = self._engine.limits(commits=True)
        patiently(lambda: record_job(job, len(known), store, bucket, limits.start_deadline_s))
        return iter(known)

    def _spill(self, job: Job, calls: Sequence[Call]) -> None:
        """Store the inputs that are too big for a message; small ones of them together."""
        most = self._engine.limits(commits=job.message.commit).max_inline_bytes
        together: list[Call] = []
        size = 0
        for call in calls:
            if call.data.size_bytes > most:
                together.append(call)
                size += call.data.size_bytes
                if size >= SPILL_TOGETHER_BYTES:
                    self._store(job, together)
                    together, size = [], 0
        if together:
            self._store(job, together)

    def _store(self, job: Job, calls: Sequence[Call]) -> None:
        stored = self._engine.spill_together(job, [call.data for call in calls])
        for call, data in zip(calls, stored, strict=True):
            call.data = data


def _detach(call: Call) -> None:
    """Copy what still is the user's own memory: an array may be changed as soon as `map` has returned."""
    parts = call.data.parts
    if parts is not None and len(parts) > 1:
        call.data.parts = tuple(
            bytearray(part) if isinstance(part, memoryview) and type(part.obj) is not bytes else part for part in parts
        )


def _gather(inputs: Iterator[tuple[Arguments, bool]], size: int) -> list[tuple[Arguments, bool]]:
    """Take up to `size` inputs, and no longer than a moment: a slow input must not hold back what has come."""
    gathered = []
    limit = time.monotonic() + GATHER_S
    for one in inputs:
        gathered.append(one)
        if len(gathered) >= size or time.monotonic() > limit:
            break
    return gathered


def _bound(binder: Binder, elements: Iterable[Any]) -> Iterator[tuple[Arguments, bool]]:
    """Bind elements one by one; those of a sequence are all checked before, so that nothing is sent in vain.

    They are bound twice then: to keep the bound ones of a big input costs more, in memory and garbage collection.
    """
    bind = binder.bind
    if isinstance(elements, Sequence):
        for element in elements:
            if not hasattr(type(element), CALL_ATTRIBUTE):
                bind(element)
    return _bind_each(binder, elements)


def _bind_each(binder: Binder, elements: Iterable[Any]) -> Iterator[tuple[Arguments, bool]]:
    for element in elements:
        is_chained = hasattr(type(element), CALL_ATTRIBUTE)
        yield binder.bind_result_of(element) if is_chained else binder.bind(element), is_chained


def _check_limits(what: Submission, memory_mb: tuple[int, int] | None, max_timeout_s: float | None) -> None:
    if what.timeout_s is not None and not (_is_number(what.timeout_s) and what.timeout_s > 0):
        raise ValueError(f"timeout is {what.timeout_s!r}: give seconds above 0, or None for no time-out")
    if max_timeout_s is not None and what.timeout_s is not None and what.timeout_s > max_timeout_s:
        raise ConfigError(f"timeout is {what.timeout_s:g} s, and this backend allows at most {max_timeout_s:g} s")
    if what.memory_mb is not None and (type(what.memory_mb) is not int or what.memory_mb <= 0):
        raise ValueError(f"runtime_memory is {what.memory_mb!r}: give whole MB above 0, or None for no limit")
    for name, value in (("obj_chunk_size", what.chunks.size), ("obj_chunk_number", what.chunks.number)):
        if value is not None and (type(value) is not int or value < 1):
            raise ValueError(f"{name} is {value!r}: give a whole number from 1 on, or None")
    if memory_mb is not None and what.memory_mb is not None and not memory_mb[0] <= what.memory_mb <= memory_mb[1]:
        raise ConfigError(
            f"runtime_memory is {what.memory_mb} MB, and this backend allows {memory_mb[0]} to {memory_mb[1]} MB"
        )


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
