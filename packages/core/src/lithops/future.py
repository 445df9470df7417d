"""`ResponseFuture`: what a user holds of a call."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

from lithops.engine.attach import attach, detach
from lithops.engine.call import Call
from lithops.engine.outcome import exception_of, result_of, stats_of
from lithops.engine.waiting import wait_for
from lithops.errors import NotSupportedError

if TYPE_CHECKING:
    import concurrent.futures

    from lithops.futures import FuturesList
    from lithops.standard_future import StandardFuture

__all__ = ["ResponseFuture"]

log = logging.getLogger(__name__)

_NOTHING: Any = object()


class ResponseFuture:
    """The result of one call, now or later. Thread-safe; can be awaited; pickles without credentials."""

    __slots__ = (
        "__lithops_call__",
        "__weakref__",
        "_error",
        "_standard",
        "_value",
        "produces_output",
        "was_raised",
        "was_returned",
    )

    def __init__(self, call: Call, *, produces_output: bool = True) -> None:
        self.__lithops_call__ = call
        self.produces_output = produces_output
        self.was_returned = False
        self.was_raised = False
        self._value: Any = _NOTHING
        self._error: BaseException | None = None
        self._standard: StandardFuture | None = None

    # What it is

    @property
    def call_id(self) -> str:
        """The call's number in its job, as text."""
        return self.__lithops_call__.call_id

    @property
    def job_id(self) -> str:
        """The job's name in its executor."""
        return self.__lithops_call__.job.message.job_id

    @property
    def executor_id(self) -> str:
        """The executor's name."""
        return self.__lithops_call__.job.message.executor_id

    @property
    def job_key(self) -> str:
        """The job's name among all executors."""
        return self.__lithops_call__.job.message.job_key

    @property
    def function_name(self) -> str:
        """The name of the user's function."""
        return self.__lithops_call__.job.message.function_name

    @property
    def runtime_name(self) -> str:
        """The name of the runtime that the call runs in."""
        return self.__lithops_call__.job.runtime.name

    @property
    def runtime_memory(self) -> int | None:
        """The memory of the call's worker in MB; None when nothing bounds it."""
        return self.__lithops_call__.job.message.memory_mb

    @property
    def activation_id(self) -> str | None:
        """What the platform calls the start that the call was part of; None before it was started."""
        return self.__lithops_call__.handle

    @property
    def logs(self) -> str:
        """What the call printed, as far as the backend tells; the last 256 Ki characters."""
        return self.__lithops_call__.logs

    @property
    def stats(self) -> dict[str, Any]:
        """What was measured of this call so far. Times are seconds since the epoch, sizes bytes."""
        stats = stats_of(self.__lithops_call__)
        if self._value is not _NOTHING and "host_status_done_tstamp" in stats:
            stats.setdefault("host_result_done_tstamp", stats["host_status_done_tstamp"])
        return stats

    # How far it is

    @property
    def new(self) -> bool:
        """Whether it was not given to the backend yet."""
        call = self.__lithops_call__
        return call.sent is None and not call.is_done

    @property
    def invoked(self) -> bool:
        """Whether it was given to the backend, or has ended."""
        return not self.new

    @property
    def running(self) -> bool:
        """Whether the backend has it and it has not ended."""
        call = self.__lithops_call__
        return call.sent is not None and not call.is_done

    @property
    def ready(self) -> bool:
        """Whether it has ended: the same as `done`."""
        return self.__lithops_call__.is_done

    @property
    def done(self) -> bool:
        """Whether it has ended, in whichever way."""
        return self.__lithops_call__.is_done

    @property
    def success(self) -> bool:
        """Whether it has ended with a result."""
        return self.__lithops_call__.succeeded

    @property
    def error(self) -> bool:
        """Whether it has ended without a result."""
        call = self.__lithops_call__
        return call.is_done and not call.succeeded

    # What comes of it

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end, at most `timeout` seconds; tell whether it has come."""
        call = self.__lithops_call__
        return call.is_done or wait_for([call], 1, timeout)

    def status(self, throw_except: bool = True, **_ignored: Any) -> dict[str, Any]:
        """Wait for the end and describe it: ids, `success`, `end`, and the keys of `stats`."""
        self.wait()
        call = self.__lithops_call__
        assert call.status is not None
        if throw_except and self.error:
            raise self._exception()
        ids = {name: getattr(self, name) for name in ("executor_id", "job_id", "call_id", "activation_id")}
        return {**ids, "success": self.success, "end": call.status.end.value, **self.stats}

    def result(self, timeout: float | None = None, throw_except: bool = True, **_ignored: Any) -> Any:
        """Wait for the result, at most `timeout` seconds, and give it; futures in it are resolved.

        Raises the user's exception, a `CallError` when the call ended otherwise, or `TimeoutError` when the time is
        over (the call goes on). With `throw_except=False` an exception of the call is given instead of raised.
        """
        if not self.wait(timeout):
            raise TimeoutError(
                f"call {self.call_id} of job {self.job_id} has no result after {timeout:g} s: it goes on; "
                "wait longer, or cancel() it"
            )
        if self.error:
            exc = self._exception()
            if throw_except:
                raise exc
            return exc
        self.was_returned = True
        if self._value is _NOTHING:
            call = self.__lithops_call__
            needs_store = call.status is not None and call.status.result is not None and call.status.result.key
            self._value = _resolved(result_of(call, call.job.open_store() if needs_store else None))
        return self._value

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait for the end and give the exception that `result()` would raise, or None."""
        if not self.wait(timeout):
            raise TimeoutError(
                f"call {self.call_id} of job {self.job_id} has not ended after {timeout:g} s: it goes on"
            )
        return self._exception() if self.error else None

    def cancel(self) -> bool:
        """Ask for the call's end; tell whether it had none yet.

        Raises `NotSupportedError` where the backend cannot end a call that runs.
        """
        call = self.__lithops_call__
        if call.is_done:
            return False
        if call.job.engine is None:
            raise NotSupportedError(
                f"call {self.call_id} of job {self.job_id} belongs to another process: cancel it there"
            )
        call.job.engine.cancel([call])
        return True

    def add_done_callback(self, callback: Callable[[ResponseFuture], object]) -> None:
        """Call `callback(self)` when the call has ended, on the thread that hears of it: it must be quick."""

        def ended(_call: Call) -> None:
            try:
                callback(self)
            except Exception:  # the user's code, on a thread of the engine
                log.exception("a callback of %r failed", self)

        self.__lithops_call__.add_done_callback(ended)

    @property
    def standard(self) -> concurrent.futures.Future[Any]:
        """The same call as a future of the standard library, for its `wait`, `as_completed`, `wrap_future`."""
        from lithops.standard_future import standard_of

        return standard_of(self)

    def map(self, *args: Any, **kwargs: Any) -> FuturesList:
        """Map a function over the result of this call: see `FuturesList.map`."""
        from lithops.futures import FuturesList

        return FuturesList([self]).map(*args, **kwargs)

    def __await__(self) -> Generator[Any, None, Any]:
        import asyncio

        return asyncio.wrap_future(self.standard).__await__()

    def __repr__(self) -> str:
        status = self.__lithops_call__.status
        state = "new" if self.new else "running" if status is None else status.end.value
        return f"<ResponseFuture {self.job_key}-{self.call_id} {self.function_name} {state}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _attached, (detach(self.__lithops_call__), self.produces_output)

    def _exception(self) -> BaseException:
        self.was_raised = True
        if self._error is None:
            call = self.__lithops_call__
            assert call.status is not None
            error = call.status.error
            payload = error.payload if error is not None else None
            store = call.job.open_store() if payload is not None and payload.key is not None else None
            self._error = exception_of(call, call.status, store)
        return self._error


def _resolved(value: Any) -> Any:
    """Replace futures that a function returned by their results."""
    if isinstance(value, ResponseFuture):
        return value.result()
    if isinstance(value, list) and value and all(isinstance(one, ResponseFuture) for one in value):
        return [one.result() for one in value]
    return value


def _attached(what: dict[str, Any], produces_output: bool) -> ResponseFuture:
    return ResponseFuture(attach(what), produces_output=produces_output)


def call_of(future: object) -> Call:
    """Give the engine's record of a future. Raises `TypeError` for anything else."""
    if not isinstance(future, ResponseFuture):
        raise TypeError(f"a {type(future).__name__} was given where a future of Lithops was expected")
    return future.__lithops_call__
