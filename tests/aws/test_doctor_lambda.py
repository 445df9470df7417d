"""The doctor of Lambda: each thing that users get wrong is found, with what to do, and nothing is changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("boto3")

from tests.aws.lambda_fixtures import KEY, REGION, LocalLambda, local_lambda

from lithops.config import Secret
from lithops.spi.compute import Check, RuntimeSpec
from lithops_aws.compute import deploy_zip, doctor
from lithops_aws.compute.config import LambdaConfig
from lithops_aws.compute.functions import Functions
from lithops_aws.compute.session import Session

__all__ = ["local_lambda"]

NAMES = ["region", "Python", "credentials", "role", "permissions", "concurrency", "code storage"]


class Patient:
    """A configuration to be looked at."""

    def __init__(self, cloud: LocalLambda, **keys: Any) -> None:
        given = {"execution_role": cloud.role_arn, "region": REGION, "endpoint": cloud.url, "max_workers": 100, **keys}
        self.options = LambdaConfig(
            access_key_id=KEY, secret_access_key=Secret(cloud.environment()["AWS_SECRET_ACCESS_KEY"]), **given
        )
        self.session = Session(self.options)
        self.functions = Functions(self.session, self.options)

    def refuse(self, service: str, operation: str, code: str, status: int = 403) -> None:
        class Http:
            status_code = status

        told = {
            "Error": {"Code": code, "Message": "no"},
            "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": {}},
        }
        client = self.session.client(service)
        client.meta.events.register(f"before-call.{service}.{operation}", lambda **_: (Http, told))

    def checks(self) -> dict[str, Check]:
        return {check.name: check for check in doctor.checks(self.session, self.functions, self.options)}


class Patients:
    """Makes patients, and closes what they opened."""

    def __init__(self, cloud: LocalLambda) -> None:
        self.cloud = cloud
        self._made: list[Patient] = []

    def __call__(self, **keys: Any) -> Patient:
        self._made.append(Patient(self.cloud, **keys))
        return self._made[-1]

    def close(self) -> None:
        for one in self._made:
            one.session.close()


@pytest.fixture
def patients(local_lambda: LocalLambda, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Patients]:
    local_lambda.reset()
    monkeypatch.setattr(deploy_zip, "_FOLDER", tmp_path)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    made = Patients(local_lambda)
    yield made
    made.close()


def bad(found: dict[str, Check]) -> dict[str, Check]:
    wrong = {name: check for name, check in found.items() if not check.ok}
    assert all(check.advice for check in wrong.values())
    return wrong


def test_all_is_well_before_the_first_call_and_after(patients: Patients) -> None:
    patient = patients()
    found = patient.checks()
    assert list(found) == NAMES
    assert bad(found) == {}
    assert "is made by the first call" in found["permissions"].detail
    assert "123456789012" in found["credentials"].detail
    runtime = RuntimeSpec("default", patient.options.runtime_memory, patient.options.runtime_timeout)
    patient.functions.ensure(runtime)
    found = patient.checks()
    assert bad(found) == {}
    assert "may be called" in found["permissions"].detail


def test_no_region_is_the_end(patients: Patients) -> None:
    found = patients(region=None).checks()
    assert list(bad(found)) == ["region"]
    assert list(found) == NAMES[:2]


def test_credentials_that_aws_does_not_take(patients: Patients) -> None:
    patient = patients()
    patient.refuse("sts", "GetCallerIdentity", "ExpiredToken")
    found = bad(patient.checks())
    assert list(found) == ["credentials"]
    assert "expired" in found["credentials"].detail


def test_a_role_that_is_not_set_or_not_there(patients: Patients) -> None:
    assert "'execution_role' is not set" in bad(patients(execution_role=None).checks())["role"].detail
    found = bad(patients(execution_role="arn:aws:iam::123456789012:role/nobody").checks())
    assert "there is no role" in found["role"].detail


def test_a_role_that_does_not_trust_lambda(patients: Patients) -> None:
    trust = {
        "Statement": {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    }
    document = json.dumps({"Version": "2012-10-17", **trust})
    role = patients.cloud.client("iam").create_role(RoleName="ec2", AssumeRolePolicyDocument=document)
    found = bad(patients(execution_role=role["Role"]["Arn"]).checks())
    assert "'trust'" in found["role"].advice


def test_a_role_that_one_may_not_look_at_is_no_failure(patients: Patients) -> None:
    patient = patients()
    patient.refuse("iam", "GetRole", "AccessDenied")
    assert bad(patient.checks()) == {}


def test_a_permission_that_is_missing(patients: Patients) -> None:
    patient = patients()
    patient.refuse("lambda", "ListFunctions", "AccessDeniedException")
    found = bad(patient.checks())
    assert list(found) == ["permissions"]
    assert "lithops policy aws_lambda" in found["permissions"].advice


def test_more_workers_than_the_account_may_have(patients: Patients) -> None:
    found = bad(patients(max_workers=1_000_000).checks())
    assert list(found) == ["concurrency"]
    assert "max_workers" in found["concurrency"].advice


def test_a_python_that_lambda_lacks(patients: Patients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "this_python", lambda: "3.99")
    assert list(bad(patients().checks())) == ["Python"]
