"""Print what workers print, on a thread of its own: a slow terminal must not stop the engine."""

from __future__ import annotations

import contextlib
import sys
import threading
from queue import SimpleQueue

from lithops.engine.call import Call
from lithops.types import CallOutput

__all__ = ["OutputPrinter"]

JOIN_TIMEOUT_S = 10.0


class OutputPrinter:
    """Writes each line with its call in front to `sys.stdout` or `sys.stderr`, as these are when it is written.

    With `is_plain`, the lines are written as they are.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queue: SimpleQueue[CallOutput | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._is_closed = False
        self.is_plain = False
        self._unfinished_line: dict[tuple[str | None, str], bool] = {}

    def put(self, call: Call | None, output: CallOutput) -> None:
        """Take a piece of output; returns at once."""
        del call
        with self._lock:
            if self._is_closed:
                return
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="lithops-output", daemon=True)
                self._thread.start()
        self._queue.put(output)

    def close(self) -> None:
        """Print what is left and join the thread. Idempotent."""
        with self._lock:
            self._is_closed = True
            thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            self._queue.put(None)
            thread.join(JOIN_TIMEOUT_S)

    def _run(self) -> None:
        while (output := self._queue.get()) is not None:  # bounded by close
            stream = sys.stderr if output.stream == "stderr" else sys.stdout
            with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, replaced, or a pipe that broke
                stream.write(output.text if self.is_plain else self._with_names(output))
                if self._queue.empty():
                    stream.flush()

    def _with_names(self, output: CallOutput) -> str:
        name = f"[{output.job_id}-{output.call_id}] " if output.call_id is not None else "[worker] "
        lines = output.text.splitlines(keepends=True)
        key = (name, output.stream)
        goes_on = self._unfinished_line.get(key, False)
        self._unfinished_line[key] = bool(lines) and not lines[-1].endswith(("\n", "\r"))
        return "".join(line if goes_on and at == 0 else name + line for at, line in enumerate(lines))
