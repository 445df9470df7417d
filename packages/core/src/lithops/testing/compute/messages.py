"""The messages of the kit's client: jobs and calls of its functions, as the engine would make them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from threading import Lock
from types import ModuleType
from typing import Any

import cloudpickle

from lithops.spi.compute import ComputeBackend, ComputeFeature, Limits
from lithops.spi.storage import StorageBackend
from lithops.testing.compute import functions
from lithops.types import Artifact, Buffer, CallMessage, JobMessage, Payload
from lithops.worker.pickles import dump
from lithops.worker.stores import write_payload

__all__ = ["Messages"]

_pickling = Lock()


class Messages:
    """Makes jobs and calls. Thread-safe. With `by_events`, workers are to write their statuses."""

    def __init__(
        self, backend: ComputeBackend, store: StorageBackend | None, bucket: str, *, by_events: bool = False
    ) -> None:
        self.backend = backend
        self.store = store
        self.bucket = bucket
        self.by_events = by_events
        self.is_answered = ComputeFeature.REPLIES in backend.features and not by_events
        self.executor_id = f"contract-{os.urandom(4).hex()}-0"
        self._jobs = 0
        self._counting = Lock()

    @property
    def limits(self) -> Limits:
        """The limits of the jobs that it makes."""
        return (self.backend.event_limits if self.by_events else None) or self.backend.limits

    def job(
        self,
        function: Callable[..., Any],
        *,
        env: dict[str, str] | None = None,
        timeout_s: float | None = None,
        memory_mb: int | None = None,
        modules: bytes | None = None,
        results_inline_max: int | None = None,
        is_stored: bool = False,
    ) -> JobMessage:
        """Make what calls of a function share. `is_stored` refers to the function instead of sending it."""
        with self._counting:
            self._jobs += 1
            number = self._jobs
        parts = _dump_by_value(function)
        digest = hashlib.sha256()
        for part in parts:
            digest.update(part)
        bundle = None if modules is None else Artifact(hashlib.sha256(modules).hexdigest(), Payload((modules,)))
        inline = self.limits.max_inline_bytes if results_inline_max is None else results_inline_max
        return JobMessage(
            self.executor_id,
            f"A{number:03d}",
            Artifact(digest.hexdigest(), self._payload(f"functions/{number}", parts, is_stored)),
            getattr(function, "__name__", "function"),
            modules=bundle,
            store=self.store.ref(self.bucket) if self.store is not None else None,
            timeout_s=timeout_s,
            memory_mb=memory_mb,
            env=env or {},
            results_inline_max=inline,
            commit=not self.is_answered,
            commit_after_s=self.backend.commit_after_s if self.is_answered else None,
        )

    def call(
        self,
        job: JobMessage,
        number: int,
        *args: Any,
        attempt: int = 0,
        needs: tuple[Payload, ...] = (),
        is_stored: bool = False,
    ) -> CallMessage:
        """Make a call. `is_stored` refers to its input instead of sending it."""
        key = f"{job.job_id}/data/{number}"
        data = self._payload(key, _dump_by_value((args, {})), is_stored)
        return CallMessage(job, f"{number:05d}", data, needs, attempt)

    def calls(self, function: Callable[..., Any], *arguments: tuple[Any, ...], **options: Any) -> list[CallMessage]:
        """Make one job of a call for each tuple of arguments."""
        job = self.job(function, **options)
        return [self.call(job, number, *args) for number, args in enumerate(arguments)]

    def _payload(self, key: str, parts: tuple[Buffer, ...], is_stored: bool) -> Payload:
        if not is_stored:
            return Payload(parts)
        assert self.store is not None
        return write_payload(self.store, self.bucket, f"{self.executor_id}/{key}", parts)


def _dump_by_value(value: object) -> tuple[Buffer, ...]:
    module: ModuleType = functions
    with _pickling:
        cloudpickle.register_pickle_by_value(module)
        try:
            return dump(value)
        finally:
            cloudpickle.unregister_pickle_by_value(module)
