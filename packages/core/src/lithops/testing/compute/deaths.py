"""The compute kit: workers die, and each call still has one end, in bounded time."""

from __future__ import annotations

import pytest

from lithops.testing.compute import functions
from lithops.testing.compute.client import Client, describe
from lithops.testing.compute.fixtures import ComputeFixtures
from lithops.types import CallEnd

__all__ = ["DeathTests"]

_MEMORY_MB = 128


class DeathTests(ComputeFixtures):
    """Deaths that a worker cannot report itself."""

    @pytest.mark.parametrize(
        ("how", "signal", "exit_code"), [("exit", None, 3), ("kill", 9, None), ("crash", 11, None)]
    )
    def test_a_call_whose_worker_dies_is_lost(
        self, client: Client, how: str, signal: int | None, exit_code: int | None
    ) -> None:
        self.needs_deaths(client)
        (status,) = client.run(client.calls(functions.die, (how,)))
        assert status.end is CallEnd.LOST, describe(status)
        assert status.error is not None
        assert status.error.message
        assert status.error.signal in (None, signal)  # a platform need not tell
        assert status.error.exit_code in (None, exit_code) or signal is not None  # some tell 128 + signal
        assert client.values(client.calls(functions.add, (1, 2))) == [3]

    def test_the_siblings_of_a_lost_call_succeed(self, client: Client) -> None:
        self.needs_deaths(client)
        count = self.up_to(9, client)
        dies = {0} if count < 3 else {1, count // 2, count - 1}
        fates = ["kill" if number in dies else "not" for number in range(count)]
        ends = client.run(client.calls(functions.die, *[(fate,) for fate in fates]))
        assert [status.end for status in ends] == [
            CallEnd.LOST if fate == "kill" else CallEnd.SUCCESS for fate in fates
        ]

    def test_other_starts_survive_a_death(self, client: Client) -> None:
        self.needs_deaths(client)
        runs = [
            client.start(client.calls(functions.die, (fate,)))
            for fate in ("exit", "not", "kill")[: self.up_to(3, client)]
        ]
        ends = [status.end for run in runs for status in client.ends(run)]
        assert ends == [CallEnd.LOST, CallEnd.SUCCESS, CallEnd.LOST][: len(runs)]

    def test_when_all_workers_die_all_calls_are_lost(self, client: Client) -> None:
        self.needs_deaths(client)
        count = self.up_to(6, client)
        ends = client.run(client.calls(functions.die, *[("exit",)] * count))
        assert [status.end for status in ends] == [CallEnd.LOST] * count
        assert client.values(client.calls(functions.add, (1, 2))) == [3]

    def test_a_process_that_a_call_leaves_does_not_delay_its_end(self, client: Client) -> None:
        assert client.values(client.calls(functions.leave_process, ())) == ["left"]

    def test_a_process_that_a_dead_worker_leaves_does_not_delay_its_end(self, client: Client) -> None:
        self.needs_deaths(client)
        (status,) = client.run(client.calls(functions.die, ("fork",)))
        assert status.end is CallEnd.LOST, describe(status)

    def test_a_call_that_reaches_its_memory_is_lost_and_says_so(self, client: Client) -> None:
        if not self.keeps_memory:
            pytest.skip(f"{type(client.backend).__name__} is not said to keep memory: keeps_memory is False")
        lowest, highest = client.backend.limits.memory_mb or (_MEMORY_MB, _MEMORY_MB)
        memory_mb = min(max(_MEMORY_MB, lowest), highest)
        calls = client.calls(functions.allocate, (1,), (2 * memory_mb,), (1,), memory_mb=memory_mb)
        ends = client.run(calls[: self.up_to(3, client)])
        expected = [CallEnd.SUCCESS, CallEnd.LOST, CallEnd.SUCCESS][: len(ends)]
        assert [status.end for status in ends] == expected, [describe(status) for status in ends]
        assert [bool(status.error and status.error.memory_limit) for status in ends] == [
            end is CallEnd.LOST for end in expected
        ]
        assert client.values(client.calls(functions.add, (1, 2))) == [3]
