"""What a status broker is: it carries statuses from workers to the client, which else would list the store for them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from lithops.errors import LithopsError
from lithops.types import BrokerRef, Buffer

__all__ = ["StatusBroker"]

_NOTHING: Mapping[str, str] = {}


class StatusBroker(ABC):
    """A server between workers and clients. A channel is a queue of frames, named by its executor.

    The constructor takes the broker's typed configuration and does no I/O. Workers write each status to the store before
    they publish it: a frame that is lost delays the end of its call, no more, and one that comes twice does no harm.
    Whoever can write to a channel can end calls: ask for authentication.
    """

    @classmethod
    @abstractmethod
    def from_ref(cls, ref: BrokerRef) -> StatusBroker:
        """Open the broker inside a worker; what `credentials` gave is in `lithops.worker.credentials.entrusted(ref)`."""

    @abstractmethod
    def ref(self, channel: str) -> BrokerRef:
        """Describe how a worker reaches this broker; never with a secret."""

    def credentials(self) -> Mapping[str, str]:
        """Give what only workers of this machine and user are told, by a way that leaves no trace."""
        return _NOTHING

    @abstractmethod
    def publish(self, channel: str, frame: Sequence[Buffer]) -> None:
        """Add a frame, whose buffers belong together in order, to a channel. Called in workers, from one or two threads.

        Raises a `LithopsError`, or what `translate` makes into one, within some seconds when the broker cannot be reached.
        """

    @abstractmethod
    def receive(self, channel: str, timeout_s: float) -> Sequence[bytes]:
        """Take the frames that a channel has, after waiting at most `timeout_s` for the first. Called by one thread.

        Frames that nobody takes expire after a day or sooner. Raises as `publish` does; it is called again later.
        """

    @abstractmethod
    def discard(self, channel: str) -> None:
        """Delete a channel and what is in it; one that does not exist is not an error."""

    def translate(self, exc: BaseException) -> LithopsError | None:
        """Turn a client library's exception into ours, or return None when it is not the broker's."""
        return None

    def close(self) -> None:
        """Release connections. Idempotent."""
        return
