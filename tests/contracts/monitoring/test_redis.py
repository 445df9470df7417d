"""Redis keeps the contract of brokers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.emulators.redis_server_process import RunningRedis, running_redis
from tests.emulators.servers import free_port

from lithops.config.secret import Secret
from lithops.monitoring.config import RedisConfig
from lithops.monitoring.redis_broker import RedisBroker
from lithops.testing import BrokerContract


@pytest.fixture(scope="module")
def server() -> Iterator[RunningRedis]:
    with running_redis() as found:
        yield found


class TestRedisBroker(BrokerContract):
    @pytest.fixture
    def broker(self, server: RunningRedis) -> RedisBroker:
        TestRedisBroker.secrets = (server.password,)
        return RedisBroker(RedisConfig(port=server.port, password=Secret(server.password)))

    @pytest.fixture
    def unreachable(self, server: RunningRedis) -> RedisBroker:
        return RedisBroker(RedisConfig(port=free_port(), password=Secret(server.password)))

    def test_a_wrong_password_is_an_error_without_it(self, server: RunningRedis) -> None:
        broker = RedisBroker(RedisConfig(port=server.port, password=Secret("wrong-secret")))
        try:
            broker.publish("c", [b"frame"])
        except Exception as exc:
            error = broker.translate(exc)
            assert error is not None
            assert "section 'redis'" in str(error)
            assert "wrong-secret" not in str(error)
        else:
            pytest.fail("a wrong password was taken")
        finally:
            broker.close()
