"""`FaultyCompute` passes the kit without faults, and each fault does what it says."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from lithops.errors import BackendError, LithopsError, ThrottledError, TransientError
from lithops.spi import (
    Artifact,
    CallEnd,
    CallMessage,
    CallOutput,
    CallStatus,
    ComputeBackend,
    Cost,
    JobMessage,
    Payload,
    Refusal,
    RuntimeSpec,
    StorageBackend,
    Unheard,
)
from lithops.testing import ComputeContract, ComputeFault, FaultyCompute
from lithops.testing.compute.calls import CallTests
from lithops.worker.pickles import dump
from lithops_localhost.compute import LocalhostCompute
from lithops_localhost.config import LocalhostConfig
from lithops_localhost.storage import LocalhostStorage

WAIT_S = 30.0


@pytest.fixture
def inner(tmp_path: Path) -> Iterator[LocalhostCompute]:
    backend = LocalhostCompute(LocalhostConfig(worker_processes=1, storage_root=str(tmp_path)))
    yield backend
    backend.close()


class TestFaultyComputeWithoutFaults(ComputeContract):
    keeps_memory: ClassVar[bool] = True

    @pytest.fixture
    def options(self, tmp_path: Path) -> LocalhostConfig:
        return LocalhostConfig(worker_processes=2, storage_root=str(tmp_path))

    @pytest.fixture
    def backend(self, options: LocalhostConfig) -> ComputeBackend:
        return FaultyCompute(LocalhostCompute(options), [])

    @pytest.fixture
    def store(self, options: LocalhostConfig) -> StorageBackend | None:
        return LocalhostStorage(options)


class TestCallsThatAreRefusedOrUnheard(CallTests):
    """The kit's client starts them again, as the engine does."""

    @pytest.fixture
    def options(self, tmp_path: Path) -> LocalhostConfig:
        return LocalhostConfig(worker_processes=2, storage_root=str(tmp_path))

    @pytest.fixture
    def backend(self, options: LocalhostConfig) -> ComputeBackend:
        faults = [
            ComputeFault("throttle", retry_after_s=0.01),
            ComputeFault("refuse_later", retry_after_s=0.01),
            ComputeFault("unheard", runs=False),
            ComputeFault("unheard"),
        ]
        return FaultyCompute(LocalhostCompute(options), faults)

    @pytest.fixture
    def store(self, options: LocalhostConfig) -> StorageBackend | None:
        return LocalhostStorage(options)


class Ear:
    """Hears reports, and waits for a number of them."""

    def __init__(self) -> None:
        self.ends: list[tuple[str, CallEnd]] = []
        self.others: list[Refusal | Unheard] = []
        self._changed = threading.Condition()

    def __call__(self, said: CallStatus | CallOutput | Refusal | Unheard) -> None:
        if isinstance(said, CallStatus):
            with self._changed:
                self.ends.append((said.call_id, said.end))
                self._changed.notify_all()
        elif not isinstance(said, CallOutput):
            with self._changed:
                self.others.append(said)
                self._changed.notify_all()

    def other(self) -> Refusal | Unheard:
        with self._changed:
            assert self._changed.wait_for(lambda: bool(self.others), WAIT_S)
            return self.others[0]

    def wait(self, count: int) -> list[tuple[str, CallEnd]]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.ends) >= count, WAIT_S)
            return sorted(self.ends)


def calls(count: int, function: Any = abs, *args: Any) -> list[CallMessage]:
    import hashlib

    parts = dump(function)
    digest = hashlib.sha256(parts[0]).hexdigest()
    job = JobMessage("tests-0", "A000", Artifact(digest, Payload(parts)), results_inline_max=1000)
    return [CallMessage(job, f"{number:05d}", Payload(dump((args or (-number,), {})))) for number in range(count)]


def started(backend: ComputeBackend, given: Sequence[CallMessage]) -> Ear:
    ear = Ear()
    backend.start(RuntimeSpec(), given, ear)
    return ear


SUCCESS = CallEnd.SUCCESS


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (ComputeFault("throttle", retry_after_s=1.5, times=2), ThrottledError),
        (ComputeFault("refuse", times=2), BackendError),
    ],
)
def test_a_start_is_refused_as_often_as_planned(
    inner: LocalhostCompute, fault: ComputeFault, error: type[LithopsError]
) -> None:
    backend = FaultyCompute(inner, [fault])
    ear = Ear()
    for _ in range(2):
        with pytest.raises(error) as raised:
            backend.start(RuntimeSpec(), calls(1), ear)
        assert raised.value.retry_after_s == fault.retry_after_s
        assert raised.value.retryable == (fault.kind == "throttle")
    backend.start(RuntimeSpec(), calls(1), ear)
    assert ear.wait(1) == [("00000", SUCCESS)]
    assert backend.hits == {fault.kind: 2}


def test_a_start_is_refused_after_it_has_returned(inner: LocalhostCompute) -> None:
    backend = FaultyCompute(inner, [ComputeFault("refuse_later", retry_after_s=1.5)])
    given = calls(2)
    ear = started(backend, given)
    refusal = ear.other()
    assert isinstance(refusal, Refusal)
    assert list(refusal.calls) == given
    assert isinstance(refusal.error, ThrottledError)
    assert refusal.error.retry_after_s == 1.5
    assert not ear.ends
    assert started(backend, given).wait(2) == [("00000", SUCCESS), ("00001", SUCCESS)]


@pytest.mark.parametrize("runs", [True, False])
def test_a_call_is_unheard_of(inner: LocalhostCompute, tmp_path: Path, runs: bool) -> None:
    backend = FaultyCompute(inner, [ComputeFault("unheard", runs=runs)])
    given = calls(1, Path.touch, tmp_path / "ran")
    ear = started(backend, given)
    unheard = ear.other()
    assert isinstance(unheard, Unheard)
    assert list(unheard.calls) == given
    assert (tmp_path / "ran").exists() == runs
    assert not ear.ends
    assert started(backend, given).wait(1) == [("00000", SUCCESS)]
    assert backend.hits == {"unheard": 1}


def test_what_the_inner_backend_says_of_itself_is_passed_on(inner: LocalhostCompute) -> None:
    class Priced(LocalhostCompute):
        event_limits = LocalhostCompute.limits._replace(max_inline_bytes=7)
        commit_after_s = 3.0

        def price(self, runtime: RuntimeSpec, billed_s: float, calls: int) -> Cost | None:
            return Cost(billed_s + calls, "USD", "2025-01-31")

        def prefers_events(self, calls: int) -> bool:
            return calls > 5

        def policy(self) -> dict[str, Any]:
            return {"client": []}

        def build_runtime(self, runtime: RuntimeSpec, file: str | None = None) -> str:
            return f"{runtime.name} of {file}"

    backend = FaultyCompute(Priced(LocalhostConfig()), [])
    assert backend.event_limits is Priced.event_limits
    assert backend.commit_after_s == 3.0
    assert backend.price(RuntimeSpec(), 1.5, 2) == Cost(3.5, "USD", "2025-01-31")
    assert [backend.prefers_events(count) for count in (5, 6)] == [False, True]
    assert backend.policy() == {"client": []}
    assert backend.build_runtime(RuntimeSpec("own"), "Dockerfile") == "own of Dockerfile"
    backend.close()
    assert FaultyCompute(inner, []).price(RuntimeSpec(), 1.0, 1) is None


def test_a_start_whose_answer_is_lost_runs_all_the_same(inner: LocalhostCompute) -> None:
    backend = FaultyCompute(inner, [ComputeFault("lose_answer")])
    ear = Ear()
    with pytest.raises(TransientError):
        backend.start(RuntimeSpec(), calls(2), ear)
    assert ear.wait(2) == [("00000", SUCCESS), ("00001", SUCCESS)]


def test_a_killed_call_dies_with_its_worker_and_the_others_live(inner: LocalhostCompute) -> None:
    backend = FaultyCompute(inner, [ComputeFault("kill", call="00001")])
    assert started(backend, calls(3)).wait(3) == [("00000", SUCCESS), ("00001", CallEnd.LOST), ("00002", SUCCESS)]


def test_lost_and_doubled_statuses(inner: LocalhostCompute) -> None:
    backend = FaultyCompute(inner, [ComputeFault("lose", call="00000"), ComputeFault("duplicate", call="00002")])
    ear = started(backend, calls(3))
    assert ear.wait(3) == [("00001", SUCCESS), ("00002", SUCCESS), ("00002", SUCCESS)]
    backend.close()
    assert len(ear.ends) == 3


def test_a_late_status_comes_after_the_others(inner: LocalhostCompute) -> None:
    backend = FaultyCompute(inner, [ComputeFault("delay", call="00000", delay_s=0.05)])
    ear = started(backend, calls(3))
    ear.wait(3)
    assert [call_id for call_id, _ in ear.ends][-1] == "00000"


def test_closing_reports_what_is_late_at_once_and_leaves_no_thread(inner: LocalhostCompute) -> None:
    before = set(threading.enumerate())
    backend = FaultyCompute(inner, [ComputeFault("delay", times=None, delay_s=600)])
    ear = started(backend, calls(3))
    deadline = threading.Event()
    while backend.hits["delay"] < 3:
        assert not deadline.wait(0.01)
    assert ear.ends == []
    backend.close()
    assert len(ear.wait(3)) == 3
    assert set(threading.enumerate()) <= before


def test_a_call_that_is_to_die_can_be_cancelled(inner: LocalhostCompute) -> None:
    import time

    backend = FaultyCompute(inner, [ComputeFault("kill", call="00001")])
    ear = Ear()
    first = calls(1, time.sleep, 600)
    backend.start(RuntimeSpec(), first, ear)  # the only worker is busy: what comes now waits
    waiting = calls(2)[1:]
    handle = backend.start(RuntimeSpec(), waiting, ear)
    backend.cancel(handle, waiting)
    assert ear.wait(1) == [("00001", CallEnd.CANCELLED)]


def test_some_are_spared_before_some_are_hit(inner: LocalhostCompute) -> None:
    backend = FaultyCompute(inner, [ComputeFault("refuse", skip=1, times=1)])
    for number in range(3):
        if number == 1:
            with pytest.raises(BackendError):
                backend.start(RuntimeSpec(), calls(1), Ear())
        else:
            assert started(backend, calls(1)).wait(1) == [("00000", SUCCESS)]


def test_chances_are_the_same_for_the_same_seed(inner: LocalhostCompute) -> None:
    def refusals(seed: int) -> list[bool]:
        backend = FaultyCompute(inner, [ComputeFault("refuse", times=None, chance=0.5)], seed=seed)
        found = []
        for _ in range(20):
            try:
                started(backend, calls(1)).wait(1)
                found.append(False)
            except BackendError:
                found.append(True)
        return found

    first = refusals(1)
    assert first == refusals(1)
    assert True in first
    assert False in first
