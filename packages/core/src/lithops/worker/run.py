"""Run one call: fetch its function and input, call it, store or inline its result, and say how it ended.

CallMessage --> function (cached by digest) --> input (parts, or fetched) --> fill in id, storage, obj
            --> call --> result: inline, or stored and referred to --> status frame --> committed, if asked
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from lithops.errors import LithopsError, ObjectExistsError, SerializationError, StorageError, WireError
from lithops.spi.storage import StorageBackend
from lithops.types import Artifact, Buffer, CallEnd, CallMessage, CallStatus, ErrorInfo, JobMessage, Payload
from lithops.wire.keys import result_key, status_key
from lithops.wire.status import encode_status
from lithops.worker import context, modules
from lithops.worker.announce import Announcer
from lithops.worker.failure import describe
from lithops.worker.limits import limit_memory
from lithops.worker.pickles import CALL_ATTRIBUTE, dump, load
from lithops.worker.stores import Stores, patiently, read_payload, write_payload
from lithops.worker.usage import Usage, UsageMeter

__all__ = ["Runner"]

FUNCTIONS_KEPT = 16
USAGE_GOOD_FOR_S = 0.001
"""What was used at the end of a call is what was used at the start of the next, if that comes so soon."""

STORAGE_API = "lithops.storage:Storage"
"""What fills the parameter `storage`. By name: the user's API lies on a floor above, and most calls need none."""


class Runner:
    """Runs calls one after the other in this process, and keeps their functions warm. Not thread-safe.

    `home` is a private folder for the modules that travel. With `limits_memory`, a job's `memory_mb` is kept by the
    operating system; a call that reaches it ends as lost. `is_retired` says that the process should end too: then, and
    when the function asked for that by `context.retire()`.
    `flush` sends what a call printed; it is called before the call is over.
    """

    def __init__(
        self,
        *,
        home: str | None = None,
        limits_memory: bool = False,
        flush: Callable[[], None] = lambda: None,
    ) -> None:
        self.is_retired = False
        self._home = home
        self._limits_memory = limits_memory
        self._flush = flush
        self._memory_mb: int | None = None
        self._stores = Stores()
        self._announcer = Announcer()
        self._meter = UsageMeter()
        self._functions: OrderedDict[str, Callable[..., Any]] = OrderedDict()
        self._has_modules = False
        self._is_cold = True
        self._pid = os.getpid()
        self._used = Usage(0.0, 0.0, 0, 0)
        self._used_at = 0.0

    def run(self, call: CallMessage) -> list[Buffer]:
        """Run a call and give the frame of its status. Raises nothing that the call or its function raises."""
        self.is_retired = False
        start = function_start = function_end = time.time()
        before = self._used if start - self._used_at < USAGE_GOOD_FOR_S else self._meter.read()
        result: Payload | None = None
        error: ErrorInfo | None = None
        end = CallEnd.SUCCESS
        kwargs: dict[str, Any] = {}
        job = call.job
        try:
            if job.memory_mb != self._memory_mb and self._limits_memory:
                self._memory_mb = job.memory_mb if limit_memory(job.memory_mb) else None
            context.begin(call)
            function = self._function(job)
            args, kwargs = self._arguments(call, function)
            function_start = time.time()
            try:
                if job.env:
                    with _Environment(job.env):
                        value = function(*args, **kwargs)
                else:
                    value = function(*args, **kwargs)
            finally:
                function_end = time.time()
            result = self._result(call, value)
        except BaseException as exc:  # the user's function may raise anything, SystemExit too
            end, error = self._failure(exc)
        finally:
            self._flush()
            context.end()
            self.is_retired |= context.take_retired()
            if "obj" in job.fill and isinstance(kwargs, dict) and hasattr(kwargs.get("obj"), "close"):
                with contextlib.suppress(Exception):  # the user may have put another object there
                    kwargs["obj"].close()
        status = CallStatus(job.executor_id, job.job_id, call.call_id, call.attempt, end, result=result, error=error)
        frame = encode_status(status, self._measured(before, (start, function_start, function_end)))
        is_late = job.commit_after_s is not None and function_end - start > job.commit_after_s
        if job.commit:
            return self._commit(call, frame)
        if is_late:
            with contextlib.suppress(LithopsError):  # it is written in case that the answer, which follows, is lost
                self._commit(call, frame)
        return frame

    def give_up(self, call: CallMessage, error: ErrorInfo) -> None:
        """Write to the store that a call ran over its time, unless its status is there. From another thread than `run`."""
        self._commit(call, encode_status(CallStatus.of(call, CallEnd.TIMEOUT, error), {}))

    def _function(self, job: JobMessage) -> Callable[..., Any]:
        if job.modules is None:
            if self._has_modules:
                modules.uninstall()
                self._functions.clear()
                self._has_modules = False
        elif modules.install_needed(job.modules.digest):
            self._functions.clear()  # they may hold, or still import, what the former modules gave
            modules.install(job.modules.digest, b"".join(self._fetch(job, job.modules)), self._home)
            self._has_modules = True
        name = job.function.digest
        function = self._functions.get(name)
        if function is not None:
            return function
        parts = self._fetch(job, job.function)
        loaded: Callable[..., Any] = load(parts)
        self._functions[name] = loaded
        if len(self._functions) > FUNCTIONS_KEPT:
            self._functions.popitem(last=False)
        return loaded

    def _fetch(self, job: JobMessage, artifact: Artifact) -> Sequence[Buffer]:
        parts = self._read(job, artifact.payload)
        digest = hashlib.sha256()
        for part in parts:
            digest.update(part)
        if digest.hexdigest() != artifact.digest:
            raise WireError(
                f"what came as function or modules of job '{job.job_key}' is not what was sent: its digest differs, "
                "so it was not loaded; check who can write to the job's bucket"
            )
        return parts

    def _arguments(self, call: CallMessage, function: Callable[..., Any]) -> tuple[Sequence[Any], dict[str, Any]]:
        job = call.job
        needs = [_resolved(load(self._read(job, need))) for need in call.needs]
        args, kwargs, *chained = load(self._read(job, call.data), needs)
        if chained:
            from lithops.worker.arguments import Binder  # late: it needs `inspect`, and few calls need it

            args, kwargs = Binder(function).bind_result(args, kwargs or {})
        if not job.fill:
            return args, kwargs or {}
        kwargs = dict(kwargs or {})
        for name in job.fill:
            if name == "obj":
                self._open_data(kwargs)
            elif name not in kwargs:
                kwargs[name] = self._fill(name, call)
        return args, kwargs

    def _open_data(self, kwargs: dict[str, Any]) -> None:
        from lithops.worker.data import DataPart, open_data  # late: most functions take no data

        if isinstance(kwargs.get("obj"), DataPart):
            kwargs["obj"] = open_data(kwargs["obj"], self._stores.open)

    def _fill(self, name: str, call: CallMessage) -> Any:
        if name == "id":
            return int(call.call_id)
        if name == "storage":
            return self._user_storage(call.job)
        if name == "ibm_cos":
            return self._user_storage(call.job).get_client()
        raise SerializationError(
            f"the function asks for '{name}', which this worker cannot give: pass it as an argument"
        )

    def _user_storage(self, job: JobMessage) -> Any:
        module, _, attribute = STORAGE_API.partition(":")
        store, bucket = self._store(job)
        return getattr(import_module(module), attribute).over(
            store, bucket, job.store.name if job.store is not None else ""
        )

    def _store(self, job: JobMessage) -> tuple[StorageBackend, str]:
        if job.store is None:
            raise StorageError(f"job '{job.job_key}' came without a store: name one by 'storage' in the configuration")
        return self._stores.open(job.store), job.store.bucket

    def _read(self, job: JobMessage, payload: Payload) -> Sequence[Buffer]:
        return payload.parts if payload.parts is not None else read_payload(*self._store(job), payload)

    def _result(self, call: CallMessage, value: object) -> Payload:
        try:
            parts = dump(value)
        except MemoryError:
            raise
        except Exception as exc:  # the user's classes may raise anything when they are pickled
            raise SerializationError(
                f"the result of '{call.job.function_name}' in call {call.call_id}, a {type(value).__name__}, cannot be "
                f"pickled: {type(exc).__name__}: {exc}; return plain data, or what can be rebuilt from it"
            ) from exc
        payload = Payload(parts)
        job = call.job
        if payload.size_bytes <= job.results_inline_max or job.store is None:
            return payload
        key = result_key(job.executor_id, job.job_id, call.call_id, call.attempt, os.urandom(4).hex())
        return write_payload(*self._store(job), key, parts)

    def _failure(self, exc: BaseException) -> tuple[CallEnd, ErrorInfo]:
        if self._memory_mb is not None and _is_out_of_memory(exc):
            self.is_retired = True
            limit_memory(None)
            limit, self._memory_mb = self._memory_mb, None
            described = describe(exc, skip_frames=1)
            reason = f"the call reached its memory limit of {limit} MB"
            return CallEnd.LOST, ErrorInfo("MemoryError", reason, described.traceback, memory_limit=True)
        try:
            return CallEnd.ERROR, describe(exc, skip_frames=1)
        except BaseException as failure:  # the user's class may raise anything when it is looked at
            return CallEnd.ERROR, ErrorInfo(
                type(exc).__qualname__, f"(it cannot be described: {type(failure).__name__})"
            )

    def _measured(self, before: Usage, times: tuple[float, float, float]) -> dict[str, Any]:
        after = self._used = self._meter.read()
        end = self._used_at = time.time()
        measured: dict[str, Any] = {
            "times": [*times, end],
            "usage": [
                round(after.cpu_user_s - before.cpu_user_s, 6),
                round(after.cpu_system_s - before.cpu_system_s, 6),
                max(0, after.rss_bytes - before.rss_bytes),
                after.peak_bytes,
            ],
            "worker": self._pid,
        }
        if self._is_cold:
            self._is_cold = False
            measured["cold"] = True
        if self.is_retired:
            measured["last"] = True
        return measured

    def _commit(self, call: CallMessage, frame: list[Buffer]) -> list[Buffer]:
        """Write the status to the store: the first writer wins, and what it wrote is the call's end."""
        job = call.job
        store, bucket = self._store(job)
        key = status_key(job.executor_id, job.job_id, call.call_id, call.attempt)
        with contextlib.suppress(ObjectExistsError):
            patiently(lambda: store.put(bucket, key, frame, if_absent=True))
            if job.broker is not None:
                self._announcer.announce(job.broker, frame)
        return frame


def _resolved(value: Any) -> Any:
    """Give the result of a future that a function returned, as the client's `result()` does; anything else as it is."""
    if hasattr(type(value), CALL_ATTRIBUTE):
        return value.result()
    if isinstance(value, list) and value and all(hasattr(type(one), CALL_ATTRIBUTE) for one in value):
        return [one.result() for one in value]
    return value


def _is_out_of_memory(exc: BaseException | None) -> bool:
    """Tell whether an allocation failed, or a module or thread that could not be mapped is behind it."""
    for _ in range(10):
        if isinstance(exc, MemoryError) or (isinstance(exc, OSError) and exc.errno == errno.ENOMEM):
            return True
        if isinstance(exc, ImportError) and ("failed to map" in str(exc) or "cannot allocate" in str(exc).lower()):
            return True
        if exc is None:
            break
        exc = exc.__cause__ or exc.__context__
    return False


class _Environment:
    """Sets variables for a call, and puts back what was there."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._before: dict[str, str | None] = {}

    def __enter__(self) -> None:
        self._before = {name: os.environ.get(name) for name in self._env}
        try:
            os.environ.update(self._env)
        except BaseException:  # a name or value that the system does not take
            self.__exit__()
            raise

    def __exit__(self, *exc_info: object) -> None:
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
