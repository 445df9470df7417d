"""`FunctionExecutor`: the user's door. Submits jobs, waits, gives results, cleans up."""

from __future__ import annotations

import itertools
import logging
import os
import secrets
import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from types import TracebackType
from typing import Any, Self

from lithops.config import Settings, resolve
from lithops.engine.engine import Engine
from lithops.engine.job_store import JobStore
from lithops.engine.retry import Retry, as_retry
from lithops.errors import LithopsError, NotSupportedError
from lithops.future import ResponseFuture
from lithops.futures import FuturesList
from lithops.log_setup import setup_lithops_logger
from lithops.opening import check_runtime, finish, observer, open_compute, open_storage, resolve_runtime
from lithops.printing import OutputPrinter
from lithops.spi.compute import ComputeFeature, RuntimeSpec
from lithops.spi.storage import StorageBackend
from lithops.storage import CloudObject, Storage
from lithops.streaming import stream
from lithops.submission import Chunks, Submission, Submitter
from lithops.wait import ALL_COMPLETED, as_list
from lithops.wait import get_result as get_results_of
from lithops.wait import wait as wait_for_futures
from lithops.wire.keys import executor_prefix, job_prefix
from lithops.worker.arguments import Arguments, Binder

__all__ = ["FunctionExecutor", "LocalhostExecutor", "ServerlessExecutor", "StandaloneExecutor"]

log = logging.getLogger(__name__)

_session = secrets.token_hex(3)
_numbers = itertools.count()


class FunctionExecutor:
    """Runs functions on a backend: `call_async` one, `map` many, `map_reduce` many into one.

    Without arguments it takes the configuration that it finds, and else runs on this machine. Keyword arguments beside
    the named ones are keys of the backend's section, as `runtime_memory` or `worker_processes`. Usable from several
    threads, and after an error. Leaving it as a context manager waits for nothing and stops everything.

    Raises `ConfigError` for a wrong configuration, `UnknownBackendError` and `PluginError` for a backend that is not
    there or does not work.
    """

    def __init__(
        self,
        mode: str | None = None,
        config: Mapping[str, Any] | None = None,
        config_file: str | None = None,
        backend: str | None = None,
        storage: str | None = None,
        monitoring: str | None = None,
        log_level: str | int | bool | None = False,
        *,
        retries: int | Retry | None = None,
        **kwargs: Any,
    ) -> None:
        del monitoring
        settings = resolve(config, config_file, mode=mode, backend=backend, storage=storage, overrides=kwargs)
        self._settings = settings
        _set_up_log(settings, log_level)
        self._pid = os.getpid()
        self.executor_id = f"{_session}-{next(_numbers)}"
        self.backend = settings.compute.name
        self.mode = settings.mode
        self.config = settings.as_dict()
        self.futures: FuturesList = FuturesList(executor=None)
        self._lock = threading.Lock()
        self._last_kind = ""
        self._retry = as_retry(settings.lithops.retries if retries is None else retries)
        self._printer = OutputPrinter()
        self._store = JobStore(lambda: open_storage(settings))
        compute = open_compute(settings)
        self._engine = Engine(
            compute,
            self._store,
            on_output=self._printer.put,
            on_job=observer("lithops_job_started"),
            on_call=observer("lithops_call_settled"),
            monitoring_interval_s=settings.lithops.monitoring_interval or 2.0,
        )
        self._engine.owner = weakref.ref(self)
        runtime = RuntimeSpec(
            name=str(getattr(settings.compute_options, "runtime", None) or "default"),
            memory_mb=getattr(settings.compute_options, "runtime_memory", None),
            timeout_s=getattr(settings.compute_options, "runtime_timeout", None),
        )
        self._runtime = resolve_runtime(self.backend, runtime)
        self._is_ready = False
        if ComputeFeature.INSTANT_START in compute.features:  # its first worker starts while the user's program goes on
            self._ensure_runtime()
        store, bucket = self._store.open()
        self._submitter = Submitter(
            self._engine,
            self.executor_id,
            self._runtime,
            replace(store.ref(bucket), name=settings.storage.name),
            self._open_named_store,
            settings.storage.name,
        )
        cleans = executor_prefix(self.executor_id) if settings.lithops.data_cleaner else None
        # Of the engine, not of the executor: futures hold the engine, and may outlive the executor.
        weakref.finalize(self._engine, finish, self._pid, compute, self._printer, self._store, cleans)
        log.debug("executor %s: backend %s, storage %s", self.executor_id, self.backend, settings.storage.name)

    # Submitting

    def call_async(
        self,
        func: Any,
        data: Any,
        extra_env: Mapping[str, str] | None = None,
        runtime_memory: int | None = None,
        timeout: float | None = None,
        include_modules: Sequence[str] | None = (),
        exclude_modules: Sequence[str] = (),
        *,
        retries: int | Retry | None = None,
    ) -> ResponseFuture:
        """Call a function once. `data` is a dict of keyword arguments, a tuple of positional ones, or one argument."""
        what = self._submission(
            func, "A", None, extra_env, runtime_memory, timeout, include_modules, exclude_modules, retries
        )
        return self._submit(what, [data])[0]

    def map(
        self,
        map_function: Any,
        map_iterdata: Iterable[Any],
        chunksize: int | None = None,
        extra_args: Any = None,
        extra_env: Mapping[str, str] | None = None,
        runtime_memory: int | None = None,
        obj_chunk_size: int | None = None,
        obj_chunk_number: int | None = None,
        obj_newline: str | None = "\n",
        timeout: float | None = None,
        include_modules: Sequence[str] | None = (),
        exclude_modules: Sequence[str] = (),
        *,
        retries: int | Retry | None = None,
    ) -> FuturesList:
        """Call a function once for each element of an iterable, and give the futures in its order.

        An element that is a dict gives keyword arguments, a tuple positional ones, anything else one argument. A function
        with a parameter `obj` reads data: its elements are references, cut as the `obj_` arguments say (`obj_chunk_size`
        in bytes). `chunksize` is taken for compatibility: how many calls a worker takes at once is adapted to how long
        they take. `timeout` is in seconds for each call, `runtime_memory` in MB.
        """
        _check_chunksize(chunksize)
        what = self._submission(
            map_function, "M", extra_args, extra_env, runtime_memory, timeout, include_modules, exclude_modules, retries,
            Chunks(obj_chunk_size, obj_chunk_number, obj_newline),
        )  # fmt: skip
        return self._submit(what, _elements(map_iterdata))

    def map_reduce(
        self,
        map_function: Any,
        map_iterdata: Iterable[Any],
        reduce_function: Any,
        chunksize: int | None = None,
        extra_args: Any = None,
        extra_args_reduce: Any = None,
        extra_env: Mapping[str, str] | None = None,
        map_runtime_memory: int | None = None,
        reduce_runtime_memory: int | None = None,
        timeout: float | None = None,
        obj_chunk_size: int | None = None,
        obj_chunk_number: int | None = None,
        obj_newline: str | None = "\n",
        obj_reduce_by_key: bool = False,
        spawn_reducer: int = 20,
        include_modules: Sequence[str] | None = (),
        exclude_modules: Sequence[str] = (),
        *,
        retries: int | Retry | None = None,
    ) -> FuturesList:
        """Map, then call `reduce_function` with the list of the results; once for each object with `obj_reduce_by_key`.

        Gives the futures of the map, then those of the reducers. A reducer starts when all that it needs is there:
        `spawn_reducer` is taken for compatibility.
        """
        del spawn_reducer
        _check_chunksize(chunksize)
        reducer = self._submission(
            reduce_function, "R", extra_args_reduce, extra_env, reduce_runtime_memory, timeout, include_modules,
            exclude_modules, retries,
        )  # fmt: skip
        Binder(reduce_function, extra_args_reduce).bind(([],))
        mapper = self._submission(
            map_function, "M", extra_args, extra_env, map_runtime_memory, timeout, include_modules, exclude_modules,
            retries, Chunks(obj_chunk_size, obj_chunk_number, obj_newline),
        )  # fmt: skip
        number = self._submitter.next_number()
        mapped = self._submit(mapper, _elements(map_iterdata), number, produces_output=False)
        if not mapped:
            return mapped
        groups = self._submitter.groups_by_object(number) if obj_reduce_by_key else [list(range(len(mapped)))]
        reduced = self._submit(reducer, [([mapped[at] for at in group],) for group in groups], number)
        self._last_kind = "R" if len(groups) == 1 else "M"
        return FuturesList([*mapped, *reduced], self)

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> ResponseFuture:
        """Call `fn(*args, **kwargs)`."""
        what = self._submission(fn, "A", None, None, None, None, (), (), None)
        return self._submit(what, [Arguments(args, kwargs or None)])[0]

    def imap(
        self,
        map_function: Any,
        map_iterdata: Iterable[Any],
        *,
        ordered: bool = True,
        in_flight: int = 1000,
        extra_args: Any = None,
        timeout: float | None = None,
        retries: int | Retry | None = None,
    ) -> Iterator[Any]:
        """Yield results as they come, in the order of the input or, with `ordered=False`, of their ends.

        The input is read lazily: at most `in_flight` calls are submitted and not yielded. Raises the exception of a call
        when its turn comes; calls that were submitted go on.
        """
        what = self._submission(map_function, "M", extra_args, None, None, timeout, (), (), retries)
        number = self._submitter.next_number()
        yield from stream(self._submitter, what, _elements(map_iterdata), number, ordered=ordered, in_flight=in_flight)

    def as_completed(
        self, fs: Iterable[ResponseFuture] | None = None, timeout: float | None = None
    ) -> Iterator[ResponseFuture]:
        """Yield futures as their calls end. Raises `TimeoutError` when `timeout` seconds are over."""
        from concurrent.futures import as_completed

        futures = as_list(self.futures if fs is None else fs)
        of = {future.standard: future for future in futures}
        for standard in as_completed(of, timeout):
            yield of[standard]

    # Waiting

    def wait(
        self,
        fs: ResponseFuture | Iterable[ResponseFuture] | None = None,
        throw_except: bool = True,
        return_when: int = ALL_COMPLETED,
        download_results: bool = False,
        timeout: float | None = None,
        threadpool_size: int = 64,
        wait_dur_sec: float | None = None,
        show_progressbar: bool = True,
    ) -> tuple[FuturesList, FuturesList]:
        """Wait for futures, by default all of this executor's, and give those that are done and the others.

        See `lithops.wait.wait`.
        """
        del threadpool_size, wait_dur_sec
        futures = FuturesList(self.futures, self) if fs is None else as_list(fs)
        return wait_for_futures(
            futures,
            throw_except=throw_except,
            return_when=return_when,
            download_results=download_results,
            timeout=timeout,
            show_progressbar=show_progressbar,
        )

    def get_result(
        self,
        fs: ResponseFuture | Iterable[ResponseFuture] | None = None,
        throw_except: bool = True,
        timeout: float | None = None,
        threadpool_size: int = 64,
        wait_dur_sec: float | None = None,
        show_progressbar: bool = True,
    ) -> Any:
        """Wait and give the results that were not given before, in the order of submission.

        A bare value when there is one and the last submission was not a `map`; else a list. With `fs`: the results of
        these futures, of this or another executor. Raises the exception of the first call that failed, and
        `TimeoutError` when `timeout` seconds are over; nothing is lost by either.
        """
        del threadpool_size, wait_dur_sec
        if fs is not None:
            results = get_results_of(fs, throw_except=throw_except, timeout=timeout, show_progressbar=show_progressbar)
            is_bare = isinstance(results, list) and len(results) == 1 and not isinstance(fs, ResponseFuture)
            return results[0] if is_bare and self._last_kind != "M" else results
        with self._lock:
            futures = FuturesList((future for future in self.futures if not future.was_returned), self)
            is_bare = self._last_kind != "M"
        if not futures:
            return []
        results = get_results_of(futures, throw_except=throw_except, timeout=timeout, show_progressbar=show_progressbar)
        for future in futures:
            future.was_returned = True
        return results[0] if is_bare and len(results) == 1 else results

    # After

    def clean(
        self,
        fs: ResponseFuture | Iterable[ResponseFuture] | None = None,
        cs: Iterable[CloudObject] | None = None,
        clean_cloudobjects: bool = True,
        clean_fn: bool = False,
        force: bool = False,
        on_exit: bool = False,
    ) -> None:
        """Delete from the store what jobs left there: inputs, results, statuses; of `fs`, or of all that have ended.

        `cs`: delete these cloud objects, and nothing else unless `fs` is given. `clean_cloudobjects`: also those that
        calls made under the job's prefix. `clean_fn`: the functions and modules too. `force`: also of jobs that run.
        `on_exit` is taken for compatibility. Results that were not fetched are gone.
        """
        del on_exit
        storage = self.storage
        if cs is not None:
            storage.delete_cloudobjects(list(cs))
            if fs is None:
                return
        futures = self.futures if fs is None else as_list(fs)
        wanted = {future.job_id for future in futures if future.executor_id == self.executor_id}
        running = {future.job_id for future in self.futures if not future.done}
        keeps = None if clean_cloudobjects else "/cloudobjects/"
        for job_id in sorted(wanted if force else wanted - running):
            self._store.delete(job_prefix(self.executor_id, job_id), keeps=keeps)
        if clean_fn:
            self._store.delete(executor_prefix(self.executor_id) + "functions/")
            self._store.delete(executor_prefix(self.executor_id) + "modules/")
            self._submitter.forget_stored()

    def job_summary(self, cloud_objects_n: int = 0) -> str:
        """Describe the jobs of this executor, a line each, by log and as text: calls, failures, seconds of function time."""
        jobs: dict[str, list[ResponseFuture]] = {}
        for future in self.futures:
            jobs.setdefault(future.job_id, []).append(future)
        lines = ["job,function,calls,failed,function_seconds"]
        for job_id, futures in jobs.items():
            seconds = sum(future.stats.get("worker_func_exec_time", 0.0) for future in futures)
            failures = sum(future.error for future in futures)
            lines.append(f"{job_id},{futures[0].function_name},{len(futures)},{failures},{seconds:.3f}")
        if cloud_objects_n:
            lines.append(f"cloud objects,{cloud_objects_n}")
        for line in lines:
            log.info("%s", line)
        return "\n".join(lines)

    def plot(
        self,
        fs: Iterable[ResponseFuture] | None = None,
        dst: str | None = None,
        figsize: tuple[int, int] = (10, 6),
    ) -> None:
        """Draw the jobs' timelines. Not in this release: raises `NotSupportedError`."""
        del fs, dst, figsize
        raise NotSupportedError("plot() is not in this release: read the figures from each future's 'stats'")

    @cached_property
    def storage(self) -> Storage:
        """The store of this executor's jobs."""
        storage = Storage.over(*self._store.open(), self._settings.storage.name)
        storage.cloudobject_prefix = executor_prefix(self.executor_id) + "cloudobjects/"
        return storage

    def close(self) -> None:
        """Stop the engine and its workers; calls that run are cancelled. Idempotent."""
        if os.getpid() != self._pid:  # a fork of the process that owns the workers
            return
        self._engine.close()
        self._printer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.executor_id} on {self.backend}>"

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError(
            "an executor cannot travel to a worker or another process: make a new one inside the function, and do not "
            "refer to this one there"
        )

    # Inside

    def _submission(
        self,
        function: Any,
        kind: str,
        extra_args: Any,
        env: Mapping[str, str] | None,
        memory_mb: int | None,
        timeout_s: float | None,
        include: Sequence[str] | None,
        exclude: Sequence[str],
        retries: int | Retry | None,
        chunks: Chunks | None = None,
    ) -> Submission:
        section = self._settings.lithops
        if include is not None and not include and section.include_modules:
            include = section.include_modules
        return Submission(
            function,
            kind,
            extra_args,
            {str(name): str(value) for name, value in (env or {}).items()},
            self._runtime.memory_mb if memory_mb is None else memory_mb,
            (section.execution_timeout or self._runtime.timeout_s) if timeout_s is None else timeout_s,
            self._retry if retries is None else as_retry(retries),
            include,
            tuple(exclude or ()) or tuple(section.exclude_modules or ()),
            chunks or Chunks(),
        )

    def _submit(
        self, what: Submission, elements: Iterable[Any], number: int | None = None, *, produces_output: bool = True
    ) -> FuturesList:
        if os.getpid() != self._pid:
            raise LithopsError(
                "this executor was made before a fork, in the parent process: make a new one in the child"
            )
        self._ensure_runtime()
        calls = self._submitter.submit(what, elements, number)
        futures = FuturesList((ResponseFuture(call, produces_output=produces_output) for call in calls), self)
        with self._lock:
            self.futures.extend(futures)
            self._last_kind = what.kind
        return futures

    def _ensure_runtime(self) -> None:
        if not self._is_ready:
            check_runtime(self._engine.backend.ensure_runtime(self._runtime))
            self._is_ready = True

    def _open_named_store(self, name: str | None) -> StorageBackend:
        return self._store.open()[0] if name is None else open_storage(self._settings, name)[0]


class LocalhostExecutor(FunctionExecutor):
    """A `FunctionExecutor` that runs on this machine, whatever the configuration says."""

    def __init__(
        self,
        config: Mapping[str, Any] | None = None,
        config_file: str | None = None,
        storage: str | None = None,
        monitoring: str | None = None,
        log_level: str | int | bool | None = False,
        **kwargs: Any,
    ) -> None:
        super().__init__("localhost", config, config_file, None, storage, monitoring, log_level, **kwargs)


class ServerlessExecutor(FunctionExecutor):
    """A `FunctionExecutor` on a serverless platform."""

    def __init__(
        self,
        config: Mapping[str, Any] | None = None,
        config_file: str | None = None,
        backend: str | None = None,
        storage: str | None = None,
        monitoring: str | None = None,
        log_level: str | int | bool | None = False,
        **kwargs: Any,
    ) -> None:
        super().__init__("serverless", config, config_file, backend, storage, monitoring, log_level, **kwargs)


class StandaloneExecutor(FunctionExecutor):
    """A `FunctionExecutor` on machines that it starts or is given."""

    def __init__(
        self,
        config: Mapping[str, Any] | None = None,
        config_file: str | None = None,
        backend: str | None = None,
        storage: str | None = None,
        monitoring: str | None = None,
        log_level: str | int | bool | None = False,
        **kwargs: Any,
    ) -> None:
        super().__init__("standalone", config, config_file, backend, storage, monitoring, log_level, **kwargs)


def _elements(iterdata: Any) -> Iterable[Any]:
    """Read a map's input: any iterable; a text, a dict or a path is one element."""
    if isinstance(iterdata, (str, bytes, dict, os.PathLike)) or not isinstance(iterdata, Iterable):
        return [iterdata]
    return iterdata


def _check_chunksize(chunksize: int | None) -> None:
    if chunksize is not None and (type(chunksize) is not int or chunksize < 1):
        raise ValueError(f"chunksize is {chunksize!r}: give a whole number from 1 on, or None")


def _set_up_log(settings: Settings, log_level: str | int | bool | None) -> None:
    section = settings.lithops
    level = section.log_level if log_level is False else log_level
    if level is not None and not isinstance(level, bool):
        setup_lithops_logger(level, section.log_format, section.log_stream, section.log_filename)
