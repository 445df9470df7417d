"""`FunctionExecutor`: the user's door. What it does is in `lithops.work`."""

from __future__ import annotations

import itertools
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from lithops.config import Settings, resolve
from lithops.opening import open_compute, warm_up

if TYPE_CHECKING:
    from pathlib import Path

    from lithops.engine.bill import Spent
    from lithops.engine.retry import Retry
    from lithops.future import ResponseFuture
    from lithops.futures import FuturesList
    from lithops.spi.compute import Cost
    from lithops.storage import CloudObject, Storage

__all__ = ["FunctionExecutor"]

log = logging.getLogger(__name__)

ALL_COMPLETED = 100
_session = os.urandom(3).hex()
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
        settings = resolve(
            config, config_file, mode=mode, backend=backend, storage=storage, monitoring=monitoring, overrides=kwargs
        )
        _set_up_log(settings, log_level)
        self.executor_id = f"{_session}-{next(_numbers)}"
        self.backend = settings.compute.name
        self.mode = settings.mode
        self.config = settings.as_dict()
        compute = open_compute(settings)
        warm_up(compute)

        from lithops.work import Work  # late: the first worker starts in the meantime

        self._work = Work(self, settings, compute, retries)
        log.debug("executor %s: backend %s, storage %s", self.executor_id, self.backend, settings.storage.name)

    @property
    def futures(self) -> FuturesList:
        """The futures of all jobs so far, in the order of submission."""
        return self._work.futures

    @property
    def storage(self) -> Storage:
        """The store of this executor's jobs."""
        return self._work.storage

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
        detach: bool = False,
    ) -> ResponseFuture:
        """Call a function once. `data` is a dict of keyword arguments, a tuple of positional ones, or one argument.

        With `detach`, the call outlives this process, and `attach` finds it again by the future's `job_key`.
        """
        what = self._work.describe(
            func,
            "A",
            env=extra_env,
            memory_mb=runtime_memory,
            timeout_s=timeout,
            include=include_modules,
            exclude=exclude_modules,
            retries=retries,
            is_detached=detach,
        )
        return self._work.submit(what, [data])[0]

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
        detach: bool = False,
    ) -> FuturesList:
        """Call a function once for each element of an iterable, and give the futures in its order.

        An element that is a dict gives keyword arguments, a tuple positional ones, anything else one argument. A
        function with a parameter `obj` reads data: its elements are references, cut as the `obj_` arguments say
        (`obj_chunk_size` in bytes). `chunksize` is taken for compatibility: how many calls a worker has in hand is
        adapted to how long they take. `timeout` is in seconds for each call, `runtime_memory` in MB. With `detach`, the
        job outlives this process, and `attach` finds it again by the futures' `job_key`.
        """
        from lithops.submission import Chunks
        from lithops.work import elements_of

        _check_chunksize(chunksize)
        what = self._work.describe(
            map_function,
            "M",
            extra_args=extra_args,
            env=extra_env,
            memory_mb=runtime_memory,
            timeout_s=timeout,
            include=include_modules,
            exclude=exclude_modules,
            retries=retries,
            chunks=Chunks(obj_chunk_size, obj_chunk_number, obj_newline),
            is_detached=detach,
        )
        return self._work.submit(what, elements_of(map_iterdata))

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
        from lithops.submission import Chunks

        del spawn_reducer
        _check_chunksize(chunksize)
        shared: dict[str, Any] = {
            "env": extra_env,
            "timeout_s": timeout,
            "include": include_modules,
            "exclude": exclude_modules,
            "retries": retries,
        }
        chunks = Chunks(obj_chunk_size, obj_chunk_number, obj_newline)
        describe = self._work.describe
        return self._work.map_reduce(
            describe(map_function, "M", extra_args=extra_args, memory_mb=map_runtime_memory, chunks=chunks, **shared),
            map_iterdata,
            describe(reduce_function, "R", extra_args=extra_args_reduce, memory_mb=reduce_runtime_memory, **shared),
            by_object=obj_reduce_by_key,
        )

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> ResponseFuture:
        """Call `fn(*args, **kwargs)`."""
        return self._work.call(fn, args, kwargs)

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

        The input is read lazily: at most `in_flight` calls are submitted and not yielded. Raises the exception of a
        call when its turn comes; calls that were submitted go on.
        """
        what = self._work.describe(map_function, "M", extra_args=extra_args, timeout_s=timeout, retries=retries)
        return self._work.imap(what, map_iterdata, ordered=ordered, in_flight=in_flight)

    def as_completed(
        self, fs: Iterable[ResponseFuture] | None = None, timeout: float | None = None
    ) -> Iterator[ResponseFuture]:
        """Yield futures, by default all, as their calls end. Raises `TimeoutError` when `timeout` seconds are over."""
        return self._work.as_completed(fs, timeout)

    def attach(self, job_key: str) -> FuturesList:
        """Give the futures of a job that another process submitted with `detach=True`, found in this executor's storage."""
        return self._work.attach(job_key)

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
        return self._work.wait(
            fs,
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
        return self._work.get_result(fs, throw_except=throw_except, timeout=timeout, show_progressbar=show_progressbar)

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
        were put under the job's prefix. `clean_fn`: the functions and modules too. `force`: also of jobs that run.
        `on_exit` is taken for compatibility. Results that were not fetched are gone.
        """
        del on_exit
        self._work.clean(fs, cs, clean_cloudobjects=clean_cloudobjects, clean_functions=clean_fn, force=force)

    def job_summary(self, cloud_objects_n: int = 0) -> str:
        """Describe the jobs of this executor, a line each, by log and as text."""
        lines = self._work.summary()
        if cloud_objects_n:
            lines.append(f"cloud objects,{cloud_objects_n}")
        for line in lines:
            log.info("%s", line)
        return "\n".join(lines)

    def cost(self) -> Spent:
        """Tell what the calls that have ended cost, by what was billed and the backend's dated list of prices.

        `amount` is None where the backend has no prices. What the platform bills beside calls (storage, traffic, logs) is
        not in it.
        """
        return self._work.engine.bill.spent()

    def estimate_cost(self, calls: int, seconds: float) -> Cost | None:
        """Estimate what so many calls of so many seconds each would cost; None where the backend has no prices."""
        return self._work.engine.backend.price(self._work.runtime, calls * seconds, calls)

    def plot(
        self,
        fs: ResponseFuture | Iterable[ResponseFuture] | None = None,
        dst: str | os.PathLike[str] | None = None,
        figsize: tuple[float, float] = (10, 6),
    ) -> tuple[Path, Path]:
        """Draw the timeline of calls, by default all, and how many ran at each moment; give the paths of both images.

        They are `<dst>_timeline.png` and `<dst>_histogram.png`; without `dst`, or with a folder, named by time and
        executor, in the folder `plots`. `figsize` is in inches. Needs `lithops[plot]`. Raises `ValueError` when there
        are no calls.
        """
        from lithops.pictures.plot import plot
        from lithops.wait import as_list

        return plot(as_list(self.futures if fs is None else fs), dst, figsize, self.executor_id)

    def report(
        self, fs: ResponseFuture | Iterable[ResponseFuture] | None = None, dst: str | os.PathLike[str] | None = None
    ) -> Path:
        """Write one HTML page about calls, by default all, and give its path: figures, timeline, failures, logs.

        It needs no network and no other file. `dst` is the page's path (`<dst>_report.html` when it does not end in
        .html) or a folder. Raises `ValueError` when there are no calls.
        """
        from lithops.pictures.report import report
        from lithops.wait import as_list

        return report(
            as_list(self.futures if fs is None else fs),
            dst,
            executor_id=self.executor_id,
            backend=self.backend,
            spent=self.cost(),
        )

    def close(self) -> None:
        """Stop the engine and its workers; calls that run are cancelled. Idempotent."""
        self._work.close()

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


def _check_chunksize(chunksize: int | None) -> None:
    if chunksize is not None and (type(chunksize) is not int or chunksize < 1):
        raise ValueError(f"chunksize is {chunksize!r}: give a whole number from 1 on, or None")


def _set_up_log(settings: Settings, log_level: str | int | bool | None) -> None:
    section = settings.lithops
    level = section.log_level if log_level is False else log_level
    if level is not None and not isinstance(level, bool):
        from lithops.log_setup import setup_lithops_logger

        setup_lithops_logger(level, section.log_format, section.log_stream, section.log_filename)
