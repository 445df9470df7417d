"""The functions of an account that are runtimes: made on first use, found again by name from any machine."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from lithops.errors import ConfigError
from lithops.spi.compute import RuntimeInfo, RuntimeSpec
from lithops.wire import WIRE_VERSION
from lithops_aws.compute.deploy import Deployer, described
from lithops_aws.compute.deploy_image import build_image, find_image
from lithops_aws.compute.deploy_zip import zip_of
from lithops_aws.compute.errors import code_of, translated
from lithops_aws.compute.functions_naming import DEFAULT, function_name, function_prefix, is_image, this_python

if TYPE_CHECKING:
    from lithops_aws.compute.config import LambdaConfig
    from lithops_aws.compute.session import Session

__all__ = ["Functions"]

ASK_S = 120.0
"""An image's first start may take long."""


class Functions:
    """Names, makes, lists and deletes functions. Thread-safe; of several threads one makes a function, the others wait."""

    def __init__(
        self,
        session: Session,
        options: LambdaConfig,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session = session
        self._options = options
        self._deployer = Deployer(session, options, sleep, clock)
        self._lock = threading.Lock()
        self._names: dict[tuple[str, int | None, float | None], str] = {}
        self._ready: dict[str, RuntimeInfo] = {}
        self._making: dict[str, threading.Lock] = {}
        self._built: set[str] = set()

    def name_for(self, runtime: RuntimeSpec) -> str:
        """Name the function of a runtime. Sends no request. Raises `ConfigError` for requirements that cannot be read."""
        key = runtime.name, runtime.memory_mb, runtime.timeout_s
        name = self._names.get(key)
        if name is None:
            name = self._names[key] = function_name(runtime, self._options)
        return name

    def ensure(self, runtime: RuntimeSpec) -> RuntimeInfo:
        """Find the function of a runtime, or make it. Idempotent; safe to race with other threads and machines.

        A function that was seen once is not asked for again, until `forget`. Raises `ConfigError`, `AccessDeniedError`,
        `ThrottledError`, `TransientError`.
        """
        name = self.name_for(runtime)
        with self._lock:
            making = self._making.setdefault(name, threading.Lock())
        with making:
            info = self._ready.get(name)
            if info is None:
                found = self._find(name)
                if found is None:
                    found = self._deployer.create(name, runtime)
                elif name in self._built:
                    found = self._deployer.update(name, runtime)
                elif found.get("State") in ("Pending", "Failed"):
                    found = self._deployer.wait(name)
                self._built.discard(name)
                info = _info(found)._replace(name=runtime.name)
                if found.get("PackageType") == "Image":
                    python, wire = self._ask(name, runtime)
                    info = info._replace(python=python, wire=wire)
                self._ready[name] = info
            return info

    def forget(self, name: str) -> None:
        """Look for a function again when it is needed: somebody deleted it."""
        self._ready.pop(name, None)

    def list(self) -> Sequence[RuntimeInfo]:
        """List the functions of this configuration's namespace; `detail` begins with a function's name."""
        return [_info(found) for found in self._listed()]

    def delete(self, runtime: RuntimeSpec) -> None:
        """Delete a runtime's function; one that is not there is not an error.

        Without `memory_mb`, all functions of the runtime are deleted, whatever their size and the release that made them.
        A runtime may be named by its function, too.
        """
        if runtime.name.startswith(function_prefix(self._options)):
            names = [runtime.name]
        elif runtime.memory_mb is not None:
            names = [self.name_for(runtime)]
        else:
            names = [found["FunctionName"] for found in self._listed() if _info(found).name == runtime.name]
        for name in names:
            self._delete(name)

    def build(self, runtime: RuntimeSpec, file: str | None = None) -> str:
        """Build a runtime anew: an image by a Dockerfile `file`, else the zip. Gives the name to call it by.

        `ensure` deploys it then, also over what is there. An image that was pushed by others is only deployed again.
        Raises `ConfigError`.
        """
        self._names.clear()  # requirements may have changed
        if file is not None:
            build_image(self._session, runtime, self._options, file)
        elif not is_image(runtime.name) and find_image(self._session, runtime, self._options) is None:
            zip_of(runtime, self._options, is_fresh=True)
        name = self.name_for(runtime)
        self._built.add(name)
        self.forget(name)
        return runtime.name

    def _find(self, name: str) -> Mapping[str, Any] | None:
        client = self._session.client("lambda")
        with translated(f"looking for the function '{name}'"):
            try:
                found: Mapping[str, Any] = client.get_function_configuration(FunctionName=name)
            except ClientError as exc:
                if code_of(exc) != "ResourceNotFoundException":
                    raise
                return None
        return found

    def _ask(self, name: str, runtime: RuntimeSpec) -> tuple[str, int]:
        """Ask a function what it is: its image may have been made by others, of another Python."""
        with translated(f"asking the function '{name}' for its Python"):
            answer = self._session.client("lambda", read_s=ASK_S).invoke(
                FunctionName=name, Payload=json.dumps({"lithops-runtime": True})
            )
            body = answer["Payload"].read()
        if not answer.get("FunctionError"):
            try:
                told = json.loads(body)
                return str(told["python"]), int(told["wire"])
            except (ValueError, TypeError, KeyError):  # another handler answered
                pass
        raise ConfigError(
            f"the image of the runtime '{runtime.name}' runs no worker of Lithops: {body.decode(errors='replace')[:500]}; "
            "build it by 'lithops runtime build NAME -f Dockerfile', and set 'runtime: NAME'"
        )

    def _listed(self) -> Iterator[Mapping[str, Any]]:
        ours = re.compile(rf"{re.escape(function_prefix(self._options))}[0-9a-f]+-[0-9]+MB")
        client = self._session.client("lambda")
        mark: dict[str, str] = {}
        while True:
            with translated("listing functions"):
                page = client.list_functions(**mark)
            for found in page["Functions"]:
                if ours.fullmatch(found["FunctionName"]) and described(found.get("Description", "")):
                    yield found
            if not page.get("NextMarker"):
                return
            mark = {"Marker": page["NextMarker"]}

    def _delete(self, name: str) -> None:
        self.forget(name)
        with translated(f"deleting the function '{name}'"):
            try:
                self._session.client("lambda").delete_function(FunctionName=name)
            except ClientError as exc:
                if code_of(exc) != "ResourceNotFoundException":
                    raise


def _info(found: Mapping[str, Any]) -> RuntimeInfo:
    told = described(found.get("Description", ""))
    parts = [
        found["FunctionName"],
        *found.get("Architectures", []),
        f"Lithops {told.get('lithops', 'of unknown release')}",
    ]
    return RuntimeInfo(
        told.get("runtime", DEFAULT),
        told.get("python", this_python()),
        int(told.get("wire", WIRE_VERSION[0])),
        found.get("MemorySize"),
        found.get("Timeout"),
        found.get("CodeSize"),
        _seconds(found.get("LastModified")),
        ", ".join(parts),
    )


def _seconds(text: str | None) -> float | None:
    """Read a time as Lambda writes it, `2026-01-31T23:59:59.000+0000`."""
    try:
        return datetime.fromisoformat(text).timestamp() if text else None
    except ValueError:
        return None
