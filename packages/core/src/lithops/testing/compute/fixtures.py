"""What every part of the compute kit stands on: the fixtures, the sizes, and the reasons to skip."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar
from uuid import uuid4

import pytest

from lithops.spi.compute import ComputeBackend, ComputeFeature, RuntimeSpec
from lithops.spi.storage import StorageBackend
from lithops.testing.compute.client import Client

__all__ = ["ComputeFixtures"]


class ComputeFixtures:
    """Override `backend` and `store`; `bucket` where buckets are costly, `runtime` where there must be one.

    The fixture `backend` gives a backend that was not used before; the kit closes it. `wait_s` bounds every wait for
    a call, `close_s` that for `close()`: raise them for a platform that is slow to start. `timeout_s` is the time-out
    that calls are run over. `most_calls` bounds the calls of one start where the backend's limit is higher.
    `keeps_memory` says that a call that reaches its `memory_mb` is ended and reported; `big_bytes` bounds what travels
    inline; `by_events` starts all calls as events. `is_stand_in_here` says that the platform is a stand-in whose workers
    descend from this process: they are not what the backend leaves behind.
    """

    wait_s: ClassVar[float] = 30.0
    close_s: ClassVar[float] = 20.0
    timeout_s: ClassVar[float] = 1.0
    most_calls: ClassVar[int] = 1000
    threads: ClassVar[int] = 8
    keeps_memory: ClassVar[bool] = False
    big_bytes: ClassVar[int] = 1 << 30
    by_events: ClassVar[bool] = False
    is_stand_in_here: ClassVar[bool] = False

    @pytest.fixture
    def backend(self) -> ComputeBackend:
        """The backend under test, made anew for each test. Make what it talks to in another fixture."""
        raise NotImplementedError("override the fixture 'backend' so that it gives your ComputeBackend")

    @pytest.fixture
    def store(self) -> StorageBackend | None:
        """A store that the workers can open. Without one, what needs it is skipped."""
        return None

    @pytest.fixture
    def bucket(self, store: StorageBackend | None) -> Iterator[str]:
        """A bucket of the store."""
        if store is None:
            yield ""
            return
        name = f"lithops-contract-{uuid4().hex[:12]}"
        store.create_bucket(name)
        yield name
        store.delete(name, [info.key for info in store.list(name)])

    @pytest.fixture
    def runtime(self) -> RuntimeSpec:
        """The runtime that calls are started in."""
        return RuntimeSpec()

    @pytest.fixture
    def client(
        self, backend: ComputeBackend, store: StorageBackend | None, bucket: str, runtime: RuntimeSpec
    ) -> Iterator[Client]:
        """What starts calls on the backend; at the end it closes it, and checks what was reported until then."""
        if store is None and ComputeFeature.REPLIES not in backend.features:
            pytest.fail(
                f"{type(backend).__name__} has not REPLIES: override the fixture 'store' so that it can be heard"
            )
        if self.by_events and (store is None or ComputeFeature.EVENTS not in backend.features):
            pytest.fail(f"{type(backend).__name__} should have EVENTS, and the fixture 'store' give a store")
        client = Client(
            backend, store=store, bucket=bucket, runtime=runtime, wait_s=self.wait_s, by_events=self.by_events
        )
        yield client
        client.close(self.close_s)

    def needs(self, client: Client, feature: ComputeFeature) -> None:
        """Skip the test when the backend cannot do this."""
        if not client.backend.features & feature:
            pytest.skip(f"{type(client.backend).__name__} does not say that it has {feature.name}")

    def hears_deaths(self, client: Client) -> bool:
        """Say whether the backend can tell that a worker has died."""
        return client.is_answered or ComputeFeature.POLL in client.backend.features

    def needs_deaths(self, client: Client) -> None:
        """Skip the test when the backend cannot tell that a worker has died."""
        if not self.hears_deaths(client):
            pytest.skip(f"{type(client.backend).__name__} has neither REPLIES nor POLL")

    def needs_store(self, client: Client) -> tuple[str, str, dict[str, object]]:
        """Skip the test when there is no store; else give what a call opens it by."""
        if client.store is None:
            pytest.skip("no store: override the fixture 'store'")
        ref = client.store.ref(client.bucket)
        return ref.factory, ref.bucket, dict(ref.options)

    def up_to(self, count: int, client: Client) -> int:
        """Give a number of calls that may be in flight together."""
        return min(count, client.backend.limits.max_concurrency or count)
