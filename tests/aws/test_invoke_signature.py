"""Signatures of invocations: the same as botocore's, for what botocore would send."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from lithops.errors import ConfigError
from lithops_aws.compute.invoke_signature import Signer

KEYS = ReadOnlyCredentials("AKIATEST", "very secret", "a token")


@pytest.mark.parametrize("kind", ["RequestResponse", "Event"])
@pytest.mark.parametrize(
    "url", ["https://lambda.eu-west-1.amazonaws.com", "http://localhost:4566/base/", "http://[::1]:80"]
)
@pytest.mark.parametrize("function", ["lithops-12ab-256MB", "arn:aws:lambda:x:1:function:f"])
@pytest.mark.parametrize("keys", [KEYS, ReadOnlyCredentials("AKIA", "s", None)], ids=["token", "plain"])
def test_signatures_are_those_of_botocore(
    kind: Any, url: str, function: str, keys: ReadOnlyCredentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = b'{"lithops":"' + b"A" * 1000 + b'"}'
    head = Signer(url, "eu-west-1").head(keys, function, kind, body)
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines if line)
    given = headers.pop("authorization")
    signed = given.partition("SignedHeaders=")[2].partition(",")[0].split(";")
    moment = time.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ")
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: datetime(*moment[:6]))
    host = url.partition("://")[2].partition("/")[0].removesuffix(":80")
    assert headers["host"] == host
    request = AWSRequest(
        "POST",
        f"{url.partition('://')[0]}://{host}{first.split()[1]}",
        headers={name: headers[name] for name in signed if not name.startswith(("x-amz-date", "x-amz-security"))},
        data=body,
    )
    SigV4Auth(keys, "lambda", "eu-west-1").add_auth(request)
    assert request.headers["Authorization"] == given


def test_no_endpoint() -> None:
    with pytest.raises(ConfigError):
        Signer("lambda", "us-east-1")
