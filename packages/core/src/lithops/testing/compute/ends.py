"""The compute kit: calls that are ended: over their time, or cancelled."""

from __future__ import annotations

import time
from functools import partial

import pytest

from lithops.spi.compute import ComputeFeature
from lithops.testing.compute import functions
from lithops.testing.compute.client import Client, Run, describe
from lithops.testing.compute.fixtures import ComputeFixtures
from lithops.types import CallEnd, CallMessage

__all__ = ["EndTests"]

_FINISH_S = 0.1


class EndTests(ComputeFixtures):
    """Time-outs (`ComputeFeature.TIMEOUTS`) and cancelling (`ComputeFeature.CANCEL`)."""

    @pytest.mark.parametrize("how", ["sleep", "spin", "deaf", "child"])
    def test_a_call_over_its_time_is_ended(self, client: Client, how: str) -> None:
        self.needs(client, ComputeFeature.TIMEOUTS)
        (status,) = client.run(client.calls(functions.never_end, (how,), timeout_s=self.timeout_s))
        assert status.end is CallEnd.TIMEOUT, describe(status)
        assert client.values(client.calls(functions.add, (1, 2))) == [3]

    def test_calls_in_time_are_not_ended(self, client: Client) -> None:
        count = self.up_to(6, client)
        calls = client.calls(functions.add, *[(number,) for number in range(count)], timeout_s=self.wait_s)
        assert client.values(calls) == list(range(count))

    def test_calls_beside_one_over_its_time_succeed(self, client: Client) -> None:
        self.needs(client, ComputeFeature.TIMEOUTS)
        over = client.start(client.calls(functions.never_end, ("sleep",), timeout_s=self.timeout_s))
        others = client.start(client.calls(functions.add, *[(number,) for number in range(self.up_to(4, client) - 1)]))
        assert [status.end for status in client.ends(over)] == [CallEnd.TIMEOUT]
        assert [client.value(status) for status in client.ends(others)] == list(range(len(others.calls)))

    def test_a_running_call_is_cancelled(self, client: Client) -> None:
        run, call = self._held(client, "one")
        client.cancel(run, [call])
        self._await_cancelled(client, run)
        store = self.needs_store(client)
        functions.write(store, "one/go")
        time.sleep(_FINISH_S)
        assert not functions.exists(store, "one/finished"), "the call was reported cancelled, but went on"

    def test_calls_that_run_or_wait_are_cancelled(self, client: Client) -> None:
        self.needs(client, ComputeFeature.CANCEL)
        store = self.needs_store(client)
        names = [f"held/{number}" for number in range(self.up_to(12, client))]
        run = client.start(client.calls(functions.hold, *[(store, name, 2 * self.wait_s) for name in names]))
        for call, name in zip(run.calls, names, strict=True):
            what = "a call was neither accepted, nor did it run"
            client.until(partial(self._is_started, client, run, call, f"{name}/started"), what)
        client.cancel(run, run.calls)
        self._await_cancelled(client, run)

    def test_only_the_calls_that_were_named_are_cancelled(self, client: Client) -> None:
        run, call = self._held(client, "one")
        other, _ = self._held(client, "two")
        client.cancel(run, [call])
        self._await_cancelled(client, run)
        functions.write(self.needs_store(client), "two/go")
        assert [client.value(status) for status in client.ends(other)] == ["finished"]

    def test_cancelling_what_is_over_or_again_changes_nothing(self, client: Client) -> None:
        self.needs(client, ComputeFeature.CANCEL)
        over = client.start(client.calls(functions.add, (1, 2)))
        client.ends(over)
        client.cancel(over, over.calls)
        run, call = self._held(client, "one")
        for _ in range(3):
            client.cancel(run, [call])
        self._await_cancelled(client, run)
        client.cancel(run, [call])
        assert client.values(client.calls(functions.add, (1, 2))) == [3]
        client.close(self.close_s)  # what would come twice has come by then

    def _held(self, client: Client, name: str) -> tuple[Run, CallMessage]:
        """Start a call and wait until it runs."""
        self.needs(client, ComputeFeature.CANCEL)
        store = self.needs_store(client)
        run = client.start(client.calls(functions.hold, (store, name, 2 * self.wait_s)))
        client.until(lambda: functions.exists(store, f"{name}/started"), "a call did not begin to run")
        return run, run.calls[0]

    def _is_started(self, client: Client, run: Run, call: CallMessage, key: str) -> bool:
        """Tell whether the backend knows a call: its `start` has returned, or it runs."""
        return call in run.handles or functions.exists(self.needs_store(client), key)

    def _await_cancelled(self, client: Client, run: Run) -> None:
        if client.is_answered:
            assert [status.end for status in client.ends(run)] == [CallEnd.CANCELLED] * len(run.calls)
        elif ComputeFeature.POLL in client.backend.features:
            assert [status.end for status in client.ends(run)] == [CallEnd.LOST] * len(run.calls)
