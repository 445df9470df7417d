"""Make a function: the request for it, what may be refused at first and taken later, and the wait until it is active."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from lithops._version import __version__
from lithops.errors import AccessDeniedError, BackendError, ConfigError, TransientError
from lithops.spi.compute import RuntimeSpec
from lithops.wire import WIRE_VERSION
from lithops.wire.keys import JOBS_PREFIX
from lithops_aws.compute.deploy_image import HANDLER, find_image
from lithops_aws.compute.deploy_zip import zip_of
from lithops_aws.compute.errors import code_of, translated
from lithops_aws.compute.functions_naming import memory_of, this_python, timeout_of

if TYPE_CHECKING:
    from lithops_aws.compute.config import LambdaConfig
    from lithops_aws.compute.session import Session

__all__ = ["Deployer", "describe", "described", "function_request"]

ACTIVE_S = 120.0
ROLE_S = 45.0
"""How long a role that was made just now may be unknown to Lambda."""

MAX_DIRECT_BYTES = 50_000_000
MAX_EVENT_AGE_S = 3600
_STEP_S = 0.25
_LONGEST_STEP_S = 4.0
_MAX_DESCRIPTION = 256


class Deployer:
    """Makes functions. `sleep` and `clock` are those of `time`; tests give their own."""

    def __init__(
        self, session: Session, options: LambdaConfig, sleep: Callable[[float], None], clock: Callable[[], float]
    ) -> None:
        self._session = session
        self._options = options
        self._sleep = sleep
        self._clock = clock

    def create(self, name: str, runtime: RuntimeSpec) -> Mapping[str, Any]:
        """Create a function, or find that another machine does, and give its configuration when it is active.

        Raises `ConfigError` for what the user has to mend, `AccessDeniedError`, `TransientError` when it takes too long.
        """
        if not self._options.execution_role:
            raise ConfigError(
                f"the function '{name}' cannot be made without a role that it may take: make one as 'lithops policy "
                "aws_lambda' shows (docs/compute/aws_lambda.md), and set 'execution_role' in the section aws_lambda"
            )
        request = function_request(name, runtime, self._options)
        with self._code(name, runtime) as code:
            self._create(name, {**request, **_package(code), "Code": code})
        found = self.wait(name)
        self._limit_events(name)
        return found

    def update(self, name: str, runtime: RuntimeSpec) -> Mapping[str, Any]:
        """Give a function its code anew, and give its configuration when that is active. Raises as `create` does."""
        client = self._session.client("lambda")
        with self._code(name, runtime) as code:

            def update() -> bool | None:
                try:
                    client.update_function_code(FunctionName=name, **code)
                except ClientError as exc:
                    if code_of(exc) == "ResourceConflictException":  # an update of another machine goes on
                        return None
                    raise
                return True

            with translated(f"updating the function '{name}'"):
                self._until(
                    update, ACTIVE_S, TransientError(f"the function '{name}' is being updated by others; try again")
                )
        return self.wait(name)

    def wait(self, name: str) -> Mapping[str, Any]:
        """Wait until a function is active, and give its configuration. Bounded by `ACTIVE_S`."""
        with translated(f"waiting for the function '{name}'"):
            found: Mapping[str, Any] = self._until(
                lambda: self._look(name),
                ACTIVE_S,
                TransientError(f"the function '{name}' was not active after {ACTIVE_S:.0f} s; try again later"),
            )
        return found

    def _look(self, name: str) -> Mapping[str, Any] | None:
        found: Mapping[str, Any] = self._session.client("lambda").get_function_configuration(FunctionName=name)
        state = found.get("State", "Active")
        if state == "Failed":
            raise BackendError(
                f"AWS could not make the function '{name}': {found.get('StateReason') or 'no reason was given'} "
                f"({found.get('StateReasonCode', '')}); mend that, and run 'lithops runtime delete {name}'"
            )
        if found.get("LastUpdateStatus") == "Failed":
            raise BackendError(
                f"AWS did not update the function '{name}': {found.get('LastUpdateStatusReason') or 'it gave no reason'}; "
                "it runs with what it had: mend that, and run 'lithops runtime update'"
            )
        return None if state == "Pending" or found.get("LastUpdateStatus") == "InProgress" else found

    @contextmanager
    def _code(self, name: str, runtime: RuntimeSpec) -> Iterator[dict[str, Any]]:
        """Give where Lambda finds the code: in the request itself, in a bucket while the request runs, or in an image."""
        image = find_image(self._session, runtime, self._options)
        if image is not None:
            yield {"ImageUri": image}
            return
        body = zip_of(runtime, self._options).read_bytes()
        if len(body) < MAX_DIRECT_BYTES:
            yield {"ZipFile": body}
            return
        bucket = self._options.storage_bucket
        if not bucket:
            raise ConfigError(
                f"the runtime is {len(body) / 1e6:.1f} MB, and Lambda takes more than {MAX_DIRECT_BYTES / 1e6:.0f} MB by "
                "a bucket only: set 'storage_bucket' in the section aws_lambda or aws"
            )
        store, key = self._session.client("s3"), f"{JOBS_PREFIX}runtimes/{name}-{sha256(body).hexdigest()}.zip"
        with translated(f"uploading the runtime to the bucket '{bucket}'"):
            store.put_object(Bucket=bucket, Key=key, Body=body)
        try:
            yield {"S3Bucket": bucket, "S3Key": key}
        finally:
            with translated(f"deleting the upload '{key}' in the bucket '{bucket}'"):
                store.delete_object(Bucket=bucket, Key=key)  # Lambda has its own copy

    def _create(self, name: str, request: Mapping[str, Any]) -> None:
        client = self._session.client("lambda")
        role = self._options.execution_role

        def create() -> bool | None:
            try:
                client.create_function(**request)
            except ClientError as exc:
                if code_of(exc) == "ResourceConflictException":  # another machine was first, with the same contents
                    return True
                if code_of(exc) == "InvalidParameterValueException" and "assumed by Lambda" in str(exc):
                    return None  # a role is known everywhere some seconds after it was made
                raise
            return True

        refused = AccessDeniedError(
            f"the function '{name}' cannot be made: Lambda may not take the role '{role}'; check 'execution_role', and that "
            "the role trusts lambda.amazonaws.com ('lithops policy aws_lambda' prints that document as 'trust')"
        )
        with translated(f"making the function '{name}'"):
            self._until(create, ROLE_S, refused)

    def _limit_events(self, name: str) -> None:
        """Let a call that was started by an event run once: what died is told at once, and the engine retries it."""
        client = self._session.client("lambda")

        def limit() -> bool | None:
            try:
                client.put_function_event_invoke_config(
                    FunctionName=name, MaximumRetryAttempts=0, MaximumEventAgeInSeconds=MAX_EVENT_AGE_S
                )
            except ClientError as exc:
                if code_of(exc) == "ResourceConflictException":  # an update of another machine goes on
                    return None
                raise
            return True

        with translated(f"configuring the events of the function '{name}'"):
            self._until(
                limit, ROLE_S, TransientError(f"the function '{name}' is being updated by others; try again later")
            )

    def _until(self, ask: Callable[[], Any], limit_s: float, error: Exception) -> Any:
        """Ask until there is an answer, less and less often. Raises `error` when the time is over."""
        step_s, ends = _STEP_S, self._clock() + limit_s
        while (answer := ask()) is None:
            if self._clock() >= ends:
                raise error
            self._sleep(step_s)
            step_s = min(step_s * 1.5, _LONGEST_STEP_S)
        return answer


def function_request(name: str, runtime: RuntimeSpec, options: LambdaConfig) -> dict[str, Any]:
    """Give the arguments of `create_function`, but for the code and its kind."""
    tags = {str(key): str(value) for key, value in options.user_tags.items()}
    request: dict[str, Any] = {
        "FunctionName": name,
        "Role": options.execution_role,
        "MemorySize": memory_of(runtime, options),
        "Timeout": timeout_of(runtime, options),
        "EphemeralStorage": {"Size": options.ephemeral_storage},
        "Architectures": [options.architecture],
        "Description": describe(runtime.name),
        "Tags": {
            **tags,
            "lithops:version": __version__,
            "lithops:runtime": runtime.name,
            "lithops:python": this_python(),
            "lithops:wire": str(WIRE_VERSION[0]),
        },
    }
    if options.variables:
        request["Environment"] = {"Variables": dict(options.variables)}
    if options.vpc:
        request["VpcConfig"] = {
            "SubnetIds": options.vpc["subnets"],
            "SecurityGroupIds": options.vpc["security_groups"],
        }
    if options.efs:
        request["FileSystemConfigs"] = [
            {"Arn": one["access_point"], "LocalMountPath": one["mount_path"]} for one in options.efs
        ]
    return request


def describe(runtime: str) -> str:
    """Write what a function is into its description, which listings show, as they do not show tags."""
    return f"Lithops {__version__}, Python {this_python()}, wire {WIRE_VERSION[0]}, runtime {runtime}"[
        :_MAX_DESCRIPTION
    ]


def described(description: str) -> dict[str, str]:
    """Read a description; empty when it is no function of ours."""
    if not description.startswith("Lithops "):
        return {}
    parts = (part.partition(" ") for part in description.split(", ", 3))
    return {name.lower(): value for name, _, value in parts}


def _package(code: Mapping[str, Any]) -> dict[str, Any]:
    if "ImageUri" in code:
        return {"PackageType": "Image", "ImageConfig": {"Command": [HANDLER]}}
    return {"PackageType": "Zip", "Runtime": f"python{this_python()}", "Handler": HANDLER}
