"""The backend on the local Lambda: replies, events, deaths, deleted functions, logs, as the engine would see them."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("boto3")

from tests.aws.lambda_fixtures import KEY, REGION, LocalLambda, local_lambda

from lithops.config import Secret
from lithops.errors import AccessDeniedError, BackendError, StorageNoSuchKeyError, ThrottledError, TransientError
from lithops.spi.compute import Exit, Refusal, RuntimeSpec, Unheard
from lithops.testing.compute import functions
from lithops.testing.compute.client import Client
from lithops.types import CallEnd, CallMessage, CallStatus
from lithops.wire.envelope import decode
from lithops.wire.keys import status_key
from lithops.wire.status import decode_status
from lithops_aws.compute import deaths, deploy_zip
from lithops_aws.compute.backend import LambdaCompute, _most_connections
from lithops_aws.compute.config import LambdaConfig
from lithops_aws.compute.deaths import Deaths
from lithops_aws.config import AwsS3Config
from lithops_aws.storage import AwsS3Storage

__all__ = ["local_lambda"]

WAIT_S = 30.0


@pytest.fixture(scope="module")
def zips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("zips") / "runtimes"


@pytest.fixture
def opening(
    local_lambda: LocalLambda, zips: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., LambdaCompute]]:
    monkeypatch.setattr(deploy_zip, "_FOLDER", zips)
    monkeypatch.setenv("NO_PROXY", "*")
    made: list[LambdaCompute] = []

    def open_backend(**keys: Any) -> LambdaCompute:
        made.append(LambdaCompute(LambdaConfig(**keys_of(local_lambda), execution_role=local_lambda.role_arn, **keys)))
        return made[-1]

    yield open_backend
    for backend in made:
        backend.close()
    local_lambda.faults()


@pytest.fixture
def backend(opening: Callable[..., LambdaCompute]) -> LambdaCompute:
    return opening()


@pytest.fixture
def store(local_lambda: LocalLambda) -> Iterator[AwsS3Storage]:
    store = AwsS3Storage(AwsS3Config(**keys_of(local_lambda)))
    store.create_bucket("backend-tests")
    yield store
    store.close()


@pytest.fixture
def client(backend: LambdaCompute, store: AwsS3Storage) -> Client:
    return Client(backend, store=store, bucket="backend-tests", wait_s=WAIT_S)


def keys_of(cloud: LocalLambda) -> dict[str, Any]:
    secret = Secret(cloud.environment()["AWS_SECRET_ACCESS_KEY"])
    return {"region": REGION, "endpoint": cloud.url, "access_key_id": KEY, "secret_access_key": secret}


def by_event(call: CallMessage) -> CallMessage:
    return CallMessage(call.job._replace(commit=True), call.call_id, call.data, call.needs, call.attempt)


def stored(store: AwsS3Storage, call: CallMessage) -> CallStatus:
    key = status_key(call.job.executor_id, call.job.job_id, call.call_id, call.attempt)
    limit = time.monotonic() + WAIT_S
    while True:
        with contextlib.suppress(StorageNoSuchKeyError), contextlib.closing(store.get("backend-tests", key)) as stream:
            return decode_status(decode(stream.read()))
        assert time.monotonic() < limit, "no status was written"
        time.sleep(0.02)


def test_replies_cost_one_request_each_and_no_storage(client: Client, local_lambda: LocalLambda) -> None:
    job = client.job(functions.add)
    client.values([client.call(job, 0, 1)])
    before = local_lambda.requests()
    assert client.values([client.call(job, number, number, 100) for number in range(1, 21)]) == list(range(101, 121))
    spent = {name: count - before.get(name, 0) for name, count in local_lambda.requests().items()}
    assert sum(spent.values()) == 20, spent
    assert not local_lambda.requests("sandbox")


def test_a_reply_says_what_is_billed(client: Client) -> None:
    (status,) = client.run(client.calls(functions.add, (1,)))
    assert status.billed_s is not None
    assert status.billed_s > 0


def test_a_start_of_a_reply_does_not_wait(client: Client) -> None:
    client.values(client.calls(functions.add, (1,)))
    run = client.start(client.calls(functions.never_end, ("sleep",), timeout_s=3.0))
    client.until(lambda: bool(run.handles), "start waited for its call")
    assert client.ends(run)[0].end is CallEnd.TIMEOUT


def test_the_kit_of_deaths_in_short(client: Client) -> None:
    for how, signal, code in (("exit", None, 3), ("kill", 9, None), ("crash", 11, None)):
        calls = client.calls(functions.die, (how,))
        (status,) = client.run(calls)
        assert status.end is CallEnd.LOST
        assert status.error is not None
        assert (status.error.signal, status.error.exit_code) == (signal, code)
        assert "REPORT" in status.error.traceback
    assert client.values(client.calls(functions.add, (1, 2))) == [3]


def test_out_of_memory_and_then_more_of_it(client: Client) -> None:
    job = client.job(functions.allocate, memory_mb=128)
    client.runtime = RuntimeSpec(memory_mb=128)
    (status,) = client.run([client.call(job, 0, 200)])
    assert status.end is CallEnd.LOST
    assert status.error is not None
    assert status.error.memory_limit
    client.runtime = RuntimeSpec(memory_mb=512)
    assert client.values([client.call(job, 0, 200, attempt=1)]) == [200 << 20]


def test_a_function_that_was_deleted_is_made_again(
    client: Client, backend: LambdaCompute, local_lambda: LocalLambda
) -> None:
    client.values(client.calls(functions.add, (1,)))
    name = backend._functions.name_for(RuntimeSpec())
    local_lambda.client("lambda").delete_function(FunctionName=name)
    (call,) = client.calls(functions.add, (1, 2))
    client.start([call])
    client.until(lambda: bool(client.refused), "a missing function was not reported")
    (refusal,) = client.refused
    assert isinstance(refusal, Refusal)
    assert isinstance(refusal.error, TransientError)
    assert client.values([call]) == [3]


def test_throttling_is_a_refusal(client: Client, local_lambda: LocalLambda) -> None:
    client.values(client.calls(functions.add, (1,)))
    local_lambda.faults(throttle=1.0)
    (call,) = client.calls(functions.add, (1, 2))
    client.start([call])
    client.until(lambda: bool(client.refused), "throttling was not reported")
    (refusal,) = client.refused
    assert isinstance(refusal, Refusal)
    assert isinstance(refusal.error, ThrottledError)
    with pytest.raises(ThrottledError):
        client.backend.start(RuntimeSpec(), [by_event(call)], lambda _said: None)


def test_a_connection_that_breaks_leaves_the_call_open(client: Client, local_lambda: LocalLambda) -> None:
    client.values(client.calls(functions.add, (1,)))
    local_lambda.faults(cut=1.0)
    (call,) = client.calls(functions.add, (1, 2))
    client.start([call])
    client.until(lambda: bool(client.refused), "a broken connection was not reported")
    assert isinstance(client.refused[0], Unheard)
    with pytest.raises(TransientError):
        client.backend.start(RuntimeSpec(), [by_event(call)], lambda _said: None)


def test_an_event_writes_its_status(client: Client, store: AwsS3Storage) -> None:
    (call,) = client.calls(functions.add, (1, 2))
    call = by_event(call)
    handle = client.backend.start(RuntimeSpec(), [call], lambda _said: None)
    assert client.value(stored(store, call)) == 3
    assert client.backend.poll([handle]) == {}
    assert any(call.job.job_key in line.text for line in client.backend.logs(handle))


def test_an_event_that_dies_is_found_by_its_log(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deaths, "LOOK_S", 0.05)
    (call,) = client.calls(functions.die, ("exit",))
    handle = client.backend.start(RuntimeSpec(), [by_event(call)], lambda _said: None)
    found: dict[str, Exit] = {}
    client.until(lambda: found.update(client.backend.poll([handle, "other"])) or bool(found), "no death was found")
    assert set(found) == {handle}
    assert found[handle].exit_code == 3


def test_an_event_over_its_time_is_told_by_its_status(client: Client, store: AwsS3Storage) -> None:
    (call,) = client.calls(functions.never_end, ("sleep",), timeout_s=0.5)
    call = by_event(call)
    client.backend.start(RuntimeSpec(), [call], lambda _said: None)
    assert stored(store, call).end is CallEnd.TIMEOUT


def test_the_log_of_a_reply_and_of_a_job_of_another_process(
    client: Client, opening: Callable[..., LambdaCompute]
) -> None:
    run = client.start(client.calls(functions.say, ("to the log\n", "")))
    client.ends(run)
    (call,) = run.calls
    for backend, handle in ((client.backend, run.handles[call]), (opening(), call.job.job_key)):
        assert "to the log" in [line.text for line in backend.logs(handle)]
    assert list(opening().logs("no-such-job")) == []


def test_a_wrong_payload_is_refused_with_what_to_do(client: Client) -> None:
    (call,) = client.calls(functions.echo, (b"x" * 7_000_000,))
    client.start([call])
    client.until(lambda: bool(client.refused), "a payload that is too big was not reported")
    (refusal,) = client.refused
    assert isinstance(refusal, Refusal)
    assert type(refusal.error) is BackendError


def test_which_way_is_preferred(opening: Callable[..., LambdaCompute]) -> None:
    most = _most_connections()
    assert not opening().prefers_events(min(1000, most))
    assert not opening(max_workers=most).prefers_events(10 * most)
    assert opening(max_workers=most + 1).prefers_events(most + 1)
    assert opening(invocation="event").prefers_events(1)
    assert not opening(invocation="reply", max_workers=10 * most).prefers_events(10 * most)


def test_closing_ends_the_thread_and_refuses_what_comes(client: Client, backend: LambdaCompute) -> None:
    client.values(client.calls(functions.add, (1,)))
    run = client.start(client.calls(functions.never_end, ("sleep",)))
    client.until(lambda: bool(run.handles), "the call was not started")
    backend.close()
    backend.close()
    assert not [one for one in threading.enumerate() if one.name.startswith("lithops-aws")]
    with pytest.raises(BackendError):
        backend.start(RuntimeSpec(), run.calls, lambda _said: None)


def test_short_time_outs_need_no_function_of_their_own(opening: Callable[..., LambdaCompute]) -> None:
    backend = opening(runtime_timeout=60)
    assert backend._deployed(RuntimeSpec(timeout_s=5.0)) == backend._deployed(RuntimeSpec(timeout_s=60.0))
    assert backend._deployed(RuntimeSpec(timeout_s=61.0)).timeout_s == 61.0


@dataclasses.dataclass
class FakeLogs:
    """Logs that tell what the test wants."""

    told: dict[str, Exit] = dataclasses.field(default_factory=dict)
    asked: list[tuple[str, float]] = dataclasses.field(default_factory=list)
    error: Exception | None = None

    def deaths(self, name: str, since_s: float) -> dict[str, Exit]:
        self.asked.append((name, since_s))
        if self.error is not None:
            raise self.error
        return self.told


class TestDeaths:
    """How often logs are looked at, and what becomes of what they tell."""

    @pytest.fixture(autouse=True)
    def _deaths(self) -> None:
        self.time = 100.0
        self.logs = FakeLogs()
        self.deaths = Deaths(self.logs, clock=lambda: self.time, now=lambda: self.time)  # type: ignore[arg-type]
        self.reported: list[Any] = []
        for number, function in enumerate("ab"):
            self.deaths.started(f"h{number}", function, ("x", "M000", f"{number:05}", 0), self.reported.append)
            self.time += 1

    def test_each_function_is_asked_once_from_its_first_start_on(self) -> None:
        self.logs.told = {"h0": Exit("died"), "h9": Exit("another's")}
        assert self.deaths.poll(["h0", "h1", "x"]) == {"h0": Exit("died")}
        assert self.logs.asked == [("a", 90.0), ("b", 91.0)]

    def test_a_death_is_told_once(self) -> None:
        self.logs.told = {"h0": Exit("died")}
        assert self.deaths.poll(["h0"]) == {"h0": Exit("died")}
        self.time += 2
        assert self.deaths.poll(["h0"]) == {}

    def test_not_more_often_than_every_two_seconds(self) -> None:
        for _ in range(10):
            self.deaths.poll(["h0"])
        assert len(self.logs.asked) == 1
        self.time += 2
        self.deaths.poll(["h0"])
        assert len(self.logs.asked) == 2

    def test_nothing_is_asked_for_what_was_not_started_here(self) -> None:
        assert self.deaths.poll(["x"]) == {}
        assert self.logs.asked == []

    def test_over_time_is_reported_at_the_second_look(self) -> None:
        self.logs.told = {"h1": Exit("Task timed out after 3.00 seconds", log_tail="the log")}
        assert self.deaths.poll(["h1"]) == {}
        assert self.reported == []
        self.time += 2
        assert self.deaths.poll(["h1"]) == {}
        (status,) = self.reported
        assert (status.call_id, status.end, status.error.traceback) == ("00001", CallEnd.TIMEOUT, "the log")

    def test_without_permission_it_is_not_asked_again(self, caplog: pytest.LogCaptureFixture) -> None:
        self.logs.error = AccessDeniedError("no")
        for _ in range(3):
            assert self.deaths.poll(["h0"]) == {}
            self.time += 10
        assert len(self.logs.asked) == 1
        assert "deadline" in caplog.text

    def test_of_much_that_is_over_only_some_is_remembered(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(deaths, "REMEMBERED", 10)
        for number in range(100):
            self.deaths.started(f"n{number}", "a", ("x", "M000", "00000", 0), self.reported.append)
        self.deaths.poll(["h0"])
        assert self.deaths.function_of("h0") is not None
        assert self.deaths.function_of("n0") is None
        assert self.deaths.function_of("n99") is not None
