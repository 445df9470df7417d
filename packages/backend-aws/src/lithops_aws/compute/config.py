"""The keys of the section `aws_lambda`, and those that it takes from the section `aws`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from lithops.config import Secret

__all__ = ["LambdaConfig"]

MAX_TIMEOUT_S = 900
MEMORY_MB = (128, 10_240)
_STORAGE_MB = (512, 10_240)
_ROLE = re.compile(r"arn:aws[\w-]*:iam::\d{12}:role/.+")
_ACCESS_POINT = re.compile(r"arn:aws[\w-]*:elasticfilesystem:.+:access-point/fsap-\w+")
_NAMESPACE = re.compile(r"[A-Za-z0-9_-]{1,16}")
_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]+")  # https://docs.aws.amazon.com/lambda/latest/api/API_Environment.html


class LambdaConfig(Struct, frozen=True, kw_only=True):
    """How functions are deployed and called. None means what the comment says."""

    execution_role: str | None = None  # the ARN of what functions may do; needed to deploy, not to call
    region: str | None = None  # that of the SDK's own configuration
    runtime: str | None = None  # a zip of this Python and the packages below; else a name built before, or an ECR image
    runtime_memory: int = 256  # in MB
    runtime_timeout: int = 180  # in seconds
    max_workers: int = 1000  # calls at the same time
    worker_processes: int | None = None  # of Lithops 3: it changes nothing, since each call has a sandbox of its own
    invoke_pool_threads: int | None = None  # of Lithops 3: it changes nothing, one thread holds all connections
    architecture: Literal["x86_64", "arm64"] = "x86_64"
    ephemeral_storage: int = 512  # the size of /tmp, in MB
    env_vars: dict[str, Any] | list[dict[str, Any]] = {}  # of functions; or a list of {name, value}
    user_tags: dict[str, Any] = {}
    vpc: dict[str, list[str]] = {}  # {subnets, security_groups}
    efs: list[dict[str, str]] = []  # of {access_point, mount_path}
    namespace: str | None = None  # a part of the names of functions: to keep apart those of several users
    account_id: str | int | None = None  # asked of AWS when it is needed
    invocation: Literal["auto", "reply", "event"] = "auto"  # see `LambdaCompute.prefers_events`
    requirements: str | list[str] | None = None  # packages for the zip: a file, or a list like pip's
    environment: Literal["local"] | None = None  # 'local': versions as installed here, of all or of `requirements`
    runtime_include_function: bool = False  # of Lithops 3: functions always travel with their job
    storage_bucket: str | None = None  # what zips over 50 MB pass through, and what policies name
    endpoint: str | None = None  # Amazon's own; else the URL of a local server
    access_key_id: str | None = None  # what the SDK finds by itself: environment, files, the machine's role
    secret_access_key: Secret | None = None
    session_token: Secret | None = None  # for temporary keys only

    def __post_init__(self) -> None:
        for key in ("execution_role", "region", "runtime", "access_key_id", "requirements"):
            if getattr(self, key) == "":
                raise ValueError(f"'{key}' is empty: give it a value, or leave it out")
        if self.execution_role is not None and not _ROLE.fullmatch(self.execution_role):
            raise ValueError(
                "'execution_role' is no ARN of a role: write it like 'arn:aws:iam::123456789012:role/lithops'"
            )
        self._check_numbers()
        if self.namespace is not None and not _NAMESPACE.fullmatch(self.namespace):
            raise ValueError(f"'namespace' is '{self.namespace}': give up to 16 letters, digits, '-' and '_'")
        for one, other in (("access_key_id", "secret_access_key"), ("secret_access_key", "access_key_id")):
            if getattr(self, one) and not getattr(self, other):
                raise ValueError(f"there is '{one}' without '{other}': write both, or neither (the SDK finds its own)")
        if self.session_token and not self.access_key_id:
            raise ValueError("there is 'session_token' without 'access_key_id': write the keys that it belongs to")
        if self.endpoint is not None and not self.endpoint.startswith(("http://", "https://")):
            raise ValueError(f"'endpoint' is '{self.endpoint}': write it with its scheme, like 'http://localhost:5000'")
        _ = self.variables  # raises
        self._check_network()

    def _check_numbers(self) -> None:
        bounds = {
            "runtime_memory": (*MEMORY_MB, "MB"),
            "runtime_timeout": (1, MAX_TIMEOUT_S, "seconds"),
            "ephemeral_storage": (*_STORAGE_MB, "MB"),
        }
        for key, (least, most, unit) in bounds.items():
            value = getattr(self, key)
            if not least <= value <= most:
                raise ValueError(f"'{key}' is {value}: Lambda takes {least} to {most} {unit}")
        for key in ("max_workers", "worker_processes", "invoke_pool_threads"):
            value = getattr(self, key)
            if value is not None and value < 1:
                raise ValueError(f"'{key}' is {value}: give a number from 1 on, or leave it out")

    def _check_network(self) -> None:
        if self.vpc and (set(self.vpc) != {"subnets", "security_groups"} or not all(self.vpc.values())):
            raise ValueError(
                "'vpc' should have lists 'subnets' and 'security_groups', neither of them empty: give both"
            )
        for one in self.efs:
            if set(one) != {"access_point", "mount_path"}:
                raise ValueError(f"'efs' has an entry with {sorted(one)}: give each 'access_point' and 'mount_path'")
            if not _ACCESS_POINT.fullmatch(one["access_point"]):
                raise ValueError(
                    "an 'access_point' of 'efs' is no ARN of an access point: copy it from the EFS console"
                )
            if not one["mount_path"].startswith("/mnt/"):
                raise ValueError(f"a 'mount_path' of 'efs' is '{one['mount_path']}': Lambda mounts below '/mnt/' only")
        if self.efs and not self.vpc:
            raise ValueError(
                "there is 'efs' without 'vpc': a function reaches EFS by the subnets of a VPC, so give these"
            )

    @property
    def variables(self) -> Mapping[str, str]:
        """The environment of functions, by either way of writing it."""
        given = self.env_vars
        if isinstance(given, list):
            if not all(set(one) == {"name", "value"} for one in given):
                raise ValueError("'env_vars' has an entry that is not {name, value}: give both, or a mapping of all")
            given = {str(one["name"]): one["value"] for one in given}
        for name in given:
            if not _VARIABLE.fullmatch(name):
                raise ValueError(
                    f"'env_vars' has the name '{name}': begin with a letter, go on with letters, digits, '_'"
                )
            if name.startswith("AWS_LAMBDA_") or name in ("AWS_REGION", "AWS_DEFAULT_REGION", "_HANDLER"):
                raise ValueError(f"'env_vars' has '{name}', which Lambda sets itself: leave it out")
        return {name: str(value) for name, value in given.items()}
