"""Functions as runtimes: made once, found again, updated, listed, deleted; against the local Lambda."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("boto3")

from tests.aws.functions_fixtures import DEFAULT, Opened, Opens, opens, refused, told, zips
from tests.aws.lambda_fixtures import LocalLambda, local_lambda

from lithops._version import __version__
from lithops.errors import AccessDeniedError, BackendError, ConfigError, ThrottledError, TransientError
from lithops.spi.compute import RuntimeSpec
from lithops_aws.compute import deploy, deploy_zip, functions_naming

__all__ = ["local_lambda", "opens", "zips"]


# Names


def test_a_name_needs_no_request_and_is_the_same_everywhere(opens: Opens) -> None:
    one, other = opens(), opens()
    name = one.functions.name_for(DEFAULT)
    assert name == other.functions.name_for(DEFAULT)
    assert name.startswith("lithops-")
    assert name.endswith("-256MB")
    assert not one.asked + other.asked
    assert opens(namespace="alice").functions.name_for(DEFAULT).startswith("lithops-alice-")


@pytest.mark.parametrize(
    "keys",
    [
        {"env_vars": {"MODE": "1"}},
        {"ephemeral_storage": 1024},
        {"architecture": "arm64"},
        {"execution_role": "arn:aws:iam::123456789012:role/another"},
        {"requirements": ["numpy==2.1.0"]},
        {"vpc": {"subnets": ["subnet-1"], "security_groups": ["sg-1"]}},
    ],
    ids=lambda keys: next(iter(keys)),
)
def test_what_changes_a_function_changes_its_name(opens: Opens, keys: dict[str, Any]) -> None:
    name = opens().functions.name_for(DEFAULT)
    assert opens(**keys).functions.name_for(DEFAULT) != name
    assert opens(user_tags={"a": "b"}, max_workers=7).functions.name_for(DEFAULT) == name


def test_runtimes_differ_by_name_memory_and_timeout(opens: Opens) -> None:
    functions = opens().functions
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/lithops/blue:1"
    specs = [DEFAULT, DEFAULT._replace(memory_mb=512), DEFAULT._replace(timeout_s=31), DEFAULT._replace(name="blue")]
    specs += [DEFAULT._replace(name=image), DEFAULT._replace(name=image + "2")]
    assert len({functions.name_for(spec) for spec in specs}) == len(specs)


def test_requirements_that_cannot_be_read_are_told(opens: Opens) -> None:
    with pytest.raises(ConfigError, match=r"'requirements' names 'nowhere\.txt'"):
        opens(requirements="nowhere.txt").functions.name_for(DEFAULT)


# Deploying


def test_a_function_is_made_once_with_all_that_was_configured(opens: Opens, local_lambda: LocalLambda) -> None:
    opened = opens(env_vars={"MODE": "1"}, user_tags={"team": "blue"}, ephemeral_storage=1024)
    info = opened.functions.ensure(DEFAULT)
    assert info == opened.functions.ensure(DEFAULT)
    assert (info.name, info.python, info.wire) == ("default", functions_naming.this_python(), 1)
    assert (info.memory_mb, info.timeout_s) == (256, 30)
    name = opened.functions.name_for(DEFAULT)
    found = local_lambda.client("lambda").get_function(FunctionName=name)
    config = found["Configuration"]
    assert config["Handler"] == "lithops_aws.entry.handler"
    assert config["Runtime"] == f"python{info.python}"
    assert config["Environment"]["Variables"] == {"MODE": "1"}
    assert config["EphemeralStorage"] == {"Size": 1024}
    assert config["Architectures"] == ["x86_64"]
    assert found["Tags"]["team"] == "blue"
    assert found["Tags"]["lithops:version"] == __version__
    events = local_lambda.client("lambda").get_function_event_invoke_config(FunctionName=name)
    assert (events["MaximumRetryAttempts"], events["MaximumEventAgeInSeconds"]) == (0, 3600)
    assert opened.asked["CreateFunction"] == 1
    assert config["CodeSize"] < 3_000_000


def test_another_machine_finds_the_function_by_one_request(opens: Opens) -> None:
    first = opens().functions.ensure(DEFAULT)
    other = opens()
    assert other.functions.ensure(DEFAULT) == first
    assert other.asked == {"GetFunctionConfiguration": 1}


def test_threads_make_it_once(opens: Opens) -> None:
    opened = opens()
    with ThreadPoolExecutor(8) as threads:
        infos = set(threads.map(opened.functions.ensure, [DEFAULT] * 16))
    assert len(infos) == 1
    assert opened.asked["CreateFunction"] == 1


def test_machines_that_race_agree(opens: Opens) -> None:
    opens()  # the zip is built once
    both = [opens() for _ in range(3)]
    ready = threading.Barrier(3)

    def ensure(one: Opened) -> Any:
        ready.wait(20)
        return one.functions.ensure(DEFAULT)

    with ThreadPoolExecutor(3) as threads:
        infos = set(threads.map(ensure, both))
    assert {info._replace(modified=None) for info in infos} == {infos.pop()._replace(modified=None)}


def test_a_function_that_another_makes_is_awaited(opens: Opens) -> None:
    opened = opens()
    name = opened.functions.name_for(DEFAULT)
    pending = told({"FunctionName": name, "State": "Pending"})
    opens().functions.ensure(DEFAULT)
    opened.answer("GetFunctionConfiguration", refused(404, "ResourceNotFoundException"), pending, pending)
    opened.answer("CreateFunction", refused(409, "ResourceConflictException"))
    assert opened.functions.ensure(DEFAULT).name == "default"
    assert len(opened.slept) == 2


def test_the_wait_is_bounded(opens: Opens) -> None:
    opened = opens()
    pending = told({"FunctionName": "f", "State": "Pending"})
    opened.answer("GetFunctionConfiguration", *[pending] * 500)
    with pytest.raises(TransientError, match="was not active after 120 s"):
        opened.functions.ensure(DEFAULT)
    assert sum(opened.slept) < 130


def test_a_function_that_failed_says_why(opens: Opens) -> None:
    opened = opens()
    failed = told({"FunctionName": "f", "State": "Failed", "StateReason": "the subnet is gone"})
    opened.answer("GetFunctionConfiguration", failed, failed)
    with pytest.raises(BackendError, match="the subnet is gone"):
        opened.functions.ensure(DEFAULT)


def test_a_new_role_is_tried_again_and_a_wrong_one_is_told(opens: Opens) -> None:
    unknown = refused(400, "InvalidParameterValueException", "The role ... cannot be assumed by Lambda.")
    opened = opens()
    opened.answer("CreateFunction", unknown, unknown)
    opened.functions.ensure(DEFAULT)
    assert len(opened.slept) >= 2
    wrong = opens(execution_role="arn:aws:iam::123456789012:role/nobody")
    with pytest.raises(AccessDeniedError, match="'arn:aws:iam::123456789012:role/nobody'; check 'execution_role'"):
        wrong.functions.ensure(DEFAULT)
    assert sum(wrong.slept) < 60


def test_without_a_role_it_is_said_how_to_make_one(opens: Opens) -> None:
    with pytest.raises(ConfigError, match="lithops policy"):
        opens(execution_role=None).functions.ensure(DEFAULT)


def test_a_python_that_lambda_lacks_is_told_before_anything_is_sent(
    opens: Opens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deploy_zip, "this_python", lambda: "3.99")
    opened = opens()
    with pytest.raises(ConfigError, match=r"has no Python 3\.99: run the client with one of 3\.11"):
        opened.functions.ensure(DEFAULT)
    assert opened.asked["CreateFunction"] == 0


def test_a_runtime_that_is_too_big_is_told_by_its_packages(
    opens: Opens, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(deploy_zip, "MAX_UNZIPPED_BYTES", 1000)
    monkeypatch.setattr(deploy_zip, "_FOLDER", tmp_path)
    with pytest.raises(ConfigError, match=r"(?s)unzipped.*lithops"):
        opens().functions.ensure(DEFAULT)
    assert list(tmp_path.iterdir()) == []


def test_the_zip_is_built_once_and_is_the_users_own(
    opens: Opens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deploy_zip, "_FOLDER", tmp_path / "runtimes")
    opens().functions.ensure(DEFAULT)
    (path,) = (tmp_path / "runtimes").iterdir()
    before = path.stat()
    assert (path.parent.stat().st_mode & 0o777, before.st_mode & 0o777) == (0o700, 0o600)
    opens().functions.ensure(DEFAULT._replace(memory_mb=512))
    assert path.stat().st_ino == before.st_ino


def test_a_big_zip_goes_through_the_bucket_and_leaves_nothing(
    opens: Opens,
    local_lambda: LocalLambda,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deploy, "MAX_DIRECT_BYTES", 1000)
    with pytest.raises(ConfigError, match="set 'storage_bucket'"):
        opens().functions.ensure(DEFAULT)
    local_lambda.client("s3").create_bucket(Bucket="jobs")
    opened = opens(storage_bucket="jobs")
    opened.functions.ensure(DEFAULT)
    assert (opened.asked["PutObject"], opened.asked["DeleteObject"]) == (1, 1)
    assert local_lambda.client("s3").list_objects_v2(Bucket="jobs")["KeyCount"] == 0


# Afterwards


def test_a_forgotten_function_is_looked_for_and_made_again(opens: Opens, local_lambda: LocalLambda) -> None:
    opened = opens()
    opened.functions.ensure(DEFAULT)
    name = opened.functions.name_for(DEFAULT)
    local_lambda.client("lambda").delete_function(FunctionName=name)
    opened.functions.ensure(DEFAULT)
    assert opened.asked["CreateFunction"] == 1
    opened.functions.forget(name)
    opened.functions.ensure(DEFAULT)
    assert opened.asked["CreateFunction"] == 2


def test_a_build_is_deployed_over_what_is_there(opens: Opens) -> None:
    opened = opens()
    opened.functions.ensure(DEFAULT)
    assert opened.functions.build(DEFAULT) == "default"
    opened.functions.ensure(DEFAULT)
    opened.functions.ensure(DEFAULT)
    assert (opened.asked["CreateFunction"], opened.asked["UpdateFunctionCode"]) == (1, 1)


def test_only_the_runtimes_of_the_namespace_are_listed(opens: Opens, local_lambda: LocalLambda) -> None:
    mine, alices = opens(), opens(namespace="alice")
    mine.functions.ensure(DEFAULT)
    alices.functions.ensure(DEFAULT)
    local_lambda.deploy("lithops-0123456789abcdef-256MB", "handler = None")  # nobody's description
    (info,) = mine.functions.list()
    assert info.name == "default"
    assert info.detail.startswith(mine.functions.name_for(DEFAULT))
    assert info.size_bytes
    assert info.modified
    (other,) = alices.functions.list()
    assert other.detail.startswith("lithops-alice-")


def test_runtimes_are_deleted_in_one_size_in_all_or_by_function(opens: Opens) -> None:
    functions = opens().functions
    sizes = [DEFAULT._replace(memory_mb=memory) for memory in (128, 256, 512, 1024)]
    for spec in sizes:
        functions.ensure(spec)
    functions.delete(sizes[0])
    functions.delete(sizes[0])
    assert sorted(info.memory_mb or 0 for info in functions.list()) == [256, 512, 1024]
    functions.delete(RuntimeSpec(functions.name_for(sizes[1])))
    assert sorted(info.memory_mb or 0 for info in functions.list()) == [512, 1024]
    functions.delete(RuntimeSpec("default"))
    functions.delete(RuntimeSpec("missing"))
    assert functions.list() == []


def test_throttles_and_denials_are_ours(opens: Opens) -> None:
    throttled, denied, broken = opens(), opens(), opens()
    throttled.answer("GetFunctionConfiguration", refused(429, "TooManyRequestsException", **{"retry-after": "3"}))
    with pytest.raises(ThrottledError) as caught:
        throttled.functions.ensure(DEFAULT)
    assert caught.value.retry_after_s == 3.0
    denied.answer("GetFunctionConfiguration", refused(403, "AccessDeniedException", "not authorized"))
    with pytest.raises(AccessDeniedError, match=r"not authorized.*lithops policy"):
        denied.functions.ensure(DEFAULT)
    broken.answer("GetFunctionConfiguration", refused(502, "BadGateway"))
    with pytest.raises(TransientError):
        broken.functions.ensure(DEFAULT)


def test_what_was_deployed_runs_and_says_what_it_is(opens: Opens) -> None:
    functions = opens().functions
    info = functions.ensure(DEFAULT)
    assert functions._ask(functions.name_for(DEFAULT), DEFAULT) == (info.python, info.wire)
