"""The least permissions, as documents of IAM: of whoever runs the client, of the role that functions take, and its trust.

What is written here is what the code asks: a test compares the two. Where IAM knows no resource for an action, the
statement's name says so; everything else names what it is about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lithops.wire.keys import JOBS_PREFIX
from lithops_aws.compute.deploy_image import REPOSITORY
from lithops_aws.compute.functions_naming import DEFAULT, function_prefix
from lithops_aws.compute.logs import log_group

if TYPE_CHECKING:
    from lithops_aws.compute.config import LambdaConfig

__all__ = ["policy"]

ANY_ACCOUNT = "*"
ANY_BUCKET = "BUCKET-OF-JOBS"
ANY_ROLE = "lithops"
_VERSION = "2012-10-17"
_OBJECTS = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"]


def policy(options: LambdaConfig) -> dict[str, Any]:
    """Give the documents: "client" and "role" are policies, "trust" is who may take the role. No request is made.

    What the configuration does not have is a pattern (account, region) or a word to replace (the bucket).
    """
    return {
        "client": {"Version": _VERSION, "Statement": _client(options)},
        "role": {"Version": _VERSION, "Statement": _role(options)},
        "trust": {
            "Version": _VERSION,
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
            ],
        },
    }


def _client(options: LambdaConfig) -> list[dict[str, Any]]:
    functions = _arn(options, "lambda", f"function:{function_prefix(options)}*")
    log = _arn(options, "logs", f"log-group:{log_group(function_prefix(options))}*")
    statements = [
        _allow(
            "Functions",
            [
                "lambda:CreateFunction",
                "lambda:DeleteFunction",
                "lambda:GetFunctionConfiguration",
                "lambda:InvokeFunction",
                "lambda:PutFunctionEventInvokeConfig",
                "lambda:TagResource",
                "lambda:UpdateFunctionCode",
            ],
            functions,
        ),
        _allow("TheseTakeNoResource", ["lambda:GetAccountSettings", "lambda:ListFunctions"], "*"),
        _allow("GiveFunctionsTheirRole", ["iam:PassRole"], _role_arn(options))
        | {"Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}},
        _allow("CheckTheRole", ["iam:GetRole"], _role_arn(options)),
        _allow("ReadLogs", ["logs:FilterLogEvents"], [log, f"{log}:*"]),
        _allow("BucketOfJobs", ["s3:CreateBucket", "s3:ListBucket"], _bucket_arn(options)),
        _allow("ObjectsOfJobs", _OBJECTS, f"{_bucket_arn(options)}/{JOBS_PREFIX}*"),
    ]
    if options.vpc:
        actions = ["ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"]
        statements.append(_allow("NetworkTakesNoResource", actions, "*"))
    if options.efs:
        file_systems = _arn(options, "elasticfilesystem", "file-system/*")
        statements.append(_allow("FileSystems", ["elasticfilesystem:DescribeMountTargets"], file_systems))
    if options.runtime not in (None, DEFAULT):
        statements += _images(options)
    return statements


def _images(options: LambdaConfig) -> list[dict[str, Any]]:
    """Let the client build, push and find images, and Lambda read them."""
    actions = [
        "BatchCheckLayerAvailability",
        "BatchGetImage",
        "CompleteLayerUpload",
        "CreateRepository",
        "DescribeImages",
        "DescribeRepositories",
        "GetDownloadUrlForLayer",
        "GetRepositoryPolicy",
        "InitiateLayerUpload",
        "PutImage",
        "SetRepositoryPolicy",
        "UploadLayerPart",
    ]
    repositories = _arn(options, "ecr", f"repository/{REPOSITORY}*")
    return [
        _allow("Images", [f"ecr:{action}" for action in actions], repositories),
        _allow("LogInTakesNoResource", ["ecr:GetAuthorizationToken"], "*"),
    ]


def _role(options: LambdaConfig) -> list[dict[str, Any]]:
    log = _arn(options, "logs", f"log-group:{log_group(function_prefix(options))}*")
    statements = [
        _allow("MakeLog", ["logs:CreateLogGroup"], log),
        _allow("WriteLog", ["logs:CreateLogStream", "logs:PutLogEvents"], f"{log}:*"),
        # Without it, S3 says of an object that is not there that access is denied.
        _allow("BucketOfJobs", ["s3:ListBucket"], _bucket_arn(options)),
        _allow("ObjectsOfJobs", _OBJECTS, f"{_bucket_arn(options)}/{JOBS_PREFIX}*"),
    ]
    if options.vpc:
        actions = [
            "AssignPrivateIpAddresses",
            "CreateNetworkInterface",
            "DeleteNetworkInterface",
            "DescribeNetworkInterfaces",
            "DescribeSubnets",
            "UnassignPrivateIpAddresses",
        ]
        statements.append(_allow("NetworkTakesNoResource", [f"ec2:{action}" for action in actions], "*"))
    if options.efs:
        file_systems = _arn(options, "elasticfilesystem", "file-system/*")
        actions = ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"]
        points = [one["access_point"] for one in options.efs]
        statements.append(
            _allow("FileSystems", actions, file_systems)
            | {"Condition": {"StringEquals": {"elasticfilesystem:AccessPointArn": points}}}
        )
    return statements


def _allow(sid: str, actions: list[str], resource: str | list[str]) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resource}


def _arn(options: LambdaConfig, service: str, what: str) -> str:
    return f"arn:{_partition(options)}:{service}:{_region(options) or '*'}:{_account(options)}:{what}"


def _bucket_arn(options: LambdaConfig) -> str:
    return f"arn:{_partition(options)}:s3:::{options.storage_bucket or ANY_BUCKET}"


def _role_arn(options: LambdaConfig) -> str:
    return options.execution_role or f"arn:{_partition(options)}:iam::{_account(options)}:role/{ANY_ROLE}"


def _account(options: LambdaConfig) -> str:
    """Give the account that the configuration names, itself or in the role's ARN; else any, which is the user's own."""
    if options.account_id is not None:
        return f"{options.account_id:0>12}"
    return options.execution_role.split(":")[4] if options.execution_role else ANY_ACCOUNT


def _region(options: LambdaConfig) -> str | None:
    if options.region:
        return options.region
    from botocore.session import Session

    region: str | None = Session().get_config_variable("region")
    return region


def _partition(options: LambdaConfig) -> str:
    if options.execution_role:
        return options.execution_role.split(":")[1]
    region = _region(options)
    if region is None:
        return "aws"
    from botocore.exceptions import UnknownRegionError
    from botocore.session import Session

    try:
        return str(Session().get_partition_for_region(region))
    except UnknownRegionError:
        return "aws"
