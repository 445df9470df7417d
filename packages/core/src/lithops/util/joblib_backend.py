"""`LithopsBackend`: joblib's interface of parallel backends over an executor.

Parallel --configure--> a backend of its own --start_call--> ParallelCall: one job, fed batch by batch
   submit(batch) --> pickle, arrays to the store --> engine ... end --> callback of joblib: retrieve, submit more
"""

from __future__ import annotations

import os
from typing import Any

from joblib.parallel import (  # type: ignore[import-untyped, import-not-found, unused-ignore]
    AutoBatchingMixin,
    FallbackToBackend,
    ParallelBackendBase,
    SequentialBackend,
    cpu_count,
)

from lithops.errors import NotSupportedError
from lithops.util.joblib_call import ParallelCall, Threads
from lithops.util.joblib_executors import executor_for, workers_of

__all__ = ["LithopsBackend"]

DEFAULT_MAX_NBYTES = 1024 * 1024
_WRITABLE = {"r": False, "c": True}


class LithopsBackend(AutoBatchingMixin, ParallelBackendBase):  # type: ignore[misc, unused-ignore]
    """Runs the batches of joblib as calls of an executor. Options are arguments of `FunctionExecutor`, or `executor=`.

    The one that `parallel_config` holds is shared by all `Parallel` objects below it: each gets one of its own by
    `configure`, so that they may run at the same time.
    """

    default_n_jobs = -1
    supports_retrieve_callback = True
    supports_inner_max_num_threads = True

    def __init__(self, nesting_level: int | None = None, inner_max_num_threads: int | None = None, **options: Any):
        super().__init__(nesting_level=nesting_level, inner_max_num_threads=inner_max_num_threads)
        self._options = options
        self._owner: Any = None
        self._most = 0
        self._max_nbytes: int | None = DEFAULT_MAX_NBYTES
        self._is_writable = False
        self._call: ParallelCall | None = None
        self.parallel: Any = None

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """Tell how many calls run at once when the user asks for `n_jobs`: at most as many as there are workers."""
        if n_jobs == 0:
            raise ValueError(
                "n_jobs == 0 in Parallel has no meaning: give how many calls run at once, or -1 for all workers"
            )
        if n_jobs is None or n_jobs == 1:
            return 1
        workers = workers_of(executor_for(self._options))
        return max(workers + 1 + n_jobs, 1) if n_jobs < 0 else min(n_jobs, workers)

    def configure(
        self,
        n_jobs: int = 1,
        parallel: Any = None,
        prefer: str | None = None,
        require: str | None = None,
        *,
        max_nbytes: int | None = DEFAULT_MAX_NBYTES,
        mmap_mode: str | None = "r",
        temp_folder: str | None = None,
        verbose: int = 0,
        context: Any = None,
        **options: Any,
    ) -> int:
        """Get ready for the calls of one `Parallel`, and tell how many run at once."""
        del prefer, require, temp_folder, verbose, context
        if self._owner is not parallel:
            own = LithopsBackend(self.nesting_level, self.inner_max_num_threads, **{**self._options, **options})
            own._owner = parallel
            raise FallbackToBackend(own)
        self._most = self.effective_n_jobs(n_jobs)
        if self._most == 1:  # in this process: what is nested may still run by Lithops
            raise FallbackToBackend(SequentialBackend(nesting_level=self.nesting_level))
        if mmap_mode is not None and mmap_mode not in _WRITABLE:
            raise NotSupportedError(
                f"mmap_mode is '{mmap_mode}': workers cannot write to the arrays of their caller; give 'r' (read only), 'c' "
                "(each call writes to a copy) or None (arrays travel with each call), and return what is changed"
            )
        self.parallel = parallel
        self._max_nbytes = None if mmap_mode is None else max_nbytes
        self._is_writable = _WRITABLE.get(mmap_mode or "r", False)
        return self._most

    def start_call(self) -> None:
        """Begin a job for one call of the `Parallel` object."""
        executor = executor_for(self._options)
        gate = None if self._most >= workers_of(executor) else self._most
        self._call = ParallelCall(
            executor,
            most=gate,
            max_nbytes=self._max_nbytes,
            is_writable=self._is_writable,
            threads=self._threads(executor.backend),
        )

    def submit(self, func: Any, callback: Any = None) -> None:
        """Run a batch. `callback` is called with its future, on a thread of its own, also when it cannot be submitted."""
        if self._call is not None:  # None: it is over, and joblib hears no more of it
            self._call.submit(func, callback)

    apply_async = submit

    def retrieve_result_callback(self, out: Any) -> Any:
        """Give the results of a batch that has ended, or raise what it raised."""
        return out.result()

    def abort_everything(self, ensure_ready: bool = True) -> None:
        """End what runs and forget what waits. The workers stay, for the next call."""
        del ensure_ready
        if self._call is not None:
            self._call.abort()

    def stop_call(self) -> None:
        """End the job, and delete its arrays."""
        call, self._call = self._call, None
        if call is not None:
            call.close()

    def terminate(self) -> None:
        """Forget what was learned about the calls. The workers stay warm."""
        self.stop_call()
        self.reset_batch_stats()

    def _threads(self, backend: str) -> Threads:
        """Tell how many threads a call's libraries may start: without a wish, this machine's processors are shared.

        Elsewhere a worker has processors of its own. What the user has set by variables is not changed.
        """
        names = self.MAX_NUM_THREADS_VARS
        if self.inner_max_num_threads is not None:
            most = int(self.inner_max_num_threads)
            return Threads(most, dict.fromkeys(names, str(most)))
        if backend != "localhost":
            return Threads(None, {})
        most = max(1, cpu_count() // self._most)
        own = {name: os.environ[name] for name in names if name in os.environ}
        return Threads(None if own else most, {**dict.fromkeys(names, str(most)), **own})

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("joblib's backend 'lithops' cannot travel to a worker: register and name it there")
