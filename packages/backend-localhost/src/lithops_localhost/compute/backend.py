"""The localhost backend as the contract wants it; the work is done in `pool`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from threading import Lock
from typing import TYPE_CHECKING

from lithops.errors import BackendError, ConfigError
from lithops.spi import (
    CallMessage,
    Check,
    ComputeBackend,
    ComputeFeature,
    Handle,
    Limits,
    Report,
    RuntimeInfo,
    RuntimeSpec,
    StorageRef,
)
from lithops.wire.version import WIRE_VERSION
from lithops_localhost.compute.pool import Pool
from lithops_localhost.places import DEFAULT_ROOT

if TYPE_CHECKING:
    from lithops_localhost.config import LocalhostConfig

__all__ = ["LocalhostCompute"]

INLINE_BYTES = 4 * 1024 * 1024
"""Up to here an input or result goes over the socket: three times as fast as a file on a disk, for 1 MiB; above, a file
that the other side maps needs no memory of both."""

MESSAGE_BYTES = 1 << 30
"""The pool cuts its frames itself: this only bounds what one `start` is given."""

ASK_INTERPRETER = "import sys, lithops.wire as w; print(*sys.version_info[:2], w.WIRE_VERSION[0])"
ASK_TIMEOUT_S = 30


class LocalhostCompute(ComputeBackend):
    """Runs calls in worker processes of this machine."""

    features = (
        ComputeFeature.REPLIES
        | ComputeFeature.INSTANT_START
        | ComputeFeature.TIMEOUTS
        | ComputeFeature.CANCEL
        | ComputeFeature.OUTPUT
    )
    limits = Limits(
        max_calls_per_start=10_000,
        max_payload_bytes=MESSAGE_BYTES,
        max_inline_bytes=INLINE_BYTES,
        max_concurrency=None,
        start_deadline_s=float("inf"),  # the pool hears of each death itself
    )

    def __init__(self, options: LocalhostConfig) -> None:
        self._options = options
        self._lock = Lock()
        self._pool: Pool | None = None
        self._is_closed = False

    def prepare(self) -> None:
        """Start the first worker."""
        self._opened().warm_up()

    def ensure_runtime(self, runtime: RuntimeSpec) -> RuntimeInfo:
        """Tell of the interpreter; another than this one is asked for its version."""
        python, wire = f"{sys.version_info[0]}.{sys.version_info[1]}", WIRE_VERSION[0]
        interpreter = self._interpreter()
        if interpreter != sys.executable:
            python, wire = _ask(interpreter)
        return RuntimeInfo(interpreter, python, wire)

    def entrust(self, store: StorageRef, credentials: Mapping[str, str]) -> None:
        """Give the keys of a store to the workers, by an anonymous file that they inherit."""
        self._opened().entrust(store, credentials)

    def start(self, runtime: RuntimeSpec, calls: Sequence[CallMessage], report: Report) -> Handle:
        """Queue calls for the workers."""
        self._opened().submit(calls, report)
        return calls[0].job.job_key

    def cancel(self, handle: Handle, calls: Collection[CallMessage]) -> None:
        """Drop calls that wait, and end the workers of those that run."""
        self._opened().cancel(calls)

    def doctor(self) -> Iterable[Check]:
        """Check the interpreter and the folder."""
        interpreter = self._interpreter()
        try:
            python, _ = _ask(interpreter)
            yield Check("interpreter", True, f"{interpreter} is Python {python}")
        except ConfigError as exc:
            yield Check(
                "interpreter", False, str(exc), "set 'runtime' in the section 'localhost' to another interpreter"
            )
        root = place = _root(self._options)
        while not os.path.exists(place):
            place = os.path.dirname(place)
        writable = os.access(place, os.W_OK)
        yield Check("folder", writable, root, "" if writable else "set 'storage_root' to a folder of your own")
        yield Check("workers", True, f"{self._worker_count()} processes")

    def close(self) -> None:
        """End the workers at once."""
        with self._lock:
            self._is_closed = True
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    def _opened(self) -> Pool:
        with self._lock:
            if self._is_closed:
                raise BackendError("the localhost backend is closed: make a new executor")
            if self._pool is None:
                home = os.path.join(_root(self._options), ".run")
                self._pool = Pool(self._interpreter(), self._worker_count(), home)
            return self._pool

    def _interpreter(self) -> str:
        named = self._options.runtime
        if named is None or named in ("python", "python3", "default"):
            return sys.executable
        return os.path.expanduser(named)

    def _worker_count(self) -> int:
        count = self._options.worker_processes or self._options.max_workers
        if count is not None:
            return count
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _root(options: LocalhostConfig) -> str:
    return os.path.abspath(os.path.expanduser(options.storage_root or DEFAULT_ROOT))


def _ask(interpreter: str) -> tuple[str, int]:
    try:
        done = subprocess.run(
            [interpreter, "-c", ASK_INTERPRETER], capture_output=True, text=True, timeout=ASK_TIMEOUT_S, check=True
        )
        major, minor, wire = done.stdout.split()
    except (OSError, ValueError, subprocess.SubprocessError) as exc:
        lines = str(getattr(exc, "stderr", None) or exc).strip().splitlines() or [type(exc).__name__]
        raise ConfigError(
            f"the interpreter '{interpreter}' cannot be a worker: {lines[-1]}; install lithops-core there, or set "
            "'runtime' in the section 'localhost' to another"
        ) from exc
    return f"{major}.{minor}", int(wire)
