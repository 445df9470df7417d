"""RabbitMQ keeps the contract of brokers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.emulators.rabbitmq_server import Rabbit, running_rabbitmq
from tests.emulators.servers import free_port

from lithops.config.secret import Secret
from lithops.monitoring.config import RabbitConfig
from lithops.monitoring.rabbitmq_broker import RabbitBroker
from lithops.testing import BrokerContract

pytestmark = pytest.mark.timeout(120)  # the first test waits for the server, which takes 10 seconds or more


@pytest.fixture(scope="module")
def server() -> Iterator[Rabbit]:
    with running_rabbitmq() as found:
        yield found


class TestRabbitBroker(BrokerContract):
    @pytest.fixture
    def broker(self, server: Rabbit) -> RabbitBroker:
        TestRabbitBroker.secrets = (server.password,)
        return RabbitBroker(RabbitConfig(port=server.port, username="tests", password=Secret(server.password)))

    @pytest.fixture
    def unreachable(self, server: Rabbit) -> RabbitBroker:
        return RabbitBroker(RabbitConfig(port=free_port(), username="tests", password=Secret(server.password)))

    def test_a_url_names_it_too(self, server: Rabbit) -> None:
        url = Secret(f"amqp://tests:{server.password}@127.0.0.1:{server.port}/%2F")
        broker = RabbitBroker(RabbitConfig(amqp_url=url))
        try:
            broker.publish("by-url", [b"frame"])
            assert list(broker.receive("by-url", 10.0)) == [b"frame"]
            broker.discard("by-url")
        finally:
            broker.close()
        assert server.password not in str(broker.ref("c"))

    def test_a_wrong_password_is_an_error_without_it(self, server: Rabbit) -> None:
        broker = RabbitBroker(RabbitConfig(port=server.port, username="tests", password=Secret("wrong-secret")))
        try:
            broker.publish("c", [b"frame"])
        except Exception as exc:
            error = broker.translate(exc)
            assert error is not None
            assert "wrong-secret" not in str(error)
        else:
            pytest.fail("a wrong password was taken")
        finally:
            broker.close()
