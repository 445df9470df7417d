"""The keys of the sections `redis` and `rabbitmq`."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from lithops.config.secret import Secret

__all__ = ["RabbitConfig", "RedisConfig"]

Port = Annotated[int, Meta(ge=1, le=65535)]


class RedisConfig(Struct, frozen=True, kw_only=True):
    """Where the Redis server is that carries statuses, and that holds what `lithops.multiprocessing` shares."""

    host: str = "127.0.0.1"
    port: Port = 6379
    db: Annotated[int, Meta(ge=0)] = 0
    username: str | None = None
    password: Secret | None = None  # workers elsewhere find it in the variable LITHOPS_REDIS_PASSWORD
    ssl: bool = False
    ssl_ca_certs: str | None = None  # the path of a file of certificates, on the client and in workers

    def __post_init__(self) -> None:
        if not self.host:
            raise ValueError("'host' is empty: give a name or an address, or leave it out")


class RabbitConfig(Struct, frozen=True, kw_only=True):
    """Where the RabbitMQ server is that carries statuses."""

    amqp_url: Secret | None = None  # amqp://user:password@host:port/vhost; its password wins over that of 'password'
    host: str = "127.0.0.1"
    port: Port = 5672
    virtual_host: str = "/"
    username: str = "guest"
    password: Secret | None = None  # workers elsewhere find it in the variable LITHOPS_RABBITMQ_PASSWORD
    ssl: bool = False

    def __post_init__(self) -> None:
        if self.amqp_url is not None:
            parts = urlsplit(self.amqp_url.reveal())
            if parts.scheme not in ("amqp", "amqps") or not parts.hostname:
                raise ValueError("'amqp_url' is no such URL: write it as amqp://user:password@host:5672/vhost")
