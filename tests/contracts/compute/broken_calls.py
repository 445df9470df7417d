"""Backends that run calls wrongly, each with one fault, and the test of the kit that must find it. Run by `test_kit`."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Sequence

from tests.contracts.compute.broken_base import BrokenCompute, Said, planted

from lithops.errors import BackendError
from lithops.spi import (
    CallEnd,
    CallMessage,
    CallOutput,
    CallStatus,
    ComputeFeature,
    ErrorInfo,
    Handle,
    JobMessage,
    Payload,
    Report,
    RuntimeSpec,
)
from lithops.wire import decode, decode_status, encode_calls
from lithops_localhost.config import LocalhostConfig

# What is reported


@planted("test_each_call_is_reported_exactly_once", "was reported 2 times")
class ReportsTwice(BrokenCompute):
    def hear(self, said: Said, report: Report) -> None:
        report(said)
        report(said)


@planted("test_each_call_is_reported_exactly_once", "was reported 2 times")
class ReportsAllAgainWhenItCloses(BrokenCompute):
    def __init__(self, options: LocalhostConfig) -> None:
        super().__init__(options)
        self.again: list[Callable[[], None]] = []

    def hear(self, said: Said, report: Report) -> None:
        report(said)
        if isinstance(said, CallStatus):
            self.again.append(lambda: report(said))

    def close(self) -> None:
        super().close()
        while self.again:
            self.again.pop()()


@planted("test_a_call_succeeds_and_its_status_names_it", "attempt 0 of call 00007 of job A001 was reported, but not")
class ReportsTheWrongAttempt(BrokenCompute):
    def change_call(self, call: CallMessage) -> CallMessage:
        return CallMessage(call.job, call.call_id, call.data, call.needs)


@planted("test_a_call_succeeds_and_its_status_names_it", "not reported within")
class NeverReports(BrokenCompute):
    def hear(self, said: Said, report: Report) -> None:
        pass


@planted("test_a_call_whose_worker_dies_is_lost[kill-9-None]", "not reported within")
class NeverReportsDeaths(BrokenCompute):
    def hear(self, said: Said, report: Report) -> None:
        if not (isinstance(said, CallStatus) and said.end is CallEnd.LOST):
            report(said)


@planted("test_a_call_whose_worker_dies_is_lost[exit-None-3]", "ended as error")
class CallsDeathsErrors(BrokenCompute):
    def hear(self, said: Said, report: Report) -> None:
        if isinstance(said, CallStatus) and said.end is CallEnd.LOST:
            said.end = CallEnd.ERROR
        report(said)


@planted("test_the_siblings_of_a_lost_call_succeed", "not reported within")
class LosesSiblings(BrokenCompute):
    has_died = False

    def hear(self, said: Said, report: Report) -> None:
        if not self.has_died:
            report(said)
        self.has_died |= isinstance(said, CallStatus) and said.end is CallEnd.LOST


@planted("test_the_siblings_of_a_lost_call_succeed", "CallEnd.LOST")
class BlamesSiblings(BrokenCompute):
    has_died = False

    def hear(self, said: Said, report: Report) -> None:
        self.has_died |= isinstance(said, CallStatus) and said.end is CallEnd.LOST
        if self.has_died and isinstance(said, CallStatus):
            said.end, said.error = CallEnd.LOST, ErrorInfo("WorkerLostError", "all are lost")
        report(said)


@planted("test_when_all_workers_die_all_calls_are_lost", "not reported within")
class GivesUpAfterThreeDeaths(BrokenCompute):
    deaths = 0

    def hear(self, said: Said, report: Report) -> None:
        self.deaths += isinstance(said, CallStatus) and said.end is CallEnd.LOST
        if self.deaths < 4:
            report(said)


@planted("test_an_exception_comes_with_type_message_and_traceback", "is not None")
class LosesExceptions(BrokenCompute):
    def hear(self, said: Said, report: Report) -> None:
        if isinstance(said, CallStatus) and said.error is not None:
            said.error = said.error._replace(payload=None)
        report(said)


@planted("test_starts_from_many_threads_do_not_disturb_each_other", "was reported")
class ConfusesThreads(BrokenCompute):
    def start(self, runtime: RuntimeSpec, calls: Sequence[CallMessage], report: Report) -> Handle:
        self.current = calls
        time.sleep(0.05)
        return super().start(runtime, self.current, report)


@planted("test_one_start_takes_as_many_calls_as_the_limit_says", "calls were not reported within")
class TakesFewerCallsThanItSays(BrokenCompute):
    def start(self, runtime: RuntimeSpec, calls: Sequence[CallMessage], report: Report) -> Handle:
        return super().start(runtime, calls[:50], report)


# What travels


@planted("test_variables_are_set_for_a_call_and_gone_after_it", "assert [[None, None]]")
class IgnoresVariables(BrokenCompute):
    def change_job(self, job: JobMessage) -> JobMessage:
        return job._replace(env={})


@planted("test_variables_are_set_for_a_call_and_gone_after_it", "[[None, None]]")
class SetsVariablesHere(BrokenCompute):
    def change_job(self, job: JobMessage) -> JobMessage:
        os.environ.update(job.env)
        return job

    def close(self) -> None:
        os.environ.pop("LITHOPS_CONTRACT_SET", None)
        super().close()


@planted("test_inputs_and_results_up_to_the_inline_limit_travel_inline", "start() raised BackendError")
class TakesSmallerMessagesThanItSays(BrokenCompute):
    def change_call(self, call: CallMessage) -> CallMessage:
        if call.data.size_bytes > 100_000:
            raise BackendError("the message is too big")
        return call


@planted("test_a_result_above_its_limit_goes_through_the_store", "ended as error: lithops.errors.StorageError")
class LosesTheStore(BrokenCompute):
    def change_job(self, job: JobMessage) -> JobMessage:
        return job._replace(store=job.store._replace(factory="missing:Store") if job.store else None)


@planted("test_a_result_above_its_limit_goes_through_the_store", "is not None")
class SendsAllInline(BrokenCompute):
    def change_job(self, job: JobMessage) -> JobMessage:
        return job._replace(results_inline_max=1 << 30)


@planted("test_a_call_gets_the_results_that_it_needs[False]", "IndexError")
class LosesNeeds(BrokenCompute):
    def change_call(self, call: CallMessage) -> CallMessage:
        return CallMessage(call.job, call.call_id, call.data, (), call.attempt)


@planted("test_modules_travel_with_the_function", "lithops_contract_module")
class LosesModules(BrokenCompute):
    def change_job(self, job: JobMessage) -> JobMessage:
        return job._replace(modules=None)


@planted("test_parts_of_one_object_are_told_apart", "ended as error")
class IgnoresOffsets(BrokenCompute):
    def change_call(self, call: CallMessage) -> CallMessage:
        data = call.data
        if data.key is not None:
            data = Payload(key=data.key, offset=1 if data.offset else 0, sizes=data.sizes)
        return CallMessage(call.job, call.call_id, data, call.needs, call.attempt)


# How calls are ended


@planted("test_a_call_over_its_time_is_ended[sleep]", "not reported within")
class IgnoresTimeOuts(BrokenCompute):
    def change_job(self, job: JobMessage) -> JobMessage:
        return job._replace(timeout_s=None)


@planted("test_a_call_over_its_time_is_ended[spin]", "ended as lost")
class CallsTimeOutsLost(BrokenCompute):
    def hear(self, said: Said, report: Report) -> None:
        if isinstance(said, CallStatus) and said.end is CallEnd.TIMEOUT:
            said.end = CallEnd.LOST
        report(said)


@planted("test_calls_beside_one_over_its_time_succeed", "ended as timeout")
class TimesAllOut(BrokenCompute):
    def change_job(self, job: JobMessage) -> JobMessage:
        return job._replace(timeout_s=0.000_001)


@planted("test_a_running_call_is_cancelled", "not reported within")
class SwallowsCancel(BrokenCompute):
    def cancel(self, handle: Handle, calls: Collection[CallMessage]) -> None:
        pass


@planted("test_a_running_call_is_cancelled", "but went on")
class CancelsInWordsOnly(BrokenCompute):
    def start(self, runtime: RuntimeSpec, calls: Sequence[CallMessage], report: Report) -> Handle:
        self.report = report
        return super().start(runtime, calls, lambda _: None)

    def cancel(self, handle: Handle, calls: Collection[CallMessage]) -> None:
        for call in calls:
            self.report(CallStatus.of(call, CallEnd.CANCELLED))


@planted("test_only_the_calls_that_were_named_are_cancelled", "ended as cancelled")
class CancelsAll(BrokenCompute):
    def cancel(self, handle: Handle, calls: Collection[CallMessage]) -> None:
        self.inner.cancel(handle, list(self.given.values()))

    def hear(self, said: Said, report: Report) -> None:
        if isinstance(said, CallStatus) and said.end is CallEnd.CANCELLED:
            said.error = ErrorInfo("CallCancelledError", "all are")
        report(said)


@planted("test_calls_that_run_or_wait_are_cancelled", "calls were not reported within")
class CancelsTheFirstOnly(BrokenCompute):
    def cancel(self, handle: Handle, calls: Collection[CallMessage]) -> None:
        super().cancel(handle, list(calls)[:1])


@planted("test_cancelling_what_is_over_or_again_changes_nothing", "was reported 2 times")
class CancelsWhatIsOver(BrokenCompute):
    def start(self, runtime: RuntimeSpec, calls: Sequence[CallMessage], report: Report) -> Handle:
        self.report = report
        return super().start(runtime, calls, report)

    def cancel(self, handle: Handle, calls: Collection[CallMessage]) -> None:
        for call in calls:
            self.report(CallStatus.of(call, CallEnd.CANCELLED))


@planted("test_a_call_that_reaches_its_memory_is_lost_and_says_so", "CallEnd.SUCCESS")
class IgnoresMemory(BrokenCompute):
    def change_job(self, job: JobMessage) -> JobMessage:
        return job._replace(memory_mb=None)


@planted("test_a_call_that_reaches_its_memory_is_lost_and_says_so", "assert [False, False, False] ==")
class DoesNotTellThatItWasTheMemory(BrokenCompute):
    def hear(self, said: Said, report: Report) -> None:
        if isinstance(said, CallStatus) and said.error is not None:
            said.error = said.error._replace(memory_limit=False)
        report(said)


@planted("test_a_process_that_a_call_leaves_does_not_delay_its_end", "not reported within")
class ReadsItsPipesToTheEnd(BrokenCompute):
    features = ComputeFeature.REPLIES

    def start(self, runtime: RuntimeSpec, calls: Sequence[CallMessage], report: Report) -> Handle:
        command = [sys.executable, "-m", "lithops.worker", "once"]
        frame = b"".join(encode_calls(calls))
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as worker:
            said, _ = worker.communicate(frame)
        report(decode_status(decode(said)))
        return str(worker.pid)


# What is printed


@planted("test_what_a_call_prints_is_reported_with_its_stream[line]", "not all reported")
class LosesErrors(BrokenCompute):
    def hear(self, said: Said, report: Report) -> None:
        if not (isinstance(said, CallOutput) and said.stream == "stderr"):
            report(said)


@planted("test_what_calls_print_is_told_apart", "a call's output is not its own")
class ConfusesOutput(BrokenCompute):
    def hear(self, said: Said, report: Report) -> None:
        report(said._replace(call_id="00000") if isinstance(said, CallOutput) else said)


@planted("test_the_last_words_of_a_dead_worker_are_reported", "last words")
class HoldsOutputBack(BrokenCompute):
    def __init__(self, options: LocalhostConfig) -> None:
        super().__init__(options)
        self.held: list[Said] = []

    def hear(self, said: Said, report: Report) -> None:
        if isinstance(said, CallOutput):
            self.held.append(said)
            return
        while self.held and isinstance(said, CallStatus) and said.end is CallEnd.SUCCESS:
            report(self.held.pop(0))
        report(said)
