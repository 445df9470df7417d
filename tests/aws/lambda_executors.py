"""What the tests of whole programs on the local Lambda share: executors as users make them, and programs as processes.

Functions of tests are written inside of them: they travel by value then, since no sandbox has pytest.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from tests.aws.lambda_fixtures import KEY, REGION, LocalLambda, local_lambda

import lithops
from lithops.testing.compute.traces import Traces
from lithops_aws.compute import deploy_zip

__all__ = [
    "BUCKET",
    "Before",
    "Executors",
    "Program",
    "before",
    "event",
    "executors",
    "home",
    "local_lambda",
    "program",
    "reply",
]

BUCKET = "programs"
MAX_WORKERS = 16
PROGRAM_S = 50.0
_ZIPS = pytest.StashKey[Path]()

Program = Callable[..., "subprocess.CompletedProcess[str]"]


class Executors:
    """Makes executors on the server, and closes them."""

    def __init__(self, cloud: LocalLambda, stack: ExitStack) -> None:
        self.cloud = cloud
        self._stack = stack

    def config(self, *, lithops: dict[str, Any] | None = None, aws: dict[str, Any] | None = None, **keys: Any) -> Any:
        """Give a configuration as users write it; `keys` are those of the section aws_lambda."""
        secret = self.cloud.environment()["AWS_SECRET_ACCESS_KEY"]
        account = {"region": REGION, "endpoint": self.cloud.url, "access_key_id": KEY, "secret_access_key": secret}
        chosen = {"backend": "aws_lambda", "storage": "aws_s3", "monitoring_interval": 0.1, "data_cleaner": False}
        section = {"execution_role": self.cloud.role_arn, "max_workers": MAX_WORKERS, "runtime_timeout": 60}
        return {
            "lithops": {**chosen, **(lithops or {})},
            "aws": {**account, **(aws or {})},
            "aws_s3": {"storage_bucket": BUCKET},
            "aws_lambda": {**section, **keys},
        }

    def open(self, **keys: Any) -> lithops.FunctionExecutor:
        """Make an executor; it is closed when the fixture ends."""
        return self._stack.enter_context(lithops.FunctionExecutor(config=self.config(**keys)))

    def objects(self, prefix: str) -> list[str]:
        """Name the objects of the store below a prefix."""
        pages = self.cloud.client("s3").get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return [one["Key"] for page in pages for one in page.get("Contents", ())]

    def function_names(self) -> list[str]:
        """Name the functions that are deployed."""
        return [one["FunctionName"] for one in self.cloud.client("lambda").list_functions()["Functions"]]


@pytest.fixture(scope="module")
def home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Nothing of the machine's own configuration or proxies; the zip of the runtime is built once in a session."""
    stash = request.config.stash
    if _ZIPS not in stash:
        stash[_ZIPS] = tmp_path_factory.mktemp("zips")
    folder = tmp_path_factory.mktemp("home")
    (folder / ".lithops" / "cache").mkdir(parents=True)
    (folder / ".lithops" / "cache" / "runtimes").symlink_to(stash[_ZIPS])
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(("LITHOPS", "AWS_")):
                patch.delenv(name)
        patch.setenv("HOME", str(folder))
        patch.setenv("NO_PROXY", "*")
        patch.setattr(deploy_zip, "_FOLDER", stash[_ZIPS])
        yield folder


@pytest.fixture(scope="module")
def executors(local_lambda: LocalLambda, home: Path) -> Iterator[Executors]:  # noqa: ARG001 - it must be there
    """Make executors that the tests of a module share, or one test has."""
    local_lambda.client("s3").create_bucket(Bucket=BUCKET)
    with ExitStack() as stack:
        yield Executors(local_lambda, stack)


@pytest.fixture(scope="module")
def reply(executors: Executors) -> lithops.FunctionExecutor:
    """An executor whose calls are answered."""
    return executors.open(invocation="reply")


@pytest.fixture(scope="module")
def event(executors: Executors) -> lithops.FunctionExecutor:
    """An executor whose calls are events."""
    return executors.open(invocation="event")


class Before:
    """What there is in this process before a test. Sandboxes descend from it too, and are not its own."""

    def __init__(self) -> None:
        self._traces = Traces.now("")
        self._children = _children()

    def left(self) -> list[str]:
        """Name threads, connections, temporary files and child processes that were not there before."""
        found = [one for one in self._traces.left_behind(0) if not one.startswith("process ")]
        return found + [f"child {pid}" for pid in _children() - self._children]


def _children() -> set[str]:
    return {pid for path in Path("/proc/self/task").glob("*/children") for pid in path.read_text().split()}


@pytest.fixture
def before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Before:
    """What there is before a test, with a folder of its own for temporary files."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return Before()


@pytest.fixture
def program(executors: Executors, tmp_path: Path) -> Program:
    """Give what runs a program, or with `argv` a module of the interpreter, as a process with this configuration."""

    def run(text: str = "", *, argv: Sequence[str] = (), code: int = 0, **keys: Any) -> Any:
        folder = tmp_path / uuid4().hex
        folder.mkdir()
        if text:
            (folder / "program.py").write_text(text, "utf-8")
            argv = [str(folder / "program.py"), *argv]
        done = subprocess.run(
            [sys.executable, "-P", *argv],
            capture_output=True,
            text=True,
            timeout=PROGRAM_S,
            cwd=folder,
            env={**os.environ, "LITHOPS_CONFIG": json.dumps(executors.config(**keys)), "PYTHONWARNINGS": "error"},
            check=False,
        )
        assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
        return done

    return run
