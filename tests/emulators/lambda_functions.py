"""Functions as moto's control plane knows them, and the code of their zips, unpacked once each."""

from __future__ import annotations

import base64
import io
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from moto.awslambda.exceptions import UnknownAliasException, UnknownFunctionException
from moto.awslambda.models import lambda_backends
from moto.core import DEFAULT_ACCOUNT_ID  # type: ignore[attr-defined]  # moto exports it by its name alone
from moto.s3.models import s3_backends

__all__ = ["UNZIPPED_BYTES", "Code", "Function", "UnknownFunctionError", "find", "reserved_elsewhere", "zip_of"]

UNZIPPED_BYTES = 262_144_000


class UnknownFunctionError(Exception):
    """There is no such function, version or alias; the text is Lambda's."""


@dataclass(frozen=True, slots=True)
class Function:
    """One version of a function, as it was when it was asked for. Equal functions may share sandboxes."""

    name: str
    arn: str
    version: str
    region: str
    handler: str
    runtime: str
    memory_mb: int
    timeout_s: float
    tmp_mb: int
    code: str
    role: str
    environment: Mapping[str, str] = field(compare=False)
    settings: tuple[tuple[str, str], ...]  # the environment again, comparable
    reserved: int | None = field(compare=False, default=None)
    max_retries: int = field(compare=False, default=2)
    max_age_s: float = field(compare=False, default=21_600)


def find(region: str, name: str, qualifier: str | None) -> Function:
    """Find a function by name or ARN; both may end with a qualifier. Raises `UnknownFunctionError`."""
    found = _moto_function(region, name, qualifier)
    config = found.event_invoke_config[-1].config if found.event_invoke_config else {}
    return Function(
        name=found.function_name,
        arn=found.function_arn,
        version=str(found.version),
        region=region,
        handler=found.handler,
        runtime=found.run_time,
        memory_mb=found.memory_size,
        timeout_s=float(found.timeout),
        tmp_mb=found.ephemeral_storage,
        code=found.code_digest,
        role=found.role,
        environment=dict(found.environment_vars),
        settings=tuple(sorted(found.environment_vars.items())),
        reserved=found.reserved_concurrency,
        max_retries=config.get("MaximumRetryAttempts", 2),
        max_age_s=config.get("MaximumEventAgeInSeconds", 21_600),
    )


def reserved_elsewhere(region: str) -> int:
    """Sum the concurrency that functions of a region have reserved."""
    functions = lambda_backends[DEFAULT_ACCOUNT_ID][region].list_functions()
    return sum(function.reserved_concurrency or 0 for function in list(functions))


def zip_of(asked: Mapping[str, Any]) -> bytes | None:
    """Give the zip that a request for a function brings or names; None when moto is to say what is wrong."""
    code = asked.get("Code", asked)
    try:
        if "ZipFile" in code:
            return base64.b64decode(code["ZipFile"])
        if "S3Bucket" in code:
            kept = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].get_object(code["S3Bucket"], code["S3Key"])
            return bytes(kept.value) if kept is not None else None
    except Exception:
        return None
    return None


class Code:
    """The unpacked code of functions, below a folder. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir()
        self._lock = Lock()

    def of(self, function: Function) -> Path:
        """Unpack a function's zip, once, with the permissions that its entries have: Lambda does not widen them."""
        target = self._folder / function.code
        with self._lock:
            if not target.exists():
                found = _moto_function(function.region, function.name, function.version)
                _unpack(found.code_bytes, target)
        return target

    def clear(self) -> None:
        """Remove all of it."""
        with self._lock:
            shutil.rmtree(self._folder)
            self._folder.mkdir()


def _moto_function(region: str, name: str, qualifier: str | None) -> Any:
    try:
        return lambda_backends[DEFAULT_ACCOUNT_ID][region].get_function(name, qualifier)
    except (UnknownFunctionException, UnknownAliasException) as exc:
        raise UnknownFunctionError(exc.message) from exc


def _unpack(content: bytes, target: Path) -> None:
    partial = target.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o755)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for entry in archive.infolist():
            written = Path(archive.extract(entry, partial))
            mode = entry.external_attr >> 16 & 0o777
            if mode:
                written.chmod(mode)
    partial.rename(target)
