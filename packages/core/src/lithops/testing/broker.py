"""What every broker of statuses must do: a pytest class to be subclassed by those who write one."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from importlib import import_module
from typing import ClassVar
from uuid import uuid4

import pytest

from lithops.errors import LithopsError
from lithops.spi.monitoring import StatusBroker
from lithops.types import BrokerRef, StorageRef
from lithops.worker import credentials

__all__ = ["BrokerContract"]

_LONG_S = 20.0


class BrokerContract:
    """Override `broker` and `unreachable`. `secrets` are texts that no reference and no error may hold."""

    secrets: ClassVar[Sequence[str]] = ()

    @pytest.fixture
    def broker(self) -> StatusBroker:
        """The broker under test, opened anew for each test."""
        raise NotImplementedError("override the fixture 'broker' so that it gives your StatusBroker")

    @pytest.fixture
    def unreachable(self) -> StatusBroker:
        """One of the same kind, configured for a port of this machine where nobody listens."""
        raise NotImplementedError("override the fixture 'unreachable' so that it gives your StatusBroker")

    @pytest.fixture
    def worker(self, broker: StatusBroker, monkeypatch: pytest.MonkeyPatch) -> Iterator[StatusBroker]:
        """The same broker as a worker of this machine opens it: by its reference, and what it was entrusted with."""
        ref = broker.ref("any")
        told = {credentials._name(StorageRef(ref.factory, "", ref.options)): broker.credentials()}
        monkeypatch.setattr(credentials, "_entrusted", told)
        module, _, attribute = ref.factory.partition(":")
        plain = json.loads(json.dumps(ref.options))  # as it travels
        opened: StatusBroker = getattr(import_module(module), attribute).from_ref(BrokerRef(ref.factory, "any", plain))
        with closing(opened):
            yield opened

    @pytest.fixture
    def channel(self, broker: StatusBroker) -> Iterator[str]:
        """A channel of a test's own."""
        name = f"contract-{uuid4().hex[:12]}"
        with closing(broker):
            yield name
            broker.discard(name)

    def test_what_a_worker_publishes_is_received_once_and_whole(
        self, broker: StatusBroker, worker: StatusBroker, channel: str
    ) -> None:
        worker.publish(channel, [b"head\0er", bytearray(b"\xff" * 100_000), memoryview(b"tail")])
        assert self._take(broker, channel, 1) == [b"head\0er" + b"\xff" * 100_000 + b"tail"]
        assert list(broker.receive(channel, 0.1)) == []

    def test_frames_of_one_worker_keep_their_order(
        self, broker: StatusBroker, worker: StatusBroker, channel: str
    ) -> None:
        sent = [b"%d" % at for at in range(2_500)]
        for frame in sent:
            worker.publish(channel, [frame])
        assert self._take(broker, channel, len(sent)) == sent

    def test_frames_of_many_threads_all_come(self, broker: StatusBroker, worker: StatusBroker, channel: str) -> None:
        sent = {b"%d" % at for at in range(400)}
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda frame: worker.publish(channel, [frame]), sent))
        assert set(self._take(broker, channel, len(sent))) == sent
        threading.Thread(target=worker.close).start()

    def test_what_was_published_before_anybody_listened_is_there(
        self, broker: StatusBroker, worker: StatusBroker, channel: str
    ) -> None:
        worker.publish(channel, [b"early"])
        assert self._take(broker, channel, 1) == [b"early"]

    def test_who_waits_hears_at_once(self, broker: StatusBroker, worker: StatusBroker, channel: str) -> None:
        broker.receive(channel, 0.05)
        timer = threading.Timer(0.3, worker.publish, (channel, [b"late"]))
        timer.start()
        start = time.monotonic()
        assert list(broker.receive(channel, _LONG_S)) == [b"late"]
        assert time.monotonic() - start < _LONG_S / 2
        timer.join(_LONG_S)

    def test_an_empty_channel_is_waited_for_no_longer_than_asked(self, broker: StatusBroker, channel: str) -> None:
        start = time.monotonic()
        assert list(broker.receive(channel, 0.2)) == []
        assert time.monotonic() - start < _LONG_S / 2

    def test_channels_do_not_mix(self, broker: StatusBroker, worker: StatusBroker, channel: str) -> None:
        other = channel + "-other"
        worker.publish(other, [b"theirs"])
        worker.publish(channel, [b"ours"])
        assert self._take(broker, channel, 1) == [b"ours"]
        assert self._take(broker, other, 1) == [b"theirs"]
        broker.discard(other)

    def test_a_channel_that_was_discarded_is_empty(
        self, broker: StatusBroker, worker: StatusBroker, channel: str
    ) -> None:
        worker.publish(channel, [b"old"])
        broker.discard(channel)
        broker.discard(channel)
        assert list(broker.receive(channel, 0.1)) == []

    def test_no_reference_or_error_holds_a_secret(self, broker: StatusBroker, unreachable: StatusBroker) -> None:
        assert self.secrets, "name the secrets that the broker was opened with"
        texts = [json.dumps(broker.ref("c")), repr(broker), repr(broker.ref("c"))]
        with closing(unreachable):
            texts.append(str(_raised(unreachable)))
        assert [text for text in texts for secret in self.secrets if secret in text] == []

    def test_a_server_that_is_not_there_is_an_error_soon(self, unreachable: StatusBroker) -> None:
        start = time.monotonic()
        with closing(unreachable):
            raised = _raised(unreachable)
        ours = raised if isinstance(raised, LithopsError) else unreachable.translate(raised)
        assert isinstance(ours, LithopsError), f"{raised!r} is not translated"
        assert ours.retryable
        assert time.monotonic() - start < _LONG_S

    def test_errors_of_others_are_not_translated(self, broker: StatusBroker) -> None:
        assert broker.translate(ValueError("of somebody else")) is None

    def test_closing_twice_is_no_error(self, broker: StatusBroker, channel: str) -> None:
        broker.receive(channel, 0.01)
        broker.close()
        broker.close()

    def _take(self, broker: StatusBroker, channel: str, count: int) -> list[bytes]:
        taken: list[bytes] = []
        limit = time.monotonic() + _LONG_S
        while len(taken) < count and time.monotonic() < limit:
            taken.extend(broker.receive(channel, 0.5))
        return taken


def _raised(broker: StatusBroker) -> BaseException:
    try:
        broker.publish("c", [b"frame"])
    except Exception as exc:  # whatever the client library raises
        return broker.translate(exc) or exc
    raise AssertionError("publishing to a server that is not there raised nothing")
