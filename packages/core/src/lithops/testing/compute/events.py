"""The compute kit: calls that nobody waits for (`ComputeFeature.EVENTS`)."""

from __future__ import annotations

from lithops.testing.compute import functions
from lithops.testing.compute.client import Client
from lithops.testing.compute.fixtures import ComputeFixtures
from lithops.types import CallEnd, CallMessage
from lithops.wire.keys import status_key

__all__ = ["EventTests"]


class EventTests(ComputeFixtures):
    """What is peculiar to calls whose workers write their statuses."""

    def test_a_start_does_not_wait_for_its_call(self, client: Client) -> None:
        store = self.needs_store(client)
        run = client.start(client.calls(functions.hold, (store, "event", 2 * self.wait_s)))
        client.until(lambda: len(run.handles) == 1, "start() did not return before its call ended")
        functions.write(store, "event/go")
        assert [client.value(status) for status in client.ends(run)] == ["finished"]

    def test_statuses_are_written_and_not_reported(self, client: Client) -> None:
        calls = [*client.calls(functions.add, (1, 2)), *client.calls(functions.fail, ("x",))]
        runs = [client.start([call]) for call in calls]
        ends = [status.end for run in runs for status in client.ends(run)]
        assert ends == [CallEnd.SUCCESS, CallEnd.ERROR]
        assert [_is_stored(client, call) for call in calls] == [True, True]
        client.close(self.close_s)
        assert client.reported == 0, "the end of a call was reported, and its worker had written it"

    def test_handles_of_starts_differ(self, client: Client) -> None:
        runs = [client.start(client.calls(functions.add, (number,))) for number in range(self.up_to(4, client))]
        for run in runs:
            client.ends(run)
        handles = [handle for run in runs for handle in run.handles.values()]
        assert len(set(handles)) == len(runs)
        assert all(handles)


def _is_stored(client: Client, call: CallMessage) -> bool:
    assert client.store is not None
    key = status_key(call.job.executor_id, call.job.job_id, call.call_id, call.attempt)
    return [info.key for info in client.store.list(client.bucket, key)] == [key]
