"""What AWS's control plane does and moto's does not: limits of code, states, pages, effects on sandboxes."""

from __future__ import annotations

import io
import json
import re
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

from moto.awslambda.models import lambda_backends
from moto.core import DEFAULT_ACCOUNT_ID  # type: ignore[attr-defined]  # moto exports it by its name alone
from tests.emulators.lambda_faults import Chaos
from tests.emulators.lambda_functions import UNZIPPED_BYTES, zip_of
from tests.emulators.lambda_invocations import Concurrency
from tests.emulators.lambda_pool import Pool

__all__ = ["Answer", "Control", "refusal"]

REQUEST_BYTES = 70_167_211  # of a zip of 50 MiB in base64 and the rest
_ENVIRONMENT_BYTES = 4096
_PAGE = 50
_NAME = re.compile(r"(arn:aws[\w-]*:lambda:[\w-]+:\d{12}:function:)?[\w-]{1,64}(:(\$LATEST|[\w-]+))?")
_RESERVED = re.compile(
    r"_HANDLER|_X_AMZN_TRACE_ID|TZ|AWS_(DEFAULT_)?REGION|AWS_EXECUTION_ENV|AWS_LAMBDA_\w+|AWS_ACCESS_KEY(_ID)?"
    r"|AWS_SECRET_ACCESS_KEY|AWS_SESSION_TOKEN|LAMBDA_TASK_ROOT|LAMBDA_RUNTIME_DIR"
)
_CANNOT = "The operation cannot be performed at this time."


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client is told."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def refusal(status: int, error_type: str, message: str, **more: object) -> Answer:
    """Refuse as Lambda does."""
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": error_type}
    return Answer(
        status, headers, json.dumps({"Type": "User", **more, "message": message, "Message": message}).encode()
    )


class Control:
    """Stands before and after moto for each request to Lambda that is not an invocation."""

    def __init__(self, pool: Pool, chaos: Chaos, concurrency: Concurrency) -> None:
        self._pool = pool
        self._chaos = chaos
        self._concurrency = concurrency
        self._created: dict[str, float] = {}  # when a function is no longer Pending
        self._updated: dict[str, float] = {}

    def clear(self) -> None:
        """Forget all functions."""
        self._created.clear()
        self._updated.clear()

    def state(self, name: str) -> str:
        """Give a function's state."""
        return "Pending" if time.monotonic() < self._created.get(name, 0.0) else "Active"

    def before(self, operation: str, path: str, region: str, body: bytes) -> Answer | None:
        """Answer in moto's place, or let moto answer."""
        if len(body) > REQUEST_BYTES:
            said = f"Request must be smaller than {REQUEST_BYTES} bytes for the {operation} operation"
            return refusal(413, "RequestEntityTooLargeException", said)
        if operation == "GetAccountSettings":
            return self._account(region)
        if operation not in ("CreateFunction", "UpdateFunctionCode", "UpdateFunctionConfiguration"):
            if operation == "PutFunctionEventInvokeConfig":  # moto keeps the first one
                self._forget_event_config(region, _name(path))
            return None
        asked = json.loads(body)
        name = asked.get("FunctionName") or _name(path)
        if operation != "CreateFunction" and max(self._created.get(name, 0.0), self._updated.get(name, 0.0)) > _now():
            arn = f"arn:aws:lambda:{region}:{DEFAULT_ACCOUNT_ID}:function:{name}"
            return refusal(409, "ResourceConflictException", f"{_CANNOT} An update is in progress for resource: {arn}")
        return self._invalid(asked, name)

    def after(self, operation: str, path: str, query: str, region: str, body: bytes, answer: Answer) -> Answer:
        """Do what a successful request has to do here, and tell what moto does not know."""
        if answer.status >= 300:
            return answer
        told = json.loads(answer.body) if answer.body else {}
        name = _name(path)
        if operation == "CreateFunction":
            name = told["FunctionName"]
            self._created[name] = _now() + self._chaos.faults.pending_s
        elif operation in ("UpdateFunctionCode", "UpdateFunctionConfiguration"):
            self._updated[name] = _now() + self._chaos.faults.pending_s
            size = json.loads(body).get("EphemeralStorage", {}).get("Size")
            if size:  # moto forgets it
                lambda_backends[DEFAULT_ACCOUNT_ID][region].get_function(name).ephemeral_storage = size
                told["EphemeralStorage"] = {"Size": size}
        if operation in ("CreateFunction", "UpdateFunctionCode", "UpdateFunctionConfiguration", "DeleteFunction"):
            self._pool.retire(name)
        if operation == "ListFunctions":
            told = _page(told, query)
        for config in (told, told.get("Configuration")):
            if isinstance(config, dict) and "State" in config:
                self._tell_state(config)
        return Answer(answer.status, answer.headers, json.dumps(told).encode()) if told else answer

    def _tell_state(self, config: dict[str, Any]) -> None:
        name = config["FunctionName"]
        if self.state(name) == "Pending":
            config.update(State="Pending", StateReason="The function is being created.", StateReasonCode="Creating")
        if _now() < self._updated.get(name, 0.0):
            config.update(LastUpdateStatus="InProgress", LastUpdateStatusReasonCode="Creating")

    def _invalid(self, asked: Mapping[str, Any], name: str) -> Answer | None:
        if _NAME.fullmatch(name) is None:
            return _constraint(name, "functionName", r"Member must satisfy regular expression pattern: (...)")
        for key, member, low, high in (("MemorySize", "memorySize", 128, 10240), ("Timeout", "timeout", 1, 900)):
            value = asked.get(key)
            if value is not None and not low <= value <= high:
                bound = f"less than or equal to {high}" if value > high else f"greater than or equal to {low}"
                return _constraint(value, member, f"Member must have value {bound}")
        if "Role" in asked and not self._chaos.takes_role():
            said = "The role defined for the function cannot be assumed by Lambda."
            return refusal(400, "InvalidParameterValueException", said)
        variables = asked.get("Environment", {}).get("Variables", {})
        cannot = "Lambda was unable to configure your environment variables because the environment variables you have"
        if reserved := [key for key in variables if _RESERVED.fullmatch(key)]:
            said = f"{cannot} provided contains reserved keys that are currently not supported for modification."
            said += f" Reserved keys used in this request: {', '.join(reserved)}"
            return refusal(400, "InvalidParameterValueException", said)
        if len(json.dumps(variables, separators=(",", ":")).encode()) > _ENVIRONMENT_BYTES:
            return refusal(400, "InvalidParameterValueException", f"{cannot} provided exceeded the 4KB limit.")
        return _invalid_zip(zip_of(asked))

    def _account(self, region: str) -> Answer:
        functions = list(lambda_backends[DEFAULT_ACCOUNT_ID][region].list_functions())
        reserved = sum(function.reserved_concurrency or 0 for function in functions)
        told = {
            "AccountLimit": {
                "TotalCodeSize": 80_530_636_800,
                "CodeSizeUnzipped": UNZIPPED_BYTES,
                "CodeSizeZipped": 52_428_800,
                "ConcurrentExecutions": self._concurrency.limit,
                "UnreservedConcurrentExecutions": self._concurrency.limit - reserved,
            },
            "AccountUsage": {
                "TotalCodeSize": sum(function.code_size for function in functions),
                "FunctionCount": len(functions),
            },
        }
        return Answer(200, {"Content-Type": "application/json"}, json.dumps(told).encode())

    def _forget_event_config(self, region: str, name: str) -> None:
        for function in lambda_backends[DEFAULT_ACCOUNT_ID][region].list_functions():
            if function.function_name == name:
                function.event_invoke_config = []


def _invalid_zip(content: bytes | None) -> Answer | None:
    if content is None:
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
    except zipfile.BadZipFile:
        said = "Could not unzip uploaded file. Please check your file, then try to upload again."
        return refusal(400, "InvalidParameterValueException", said)
    if size > UNZIPPED_BYTES:
        said = f"Unzipped size must be smaller than {UNZIPPED_BYTES} bytes"
        return refusal(400, "InvalidParameterValueException", said)
    return None


def _constraint(value: object, member: str, rule: str) -> Answer:
    said = f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {rule}"
    return refusal(400, "ValidationException", said)


def _page(told: dict[str, Any], query: str) -> dict[str, Any]:
    asked = parse_qs(query)
    at = int(asked.get("Marker", ["0"])[0])
    size = min(int(asked.get("MaxItems", [str(_PAGE)])[0]), _PAGE)
    functions = told["Functions"]
    page: dict[str, Any] = {"Functions": functions[at : at + size]}
    if at + size < len(functions):
        page["NextMarker"] = str(at + size)
    return page


def _name(path: str) -> str:
    found = re.search(r"/functions/([^/]+)", path)
    text = unquote(found[1]) if found else ""
    return text.partition(":function:")[2].partition(":")[0] if ":function:" in text else text.partition(":")[0]


def _now() -> float:
    return time.monotonic()
