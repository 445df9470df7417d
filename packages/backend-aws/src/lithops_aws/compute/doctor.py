"""What may be wrong between a user and Lambda: looked for without changing anything, each finding with what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from lithops.errors import AccessDeniedError, BackendError, LithopsError
from lithops.spi.compute import Check, RuntimeSpec
from lithops_aws.compute.errors import code_of, translated
from lithops_aws.compute.functions_naming import DEFAULT, GLIBC, is_image, this_python

if TYPE_CHECKING:
    from lithops_aws.compute.config import LambdaConfig
    from lithops_aws.compute.functions import Functions
    from lithops_aws.compute.session import Session

__all__ = ["checks"]

_POLICY = "attach the document 'client' of 'lithops policy aws_lambda' to the user or role of these credentials"
_TRUST = "let the role trust Lambda: 'lithops policy aws_lambda' prints that document as 'trust'"
_FULL = 0.9  # of the room for code


def checks(session: Session, functions: Functions, options: LambdaConfig) -> Iterator[Check]:
    """Check the account, from the region to the room for code. Without a region or credentials nothing else is checked."""
    region = _attempt("region", lambda: session.region, "set 'region' in the section aws_lambda or aws")
    yield region
    yield _python(options)
    if not region.ok:
        return
    identity = _attempt("credentials", lambda: _identity(session), "run 'aws configure', or 'aws sso login'")
    yield identity
    if not identity.ok:
        return
    yield _role(session, options)
    spec = RuntimeSpec(options.runtime or DEFAULT, options.runtime_memory, options.runtime_timeout)
    yield _attempt("permissions", lambda: _permissions(session, functions, spec), _POLICY)
    yield from _quotas(session, options)


def _attempt(name: str, action: Callable[[], str], advice: str) -> Check:
    try:
        return Check(name, True, action())
    except LithopsError as exc:
        return Check(name, False, str(exc), advice)


def _python(options: LambdaConfig) -> Check:
    python, name = this_python(), options.runtime or DEFAULT
    if is_image(name):
        return Check("Python", True, f"{python} here; the image '{name}' has its own")
    detail = f"{python}, on {options.architecture}"
    return Check("Python", python in GLIBC, detail, f"run the client with {', '.join(GLIBC)}, or use an image")


def _identity(session: Session) -> str:
    with translated("asking whose the credentials are"):
        found = session.client("sts").get_caller_identity()
    return f"{found['Arn']}, in account {found['Account']}"


def _role(session: Session, options: LambdaConfig) -> Check:
    arn = options.execution_role
    if not arn:
        advice = "make one as docs/compute/aws_lambda.md shows, and set 'execution_role' in the section aws_lambda"
        return Check("role", False, "'execution_role' is not set, and functions cannot be made without it", advice)
    try:
        with translated(f"looking at the role '{arn}'"):
            try:
                role = session.client("iam").get_role(RoleName=arn.rpartition("/")[2])["Role"]
            except ClientError as exc:
                if code_of(exc) != "NoSuchEntity":
                    raise
                return Check("role", False, f"there is no role '{arn}'", "make it, or correct 'execution_role'")
    except AccessDeniedError:
        return Check("role", True, f"{arn} (these credentials may not look at it: not checked)")
    except BackendError as exc:
        return Check("role", False, str(exc), "try again")
    if role["Arn"] != arn:
        return Check("role", False, f"there is '{role['Arn']}', and not '{arn}'", "correct 'execution_role'")
    return Check("role", _trusts_lambda(role.get("AssumeRolePolicyDocument", {})), arn, _TRUST)


def _trusts_lambda(document: Mapping[str, Any]) -> bool:
    for statement in _list(document.get("Statement", [])):
        principal = statement.get("Principal", {})
        services = _list(principal.get("Service", [])) if isinstance(principal, dict) else []
        is_assumed = any(action in ("sts:AssumeRole", "sts:*", "*") for action in _list(statement.get("Action", [])))
        if statement.get("Effect") == "Allow" and is_assumed and "lambda.amazonaws.com" in services:
            return True
    return False


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _permissions(session: Session, functions: Functions, runtime: RuntimeSpec) -> str:
    """Try what needs no change: look for the function, and ask for a call without making it."""
    name, client = functions.name_for(runtime), session.client("lambda")
    functions.list()
    with translated(f"looking for the function '{name}'"):
        try:
            client.get_function_configuration(FunctionName=name)
        except ClientError as exc:
            if code_of(exc) == "ResourceNotFoundException":
                return f"functions can be listed; '{name}' is made by the first call"
            raise
    with translated(f"asking whether the function '{name}' may be called"):
        client.invoke(FunctionName=name, InvocationType="DryRun")
    return f"the function '{name}' is there, and may be called"


def _quotas(session: Session, options: LambdaConfig) -> Iterator[Check]:
    try:
        with translated("asking for the account's quotas"):
            told = session.client("lambda").get_account_settings()
    except BackendError as exc:
        yield Check("quotas", False, str(exc), _POLICY)
        return
    limit, usage = told.get("AccountLimit", {}), told.get("AccountUsage", {})
    free = limit.get("UnreservedConcurrentExecutions", limit.get("ConcurrentExecutions", 0))
    yield Check(
        "concurrency",
        free >= options.max_workers,
        f"{free:,} calls at once in this region, and 'max_workers' is {options.max_workers:,}",
        f"set 'max_workers: {free}', or ask AWS for more 'Concurrent executions' in Service Quotas; calls over it wait",
    )
    used, most = usage.get("TotalCodeSize", 0), limit.get("TotalCodeSize", 0)
    yield Check(
        "code storage",
        used <= most * _FULL,
        f"{used / 1e9:.2f} of {most / 1e9:.2f} GB are used by {usage.get('FunctionCount', 0):,} functions",
        "delete runtimes that are not used: 'lithops runtime list', 'lithops runtime delete'",
    )
