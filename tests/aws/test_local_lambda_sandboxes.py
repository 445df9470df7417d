"""Sandboxes of the stand-in for Lambda: what a function finds there, how long they live, and that none is left."""

from __future__ import annotations

import json
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest
from tests.aws.lambda_fixtures import running_lambda, zipped
from tests.aws.lambda_tools import (
    ECHO,
    Cloud,
    bucket,
    cloud,
    faults,
    is_isolated,
    local_lambda,
    tail,
    tools,
    until,
)

__all__ = ["bucket", "cloud", "faults", "is_isolated", "local_lambda", "tools"]

# Sandboxes


def test_a_sandbox_is_used_again_and_each_call_at_a_time_has_its_own(cloud: Cloud, bucket: str) -> None:
    name = cloud.deploy(Timeout=60)
    assert [cloud.call(name, "tell")["calls"] for _ in range(3)] == [1, 2, 3]
    before = cloud.local.counts()["sandboxes"]["cold_starts"]
    with ThreadPoolExecutor(4) as threads:
        calls = [threads.submit(cloud.call, name, "hold", bucket=bucket) for _ in range(4)]
        until(lambda: cloud.began(bucket) == 4, 30.0)
        cloud.let_go(bucket)
        for call in calls:
            call.result()
    assert cloud.local.counts()["sandboxes"]["cold_starts"] == before + 3


def test_a_cold_start_is_told_and_billed(cloud: Cloud) -> None:
    name = cloud.deploy(ECHO)
    cold, warm = (tail(cloud.invoke(name, LogType="Tail")) for _ in range(2))
    number = r"(\d+(?:\.\d\d)?)"
    found = re.search(rf"Duration: {number} ms\tBilled Duration: {number} ms.*Init Duration: {number} ms", cold)
    assert found is not None
    spent, billed, init = map(float, found.groups())
    assert 0 <= billed - (spent + init) < 1.01
    assert "Init Duration" not in warm
    request_id = cold.split()[2]
    start, *_, end, told = cold.splitlines()
    assert start == f"START RequestId: {request_id} Version: $LATEST"
    assert end == f"END RequestId: {request_id}"
    assert told.startswith(f"REPORT RequestId: {request_id}\tDuration: ")


def test_new_code_and_new_settings_have_new_sandboxes(cloud: Cloud) -> None:
    name = cloud.deploy()
    assert cloud.call(name, "tell")["calls"] == 1
    cloud.functions.update_function_configuration(
        FunctionName=name, Environment={"Variables": {"NEW": "yes"}}, EphemeralStorage={"Size": 1024}
    )
    told = cloud.call(name, "tell")
    assert (told["calls"], told["env"]["NEW"]) == (1, "yes")
    cloud.functions.update_function_code(FunctionName=name, ZipFile=zipped({"main.py": ECHO}))
    assert json.loads(cloud.invoke(name, 1)["Payload"].read()) == 1
    cloud.functions.delete_function(FunctionName=name)
    assert cloud.refused(name)["Error"]["Code"] == "ResourceNotFoundException"


def test_versions_are_kept_apart(cloud: Cloud) -> None:
    name = cloud.deploy("def handler(event, context):\n    return 'old', context.function_version\n")
    version = cloud.functions.publish_version(FunctionName=name)["Version"]
    cloud.functions.update_function_code(FunctionName=name, ZipFile=zipped({"main.py": ECHO}))
    answer = cloud.invoke(name, Qualifier=version)
    assert answer["ExecutedVersion"] == version
    assert json.loads(answer["Payload"].read()) == ["old", version]
    assert json.loads(cloud.invoke(name, "new", Qualifier="$LATEST")["Payload"].read()) == "new"


@pytest.mark.usefixtures("is_isolated")
def test_a_sandbox_sees_lambdas_file_system_and_not_this_machines(cloud: Cloud) -> None:
    name = cloud.deploy(EphemeralStorage={"Size": 512})
    told = cloud.call(name, "tell")
    assert (told["cwd"], told["uid"]) == ("/var/task", 993)
    assert {"home", "mnt", "work"} & set(told["root"]) == set()
    assert cloud.call(name, "read", path="/tmp") == []
    assert cloud.call(name, "read", path="/var/task") == ["main.py"]
    for path in ("/var/task/new", "/var/runtime/new", "/usr/new", "/new", "/dev/shm/new", "/etc/new"):
        assert cloud.call(name, "write", path=path) == "Read-only file system", path
    assert cloud.call(name, "write", path="/tmp/kept", bytes=1 << 20) == "written"
    assert cloud.call(name, "read", path="/tmp") == ["kept"]
    assert cloud.call(name, "lock") in ("OSError", "PermissionError", "FileNotFoundError")


@pytest.mark.usefixtures("is_isolated")
def test_the_folder_tmp_has_the_size_that_was_asked_for(cloud: Cloud) -> None:
    name = cloud.deploy(MemorySize=1024)
    assert cloud.call(name, "write", path="/tmp/much", bytes=600 << 20) == "No space left on device"
    assert cloud.call(name, "write", path="/tmp/much", bytes=500 << 20) == "written"


@pytest.mark.usefixtures("is_isolated")
def test_files_that_only_their_owner_may_read_cannot_be_imported(cloud: Cloud) -> None:
    error, _ = cloud.fails(cloud.deploy(zipped({"main.py": ECHO}, mode=0o600)))
    assert "Permission denied" in error["errorMessage"]


@pytest.mark.usefixtures("is_isolated")
def test_a_sandbox_is_frozen_between_calls(cloud: Cloud) -> None:
    name = cloud.deploy()
    cloud.call(name, "linger")  # its thread ticks 100 times in a second
    time.sleep(0.4)
    assert cloud.call(name, "longest_pause") >= 0.3


# The server's end


def test_all_processes_and_the_sandboxes_that_are_not_used_are_gone() -> None:
    with running_lambda("--idle-s", "0.3") as local:
        cloud = Cloud(local)
        cloud.call(cloud.deploy(), "tell")
        assert local.counts()["sandboxes"]["cold_starts"] == 1
        until(lambda: local.counts()["live"] == 0)
    with running_lambda() as local:
        cloud = Cloud(local)
        name = cloud.deploy()
        runtime = int(cloud.call(name, "tell")["env"]["AWS_LAMBDA_RUNTIME_API"].partition(":")[2])
        with socket.create_connection(("127.0.0.1", runtime)):
            pass
        assert processes_of(local.folder)
    assert not local.folder.exists()
    assert processes_of(local.folder) == []


def test_functions_run_without_isolation_too() -> None:
    with running_lambda("--isolate", "none") as local:
        cloud = Cloud(local)
        name = cloud.deploy()
        told = cloud.call(name, "tell")
        assert told["env"]["LAMBDA_TASK_ROOT"] == told["cwd"]
        assert cloud.fails(name, "eat", mb=300)[0]["errorMessage"].endswith("signal: killed")
        assert cloud.fails(cloud.deploy({"main.py": "import pytest\n"}))[0]["errorType"] == "Runtime.ImportModuleError"
        assert cloud.call(name, "tell")["calls"] == 1
        pid = cloud.call(name, "tell")["pid"]
    until(lambda: not Path(f"/proc/{pid}").exists())


def test_boto3_as_users_have_it_talks_to_it(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in cloud.local.environment().items():
        monkeypatch.setenv(name, value)
    client = boto3.session.Session().client("sts")
    assert client.get_caller_identity()["Account"] == "123456789012"
    client.close()


def processes_of(folder: Path) -> list[str]:
    """Find the processes that have a folder in their arguments or mounts."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            text = (process / "cmdline").read_text() + (process / "mountinfo").read_text()
        except OSError:
            continue
        if str(folder) in text:
            found.append(process.name)
    return found
