"""`lithops policy`: the documents of the backend, without credentials and without a request."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.core.cli.conftest import Sandbox

STRICT = """
from msgspec import Struct
from lithops.spi import ComputeBackend
from lithops.spi.hooks import BackendInfo, hookimpl


class Config(Struct, frozen=True, kw_only=True):
    storage_bucket: str | None = None


class Strict(ComputeBackend):
    def __init__(self, options):
        self.options = options

    def start(self, runtime, calls, report):
        raise NotImplementedError

    def policy(self):
        return {"client": {"Action": "strict:Call"}, "role": {"Resource": self.options.storage_bucket}}


@hookimpl
def lithops_compute_backends():
    return [BackendInfo("strict", "strict:Strict", "strict:Config", default_storage="localhost")]
"""


def test_the_documents_are_printed_as_json(sandbox: Sandbox) -> None:
    sandbox.install("strict", STRICT)
    wanted = {"client": {"Action": "strict:Call"}, "role": {"Resource": None}}
    assert json.loads(sandbox.ok("policy", "strict")) == wanted
    assert json.loads(sandbox.ok("policy", "-b", "strict")) == wanted
    assert json.loads(sandbox.ok("policy", "strict", "-b", "localhost")) == wanted


def test_a_backend_without_permissions_says_so(sandbox: Sandbox) -> None:
    done = sandbox.run("policy", "localhost")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert "does not support policies" in done.stderr


def test_lambda_needs_no_credentials_and_names_the_bucket_of_jobs(sandbox: Sandbox) -> None:
    sandbox.configure("lithops: {storage_bucket: my-jobs}\naws: {region: eu-west-1}\n")
    nowhere = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_CONFIG_FILE": "none",
        "AWS_SHARED_CREDENTIALS_FILE": "none",
    }
    told = json.loads(sandbox.ok("policy", "aws_lambda", **nowhere))
    assert set(told) == {"client", "role", "trust"}
    assert "arn:aws:s3:::my-jobs/lithops.jobs/*" in json.dumps(told["role"])
    assert "arn:aws:lambda:eu-west-1:*:function:lithops-*" in json.dumps(told["client"])


def test_one_document_can_be_given_to_another_program(sandbox: Sandbox) -> None:
    sandbox.install("strict", STRICT)
    assert json.loads(sandbox.ok("policy", "strict", "--part", "client")) == {"Action": "strict:Call"}
    done = sandbox.run("policy", "strict", "--part", "nobody")
    assert (done.returncode, done.stdout) == (2, "")
    assert "the parts are client, role" in done.stderr
