"""The fixture `local_lambda`: a stand-in for AWS that runs Lambda functions, one for the whole session.

    from tests.aws.lambda_fixtures import LocalLambda, local_lambda

A module that imports it gets the server empty: what other modules left there is forgotten.
"""

from __future__ import annotations

import importlib.util
import io
import json
import shutil
import sys
import tempfile
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.emulators.servers import HERE, is_in_ci, running

__all__ = ["KEY", "REGION", "LocalLambda", "local_lambda", "running_lambda", "zipped"]

REGION = "us-east-1"
KEY = "AKIALITHOPSTESTS0000"  # the one that the server knows, beside those that IAM and STS have given
_SECRET = "secret-of-the-tests"
_NEEDED = ("awslambdaric", "boto3", "moto", "flask")
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}
_SHARED = pytest.StashKey["LocalLambda"]()


@dataclass(slots=True)
class LocalLambda:
    """The server. `pid` is that of its leash; `folder` has what it unpacks."""

    url: str
    pid: int
    folder: Path
    role_arn: str = ""
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """Give a boto3 client with the tests' keys: no retries, pools of 64 connections."""
        if service not in self._clients:
            self._clients[service] = self.new_client(service)
        return self._clients[service]

    def new_client(self, service: str, **options: Any) -> Any:
        """Give a client of its own, with options of `botocore.config.Config`; its user closes it."""
        import boto3
        from botocore.config import Config

        config = {"retries": {"total_max_attempts": 1}, "max_pool_connections": 64, "read_timeout": 60, **options}
        session = boto3.session.Session(aws_access_key_id=KEY, aws_secret_access_key=_SECRET, region_name=REGION)
        return session.client(service, endpoint_url=self.url, config=Config(**config))

    def environment(self) -> dict[str, str]:
        """Give what a program needs in its environment to talk to this server."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": _SECRET,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def counts(self) -> dict[str, Any]:
        """Give what the server has counted since the last reset; see `lambda_server.py`."""
        told: dict[str, Any] = self._ask("counts")
        return told

    def requests(self, who: str = "client") -> dict[str, int]:
        """Give the numbers of requests by operation, of `client` or `sandbox`."""
        asked: dict[str, int] = self.counts().get(who, {})
        return asked

    def faults(self, **faults: Any) -> None:
        """Let things go wrong from now on: fields of `lambda_faults.Faults`; none: all is well again."""
        self._ask("faults", faults)

    def reset(self) -> None:
        """Forget functions, buckets, logs, faults and counts; end the sandboxes. The role is made again."""
        self._ask("reset", {})
        role = self.client("iam").create_role(RoleName="lambda-tests", AssumeRolePolicyDocument=json.dumps(_TRUST))
        self.role_arn = role["Role"]["Arn"]

    def deploy(self, name: str, files: str | Mapping[str, str | bytes] | bytes, **options: Any) -> str:
        """Create a function from the text of main.py, from files, or from a zip; `handler` is main.handler."""
        if isinstance(files, str):
            files = {"main.py": files}
        given = {
            "FunctionName": name,
            "Runtime": f"python{sys.version_info.major}.{sys.version_info.minor}",
            "Role": self.role_arn,
            "Handler": "main.handler",
            "Code": {"ZipFile": files if isinstance(files, bytes) else zipped(files)},
            "Timeout": 10,
            **options,
        }
        return str(self.client("lambda").create_function(**given)["FunctionArn"])

    def end(self) -> None:
        """End what runs, and forget the events that wait: what a test left would disturb the next."""
        self._ask("end", {})

    def close(self) -> None:
        """Close the clients."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def _ask(self, wish: str, told: Mapping[str, Any] | None = None) -> Any:
        body = None if told is None else json.dumps(told).encode()
        with urllib.request.urlopen(f"{self.url}/lithops-tests/{wish}", data=body, timeout=30) as answer:
            return json.loads(answer.read())


def zipped(files: Mapping[str, str | bytes], mode: int = 0o644) -> bytes:
    """Zip files, with permissions that let Lambda's user read them."""
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0))
            entry.external_attr = mode << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return kept.getvalue()


@contextmanager
def running_lambda(*options: str) -> Iterator[LocalLambda]:
    """Start a server of one's own; `options` as of `lambda_server.py`."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing and not is_in_ci():
        pytest.skip(f"the stand-in for AWS needs {', '.join(missing)}")
    folder = Path(tempfile.mkdtemp(prefix="lithops-lambda-"))
    command = [sys.executable, "-P", str(HERE / "lambda_server.py"), "{port}", "--folder", str(folder), *options]
    try:
        with running(command) as server:
            cloud = LocalLambda(server.url, server.pid, folder)
            try:
                cloud.reset()
                yield cloud
            finally:
                cloud.close()
    finally:
        mounts = Path("/proc/self/mountinfo")
        if mounts.exists() and f" {folder}" in mounts.read_text():
            raise RuntimeError(f"something is mounted below {folder}: unmount it before anyone removes that folder")
        shutil.rmtree(folder, ignore_errors=True)  # the server has, unless it was killed


@pytest.fixture(scope="session")
def local_lambda(request: pytest.FixtureRequest) -> LocalLambda:
    """Give the session's server, empty."""
    stash = request.config.stash
    if _SHARED not in stash:
        stack = ExitStack()
        stash[_SHARED] = stack.enter_context(running_lambda())
        request.config.add_cleanup(stack.close)
    else:
        stash[_SHARED].reset()
    return stash[_SHARED]
