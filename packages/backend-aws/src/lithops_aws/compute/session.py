"""The connection to an account: credentials, region, and the SDK's clients. Nothing is asked before it is needed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from botocore import exceptions as sdk
from botocore.config import Config
from botocore.utils import get_environ_proxies

from lithops.errors import ConfigError
from lithops_aws.compute.errors import translated

if TYPE_CHECKING:
    import boto3
    from botocore.credentials import ReadOnlyCredentials

    from lithops_aws.compute.config import LambdaConfig

__all__ = ["Session"]

CONNECTIONS = 64
CONNECT_S = 10.0
READ_S = 60.0


class Session:
    """Makes clients when they are asked for, one of a kind. Thread-safe. The SDK's own retries are off."""

    def __init__(self, options: LambdaConfig) -> None:
        self._options = options
        self._lock = threading.RLock()
        self._session: boto3.session.Session | None = None
        self._clients: dict[tuple[str, float], Any] = {}

    @property
    def region(self) -> str:
        """The region of the configuration, else that of the SDK's own. Raises `ConfigError` when there is none."""
        region: str | None = self._options.region or self._opened().region_name
        if not region:
            raise ConfigError("no region is known for AWS Lambda: set 'region' in the section aws_lambda or aws")
        return region

    @property
    def has_proxies(self) -> bool:
        """Whether the environment wants requests to go through a proxy."""
        return bool(get_environ_proxies(self.endpoint("lambda")))

    def client(self, service: str, *, read_s: float = READ_S) -> Any:
        """Give the SDK's client of a service, such as "lambda". `read_s` is how long it waits for an answer's bytes."""
        with self._lock:
            client = self._clients.get((service, read_s))
            if client is None:
                config = Config(
                    connect_timeout=CONNECT_S,
                    read_timeout=read_s,
                    max_pool_connections=CONNECTIONS,
                    retries={"total_max_attempts": 1, "mode": "standard"},  # the engine retries
                    tcp_keepalive=True,
                )
                with translated(f"opening AWS's '{service}'"):
                    client = self._opened().client(
                        service, region_name=self.region, endpoint_url=self._options.endpoint, config=config
                    )
                self._clients[service, read_s] = client
            return client

    def endpoint(self, service: str) -> str:
        """Give the base URL of a service."""
        return str(self.client(service).meta.endpoint_url)

    def credentials(self) -> ReadOnlyCredentials:
        """Give the keys as they are now; those that expire are renewed. Raises `AccessDeniedError` without any."""
        with translated("signing a request"):
            found = self._opened().get_credentials()
            if found is None:
                raise sdk.NoCredentialsError
            return found.get_frozen_credentials()

    def partition(self) -> str:
        """Name the part of AWS that the region is in, as ARNs have it: `aws`, `aws-cn`."""
        return str(self._opened().get_partition_for_region(self.region))

    def close(self) -> None:
        """Close the connections. A client that is asked for later is a new one."""
        with self._lock:
            clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            client.close()

    def _opened(self) -> boto3.session.Session:
        with self._lock:
            if self._session is None:
                import boto3

                options = self._options
                secret, token = options.secret_access_key, options.session_token
                try:
                    self._session = boto3.session.Session(
                        aws_access_key_id=options.access_key_id,
                        aws_secret_access_key=secret.reveal() if secret else None,
                        aws_session_token=token.reveal() if token else None,
                        region_name=options.region,
                    )
                except sdk.BotoCoreError as exc:  # a profile of the environment that is not there
                    raise ConfigError(f"AWS's own configuration cannot be read: {exc}; see ~/.aws/config") from exc
            return self._session
