"""Describes the brokers that come with the core."""

from __future__ import annotations

from lithops.spi.hooks import BackendInfo, hookimpl

__all__ = ["lithops_status_brokers"]


@hookimpl
def lithops_status_brokers() -> list[BackendInfo]:
    """Name them."""
    return [
        BackendInfo(
            name="redis",
            factory="lithops.monitoring.redis_broker:RedisBroker",
            config="lithops.monitoring.config:RedisConfig",
            summary="Statuses by way of a Redis server",
            extra="lithops[redis]",
        ),
        BackendInfo(
            name="rabbitmq",
            factory="lithops.monitoring.rabbitmq_broker:RabbitBroker",
            config="lithops.monitoring.config:RabbitConfig",
            summary="Statuses by way of a RabbitMQ server",
            extra="lithops[rabbitmq]",
        ),
    ]
