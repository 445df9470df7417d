"""A call as a future of the standard library."""

from __future__ import annotations

import concurrent.futures
import threading
from typing import TYPE_CHECKING, Any

from lithops.engine.call import Call
from lithops.errors import NotSupportedError
from lithops.types import CallEnd

if TYPE_CHECKING:
    from lithops.future import ResponseFuture

__all__ = ["StandardFuture", "standard_of"]

CANCEL_TIMEOUT_S = 5.0


_making = threading.Lock()


def standard_of(future: ResponseFuture) -> StandardFuture:
    """Give the standard view of a future: always the same one."""
    with _making:
        if future._standard is None:
            future._standard = StandardFuture(future)
        return future._standard


class StandardFuture(concurrent.futures.Future[Any]):
    """Has a `ResponseFuture`'s state. Its result is loaded by who asks, not on the engine's thread."""

    def __init__(self, future: ResponseFuture) -> None:
        super().__init__()
        self._lithops = future
        future.__lithops_call__.add_done_callback(self._ended)

    def _ended(self, call: Call) -> None:
        if call.status is not None and call.status.end is CallEnd.CANCELLED:
            super().cancel()
            self.set_running_or_notify_cancel()
        elif not self.cancelled() and self.set_running_or_notify_cancel():
            if call.succeeded:
                self.set_result(None)
            else:  # now: the standard `wait` and `as_completed` look for it
                self.set_exception(self._lithops.exception())

    def cancel(self) -> bool:
        if self.done():
            return self.cancelled()
        try:
            self._lithops.cancel()
        except NotSupportedError:
            return False
        return self._lithops.wait(CANCEL_TIMEOUT_S) and self.cancelled()

    def running(self) -> bool:
        return self._lithops.running

    def result(self, timeout: float | None = None) -> Any:
        super().result(timeout)
        return self._lithops.result()

    def exception(self, timeout: float | None = None) -> BaseException | None:
        super().exception(timeout)
        return self._lithops.exception()
