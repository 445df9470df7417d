"""Functions of a configuration against the local Lambda, for tests: `opens()` gives them with a clock of their own.

from tests.aws.functions_fixtures import Opened, Opens, opens, zips
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.aws.lambda_fixtures import KEY, REGION, LocalLambda

from lithops.config import Secret
from lithops.spi.compute import RuntimeSpec
from lithops_aws.compute import deploy_zip
from lithops_aws.compute.config import LambdaConfig
from lithops_aws.compute.functions import Functions
from lithops_aws.compute.session import Session

__all__ = ["DEFAULT", "Opened", "Opens", "opens", "refused", "told", "zips"]

DEFAULT = RuntimeSpec("default", 256, 30.0)


class Opened:
    """Functions of a configuration, with a clock of their own; `asked` counts requests by operation."""

    def __init__(self, cloud: LocalLambda, **keys: Any) -> None:
        self.slept: list[float] = []
        given = {"execution_role": cloud.role_arn, "region": REGION, "endpoint": cloud.url, **keys}
        self.options = LambdaConfig(
            access_key_id=KEY, secret_access_key=Secret(cloud.environment()["AWS_SECRET_ACCESS_KEY"]), **given
        )
        self.session = Session(self.options)
        self.functions = Functions(self.session, self.options, sleep=self.slept.append, clock=lambda: sum(self.slept))
        self.asked: Counter[str] = Counter()
        for service in ("lambda", "s3", "ecr"):
            self.session.client(service).meta.events.register("before-call.*.*", self._count)

    def _count(self, model: Any, **_: Any) -> None:
        self.asked[model.name] += 1

    def answer(self, operation: str, *answers: Any) -> None:
        """Answer the first requests of an operation of Lambda in the server's place; None lets one through."""
        left = list(answers)

        def instead(**_: Any) -> Any:
            return left.pop(0) if left else None

        self.session.client("lambda").meta.events.register_last(f"before-call.lambda.{operation}", instead)


class Opens:
    """Makes what a test opens, and closes it."""

    def __init__(self, cloud: LocalLambda) -> None:
        self.cloud = cloud
        self._opened: list[Opened] = []

    def __call__(self, **keys: Any) -> Opened:
        self._opened.append(Opened(self.cloud, **keys))
        return self._opened[-1]

    def close(self) -> None:
        for one in self._opened:
            one.session.close()


@pytest.fixture(scope="module")
def zips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("zips") / "runtimes"


@pytest.fixture
def opens(local_lambda: LocalLambda, monkeypatch: pytest.MonkeyPatch, zips: Path) -> Iterator[Opens]:
    local_lambda.reset()
    monkeypatch.setattr(deploy_zip, "_FOLDER", zips)
    made = Opens(local_lambda)
    yield made
    made.close()


def refused(status: int, code: str, message: str = "no", **headers: str) -> Any:
    """Make an answer of the SDK's transport and its parser."""

    class Http:
        status_code = status

    told = {"HTTPStatusCode": status, "HTTPHeaders": headers}
    return Http, {"Error": {"Code": code, "Message": message}, "ResponseMetadata": told}


def told(found: dict[str, Any]) -> Any:
    class Http:
        status_code = 200

    return Http, {**found, "ResponseMetadata": {"HTTPStatusCode": 200, "HTTPHeaders": {}}}
