"""The compute kit: calls succeed, or fail by their function's exception, each reported once and under its name."""

from __future__ import annotations

import os

import pytest

from lithops.testing.compute import functions
from lithops.testing.compute.client import Client, describe
from lithops.testing.compute.fixtures import ComputeFixtures
from lithops.testing.storage.fixtures import together
from lithops.types import CallEnd, CallStatus, ErrorInfo
from lithops.wire.status import expand_stats
from lithops.worker.pickles import load

__all__ = ["CallTests"]

_TEXT = "\u00e4\u6587\U0001f600\0\n"


class CallTests(ComputeFixtures):
    """One call, many calls, and what their functions raise."""

    def test_a_call_succeeds_and_its_status_names_it(self, client: Client) -> None:
        call = client.call(client.job(functions.add), 7, 20, 22, attempt=3)
        (status,) = client.run([call])
        assert client.value(status) == 42
        assert (status.executor_id, status.job_id) == (call.job.executor_id, call.job.job_id)
        assert (status.call_id, status.attempt, status.end) == ("00007", 3, CallEnd.SUCCESS)
        assert expand_stats(status.header)["worker_func_exec_time"] >= 0

    def test_each_call_is_reported_exactly_once(self, client: Client) -> None:
        client.run(client.calls(functions.add, *[(number,) for number in range(self.up_to(6, client))]))
        client.run(client.calls(functions.fail, ("x",)))
        if self.hears_deaths(client):
            client.run(client.calls(functions.die, ("kill",)))
        client.close(self.close_s)  # what would come twice has come by then; it checks

    @pytest.mark.parametrize("value", [None, "", b"", _TEXT, [1, {"two": (3.5, True)}], 10**50], ids=repr)
    def test_a_value_goes_there_and_back(self, client: Client, value: object) -> None:
        assert client.values(client.calls(functions.echo, (value,))) == [value]

    def test_calls_after_each_other_succeed(self, client: Client) -> None:
        for number in range(4):
            assert client.values(client.calls(functions.add, (number, 1))) == [number + 1]

    def test_one_start_takes_as_many_calls_as_the_limit_says(self, client: Client) -> None:
        count = self.up_to(min(client.limits.max_calls_per_start, self.most_calls), client)
        calls = client.calls(functions.add, *[(number, 1000) for number in range(count)])
        assert client.values(calls) == [number + 1000 for number in range(count)]

    def test_starts_from_many_threads_do_not_disturb_each_other(self, client: Client) -> None:
        starts = self.up_to(self.threads, client)
        each = min(5, client.limits.max_calls_per_start, self.up_to(5 * starts, client) // starts)

        def start(thread: int) -> list[object]:
            calls = client.calls(functions.add, *[(thread * 100, number) for number in range(each)])
            return client.values(calls)

        assert together(starts, start) == [
            [thread * 100 + number for number in range(each)] for thread in range(starts)
        ]

    def test_calls_of_one_job_can_come_in_several_starts(self, client: Client) -> None:
        job = client.job(functions.add)
        count = self.up_to(4, client)
        runs = [client.start([client.call(job, number, number)]) for number in range(count)]
        assert [client.value(status) for run in runs for status in client.ends(run)] == list(range(count))

    def test_another_attempt_of_a_call_is_another_report(self, client: Client) -> None:
        job = client.job(functions.fail)
        for attempt in range(3):
            (status,) = client.run([client.call(job, 0, "again", attempt=attempt)])
            assert (status.attempt, status.end) == (attempt, CallEnd.ERROR)

    def test_an_exception_comes_with_type_message_and_traceback(self, client: Client) -> None:
        (status,) = client.run(client.calls(functions.fail, (_TEXT,)))
        error = _error(status)
        assert (status.end, error.type, error.message) == (CallEnd.ERROR, "ValueError", _TEXT)
        assert "in fail" in error.traceback
        assert error.payload is not None
        exc = load(error.payload.parts or ())
        assert type(exc) is ValueError
        assert exc.args == (_TEXT,)

    def test_an_exception_with_a_constructor_of_its_own_comes_back(self, client: Client) -> None:
        (status,) = client.run(client.calls(functions.fail_oddly, ()))
        error = _error(status)
        assert (status.end, error.type.rpartition(".")[2]) == (CallEnd.ERROR, "OddError")
        assert error.payload is not None
        exc = load(error.payload.parts or ())
        assert (str(exc), exc.second) == ("odd: 1", 2)

    @pytest.mark.parametrize("how", ["SystemExit", "KeyboardInterrupt"])
    def test_an_exception_that_ends_programs_ends_the_call_only(self, client: Client, how: str) -> None:
        (status,) = client.run(client.calls(functions.leave, (how,)))
        assert (status.end, _error(status).type) == (CallEnd.ERROR, how)
        assert client.values(client.calls(functions.add, (1, 2))) == [3]

    def test_a_result_that_cannot_be_pickled_is_an_error(self, client: Client) -> None:
        (status,) = client.run(client.calls(functions.make_unpicklable, ()))
        error = _error(status)
        assert (status.end, error.type) == (CallEnd.ERROR, "lithops.errors.SerializationError")
        assert "generator" in error.message

    def test_failing_calls_leave_the_others_of_their_start_alone(self, client: Client) -> None:
        count = self.up_to(6, client)
        calls = client.calls(functions.echo, *[(number,) for number in range(count)])
        failing = client.calls(functions.fail, *[("x",)] * count)
        assert [status.end for status in client.run(failing)] == [CallEnd.ERROR] * count
        assert client.values(calls) == list(range(count))

    def test_variables_are_set_for_a_call_and_gone_after_it(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        name, other = "LITHOPS_CONTRACT_SET", "LITHOPS_CONTRACT_UNSET"
        monkeypatch.delenv(name, raising=False)
        env = {name: "\u00e4 = b\nc", other: ""}
        assert client.values(client.calls(functions.variables, (name, other), env=env)) == [[env[name], ""]]
        for _ in range(3):
            assert client.values(client.calls(functions.variables, (name, other))) == [[None, None]]
        assert name not in os.environ

    def test_jobs_with_other_variables_do_not_see_each_others(self, client: Client) -> None:
        name = "LITHOPS_CONTRACT_SET"
        starts = self.up_to(4, client)

        def start(thread: int) -> object:
            return client.values(client.calls(functions.variables, (name,), env={name: str(thread)}))

        assert together(starts, start) == [[[str(thread)]] for thread in range(starts)]


def _error(status: CallStatus) -> ErrorInfo:
    assert status.error is not None, describe(status)
    return status.error
