"""The compute kit: limits, runtimes, checks, translation, and verbs that a backend does not support."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from datetime import date

import pytest

from lithops.errors import BackendError, NotSupportedError
from lithops.spi.compute import Check, ComputeBackend, ComputeFeature, LogLine, RuntimeInfo, RuntimeSpec
from lithops.testing.compute import functions
from lithops.testing.compute.client import Client, bounded
from lithops.testing.compute.fixtures import ComputeFixtures
from lithops.testing.storage.fixtures import together
from lithops.wire.envelope import WIRE_VERSION

__all__ = ["VerbTests"]


class VerbTests(ComputeFixtures):
    """Everything but calls."""

    def test_the_limits_can_be_planned_by(self, client: Client) -> None:
        for limits in (client.backend.limits, client.backend.event_limits or client.backend.limits):
            assert limits.max_calls_per_start >= 1
            assert 0 < limits.max_inline_bytes <= limits.max_payload_bytes
            assert limits.max_concurrency is None or limits.max_concurrency >= 1
            assert limits.max_timeout_s is None or limits.max_timeout_s > 0
            assert limits.start_deadline_s > 0
            assert limits.memory_mb is None or 0 < limits.memory_mb[0] <= limits.memory_mb[1]

    def test_what_a_backend_says_of_itself_fits_together(self, client: Client) -> None:
        backend, features = client.backend, client.backend.features
        is_eventful, replies = ComputeFeature.EVENTS in features, ComputeFeature.REPLIES in features
        assert replies or not is_eventful, "it says EVENTS without REPLIES, which all that does not reply is"
        assert is_eventful or backend.event_limits is None, "it has limits of events without EVENTS"
        assert replies or backend.commit_after_s is None, "without REPLIES, workers write each status at once"
        preferred = [backend.prefers_events(count) for count in (1, 1000, 1_000_000)]
        assert is_eventful or not any(preferred), "it prefers events without EVENTS"
        assert preferred == sorted(preferred), "it prefers events for few calls, and not for more"

    def test_prices_are_dated_and_grow_with_what_is_billed(self, client: Client, runtime: RuntimeSpec) -> None:
        prices = [client.backend.price(runtime, seconds, calls) for seconds, calls in ((0, 0), (10, 1), (20, 1))]
        known = [price for price in prices if price is not None]
        assert len(known) in (0, len(prices)), "it has a price for some seconds only"
        assert all(re.fullmatch(r"[A-Z]{3}", price.currency) for price in known)
        assert all(date.fromisoformat(price.as_of) for price in known)
        amounts = [price.amount for price in known]
        assert amounts[:1] in ([], [0]), "nothing has a price"
        assert amounts == sorted(set(amounts)), "more seconds do not cost more"

    def test_a_policy_is_plain_data_or_refused_with_a_reason(self, client: Client) -> None:
        try:
            policy = client.backend.policy()
        except NotSupportedError as exc:
            _check_reason(exc)
        else:
            assert json.loads(json.dumps(dict(policy))) == dict(policy)
            assert policy

    def test_a_runtime_that_is_ensured_fits_this_client(self, client: Client, runtime: RuntimeSpec) -> None:
        info = client.backend.ensure_runtime(runtime)
        assert info.name
        assert info.python == f"{sys.version_info[0]}.{sys.version_info[1]}"
        assert info.wire == WIRE_VERSION[0]

    def test_a_runtime_can_be_ensured_again_and_by_many_threads(self, client: Client, runtime: RuntimeSpec) -> None:
        infos = together(self.threads, lambda _: client.backend.ensure_runtime(runtime))
        assert set(infos) == {client.backend.ensure_runtime(runtime)}
        assert client.values(client.calls(functions.add, (1, 2))) == [3]

    def test_a_backend_may_be_prepared_before_its_first_call(self, client: Client) -> None:
        for _ in range(2):
            bounded(client.backend.prepare, self.wait_s, "prepare()")
        assert client.values(client.calls(functions.add, (1, 2))) == [3]

    def test_runtimes_are_listed(self, client: Client, runtime: RuntimeSpec) -> None:
        client.backend.ensure_runtime(runtime)
        assert all(isinstance(info, RuntimeInfo) for info in client.backend.list_runtimes())

    def test_deleting_a_runtime_that_does_not_exist_is_no_error(self, client: Client) -> None:
        try:
            client.backend.delete_runtime(RuntimeSpec("lithops-contract-missing"))
        except NotSupportedError as exc:
            _check_reason(exc)

    @pytest.mark.parametrize(
        ("feature", "verb"),
        [
            (ComputeFeature.POLL, lambda backend: backend.poll(["handle"])),
            (ComputeFeature.CANCEL, lambda backend: backend.cancel("handle", [])),
            (ComputeFeature.LOGS, lambda backend: list(backend.logs("handle"))),
        ],
        ids=["poll", "cancel", "logs"],
    )
    def test_a_verb_without_its_feature_says_why(
        self, client: Client, feature: ComputeFeature, verb: Callable[[ComputeBackend], object]
    ) -> None:
        if feature in client.backend.features:
            pytest.skip(f"{type(client.backend).__name__} has {feature.name}")
        with pytest.raises(NotSupportedError) as raised:
            verb(client.backend)
        _check_reason(raised.value)

    def test_logs_of_a_start_are_lines(self, client: Client) -> None:
        self.needs(client, ComputeFeature.LOGS)
        run = client.start(client.calls(functions.say, ("to the log\n", "")))
        client.ends(run)
        lines: list[object] = []
        bounded(lambda: lines.extend(client.backend.logs(run.handles[run.calls[0]])), self.wait_s, "logs()")
        assert all(isinstance(line, LogLine) for line in lines)

    def test_polling_nothing_or_what_runs_tells_no_death(self, client: Client) -> None:
        self.needs(client, ComputeFeature.POLL)
        assert client.backend.poll([]) == {}
        store = self.needs_store(client)
        run = client.start(client.calls(functions.hold, (store, "polled", 2 * self.wait_s)))
        client.until(lambda: functions.exists(store, "polled/started"), "a call did not begin to run")
        assert client.backend.poll(set(run.handles.values())) == {}
        functions.write(store, "polled/go")
        assert [client.value(status) for status in client.ends(run)] == ["finished"]

    def test_an_instant_start_does_not_wait_for_its_calls(self, client: Client) -> None:
        self.needs(client, ComputeFeature.INSTANT_START)
        store = self.needs_store(client)
        run = client.start(client.calls(functions.hold, (store, "instant", 2 * self.wait_s)))
        client.until(lambda: len(run.handles) == 1, "start() did not return before its call ended")
        functions.write(store, "instant/go")
        assert [client.value(status) for status in client.ends(run)] == ["finished"]

    def test_doctor_gives_checks_with_advice(self, client: Client) -> None:
        checks: list[Check] = []
        bounded(lambda: checks.extend(client.backend.doctor()), self.wait_s, "doctor()")
        assert all(check.name and (check.ok or check.advice) for check in checks)

    def test_an_exception_of_a_stranger_is_not_translated(self, client: Client) -> None:
        strangers = [
            ZeroDivisionError(),
            KeyError("key"),
            ValueError(),
            _Unprintable(),
            KeyboardInterrupt(),
            SystemExit(1),
        ]
        assert [client.backend.translate(exc) for exc in strangers] == [None] * len(strangers)

    def test_translating_never_raises(self, client: Client) -> None:
        for exc in (OSError(), OSError(11, "busy"), TimeoutError(), ConnectionResetError(), MemoryError(), EOFError()):
            ours = client.backend.translate(exc)
            assert ours is None or isinstance(ours, BackendError)


class _Unprintable(Exception):  # noqa: N818 - it is a stranger's
    def __str__(self) -> str:
        raise RuntimeError("cannot be printed")


def _check_reason(exc: NotSupportedError) -> None:
    assert len(str(exc).split()) >= 5, f"it does not say why: '{exc}'"
