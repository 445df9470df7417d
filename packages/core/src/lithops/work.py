"""What an executor does once its backend is open: makes jobs, keeps their futures, waits, cleans.

Apart from `lithops.executor`, since it is imported after a backend was opened: a first worker starts in the meantime.
"""

from __future__ import annotations

import logging
import math
import os
import threading
import weakref
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import as_completed
from typing import TYPE_CHECKING, Any

from lithops.config import Settings
from lithops.engine.call import Call
from lithops.engine.engine import Engine
from lithops.engine.job_store import JobStore
from lithops.engine.listen import Channel
from lithops.engine.retry import Retry, as_retry
from lithops.errors import LithopsError, NoSuchBucketError, StorageNoSuchKeyError
from lithops.future import ResponseFuture
from lithops.futures import FuturesList
from lithops.jobs.serialize import InputDumper
from lithops.opening import check_runtime, finish, has_runtimes, observer, open_brokers, open_storage, resolve_runtime
from lithops.printing import OutputPrinter
from lithops.spi.compute import ComputeBackend, RuntimeSpec
from lithops.spi.storage import StorageBackend
from lithops.storage import CloudObject, Storage
from lithops.streaming import stream
from lithops.submission import LARGEST_BLOCK, Chunks, Submission, Submitter
from lithops.wait import as_list
from lithops.wait import get_result as get_results_of
from lithops.wait import wait as wait_for_futures
from lithops.wire.keys import executor_prefix, job_prefix
from lithops.worker.arguments import Arguments, Binder

if TYPE_CHECKING:
    from lithops.executors import FunctionExecutor
    from lithops.telemetry.observing import Telemetry

__all__ = ["Work"]

log = logging.getLogger(__name__)


class Work:
    """The jobs of one executor. Thread-safe."""

    def __init__(
        self, owner: FunctionExecutor, settings: Settings, compute: ComputeBackend, retries: int | Retry | None
    ) -> None:
        self.futures = FuturesList()
        self.executor_id = owner.executor_id
        self._owner = weakref.ref(owner)
        self._settings = settings
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._last_kind = ""
        self.retry = as_retry(settings.lithops.retries if retries is None else retries)
        self._printer = OutputPrinter()
        self._store = JobStore(lambda: open_storage(settings))
        self._is_ready = False
        broker = open_brokers(settings, compute)
        self._telemetry = telemetry = _telemetry(settings, compute)
        self.engine = Engine(
            compute,
            self._store,
            on_output=self._printer.put,
            on_job=_both(observer("lithops_job_started"), None if telemetry is None else telemetry.job_started),
            on_call=_both(observer("lithops_call_settled"), None if telemetry is None else telemetry.call_settled),
            on_job_end=_both(observer("lithops_job_ended"), None if telemetry is None else telemetry.job_ended),
            monitoring_interval_s=settings.lithops.monitoring_interval or 2.0,
            max_cost=settings.lithops.max_cost,
            channel=None if broker is None else Channel(broker, self.executor_id),
        )
        if telemetry is not None:
            telemetry.watch(self.engine)
        self.engine.owner = self._owner
        options = settings.compute_options
        self.runtime = resolve_runtime(
            settings.compute.name,
            RuntimeSpec(
                str(getattr(options, "runtime", None) or "default"),
                getattr(options, "runtime_memory", None),
                getattr(options, "runtime_timeout", None),
            ),
        )
        store, bucket = self._store.open()
        self._compute = compute
        self._entrust(store)
        self._submitter = Submitter(
            self.engine,
            self.executor_id,
            self.runtime,
            store.ref(bucket)._replace(name=settings.storage.name),
            self._open_named_store,
            settings.storage.name,
            None if broker is None else broker.ref(self.executor_id),
        )
        self.storage = Storage.over(store, bucket, settings.storage.name)
        self.storage.cloudobject_prefix = executor_prefix(self.executor_id) + "cloudobjects/"
        cleans = executor_prefix(self.executor_id) if settings.lithops.data_cleaner else None
        # Of the engine, not of the executor: futures hold the engine, and may outlive the executor.
        weakref.finalize(self.engine, finish, self._pid, compute, self._printer, self._store, cleans)

    def describe(
        self,
        function: Any,
        kind: str,
        *,
        extra_args: Any = None,
        env: Mapping[str, str] | None = None,
        memory_mb: int | None = None,
        timeout_s: float | None = None,
        include: Sequence[str] | None = (),
        exclude: Sequence[str] = (),
        retries: int | Retry | None = None,
        chunks: Chunks | None = None,
        is_detached: bool = False,
    ) -> Submission:
        """Complete what a user asked for by the configuration."""
        section = self._settings.lithops
        if include is not None and not include:
            include = section.include_modules
        if timeout_s is None:
            timeout_s = self.runtime.timeout_s or section.execution_timeout
        if timeout_s == math.inf:
            timeout_s = None
        for name, given in (("include_modules", include), ("exclude_modules", exclude)):
            if given is not None and (isinstance(given, str) or not isinstance(given, Iterable)):
                raise TypeError(f"{name} is {given!r}: give a list of names or paths")
        return Submission(
            function,
            kind,
            extra_args,
            _environment(env),
            self.runtime.memory_mb if memory_mb is None else memory_mb,
            timeout_s,
            self.retry if retries is None else as_retry(retries),
            include,
            tuple(exclude or ()) or tuple(section.exclude_modules or ()),
            chunks or Chunks(),
            is_detached,
        )

    def submit(
        self, what: Submission, elements: Iterable[Any], number: int | None = None, *, produces_output: bool = True
    ) -> FuturesList:
        """Submit a job and give its futures."""
        self._check_process()
        self.ensure_runtime()
        calls = self._submitter.submit(what, elements, number)
        futures = FuturesList((ResponseFuture(call, produces_output=produces_output) for call in calls), self._owner())
        with self._lock:
            self.futures.extend(futures)
            self._last_kind = what.kind
        return futures

    def feed(
        self,
        what: Submission,
        elements: Iterable[Any],
        *,
        largest: int = LARGEST_BLOCK,
        dumper: InputDumper | None = None,
    ) -> Generator[list[Call], None, None]:
        """Submit a job block by block, as its input comes, and yield the calls of each. No future of them is kept."""
        self._check_process()
        self.ensure_runtime()
        binder, number = Binder(what.function, what.extra_args), self._submitter.next_number()
        return self._submitter.blocks(what, binder, elements, number, largest=largest, dumper=dumper)

    def attach(self, job_key: str) -> FuturesList:
        """Follow a detached job of another process."""
        from lithops.engine.detached import attach_job

        executor_id, dash, job_id = job_key.rpartition("-")
        if not dash or not executor_id:
            raise ValueError(f"'{job_key}' names no job: give a future's 'job_key', such as '0a1b2c-0-M000'")
        store, bucket = self._store.open()
        try:
            calls = attach_job(executor_id, job_id, store, store.ref(bucket))
        except (StorageNoSuchKeyError, NoSuchBucketError) as exc:
            raise LithopsError(
                f"there is no detached job '{job_key}' in bucket '{bucket}': check the id and the storage, and that it was "
                "submitted with 'detach=True'"
            ) from exc
        futures = FuturesList(map(ResponseFuture, calls), self._owner())
        with self._lock:
            self.futures.extend(futures)
            self._last_kind = job_id[:1]
        return futures

    def call(
        self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], retries: int | Retry | None = None
    ) -> ResponseFuture:
        """Submit one call with exactly these arguments."""
        return self.submit(self.describe(function, "A", retries=retries), [Arguments(args, kwargs or None)])[0]

    def map_reduce(self, mapper: Submission, iterdata: Any, reducer: Submission, *, by_object: bool) -> FuturesList:
        """Submit a map, and a reducer over all of its results or those of each object."""
        Binder(reducer.function, reducer.extra_args).bind(([],))
        number = self._submitter.next_number()
        mapped = self.submit(mapper, elements_of(iterdata), number, produces_output=False)
        if not mapped:
            return mapped
        groups = self._submitter.groups_by_object(number) if by_object else [list(range(len(mapped)))]
        reduced = self.submit(reducer, [([mapped[at] for at in group],) for group in groups], number)
        with self._lock:
            self._last_kind = "R" if len(groups) == 1 else "M"
        return FuturesList([*mapped, *reduced], self._owner())

    def imap(self, what: Submission, iterdata: Any, *, ordered: bool, in_flight: int) -> Iterator[Any]:
        """Yield results as they come."""
        self._check_process()
        self.ensure_runtime()
        number = self._submitter.next_number()
        return stream(self._submitter, what, elements_of(iterdata), number, ordered=ordered, in_flight=in_flight)

    def as_completed(self, fs: Iterable[ResponseFuture] | None, timeout: float | None) -> Iterator[ResponseFuture]:
        """Yield futures as their calls end."""
        of = {future.standard: future for future in self._given(fs)}
        for standard in as_completed(of, timeout):
            yield of[standard]

    def wait(self, fs: Any, **options: Any) -> tuple[FuturesList, FuturesList]:
        """Wait for futures, by default all."""
        return wait_for_futures(self._given(fs), **options)

    def get_result(self, fs: Any, **options: Any) -> Any:
        """Give the results of futures, by default of those that were not given before."""
        if isinstance(fs, ResponseFuture):
            return get_results_of(fs, **options)
        with self._lock:
            is_bare = self._last_kind != "M"
        if fs is None:
            left = [future for future in self._given(None) if not future.was_returned]
            if options.get("throw_except", True):  # what was raised once must not stand in the way of what came after
                left = [future for future in left if not future.was_raised]
            futures = FuturesList(left)
        else:
            futures = as_list(fs)
        if not futures:
            return []
        try:
            results = get_results_of(futures, **options)
        except BaseException:
            failed = {future.job_id for future in futures if future.was_raised}
            for future in futures:
                future.was_raised = future.was_raised or future.job_id in failed
            raise
        for future in futures:
            future.was_returned = True
        return results[0] if is_bare and len(results) == 1 else results

    def clean(
        self,
        fs: Any,
        cloudobjects: Iterable[CloudObject] | None,
        *,
        clean_cloudobjects: bool,
        clean_functions: bool,
        force: bool,
    ) -> None:
        """Delete from the store what jobs left there."""
        if cloudobjects is not None:
            self.storage.delete_cloudobjects(list(cloudobjects))
            if fs is None:
                return
        wanted = {future.job_id for future in self._given(fs) if future.executor_id == self.executor_id}
        running = {future.job_id for future in self._given(None) if not future.done}
        keeps = None if clean_cloudobjects else "/cloudobjects/"
        for job_id in sorted(wanted if force else wanted - running):
            self._store.delete(job_prefix(self.executor_id, job_id), keeps=keeps)
        if fs is None and clean_cloudobjects:
            self._store.delete(executor_prefix(self.executor_id) + "cloudobjects/")
        if clean_functions:
            self._store.delete(executor_prefix(self.executor_id) + "functions/")
            self._store.delete(executor_prefix(self.executor_id) + "modules/")
            self._submitter.forget_stored()

    def summary(self) -> list[str]:
        """Describe each job by a line: its name, function, calls, failures, seconds of function time."""
        jobs: dict[str, list[ResponseFuture]] = {}
        for future in self._given(None):
            jobs.setdefault(future.job_id, []).append(future)
        lines = ["job,function,calls,failed,function_seconds"]
        for job_id, futures in jobs.items():
            seconds = sum(future.stats.get("worker_func_exec_time", 0.0) for future in futures)
            failures = sum(future.error for future in futures)
            lines.append(f"{job_id},{futures[0].function_name},{len(futures)},{failures},{seconds:.3f}")
        return lines

    def print_plainly(self) -> None:
        """Print what calls print as it is, without the name of its call."""
        self._printer.is_plain = True

    def ensure_runtime(self) -> None:
        """Make the runtime ready, and check that its workers understand this client. Once."""
        if not self._is_ready:
            backend = self.engine.backend
            named = self._settings.compute.name if has_runtimes(backend) else None
            check_runtime(backend.ensure_runtime(self.runtime), named)
            self._is_ready = True

    def close(self) -> None:
        """Stop the engine and its workers. Idempotent."""
        if os.getpid() == self._pid:  # not in a fork of the process that owns them
            self.engine.close()
            self._printer.close()
            if self._telemetry is not None:
                self._telemetry.close()

    def _given(self, fs: Any) -> FuturesList:
        if fs is not None:
            return as_list(fs)
        with self._lock:
            return FuturesList(self.futures, self._owner())

    def _check_process(self) -> None:
        if os.getpid() != self._pid:
            raise LithopsError(
                "this executor was made before a fork, in the parent process: make a new one in the child process"
            )

    def _open_named_store(self, name: str | None) -> StorageBackend:
        if name is None:
            return self._store.open()[0]
        store = open_storage(self._settings, name)[0]
        self._entrust(store)
        return store

    def _entrust(self, store: StorageBackend) -> None:
        """Let workers of this machine open a store whose keys the configuration has."""
        credentials = store.credentials()
        if credentials:
            self._compute.entrust(store.ref(""), credentials)


def elements_of(iterdata: Any) -> Iterable[Any]:
    """Read a map's input: any iterable; a text, bytes, a dict or a path is one element."""
    if isinstance(iterdata, (str, bytes, dict, os.PathLike)) or not isinstance(iterdata, Iterable):
        return [iterdata]
    return iterdata


def _telemetry(settings: Settings, compute: ComputeBackend) -> Telemetry | None:
    """Begin what `telemetry: true` asks for; nothing of it is imported without."""
    if not settings.lithops.telemetry:
        return None
    try:
        from lithops.telemetry.observing import Telemetry

        return Telemetry(settings.compute.name)
    except LithopsError:
        compute.close()  # a worker may have been started already
        raise


def _both(first: Callable[[Any], None] | None, second: Callable[[Any], None] | None) -> Callable[[Any], None] | None:
    """Join two observers, of which either may be missing."""
    if first is None or second is None:
        return first or second

    def tell(event: Any) -> None:
        first(event)
        second(event)

    return tell


def _environment(env: Any) -> dict[str, str]:
    """Read `extra_env`: names and values that the system takes, numbers as their text."""
    if env is None:
        return {}
    if not isinstance(env, Mapping):
        raise TypeError(f"extra_env is a {type(env).__name__}: give a dict of names and values")
    read = {}
    for name, value in env.items():
        if not isinstance(name, str) or not name or "=" in name or "\0" in name or "\0" in str(value):
            raise ValueError(f"extra_env has the variable {name!r}, which no system takes: use letters, digits and '_'")
        read[name] = str(value)
    return read
