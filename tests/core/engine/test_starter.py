"""The starter: order, refusals that pass and that do not, back-pressure, budgets, dropping, closing."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from lithops.engine.retry import Backoff
from lithops.engine.submit import Starter
from lithops.errors import AccessDeniedError, BackendError, ThrottledError, TransientError
from lithops.spi import Artifact, CallMessage, ComputeBackend, Handle, JobMessage, Limits, Payload, Report, RuntimeSpec

WAIT_S = 5.0
JOB = JobMessage("e", "M000", Artifact("", Payload((b"",))))
Answer = BaseException | None


numbers = itertools.count()


def batch(size: int = 1) -> list[CallMessage]:
    return [CallMessage(JOB, f"{next(numbers):05d}", Payload((b"",))) for _ in range(size)]


class Platform(ComputeBackend):
    """Answers each start as `answer` says: an exception is raised, None accepts."""

    def __init__(self, answer: Callable[[Sequence[CallMessage]], Answer] = lambda _: None, **limits: int) -> None:
        self.limits = Limits(max_concurrency=limits.get("max_concurrency"))
        self.answer = answer
        self.translates: Callable[[BaseException], BackendError | None] = lambda _: None

    def start(self, runtime: RuntimeSpec, calls: Sequence[CallMessage], report: Report) -> Handle:
        answer = self.answer(calls)
        if answer is not None:
            raise answer
        return "handle"

    def translate(self, exc: BaseException) -> BackendError | None:
        return self.translates(exc)


class Clock:
    """A clock that a test sets; it goes on by `tick_s` each time it is read."""

    def __init__(self, tick_s: float = 0.0) -> None:
        self.now = 1000.0
        self.tick_s = tick_s

    def __call__(self) -> float:
        self.now += self.tick_s
        return self.now


class Desk:
    """A starter, and what it said of each batch."""

    def __init__(self, platform: ComputeBackend, clock: Callable[[], float] | None = None) -> None:
        self.changed = threading.Condition()
        self.said: list[tuple[Sequence[CallMessage], str]] = []
        self.tried: list[Sequence[CallMessage]] = []
        self.starter = Starter(
            platform,
            print,
            starting=self.tried.append,
            started=self.note,
            rejected=self.note,
            backoff=Backoff(0.001, 0.002),
            clock=clock or time.monotonic,
        )

    def note(self, calls: Sequence[CallMessage], what: str) -> None:
        with self.changed:
            self.said.append((calls, what))
            self.changed.notify_all()

    def put(self, *batches: Sequence[CallMessage]) -> None:
        for one in batches:
            self.starter.put(RuntimeSpec(), one)

    def end(self, *calls: CallMessage) -> None:
        for call in calls:
            self.starter.release(call.job.job_id, call.call_id, call.attempt)

    def wait(self, count: int) -> list[str]:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.said) >= count, WAIT_S), self.said
            return [what for _, what in self.said]

    def calls(self) -> list[CallMessage]:
        with self.changed:
            return [call for calls, _ in self.said for call in calls]


@pytest.fixture
def desk() -> Iterator[Callable[..., Desk]]:
    made: list[Desk] = []

    def make(platform: ComputeBackend, clock: Callable[[], float] | None = None) -> Desk:
        made.append(Desk(platform, clock))
        return made[-1]

    yield make
    for one in made:
        one.starter.close()
    assert [thread.name for thread in threading.enumerate() if thread.name == "lithops-starter"] == []


def test_each_batch_is_started_once_with_its_handle(desk: Callable[..., Desk]) -> None:
    front = desk(Platform())
    batches = [batch(size) for size in (1, 3, 2)]
    front.put(*batches)
    assert front.wait(3) == ["handle"] * 3
    assert set(front.calls()) == {call for calls in batches for call in calls}
    assert sorted(map(len, front.tried)) == [1, 2, 3]


def test_with_one_call_in_flight_batches_start_in_order_as_others_end(desk: Callable[..., Desk]) -> None:
    front = desk(Platform(max_concurrency=1))
    batches = [batch() for _ in range(5)]
    front.put(*batches)
    for at in range(5):
        front.wait(at + 1)
        assert front.calls() == [calls[0] for calls in batches[: at + 1]]
        front.end(*batches[at])


def test_no_more_calls_are_in_flight_than_the_platform_allows(desk: Callable[..., Desk]) -> None:
    front = desk(Platform(max_concurrency=5))
    front.put(*[batch(2) for _ in range(20)])
    for ended in range(0, 40, 2):
        front.wait(ended // 2 + 1)
        assert len(front.calls()) - ended <= 5
        front.end(*front.calls()[ended : ended + 2])
    assert len(front.wait(20)) == 20


def test_a_batch_above_the_bound_starts_when_nothing_is_in_flight(desk: Callable[..., Desk]) -> None:
    front = desk(Platform(max_concurrency=2))
    front.put(batch(7))
    assert front.wait(1) == ["handle"]


@pytest.mark.parametrize(
    "error", [ThrottledError("slow down"), ThrottledError("slow down", 0.003), TransientError("?")]
)
def test_a_refusal_that_passes_is_no_failure(desk: Callable[..., Desk], error: Exception) -> None:
    answers: list[Answer] = [error, error, None, error, None]
    front = desk(Platform(lambda _: answers.pop(0), max_concurrency=4))
    first, second = batch(3), batch(1)
    front.put(first)
    front.wait(1)
    front.end(*first)
    front.put(second)
    assert front.wait(2) == ["handle"] * 2
    assert answers == []


def test_after_a_throttle_nothing_starts_before_the_platform_wishes(desk: Callable[..., Desk]) -> None:
    clock = Clock()
    moments: list[float] = []
    wish_s = 0.02

    def answer(_: Sequence[CallMessage]) -> Answer:
        moments.append(clock.now)
        return ThrottledError("slow", wish_s) if len(moments) == 1 else None

    front = desk(Platform(answer, max_concurrency=1), clock)
    front.put(batch())
    with front.changed:
        front.changed.wait_for(lambda: len(moments) > 1, 4 * wish_s)
    assert moments == [1000.0]  # its clock stands still: however long it waits, the wish is not over
    clock.now += wish_s
    assert front.wait(1) == ["handle"]
    assert moments == [1000.0, 1000.0 + wish_s]


def test_throttling_cuts_the_number_of_calls_in_flight(desk: Callable[..., Desk]) -> None:
    """At first 10 may be in flight; once the platform refused the 5th, 4 more are not tried at once."""
    in_flight: list[CallMessage] = []
    tried: list[int] = []

    def answer(calls: Sequence[CallMessage]) -> Answer:
        tried.append(len(in_flight))
        if len(in_flight) >= 4:
            return ThrottledError("at most 4")
        in_flight.extend(calls)
        return None

    front = desk(Platform(answer, max_concurrency=10))
    front.put(*[batch() for _ in range(12)])
    for ended in range(12):
        front.wait(ended + 1)
        front.end(in_flight.pop(0))
    assert front.wait(12) == ["handle"] * 12
    assert tried.count(4) <= 12  # not one refusal after another for each batch that waits


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (AccessDeniedError("the role lacks lambda:Invoke"), "the role lacks lambda:Invoke"),
        (BackendError("no such function"), "no such function"),
        (KeyError("bug"), "KeyError: 'bug'"),
        (SystemExit("the plugin exits"), "SystemExit"),
    ],
)
def test_a_refusal_for_good_rejects_the_batch_and_no_other(
    desk: Callable[..., Desk], error: BaseException, reason: str
) -> None:
    bad = batch(2)
    front = desk(Platform(lambda calls: error if calls is bad else None, max_concurrency=3))
    front.put(bad)
    assert reason in front.wait(1)[0]
    assert front.said[0][0] == bad
    front.put(batch(3))
    assert front.wait(2)[1] == "handle"


def test_the_sdk_s_own_exception_is_translated(desk: Callable[..., Desk]) -> None:
    answers: list[Answer] = [OSError("throttle"), OSError("denied")]
    platform = Platform(lambda _: answers.pop(0))
    platform.translates = lambda exc: ThrottledError("t") if "throttle" in str(exc) else AccessDeniedError("ask IT")
    front = desk(platform)
    front.put(batch())
    assert front.wait(1) == ["ask IT"]


def test_a_translation_that_breaks_rejects_the_batch(desk: Callable[..., Desk]) -> None:
    def breaks(_: BaseException) -> BackendError | None:
        raise ZeroDivisionError("a bug of the plugin")

    platform = Platform(lambda _: OSError("refused"))
    platform.translates = breaks
    front = desk(platform)
    front.put(batch())
    assert "refused" in front.wait(1)[0] or "a bug of the plugin" in front.wait(1)[0]


def test_a_batch_that_is_refused_for_longer_than_its_budget_is_rejected(desk: Callable[..., Desk]) -> None:
    clock = Clock(tick_s=0.01)

    def answer(_: Sequence[CallMessage]) -> Answer:
        clock.now += 100.0
        return ThrottledError("still busy")

    front = desk(Platform(answer), clock)
    front.put(batch())
    (reason,) = front.wait(1)
    assert "still busy" in reason
    assert "300 s" in reason


def test_the_time_in_the_queue_does_not_count_as_refused(desk: Callable[..., Desk]) -> None:
    clock = Clock(tick_s=0.01)
    second = batch()
    answers: list[Answer] = [ThrottledError("busy"), None]
    front = desk(Platform(lambda calls: answers.pop(0) if calls is second else None, max_concurrency=1), clock)
    first = batch()
    front.put(first)
    front.wait(1)
    front.put(second)
    clock.now += 10_000.0
    front.end(*first)
    assert front.wait(2) == ["handle", "handle"]


def test_dropped_calls_are_not_started_and_others_of_their_batch_are(desk: Callable[..., Desk]) -> None:
    front = desk(Platform(max_concurrency=1))
    running, queued, other = batch(), batch(3), batch()
    front.put(running)
    front.wait(1)
    front.put(queued, other)
    assert front.starter.drop({running[0], queued[1], other[0]}) == {queued[1], other[0]}
    assert front.starter.drop({queued[1]}) == set()
    front.end(queued[1], other[0], *batch())  # none of these was in flight
    assert front.calls() == running
    front.end(*running, *running)
    front.wait(2)
    assert front.calls() == [running[0], queued[0], queued[2]]


def test_a_refused_batch_frees_its_place(desk: Callable[..., Desk]) -> None:
    refused = batch(2)
    front = desk(Platform(lambda calls: BackendError("no") if calls is refused else None, max_concurrency=2))
    front.put(refused, batch(2))
    assert sorted(front.wait(2)) == ["handle", "no"]


def test_slow_starts_run_side_by_side_also_after_a_quiet_time(desk: Callable[..., Desk]) -> None:
    meeting = threading.Barrier(4)
    is_first = threading.Event()

    def answer(_: Sequence[CallMessage]) -> Answer:
        if is_first.is_set():
            meeting.wait(WAIT_S)
        return None

    front = desk(Platform(answer))
    front.put(batch())
    front.wait(1)
    while not front.starter._idle:  # the one thread has nothing to do now
        assert not meeting.broken
    is_first.set()
    front.put(*[batch() for _ in range(4)])
    assert front.wait(5) == ["handle"] * 5


def test_close_waits_for_the_start_that_runs_and_drops_what_is_queued(desk: Callable[..., Desk]) -> None:
    is_in, go_on = threading.Event(), threading.Event()

    def answer(_: Sequence[CallMessage]) -> Answer:
        is_in.set()
        assert go_on.wait(WAIT_S)
        return None

    front = desk(Platform(answer, max_concurrency=1))
    running, queued = batch(), batch()
    front.put(running, queued)
    assert is_in.wait(WAIT_S)
    closer = threading.Thread(target=front.starter.close)
    closer.start()
    go_on.set()
    closer.join(WAIT_S)
    assert not closer.is_alive()
    assert front.calls() == running
    front.starter.close()


def test_what_is_put_after_the_close_is_rejected(desk: Callable[..., Desk]) -> None:
    front = desk(Platform())
    front.starter.close()
    late = batch(2)
    front.put(late)
    assert "closed" in front.wait(1)[0]
    assert front.calls() == late


def test_a_callback_may_put_more_and_close(desk: Callable[..., Desk]) -> None:
    front = desk(Platform())
    more = batch()

    def started(calls: Sequence[CallMessage], handle: str) -> None:
        front.note(calls, handle)
        if len(front.said) == 1:
            front.put(more)
        else:
            front.starter.close()

    front.starter._started = started
    front.put(batch())
    assert len(front.wait(2)) == 2
