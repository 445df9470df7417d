"""The section `aws_lambda`: keys of Lithops 3 are taken, wrong values are refused with what to write."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from typing import Any

import pytest

from lithops.config import Secret, resolve
from lithops.errors import ConfigError
from lithops_aws.compute.config import LambdaConfig
from lithops_aws.compute.functions_naming import pins_of

ROLE = "arn:aws:iam::123456789012:role/lithops"
EFS = {
    "access_point": "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-0123456789abcdef0",
    "mount_path": "/mnt/data",
}
VPC = {"subnets": ["subnet-1"], "security_groups": ["sg-1"]}


def test_the_defaults() -> None:
    config = LambdaConfig()
    assert (config.runtime_memory, config.runtime_timeout, config.max_workers) == (256, 180, 1000)
    assert (config.architecture, config.invocation, config.variables) == ("x86_64", "auto", {})


def test_all_keys_of_lithops_3_are_taken() -> None:
    section = {
        "execution_role": ROLE,
        "region": "eu-west-1",
        "runtime": "work",
        "runtime_memory": 1024,
        "runtime_timeout": 900,
        "max_workers": 500,
        "worker_processes": 1,
        "invoke_pool_threads": 64,
        "runtime_include_function": False,
        "architecture": "arm64",
        "ephemeral_storage": 1024,
        "env_vars": [{"name": "WHO", "value": 3}],
        "user_tags": {"team": "x"},
        "vpc": VPC,
        "efs": [EFS],
        "namespace": "mine",
        "account_id": 123456789012,
    }
    config = {"lithops": {"backend": "aws_lambda", "storage": "localhost"}, "aws_lambda": section}
    options = resolve(config).compute_options
    assert isinstance(options, LambdaConfig)
    assert (options.region, options.architecture, options.namespace) == ("eu-west-1", "arm64", "mine")
    assert options.variables == {"WHO": "3"}


def test_keys_of_the_provider_are_defaults_and_secrets_do_not_show() -> None:
    config = {
        "lithops": {"backend": "aws_lambda", "storage": "localhost"},
        "aws": {"region": "eu-west-1", "access_key_id": "AKIA", "secret_access_key": "hidden"},
    }
    options = resolve(config).compute_options
    assert isinstance(options, LambdaConfig)
    assert options.region == "eu-west-1"
    assert options.secret_access_key == Secret("hidden")
    assert "hidden" not in repr(options)


def test_variables_may_be_a_mapping() -> None:
    assert LambdaConfig(env_vars={"A_1": 2}).variables == {"A_1": "2"}


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("runtime_memory", 64, "128 to 10240 MB"),
        ("runtime_memory", 10_241, "128 to 10240 MB"),
        ("runtime_timeout", 0, "1 to 900 seconds"),
        ("runtime_timeout", 901, "1 to 900 seconds"),
        ("ephemeral_storage", 511, "512 to 10240 MB"),
        ("max_workers", 0, "from 1 on"),
        ("worker_processes", 0, "from 1 on"),
        ("invoke_pool_threads", -1, "from 1 on"),
        ("execution_role", "lithops", "arn:aws:iam::"),
        ("execution_role", "", "empty"),
        ("region", "", "empty"),
        ("namespace", "a b", "16 letters"),
        ("namespace", "a" * 17, "16 letters"),
        ("env_vars", {"1A": "x"}, "begin with a letter"),
        ("env_vars", {"AWS_REGION": "x"}, "leave it out"),
        ("env_vars", [{"key": "A"}], "{name, value}"),
        ("vpc", {"subnets": ["s"]}, "give both"),
        ("vpc", {"subnets": [], "security_groups": ["s"]}, "give both"),
        ("efs", [EFS], "'vpc'"),
        ("efs", [{"mount_path": "/mnt/x"}], "access_point"),
        ("efs", [{**EFS, "mount_path": "/data"}], "/mnt/"),
        ("efs", [{**EFS, "access_point": "fsap-1"}], "ARN"),
        ("endpoint", "localhost:1", "scheme"),
        ("access_key_id", "AKIA", "secret_access_key"),
        ("secret_access_key", Secret("s"), "access_key_id"),
        ("session_token", Secret("s"), "access_key_id"),
    ],
)
def test_what_is_wrong_is_refused(key: str, value: Any, said: str) -> None:
    with pytest.raises(ValueError, match="'") as raised:
        LambdaConfig(**{key: value})
    assert said in str(raised.value)


def test_requirements_and_environment_say_together_which_versions() -> None:
    pins = pins_of(LambdaConfig(requirements=["msgspec"], environment="local"))
    assert pins == (f"msgspec=={version('msgspec')}",)


@pytest.mark.parametrize(("key", "value"), [("architecture", "sparc"), ("invocation", "maybe"), ("runtime_memmory", 1)])
def test_the_framework_refuses_what_it_does_not_know(key: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=key):
        resolve({"lithops": {"backend": "aws_lambda", "storage": "localhost"}, "aws_lambda": {key: value}})


def test_reading_the_configuration_imports_no_sdk() -> None:
    code = (
        "import sys; from lithops.config import resolve;"
        "resolve({'lithops': {'backend': 'aws_lambda', 'storage': 'localhost'}}).compute_options;"
        "assert 'lithops_aws.compute.config' in sys.modules; assert not {'boto3', 'botocore'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
