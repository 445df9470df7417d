"""Every error that Lithops raises.

Callers branch on the type or on `retryable`, never on the text. A message says what failed, on what, and
what to do next. What the user's own function raised is not here: it comes back with its own type.
"""

from __future__ import annotations

__all__ = [
    "AccessDeniedError",
    "BackendError",
    "BrokerError",
    "CallCancelledError",
    "CallError",
    "CallRejectedError",
    "CallTimeoutError",
    "ConfigError",
    "FunctionExitError",
    "LithopsError",
    "MissingDependencyError",
    "NoSuchBucketError",
    "NotSupportedError",
    "ObjectExistsError",
    "PluginError",
    "RemoteTraceback",
    "SerializationError",
    "SharedObjectGoneError",
    "StorageError",
    "StorageFullError",
    "StorageNoSuchKeyError",
    "ThrottledError",
    "TransientError",
    "UnknownBackendError",
    "WireError",
    "WireVersionError",
    "WorkerLostError",
    "WorkerMemoryError",
]


class LithopsError(Exception):
    """Base of all errors of Lithops.

    `retryable` says whether the same request may succeed later; `retry_after_s` is the platform's own wish.
    """

    retryable: bool = False
    retry_after_s: float | None = None


# Set-up


class ConfigError(LithopsError, ValueError):
    """The configuration is missing, malformed, or names something unknown."""


class PluginError(LithopsError):
    """A plugin cannot be used: it broke, clashes with another, or speaks another version of the contract."""


class UnknownBackendError(PluginError, ConfigError):
    """No installed plugin provides the backend that was asked for."""


class MissingDependencyError(PluginError, ImportError):
    """A backend's SDK is not installed; the message has the pip command."""


class NotSupportedError(LithopsError, NotImplementedError):
    """The backend cannot do this; the message says why and what to do instead."""


class SerializationError(LithopsError, TypeError):
    """A function, argument or result cannot be pickled."""


# Backends


class BackendError(LithopsError):
    """A compute platform refused or failed."""


class TransientError(BackendError):
    """A failure that may pass: a lost connection, a platform's internal error."""

    retryable = True


class ThrottledError(TransientError):
    """The platform asks for fewer requests: the engine turns this into back-pressure."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class AccessDeniedError(BackendError, PermissionError):
    """The platform or store rejected the credentials or the permission."""


# Storage


class StorageError(LithopsError):
    """An object store refused or failed."""


class StorageNoSuchKeyError(StorageError, KeyError, FileNotFoundError):
    """There is no object under this key."""

    def __init__(self, bucket: str = "", key: str = "") -> None:
        super().__init__(bucket, key)
        self.bucket = bucket
        self.key = key

    def __str__(self) -> str:
        return f"there is no object '{self.key}' in bucket '{self.bucket}': check the key, or list the bucket"


class NoSuchBucketError(StorageError, FileNotFoundError):
    """There is no such bucket, or it is not visible to these credentials."""

    def __init__(self, bucket: str = "", reference: str = "") -> None:
        super().__init__(bucket, reference)
        self.bucket = bucket
        self.reference = reference

    def __str__(self) -> str:
        named = f", which '{self.reference}' names" if self.reference else ""
        return f"there is no bucket '{self.bucket}'{named}: create it, or check 'storage_bucket' in the configuration"


class ObjectExistsError(StorageError, FileExistsError):
    """A conditional put found that the object exists."""


class StorageFullError(StorageError, OSError):
    """The store has no room left."""


class BrokerError(LithopsError):
    """A server between client and workers (Redis, RabbitMQ) cannot be reached, or refused."""

    retryable = True


class SharedObjectGoneError(LithopsError, ConnectionError):
    """What processes shared was deleted, or has expired."""


# Wire


class WireError(LithopsError, ValueError):
    """A message is truncated, malformed or hostile. Nothing of it was unpickled."""


class WireVersionError(WireError):
    """A message of another major version of the wire."""


# Calls


class CallError(LithopsError):
    """A call ended without a result, and not by an exception of the user's function."""

    call_id: str | None = None
    job_id: str | None = None


class WorkerLostError(CallError):
    """The worker died under the call: a signal, an exit, an eviction.

    `signal` and `exit_code` are what the platform told, or None.
    """

    def __init__(self, message: str, signal: int | None = None, exit_code: int | None = None) -> None:
        super().__init__(message, signal, exit_code)
        self.signal = signal
        self.exit_code = exit_code

    def __str__(self) -> str:
        return str(self.args[0])


class WorkerMemoryError(WorkerLostError, MemoryError):
    """The worker died because it reached its memory limit."""


class CallTimeoutError(CallError, TimeoutError):
    """The call ran longer than its time-out; its worker was stopped."""


class CallCancelledError(CallError):
    """The call was cancelled before it gave a result."""


class CallRejectedError(CallError):
    """The platform did not accept the call."""


class FunctionExitError(CallError):
    """The user's function raised SystemExit or another exception that would end the client too."""


class RemoteTraceback(Exception):  # noqa: N818 - it is a cause, never raised
    """The traceback of the worker, as text: the `__cause__` of the exception that is raised here."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f'\n"""\n{self.text}"""'
