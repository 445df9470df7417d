"""Backends that take events wrongly, or say wrong things of themselves, each with one fault. Run by `test_kit`."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from tests.contracts.compute.broken_base import Broken, BrokenCompute, Said, planted
from tests.contracts.compute.eventful import EventfulCompute

from lithops.errors import BackendError, ThrottledError
from lithops.spi import (
    CallEnd,
    CallMessage,
    CallStatus,
    ComputeFeature,
    Cost,
    Exit,
    Handle,
    Payload,
    Refusal,
    Report,
    RuntimeSpec,
    Unheard,
)
from lithops.testing import ComputeEventContract


class BrokenEvents(ComputeEventContract):
    """The kit for events, in a hurry."""

    wait_s: ClassVar[float] = 3.0
    close_s: ClassVar[float] = 2.0
    timeout_s: ClassVar[float] = 0.2
    keeps_memory: ClassVar[bool] = True
    compute: ClassVar[type[BrokenCompute]]
    options = Broken.options
    backend = Broken.backend
    store = Broken.store


class BrokenByEvents(EventfulCompute):
    """The platform with events, until a subclass breaks something."""

    contract: ClassVar[type] = BrokenEvents


# Events


@planted("test_a_start_does_not_wait_for_its_call", "start() did not return before its call ended")
class WaitsForEvents(BrokenByEvents):
    def start(self, runtime: RuntimeSpec, calls: Sequence[CallMessage], report: Report) -> Handle:
        is_over = threading.Event()

        def hear(said: Said) -> None:
            if isinstance(said, CallStatus):
                is_over.set()

        self.inner.start(runtime, calls, hear)
        is_over.wait(10)
        return "handle"


@planted("test_statuses_are_written_and_not_reported", "the end of a call was reported")
class ReportsEventsToo(BrokenByEvents):
    def note(self, handle: Handle, said: Said, report: Report) -> None:
        report(said)


@planted("test_statuses_are_written_and_not_reported", "assert [False, False] == [True, True]")
class AnswersEvents(BrokenByEvents):
    def start(self, runtime: RuntimeSpec, calls: Sequence[CallMessage], report: Report) -> Handle:
        job = calls[0].job._replace(commit=False)
        given = [CallMessage(job, one.call_id, one.data, one.needs, one.attempt) for one in calls]
        return self.inner.start(runtime, given, report)


@planted("test_handles_of_starts_differ", "assert 1 == ")
class GivesOneHandle(BrokenByEvents):
    def start(self, runtime: RuntimeSpec, calls: Sequence[CallMessage], report: Report) -> Handle:
        super().start(runtime, calls, report)
        return "handle"


@planted("test_a_call_whose_worker_dies_is_lost[kill-9-None]", "not reported within")
class TellsNoDeaths(BrokenByEvents):
    def poll(self, handles: Collection[Handle]) -> Mapping[Handle, Exit]:
        return {}


@planted("test_the_siblings_of_a_lost_call_succeed", "CallEnd.LOST")
class TellsDeathsOfAll(BrokenByEvents):
    def poll(self, handles: Collection[Handle]) -> Mapping[Handle, Exit]:
        dead = bool(super().poll(handles))
        return {handle: Exit("all are dead") for handle in handles if dead}


@planted("test_a_call_over_its_time_is_ended[sleep]", "not reported within")
class ForgetsTimeOutsOfEvents(BrokenByEvents):
    def change_job(self, job: Any) -> Any:
        return job

    def note(self, handle: Handle, said: Said, report: Report) -> None:
        if not (isinstance(said, CallStatus) and said.end is CallEnd.TIMEOUT):
            super().note(handle, said, report)


@planted("test_inputs_and_results_up_to_the_inline_limit_travel_inline", "is not None")
class StoresWhatIsSmall(BrokenByEvents):
    def start(self, runtime: RuntimeSpec, calls: Sequence[CallMessage], report: Report) -> Handle:
        job = calls[0].job._replace(results_inline_max=1000)
        given = [CallMessage(job, one.call_id, one.data, one.needs, one.attempt) for one in calls]
        return super().start(runtime, given, report)


# What is said after a start


@planted("test_a_call_succeeds_and_its_status_names_it", "ended as rejected: BackendError: for good")
class RefusesForGoodLater(BrokenCompute):
    def start(self, runtime: RuntimeSpec, calls: Sequence[CallMessage], report: Report) -> Handle:
        report(Refusal(calls, BackendError("for good")))
        return "handle"


@planted("test_a_call_succeeds_and_its_status_names_it", "not reported within")
class RefusesAgainAndAgain(BrokenCompute):
    def start(self, runtime: RuntimeSpec, calls: Sequence[CallMessage], report: Report) -> Handle:
        report(Refusal(calls, ThrottledError("later", 0.1)))
        return "handle"


@planted("test_each_call_is_reported_exactly_once", "was reported 2 times")
class RefusesWhatItRuns(BrokenCompute):
    def start(self, runtime: RuntimeSpec, calls: Sequence[CallMessage], report: Report) -> Handle:
        if calls[0].attempt == 0 and calls[0] not in self.given:
            self.given.update((call, call) for call in calls)
            self.inner.start(runtime, calls, report)
            report(Refusal(calls, ThrottledError("later")))
            return "handle"
        return self.inner.start(runtime, calls, report)


@planted("test_a_call_succeeds_and_its_status_names_it", "was reported, but not started")
class IsUnheardOfOthers(BrokenCompute):
    def start(self, runtime: RuntimeSpec, calls: Sequence[CallMessage], report: Report) -> Handle:
        report(Unheard([CallMessage(calls[0].job, "00099", Payload(()))], "lost"))
        return super().start(runtime, calls, report)


# What a backend says of itself


@planted("test_what_a_backend_says_of_itself_fits_together", "EVENTS without REPLIES")
class HasEventsOnly(BrokenCompute):
    features = ComputeFeature.EVENTS


@planted("test_what_a_backend_says_of_itself_fits_together", "it prefers events without EVENTS")
class PrefersWhatItHasNot(BrokenCompute):
    def prefers_events(self, calls: int) -> bool:
        return calls > 1000


@planted("test_what_a_backend_says_of_itself_fits_together", "and not for more")
class PrefersEventsForFew(BrokenCompute):
    features = BrokenCompute.features | ComputeFeature.EVENTS

    def prefers_events(self, calls: int) -> bool:
        return calls < 1000


@planted("test_the_limits_can_be_planned_by", "assert 0 <")
class TakesNothingByEvents(BrokenCompute):
    event_limits = BrokenCompute.limits._replace(max_inline_bytes=0)


@planted("test_prices_are_dated_and_grow_with_what_is_billed", "more seconds do not cost more")
class PricesAllAlike(BrokenCompute):
    def price(self, runtime: RuntimeSpec, billed_s: float, calls: int) -> Cost | None:
        return Cost(float(calls), "USD", "2025-01-31")


@planted("test_prices_are_dated_and_grow_with_what_is_billed", "isoformat")
class ForgetsTheDate(BrokenCompute):
    def price(self, runtime: RuntimeSpec, billed_s: float, calls: int) -> Cost | None:
        return Cost(billed_s, "USD", "last year")


@planted("test_a_policy_is_plain_data_or_refused_with_a_reason", "not JSON serializable")
class HasAPolicyOfObjects(BrokenCompute):
    def policy(self) -> Mapping[str, Any]:
        return {"client": object()}
