"""The pool: one thread that owns the crew of workers, and the door to it for all other threads.

submit / cancel / close --> commands --> +-------------+ --calls--> worker --> status, output --+
                                         | pool thread |                                         |
report(status) <------------------------ +-------------+ <---------------------------------------+
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import socket
import threading
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence

from lithops.errors import BackendError, WireError
from lithops.spi import CallMessage, Report, StorageRef
from lithops.worker.credentials import anonymous_file, entrust
from lithops_localhost.compute.crew import Crew
from lithops_localhost.compute.process import WorkerProcess
from lithops_localhost.compute.run_folder import make_run_folder, remove_run_folder, remove_stale_folders

__all__ = ["Pool"]

log = logging.getLogger(__name__)
CLOSE_TIMEOUT_S = 15.0


class Pool:
    """Warm worker processes. The public methods can be called from any thread; `home` is the parent of run folders."""

    def __init__(self, interpreter: str, size: int, home: str) -> None:
        self._interpreter = interpreter
        self._runs = home
        self._home = make_run_folder(home)
        self._credentials = anonymous_file()
        self._commands: deque[Callable[[], None]] = deque()
        self._lock = threading.Lock()
        self._is_awake = False
        self._is_closed = False
        self._stops = False
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._wake_reader, selectors.EVENT_READ, self._woken)
        self._crew = Crew(interpreter, size, self._spawn, self._watch_over, self._watch)
        self._thread = threading.Thread(target=self._run, name="lithops-localhost-pool", daemon=True)
        self._thread.start()

    def warm_up(self) -> None:
        """Start a first worker on the calling thread: the pool's own would wait for it to finish its imports.

        A failure shows when a call needs a worker.
        """
        try:
            worker = WorkerProcess(self._interpreter, self._home, self._credentials)
        except OSError as exc:
            log.debug("no worker could be started in advance: %s", exc)
            return
        try:
            self._command(lambda: self._crew.adopt(worker))
        except BackendError:
            worker.reap()
            raise

    def entrust(self, store: StorageRef, credentials: Mapping[str, str]) -> None:
        """Tell all workers, also those that run, the keys of a store. Raises `BackendError` when the pool is closed."""
        self._command(lambda: entrust(self._credentials, store, credentials))

    def submit(self, calls: Sequence[CallMessage], report: Report) -> None:
        """Queue calls of one job. Raises `BackendError` when the pool is closed: then none was taken."""
        self._command(lambda: self._crew.accept(calls, report))

    def cancel(self, calls: Collection[CallMessage]) -> None:
        """End calls, running or not."""
        with contextlib.suppress(BackendError):  # closed: they were cancelled by that
            self._command(lambda: self._crew.cancel(calls))

    def close(self) -> None:
        """Kill the workers, report what had no end as cancelled, and join the thread. Idempotent."""
        with contextlib.suppress(BackendError):
            self._command(self._stop)
        if threading.current_thread() is not self._thread:
            self._thread.join(CLOSE_TIMEOUT_S)

    def _command(self, command: Callable[[], None]) -> None:
        with self._lock:
            if self._is_closed:
                raise BackendError("the localhost backend is closed: make a new executor")
            self._commands.append(command)
            if not self._is_awake:
                self._is_awake = True
                self._wake_writer.send(b"!")

    # Below here: the pool's thread only.

    def _run(self) -> None:
        try:
            remove_stale_folders(self._runs)
            while not self._stops:
                self._turn()
        except Exception:  # a bug of ours must not leave callers waiting: their calls are ended
            log.exception("the localhost pool failed")
        finally:
            self._end()

    def _turn(self) -> None:
        ready = self._selector.select(self._crew.due())
        ready.sort(key=self._rank)
        for key, events in ready:
            key.data(events)
        self._crew.turn()

    def _rank(self, ready: tuple[selectors.SelectorKey, int]) -> int:
        """Order what is ready: pipes and deaths, then sockets, then commands.

        What a call wrote to a pipe is older than the status that comes by the socket, and a new call must not be given to
        a worker whose death is known.
        """
        file = ready[0].fileobj
        if file is self._wake_reader:
            return 2
        return 1 if isinstance(file, socket.socket) else 0

    def _woken(self, _events: int) -> None:
        with contextlib.suppress(BlockingIOError):
            self._wake_reader.recv(64)
        for command in self._take_commands():  # after the read: a command that comes now wakes again
            command()

    def _take_commands(self) -> deque[Callable[[], None]]:
        with self._lock:
            self._is_awake = False
            commands, self._commands = self._commands, deque()
        return commands

    def _stop(self) -> None:
        self._stops = True

    def _spawn(self) -> WorkerProcess:
        return self._watch_over(WorkerProcess(self._interpreter, self._home, self._credentials))

    def _watch_over(self, worker: WorkerProcess) -> WorkerProcess:
        register = self._selector.register
        register(worker.connection, selectors.EVENT_READ, lambda events: self._on_socket(worker, events))
        for at, pipe in enumerate(worker.pipes):
            register(pipe, selectors.EVENT_READ, lambda _events, at=at: self._on_pipe(worker, at))
        if worker.death_fd is not None:
            register(worker.death_fd, selectors.EVENT_READ, lambda _events: self._bury(worker))
        return worker

    def _watch(self, worker: WorkerProcess) -> None:
        """Be told when the socket takes more, as long as something waits to be sent."""
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if worker.has_output else 0)
        key = self._selector.get_key(worker.connection)
        if key.events != events:
            self._selector.modify(worker.connection, events, key.data)

    def _on_socket(self, worker: WorkerProcess, events: int) -> None:
        if worker not in self._crew.workers:  # buried by an event before this one
            return
        if events & selectors.EVENT_WRITE:
            worker.flush()
            self._watch(worker)
        if events & selectors.EVENT_READ:
            try:
                for message in worker.receive():
                    self._crew.hear(worker, message)
            except WireError as exc:
                log.warning("worker %d broke the protocol and is ended: %s", worker.pid, exc)
                self._bury(worker)
                return
            if worker.is_at_end:
                self._bury(worker)

    def _on_pipe(self, worker: WorkerProcess, at: int) -> None:
        if worker not in self._crew.workers:
            return
        if not worker.said_hello:  # its first call may be what wrote: its hello came before that
            self._on_socket(worker, selectors.EVENT_READ)
            if worker not in self._crew.workers:
                return
        text = worker.read_text(at)
        if text is None:
            self._selector.unregister(worker.pipes[at])
        else:
            self._crew.hear_text(worker, at, text)

    def _bury(self, worker: WorkerProcess) -> None:
        if worker not in self._crew.workers:
            return
        registered = self._selector.get_map()
        for file in (worker.connection, *worker.pipes, worker.death_fd):
            if file is not None and file in registered:
                self._selector.unregister(file)
        self._crew.bury(worker)

    def _end(self) -> None:
        with self._lock:
            self._is_closed = True
        for command in self._take_commands():  # what came in between is ended like the rest
            command()
        self._crew.disband()
        self._selector.close()
        self._wake_reader.close()
        self._wake_writer.close()
        os.close(self._credentials)
        remove_run_folder(self._home)
