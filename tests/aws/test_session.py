"""The connection to an account: nothing is asked before it is needed, and what fails is told as ours, without secrets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("boto3")

from botocore import exceptions as sdk

from lithops.config import Secret
from lithops.errors import AccessDeniedError, BackendError, ConfigError, ThrottledError, TransientError
from lithops_aws.compute.config import LambdaConfig
from lithops_aws.compute.errors import error_of, translate
from lithops_aws.compute.session import Session

SECRET = "a-very-secret-key"
KEYS: dict[str, Any] = {"access_key_id": "AKIA", "secret_access_key": Secret(SECRET)}

MakeSession = Callable[..., Session]


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[MakeSession]:
    """Make sessions in an environment without AWS."""
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    made: list[Session] = []

    def make(**keys: Any) -> Session:
        made.append(Session(LambdaConfig(**keys)))
        return made[-1]

    yield make
    for one in made:
        one.close()


def refused(code: str, status: int, message: str = "no", **headers: str) -> sdk.ClientError:
    told = {"HTTPStatusCode": status, "HTTPHeaders": headers}
    return sdk.ClientError({"Error": {"Code": code, "Message": message}, "ResponseMetadata": told}, "Do")


def test_the_region_is_the_configurations_else_the_sdks_else_an_error(
    session: MakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match="set 'region'"):
        _ = session().region
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-2")
    assert session().region == "eu-west-2"
    assert session(region="us-west-2").region == "us-west-2"


def test_one_client_a_service_with_the_endpoint_of_the_configuration(session: MakeSession) -> None:
    one = session(region="us-east-1", endpoint="http://127.0.0.1:9", **KEYS)
    assert one.client("lambda") is one.client("lambda")
    assert one.client("lambda") is not one.client("lambda", read_s=900.0)
    assert one.endpoint("lambda") == "http://127.0.0.1:9"
    assert session(region="eu-west-1").endpoint("lambda") == "https://lambda.eu-west-1.amazonaws.com"
    config = one.client("lambda").meta.config
    assert (config.retries["total_max_attempts"], config.max_pool_connections) == (1, 64)


def test_keys_come_from_the_configuration_or_the_sdk(session: MakeSession, monkeypatch: pytest.MonkeyPatch) -> None:
    found = session(region="us-east-1", session_token=Secret("token"), **KEYS).credentials()
    assert (found.access_key, found.secret_key, found.token) == ("AKIA", SECRET, "token")
    with pytest.raises(AccessDeniedError, match="no AWS credentials were found"):
        session(region="us-east-1").credentials()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "theirs")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "too")
    assert session(region="us-east-1").credentials().access_key == "theirs"


def test_a_profile_that_is_not_there_is_told(session: MakeSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(ConfigError, match="nobody"):
        _ = session().region


def test_proxies_are_those_of_the_environment(session: MakeSession, monkeypatch: pytest.MonkeyPatch) -> None:
    one, found = session(region="us-east-1"), []
    for name, value in (("HOST", "x"), ("https_proxy", "http://proxy:3128"), ("no_proxy", ".amazonaws.com")):
        monkeypatch.setenv(name, value)
        found.append(one.has_proxies)
    assert found == [False, True, False]


@pytest.mark.parametrize(
    ("exc", "kind", "text"),
    [
        (refused("AccessDeniedException", 403), AccessDeniedError, "lithops policy aws_lambda"),
        (refused("ExpiredTokenException", 403), AccessDeniedError, "have expired"),
        (refused("UnrecognizedClientException", 403), AccessDeniedError, "does not accept the credentials"),
        (refused("InvalidSignatureException", 403, "Signature expired: 1 is now earlier"), AccessDeniedError, "clock"),
        (refused("TooManyRequestsException", 429), ThrottledError, "fewer"),
        (refused("ThrottlingException", 400), ThrottledError, "fewer"),
        (refused("ServiceException", 500), TransientError, "tried again"),
        (refused("ResourceConflictException", 409), TransientError, "tried again"),
        (refused("ResourceNotFoundException", 404), BackendError, "lithops runtime deploy"),
        (refused("KMSDisabledException", 502), BackendError, "enable the key"),
        (refused("CodeStorageExceededException", 400), BackendError, "lithops runtime delete"),
        (sdk.EndpointConnectionError(endpoint_url="https://x"), TransientError, "network"),
        (sdk.ReadTimeoutError(endpoint_url="https://x"), TransientError, "network"),
        (sdk.NoCredentialsError(), AccessDeniedError, "aws configure"),
        (sdk.SSLError(endpoint_url="https://x", error="CERTIFICATE_VERIFY_FAILED"), BackendError, "certificate"),
        (sdk.ParamValidationError(report="x"), BackendError, "check the section"),
    ],
    ids=str,
)
def test_what_the_sdk_raises_becomes_ours(exc: Exception, kind: type[BackendError], text: str) -> None:
    found = translate(exc, "doing it")
    assert type(found) is kind
    assert text in str(found)
    assert str(found).startswith("doing it ")


def test_a_strangers_exception_stays_his() -> None:
    assert translate(KeyError("x")) is None
    assert translate(ConfigError("x")) is None


def test_the_wish_of_the_platform_is_kept() -> None:
    found = translate(refused("TooManyRequestsException", 429, **{"retry-after": "7"}))
    assert found is not None
    assert found.retry_after_s == 7.0
    assert error_of("", 503).retryable
    assert error_of("", 403).retryable is False


def test_what_is_said_of_a_signature_is_kept_back() -> None:
    said = f"The Canonical String should have been 'POST x-amz-security-token:{SECRET}'"
    found = translate(refused("SignatureDoesNotMatch", 403, said))
    assert SECRET not in str(found)
