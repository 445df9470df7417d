"""How a function is named: by what is in it and how it is configured. No request is made, so every machine agrees."""

from __future__ import annotations

import json
import sys
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lithops.errors import ConfigError
from lithops.spi.compute import RuntimeSpec
from lithops.wire import WIRE_VERSION

if TYPE_CHECKING:
    from lithops.runtimes.spec import Contents
    from lithops_aws.compute.config import LambdaConfig

__all__ = [
    "DEFAULT",
    "GLIBC",
    "PACKAGES",
    "PROVIDED",
    "contents_of",
    "function_name",
    "function_prefix",
    "is_image",
    "memory_of",
    "pins_of",
    "this_python",
    "timeout_of",
]

DEFAULT = "default"
PACKAGES = ("lithops_aws",)
"""What a zip has beside the core: this package, with the handler and the store's module."""

PROVIDED = ("boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3")
"""What Lambda's own Python has, https://docs.aws.amazon.com/lambda/latest/dg/python-package.html"""

GLIBC = {"3.11": 26, "3.12": 34, "3.13": 34, "3.14": 34}
"""The Pythons that Lambda runs zips on, with the minor version of their glibc: Amazon Linux 2, then 2023. As of 2026-02,
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html"""

_MAX_NAME = 64  # https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
_DIGITS = 16


def this_python() -> str:
    """Give this client's minor version of Python, as "3.11"."""
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


def is_image(name: str) -> bool:
    """Tell whether a runtime's name is the address of an image in ECR: Lambda takes images from nowhere else."""
    return ".dkr.ecr" in name and "/" in name


def memory_of(runtime: RuntimeSpec, options: LambdaConfig) -> int:
    """Give the memory of a runtime's function, in MB."""
    return runtime.memory_mb or options.runtime_memory


def timeout_of(runtime: RuntimeSpec, options: LambdaConfig) -> int:
    """Give the time-out of a runtime's function, in whole seconds."""
    seconds = options.runtime_timeout if runtime.timeout_s is None else runtime.timeout_s
    return max(1, -int(-seconds // 1))


def contents_of(runtime: RuntimeSpec, options: LambdaConfig) -> Contents:
    """Say what is in a zip or an image that is built here.

    Of `requirements` it has the lines as they are written: which versions pip chooses is seen when it is built. Raises
    `ConfigError` for a file that is not there.
    """
    from lithops.runtimes.spec import Contents

    given = pins_of(options) if options.environment else _lines_of(options.requirements)
    named = () if runtime.name == DEFAULT else (f"runtime {runtime.name}",)
    return Contents(
        this_python(), options.architecture, WIRE_VERSION[0], given, (f"sources {_digest_of_sources()}", *named)
    )


def pins_of(options: LambdaConfig) -> tuple[str, ...]:
    """Choose the exact versions for a zip. Runs pip when `requirements` are given: it may take long."""
    from lithops.runtimes.requirements import options_of, resolve

    if options.requirements is None and options.environment is None:
        return ()
    python = this_python()
    return resolve(
        options.requirements,
        options.environment,
        python,
        options.architecture,
        PROVIDED,
        glibc=GLIBC.get(python, min(GLIBC.values())),
        pip_arguments=options_of(options.requirements),
    )


def function_name(runtime: RuntimeSpec, options: LambdaConfig) -> str:
    """Name the function of a runtime, as `lithops-1a2b3c4d5e6f7a8b-256MB`, with the namespace as its second part."""
    from lithops.runtimes.spec import name_of

    what: dict[str, Any] = {
        "role": options.execution_role,
        "timeout": timeout_of(runtime, options),
        "storage": options.ephemeral_storage,
        "variables": dict(options.variables),
        "vpc": options.vpc,
        "efs": options.efs,
        "architecture": options.architecture,
    }
    if is_image(runtime.name):
        what |= {"image": runtime.name, "wire": WIRE_VERSION[0]}
    else:
        what |= {"contents": name_of(contents_of(runtime, options))}
    digest = sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:_DIGITS]
    name = f"{function_prefix(options)}{digest}-{memory_of(runtime, options)}MB"
    if len(name) > _MAX_NAME:
        raise ConfigError(
            f"the function's name '{name}' is longer than {_MAX_NAME} letters: give a shorter 'namespace'"
        )
    return name


def function_prefix(options: LambdaConfig) -> str:
    """Give how the names of this configuration's functions begin."""
    return f"lithops-{options.namespace}-" if options.namespace else "lithops-"


@cache
def _digest_of_sources() -> str:
    from lithops.runtimes.bundle import digest_of_sources

    return digest_of_sources(PACKAGES)


def _lines_of(requirements: str | list[str] | None) -> tuple[str, ...]:
    if requirements is None:
        return ()
    lines = requirements
    if isinstance(requirements, str):
        try:
            lines = Path(requirements).expanduser().read_text("utf-8").splitlines()
        except OSError as exc:
            raise ConfigError(f"'requirements' names '{requirements}', which cannot be read: {exc.strerror}") from exc
    stripped = (line.strip() for line in lines)
    return tuple(line for line in stripped if line and not line.startswith("#"))
