"""Images as runtimes: built by a Dockerfile, pushed to the account's registry, found again by their contents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("boto3")

from tests.aws.functions_fixtures import DEFAULT, Opened, Opens, opens, refused, told, zips
from tests.aws.lambda_fixtures import LocalLambda, local_lambda

from lithops.errors import ConfigError
from lithops.spi.compute import RuntimeSpec
from lithops_aws.compute import deploy_image

__all__ = ["local_lambda", "opens", "zips"]

ENGINE = """#!/bin/sh
echo "$@" >> "$TOLD"
if [ "$1" = login ]; then cat > /dev/null; fi
"""
DOCKERFILE = "FROM public.ecr.aws/lambda/python:3.11\n"


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a program in docker's place that notes what it is asked for; gives the notes."""
    program, notes = tmp_path / "docker", tmp_path / "told"
    program.write_text(ENGINE, "utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("LITHOPS_DOCKER", str(program))
    monkeypatch.setenv("TOLD", str(notes))
    (tmp_path / "Dockerfile").write_text(DOCKERFILE, "utf-8")
    return notes


BLUE = DEFAULT._replace(name="blue")


def image_there(opened: Opened, local: LocalLambda) -> str:
    """Let the registry have the image that `build` would push."""
    pushed = deploy_image._tag(BLUE, opened.options)
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    manifest = json.dumps(
        {"schemaVersion": 2, "mediaType": kind, "config": {"digest": "sha256:0", "size": 1}, "layers": []}
    )
    ecr = local.client("ecr")
    ecr.put_image(repositoryName="lithops/blue", imageManifest=manifest, imageTag=pushed)
    return str(ecr.describe_repositories(repositoryNames=["lithops/blue"])["repositories"][0]["repositoryUri"])


def test_an_image_is_built_pushed_and_found_again(opens: Opens, local_lambda: LocalLambda, docker: Path) -> None:
    opened = opens()
    assert opened.functions.build(BLUE, str(docker.parent / "Dockerfile")) == "blue"
    verbs = [line.split()[0] for line in docker.read_text("utf-8").splitlines()]
    assert verbs == ["build", "build", "login", "push"]
    address = docker.read_text("utf-8").split()[-1]
    uri = image_there(opened, local_lambda)
    assert address.startswith(f"{uri}:lithops-py")
    created: list[Any] = []
    lambda_ = opened.session.client("lambda")
    lambda_.meta.events.register(
        "provide-client-params.lambda.CreateFunction", lambda params, **_: created.append(params)
    )
    config = {"FunctionName": "f", "State": "Active", "PackageType": "Image", "MemorySize": 256, "Timeout": 30}
    opened.answer("GetFunctionConfiguration", refused(404, "ResourceNotFoundException"), told(config))
    opened.answer("CreateFunction", told(config))
    opened.answer("PutFunctionEventInvokeConfig", told({}))
    asked: list[str] = []

    def about(name: str, runtime: RuntimeSpec) -> tuple[str, int]:
        assert runtime == BLUE
        asked.append(name)
        return "3.12", 1

    opened.functions._ask = about  # type: ignore[method-assign]
    info = opened.functions.ensure(BLUE)
    assert (info.name, info.python) == ("blue", "3.12")
    (request,) = created
    assert request["Code"] == {"ImageUri": address}
    assert (request["PackageType"], request["ImageConfig"]) == ("Image", {"Command": ["lithops_aws.entry.handler"]})
    assert "Runtime" not in request
    assert asked == [opened.functions.name_for(BLUE)]


def test_an_image_of_another_release_is_told(opens: Opens, local_lambda: LocalLambda) -> None:
    local_lambda.client("ecr").create_repository(repositoryName="lithops/blue")
    with pytest.raises(ConfigError, match="lithops runtime build blue -f Dockerfile"):
        opens().functions.ensure(BLUE)


def test_a_name_without_an_image_is_a_zip(opens: Opens) -> None:
    opened = opens()
    assert opened.functions.ensure(BLUE).name == "blue"
    assert opened.functions.name_for(BLUE) != opened.functions.name_for(DEFAULT)
    with pytest.raises(ConfigError, match="a name of its own"):
        opened.functions.build(DEFAULT, "Dockerfile")


def test_an_image_without_our_worker_is_told(opens: Opens, local_lambda: LocalLambda) -> None:
    local_lambda.deploy("stranger", "def handler(event, context):\n    return 'hello'\n")
    with pytest.raises(ConfigError, match=r"runs no worker of Lithops: .hello.; build it"):
        opens().functions._ask("stranger", BLUE)
