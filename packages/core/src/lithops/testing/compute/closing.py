"""The compute kit: a backend begins with nothing, and leaves nothing behind."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from lithops.errors import BackendError
from lithops.spi.compute import ComputeBackend
from lithops.testing.compute import functions
from lithops.testing.compute.client import Client, bounded
from lithops.testing.compute.fixtures import ComputeFixtures
from lithops.testing.compute.traces import MARK, Traces, watched_constructors
from lithops.testing.storage.fixtures import together

__all__ = ["ClosingTests"]


class ClosingTests(ComputeFixtures):
    """The first and the last moment of a backend."""

    @pytest.fixture
    def before(self, client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Traces:
        """What there was before the backend was used, with a temporary folder of its own."""
        folder = tmp_path / "temporary"
        folder.mkdir()
        monkeypatch.setenv("TMPDIR", str(folder))
        monkeypatch.setattr(tempfile, "tempdir", str(folder))
        monkeypatch.setenv(MARK, client.executor_id)
        return Traces.now(client.executor_id, has_descendants=not self.is_stand_in_here)

    def test_the_constructor_does_no_io(self, request: pytest.FixtureRequest) -> None:
        with watched_constructors() as events:
            backend: ComputeBackend = request.getfixturevalue("backend")
        backend.close()
        assert events == []

    def test_closing_leaves_nothing_behind(self, client: Client, before: Traces) -> None:
        client.values(client.calls(functions.add, *[(number,) for number in range(self.up_to(4, client))]))
        client.run(client.calls(functions.fail, ("x",)))
        if self.hears_deaths(client):
            client.run(client.calls(functions.die, ("kill",)))
        client.close(self.close_s)
        assert before.left_behind(self.close_s) == []

    def test_closing_what_was_only_prepared_leaves_nothing_behind(self, client: Client, before: Traces) -> None:
        client.backend.prepare()
        client.close(self.close_s)
        assert before.left_behind(self.close_s) == []

    def test_closing_in_the_middle_of_calls_is_bounded_and_leaves_nothing(self, client: Client, before: Traces) -> None:
        client.start(client.calls(functions.never_end, ("deaf",)))
        if client.store is not None:
            store = self.needs_store(client)
            held = client.start(
                client.calls(functions.hold, (store, "held", 2 * self.wait_s))[: self.up_to(2, client) - 1]
            )
            client.until(
                lambda: not held.calls or functions.exists(store, "held/started"), "a call did not begin to run"
            )
        client.start(client.calls(functions.never_end, *[("sleep",)] * (self.up_to(12, client) - 2)))
        client.close(self.close_s)  # checks that nothing was reported twice
        assert before.left_behind(self.close_s) == []
        client.check()

    def test_closing_twice_and_from_many_threads_is_once(self, client: Client) -> None:
        client.values(client.calls(functions.add, (1, 2)))
        together(self.threads, lambda _: bounded(client.backend.close, self.close_s, "close()"))
        client.close(self.close_s)

    def test_closing_what_was_never_used_is_no_error(self, client: Client) -> None:
        client.close(self.close_s)
        client.close(self.close_s)

    def test_a_start_after_the_end_is_refused(self, client: Client) -> None:
        calls = client.calls(functions.add, (1, 2))
        client.close(self.close_s)
        run = client.start(calls)
        client.until(lambda: bool(run.errors), "a start after close() was not refused")
        assert isinstance(run.errors[0], BackendError)

    def test_starts_that_race_with_the_end_are_refused_or_end(self, client: Client, before: Traces) -> None:
        jobs = [client.calls(functions.never_end, ("sleep",)) for _ in range(self.up_to(self.threads, client))]
        client.backend.ensure_runtime(client.runtime)
        runs = [client.start(calls) for calls in jobs]
        client.close(self.close_s)
        assert [type(error) for run in runs for error in run.errors if not isinstance(error, BackendError)] == []
        assert before.left_behind(self.close_s) == []
