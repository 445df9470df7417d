"""Images of runtimes in the account's own registry (ECR): named by their contents, built and pushed from here.

The image of the runtime `blue` is `<registry>/lithops/blue:<name of its contents>`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from lithops.errors import ConfigError
from lithops.spi.compute import RuntimeSpec
from lithops_aws.compute.deploy_zip import zip_of
from lithops_aws.compute.errors import code_of, translated
from lithops_aws.compute.functions_naming import DEFAULT, contents_of, is_image, pins_of, this_python

if TYPE_CHECKING:
    from lithops_aws.compute.config import LambdaConfig
    from lithops_aws.compute.session import Session

__all__ = ["HANDLER", "build_image", "find_image"]

HANDLER = "lithops_aws.entry.handler"
FOLDER = "/var/task"
REPOSITORY = "lithops/"
_NAME = re.compile(r"[a-z0-9]+(?:[._/-][a-z0-9]+)*")


def find_image(session: Session, runtime: RuntimeSpec, options: LambdaConfig) -> str | None:
    """Find the image that a runtime is to run; None when it is a zip.

    A name with a registry is taken as it is. Raises `ConfigError` when images of that name were built, but none for this
    client's Python and release.
    """
    if is_image(runtime.name):
        return runtime.name
    if runtime.name == DEFAULT or not _NAME.fullmatch(runtime.name):
        return None
    repository = REPOSITORY + runtime.name
    tag = _tag(runtime, options)
    client = session.client("ecr")
    with translated(f"looking for the image of the runtime '{runtime.name}'"):
        try:
            client.describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])
            found: Mapping[str, Any] = client.describe_repositories(repositoryNames=[repository])["repositories"][0]
        except ClientError as exc:
            if code_of(exc) == "RepositoryNotFoundException":
                return None
            if code_of(exc) != "ImageNotFoundException":
                raise
            raise ConfigError(
                f"the image of the runtime '{runtime.name}' was built for another Python, release or 'requirements': "
                f"build it again by 'lithops runtime build {runtime.name} -f Dockerfile'"
            ) from exc
    return f"{found['repositoryUri']}:{tag}"


def build_image(session: Session, runtime: RuntimeSpec, options: LambdaConfig, file: str | None) -> str:
    """Build an image by the user's Dockerfile, or on Lambda's own Python without one, push it, and give its address."""
    from lithops.runtimes import image

    if runtime.name == DEFAULT or is_image(runtime.name) or not _NAME.fullmatch(runtime.name):
        raise ConfigError(
            f"an image cannot be built as '{runtime.name}': give it a name of its own, of small letters, digits and '-'"
        )
    worker = zip_of(runtime, options, is_for_image=True)
    client, repository = session.client("ecr"), REPOSITORY + runtime.name
    with translated(f"preparing the repository '{repository}'"):
        try:
            client.create_repository(repositoryName=repository)
        except ClientError as exc:
            if code_of(exc) != "RepositoryAlreadyExistsException":
                raise
        told = client.get_authorization_token()["authorizationData"][0]
        uri = client.describe_repositories(repositoryNames=[repository])["repositories"][0]["repositoryUri"]
    address = f"{uri}:{_tag(runtime, options)}"
    base = None if file is not None else f"public.ecr.aws/lambda/python:{this_python()}"
    pins = pins_of(options)
    image.build(
        address,
        worker,
        folder=FOLDER,
        entry=(HANDLER,),
        architecture=options.architecture,
        base=base,
        file=file,
        pins=pins,
    )
    user, _, password = base64.b64decode(told["authorizationToken"]).decode().partition(":")
    image.login(str(uri).partition("/")[0], user, password)
    image.push(address)
    return address


def _tag(runtime: RuntimeSpec, options: LambdaConfig) -> str:
    from lithops.runtimes.spec import name_of

    return name_of(contents_of(runtime, options))
