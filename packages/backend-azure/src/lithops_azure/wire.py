"""One request of the blob service's REST API: signed by the SDK's own policy, sent by its own transport.

The SDK's clients are not used for objects: its downloader reads megabytes ahead, and sleeps and retries by itself, and
a client is built for each blob. https://learn.microsoft.com/rest/api/storageservices/blob-service-rest-api
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import requests
from azure.core.credentials import AzureSasCredential
from azure.core.pipeline import Pipeline
from azure.core.pipeline.policies import AzureSasCredentialPolicy, BearerTokenCredentialPolicy
from azure.core.pipeline.transport import RequestsTransport
from azure.core.rest import HttpRequest
from azure.storage.blob import BlobServiceClient
from requests.adapters import HTTPAdapter

from lithops_azure.account import Account
from lithops_azure.answers import translated

__all__ = ["AnswerBody", "Wire"]

_CONNECTIONS = 64
_CONNECT_S = 10
_READ_S = 60
_PIECE_BYTES = 1 << 16
_SENT_BYTES = 1 << 18
_SCOPE = "https://storage.azure.com/.default"


class Wire:
    """The connections to an account. Thread-safe; `service` is the SDK's client on the same connections."""

    def __init__(self, account: Account) -> None:
        session = requests.Session()
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(pool_maxsize=_CONNECTIONS))  # it retries nothing
        transport = RequestsTransport(
            session=session,
            connection_timeout=_CONNECT_S,
            read_timeout=_READ_S,
            connection_data_block_size=_PIECE_BYTES,
        )
        self.service = BlobServiceClient(
            account.endpoint, credential=account.credential, transport=transport, retry_total=0
        )
        self.version: str = self.service.api_version
        self._endpoint = account.endpoint
        self._credential = account.credential
        self._transport = transport
        policy: Any = self.service.credential  # of a key, the SDK has made the policy that signs with it
        if isinstance(account.credential, AzureSasCredential):
            policy = AzureSasCredentialPolicy(account.credential)
        elif hasattr(account.credential, "get_token"):
            policy = BearerTokenCredentialPolicy(account.credential, _SCOPE)
        self._pipeline: Pipeline[HttpRequest, Any] = Pipeline(transport, [policy])

    def send(
        self,
        method: str,
        path: str,
        *,
        what: str,
        headers: Mapping[str, str] | None = None,
        content: bytes | memoryview | None = None,
        streams: bool = False,
    ) -> Any:
        """Send one request and give the SDK's answer, whatever its status; `streams` leaves its body unread.

        `path` is quoted, with its query. Raises `TransientError` for a broken connection, `AccessDeniedError` when
        there are no credentials.
        """
        sent = {
            "User-Agent": "lithops",
            "x-ms-date": format_datetime(datetime.now(UTC), usegmt=True),
            "x-ms-version": self.version,
        }
        if headers:
            sent.update(headers)
        if content is not None:
            sent["Content-Type"] = "application/octet-stream"
            sent["Content-Length"] = str(len(content))
        request = HttpRequest(method, self._endpoint + path, headers=sent, content=_in_pieces(content))
        try:
            return self._pipeline.run(request, stream=streams).http_response
        except Exception as exc:  # of the SDK, of azure-identity, or of their HTTP client
            ours = translated(exc, what)
            if ours is None:
                raise
            raise ours from None  # the SDK's message has the URL, and a signature may be in it

    def close(self) -> None:
        """Close the connections. Idempotent."""
        self._transport.close()
        if hasattr(self._credential, "get_token"):
            self._credential.close()


class AnswerBody:
    """Reads the body of an answer piece by piece, never ahead."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer
        self._pieces: Iterator[bytes] = answer.iter_raw()
        self._rest = memoryview(b"")

    def read(self, size: int, /) -> bytes:
        """Read at most `size` bytes; b"" at the end."""
        if not self._rest:
            piece = next(self._pieces, b"")
            if len(piece) <= size:
                return piece
            self._rest = memoryview(piece)
        data, self._rest = self._rest[:size], self._rest[size:]
        return bytes(data)

    def close(self) -> None:
        """End the connection, or give it back when the body was read to its end."""
        self._rest = memoryview(b"")
        self._answer.close()


class _Pieces:
    """A long body, sent in pieces: the HTTP client's bound on the time of a send is on each of them, not on the whole."""

    def __init__(self, body: bytes | memoryview) -> None:
        self._body = memoryview(body)

    def __len__(self) -> int:
        return len(self._body)

    def __iter__(self) -> Iterator[memoryview]:
        for at in range(0, len(self._body), _SENT_BYTES):
            yield self._body[at : at + _SENT_BYTES]


def _in_pieces(body: bytes | memoryview | None) -> Any:
    return body if body is None else bytes(body) if len(body) <= _SENT_BYTES else _Pieces(body)
