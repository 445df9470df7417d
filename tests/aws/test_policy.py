"""The documents of permissions are the least: they name what the code asks for, on named resources."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("boto3")

from tests.aws.lambda_fixtures import KEY, REGION, LocalLambda, local_lambda

from lithops.config import Secret
from lithops.spi.compute import RuntimeSpec
from lithops_aws.compute import deploy, deploy_zip
from lithops_aws.compute.config import LambdaConfig
from lithops_aws.compute.doctor import checks
from lithops_aws.compute.functions import Functions
from lithops_aws.compute.logs import Logs
from lithops_aws.compute.policy import policy
from lithops_aws.compute.session import Session

__all__ = ["local_lambda"]

ROLE = "arn:aws:iam::123456789012:role/lithops"
FULL = LambdaConfig(execution_role=ROLE, region="eu-west-1", storage_bucket="jobs", namespace="alice")
NETWORK = LambdaConfig(
    execution_role=ROLE,
    region="eu-west-1",
    runtime="blue",
    vpc={"subnets": ["subnet-1"], "security_groups": ["sg-1"]},
    efs=[
        {
            "access_point": "arn:aws:elasticfilesystem:eu-west-1:123456789012:access-point/fsap-1",
            "mount_path": "/mnt/data",
        }
    ],
)
IMPLIED = {"iam:PassRole", "lambda:TagResource"}  # of making a function with a role and tags
BY_CORE = {"s3:AbortMultipartUpload", "s3:CreateBucket", "s3:GetObject", "s3:ListBucket"}  # of the store of jobs


def statements(document: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = document["Statement"]
    return found


def actions(document: dict[str, Any]) -> set[str]:
    return {action for one in statements(document) for action in one["Action"]}


def resources(one: dict[str, Any]) -> list[str]:
    found = one["Resource"]
    return found if isinstance(found, list) else [found]


@pytest.mark.parametrize("options", [LambdaConfig(), FULL, NETWORK], ids=["empty", "full", "network"])
def test_nothing_is_allowed_on_everything_but_what_has_no_resource(
    options: LambdaConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    told = policy(options)
    assert json.loads(json.dumps(told)) == told
    for document in (told["client"], told["role"]):
        for one in statements(document):
            assert ("*" in resources(one)) == one["Sid"].endswith("NoResource"), one
            assert all(re.fullmatch(r"[a-z0-9]+:[A-Za-z]+", action) for action in one["Action"])
            assert all(resource == "*" or resource.startswith("arn:aws:") for resource in resources(one))
            assert re.fullmatch(r"[A-Za-z0-9]+", one["Sid"])  # IAM takes no others
        assert len({one["Sid"] for one in statements(document)}) == len(statements(document))
        assert len(json.dumps(document)) < 6144  # of a managed policy


def test_resources_are_those_of_the_configuration() -> None:
    told = policy(FULL)
    by_sid = {one["Sid"]: one for one in statements(told["client"])}
    assert by_sid["Functions"]["Resource"] == "arn:aws:lambda:eu-west-1:123456789012:function:lithops-alice-*"
    assert by_sid["ObjectsOfJobs"]["Resource"] == "arn:aws:s3:::jobs/lithops.jobs/*"
    assert by_sid["GiveFunctionsTheirRole"]["Resource"] == ROLE
    assert by_sid["GiveFunctionsTheirRole"]["Condition"] == {
        "StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}
    }
    assert told["trust"]["Statement"][0]["Principal"] == {"Service": "lambda.amazonaws.com"}


def test_another_part_of_aws_has_other_names() -> None:
    told = json.dumps(policy(LambdaConfig(region="cn-north-1", account_id=123)))
    assert "arn:aws-cn:lambda:cn-north-1:000000000123:function:lithops-*" in told
    assert "arn:aws:" not in told


def test_networks_file_systems_and_images_are_added_when_configured() -> None:
    assert not [action for action in actions(policy(FULL)["client"]) if action.startswith(("ec2:", "ecr:"))]
    told = policy(NETWORK)
    assert {"ec2:DescribeSubnets", "elasticfilesystem:DescribeMountTargets", "ecr:PutImage"} <= actions(told["client"])
    assert {"ec2:CreateNetworkInterface", "elasticfilesystem:ClientMount"} <= actions(told["role"])


def test_the_client_may_do_exactly_what_the_code_asks_for(
    local_lambda: LocalLambda, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deploy_zip, "_FOLDER", tmp_path)
    monkeypatch.setattr(deploy, "MAX_DIRECT_BYTES", 1000)  # so that the zip goes through the bucket
    local_lambda.reset()
    local_lambda.client("s3").create_bucket(Bucket="jobs")
    options = LambdaConfig(
        execution_role=local_lambda.role_arn, region=REGION, endpoint=local_lambda.url, storage_bucket="jobs",
        access_key_id=KEY, secret_access_key=Secret(local_lambda.environment()["AWS_SECRET_ACCESS_KEY"]),
    )  # fmt: skip
    session = Session(options)
    asked: set[str] = set()

    def note(model: Any, **_: Any) -> None:
        service = model.service_model.endpoint_prefix
        name = "InvokeFunction" if model.name == "Invoke" else model.name
        asked.add(f"{service}:{name}")

    for service in ("lambda", "iam", "s3", "logs"):
        session.client(service).meta.events.register("before-call.*.*", note)
    functions, spec = Functions(session, options), RuntimeSpec()
    functions.ensure(spec)
    functions.build(spec)
    functions.ensure(spec)
    functions.list()
    list(checks(session, functions, options))
    list(Logs(session).tail(functions.name_for(spec), 0))
    functions.delete(spec)
    session.close()
    assert asked | IMPLIED | BY_CORE == actions(policy(options)["client"])
