"""Configuration: where it is found, and what every kind of wrong value says."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

import lithops
from lithops.errors import ConfigError, LithopsError, UnknownBackendError

RunClient = Callable[..., CompletedProcess[str]]

SHOW = """
import lithops
fexec = lithops.FunctionExecutor()
print(fexec.backend, fexec.call_async(abs, -1).result(), fexec.config["localhost"].get("worker_processes"))
"""


def yaml_of(workers: int) -> str:
    return f"localhost:\n  worker_processes: {workers}\n"


def test_nothing_means_localhost(run_client: RunClient) -> None:
    assert run_client(SHOW).stdout.startswith("localhost 1 ")


def test_the_first_source_that_exists_wins(run_client: RunClient, tmp_path: Path) -> None:
    """From the weakest to the strongest: each one that is added hides those before."""
    home = tmp_path / "own-home"
    work = tmp_path / "work"
    temp = tmp_path / "temp"
    (home / ".lithops").mkdir(parents=True)
    work.mkdir()
    temp.mkdir()
    env: dict[str, str] = {"HOME": str(home)}

    def workers() -> str:
        done = run_client(SHOW, env=env, cwd=work)
        return done.stdout.split()[-1] if done.stdout else done.stderr

    (home / ".lithops" / "config").write_text(yaml_of(1))
    assert workers() == "1"
    (work / ".lithops_config").write_text(yaml_of(2))
    assert workers() == "2"
    (temp / "named").write_text(yaml_of(3))
    env["LITHOPS_CONFIG_FILE"] = str(temp / "named")
    assert workers() == "3"
    env["LITHOPS_CONFIG"] = json.dumps({"localhost": {"worker_processes": 4}})
    assert workers() == "4"
    env["LITHOPS_CONFIG"] = yaml_of(5)
    assert workers() == "5"


def test_arguments_hide_the_environment_and_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITHOPS_CONFIG", yaml_of(1))
    (tmp_path / "file").write_text(yaml_of(2))
    with lithops.FunctionExecutor(config_file=str(tmp_path / "file")) as made:
        assert made.config["localhost"]["worker_processes"] == 2
    config = {"localhost": {"worker_processes": 3}}
    with lithops.FunctionExecutor(config=config, config_file=str(tmp_path / "file")) as made:
        assert made.config["localhost"]["worker_processes"] == 3
    with lithops.FunctionExecutor(config=config, worker_processes=4) as made:
        assert made.config["localhost"]["worker_processes"] == 4
    assert config == {"localhost": {"worker_processes": 3}}


def test_sources_are_not_merged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITHOPS_CONFIG", yaml_of(1))
    with lithops.FunctionExecutor(config={"lithops": {"retries": 1}}) as made:
        assert made.config.get("localhost", {}).get("worker_processes") != 1


@pytest.mark.parametrize("where", ["argument", "environment"])
def test_a_named_file_that_is_missing_is_an_error(where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "nowhere")
    if where == "environment":
        monkeypatch.setenv("LITHOPS_CONFIG_FILE", path)
    with pytest.raises(ConfigError, match="nowhere"):
        lithops.FunctionExecutor(config_file=path if where == "argument" else None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [1", "line"),
        ("\tlocalhost: {}", "line"),
        ("- a\n- b\n", "list"),
        ("just text", "str"),
        ("3", "int"),
        ("localhost: 5\n", "localhost"),
        ("localhost:\n  - worker_processes\n", "localhost"),
        ("localhost:\n  worker_processes: many\n", "worker_processes"),
        ("localhost:\n  worker_processes: 2.5\n", "worker_processes"),
        ("localhost:\n  worker_processes: 0\n", "worker_processes"),
        ("localhost:\n  worker_processes: -3\n", "worker_processes"),
        ("localhost:\n  worker_processes: yes\n", "worker_processes"),
        ("localhost:\n  worker_processes: [2]\n", "worker_processes"),
        ("localhost:\n  worker_process: 2\n", "worker_processes"),
        ("localhost:\n  storage_root: 5\n", "storage_root"),
        ("localhost:\n  storage_root: ''\n", "storage_root"),
        ("localhost:\n  runtime_memory: big\n", "runtime_memory"),
        ("localhost:\n  runtime_timeout: .nan\n", "runtime_timeout"),
        ("localhost:\n  runtime: /no/such/python\n", "/no/such/python"),
        ("localhost:\n  1: 2\n", "1"),
        ("localhots:\n  worker_processes: 2\n", "localhost"),
        ("lithops:\n  backend: nowhere\n", "nowhere"),
        ("lithops:\n  backend: localhots\n", "localhost"),
        ("lithops:\n  storage: nowhere\n", "nowhere"),
        ("lithops:\n  backend: 5\n", "backend"),
        ("lithops:\n  mode: cloudy\n", "mode"),
        ("lithops:\n  bakend: localhost\n", "backend"),
        ("lithops:\n  retries: often\n", "retries"),
        ("lithops:\n  retries: -1\n", "retries"),
        ("lithops:\n  execution_timeout: soon\n", "execution_timeout"),
        ("lithops:\n  execution_timeout: 0\n", "execution_timeout"),
        ("lithops:\n  data_cleaner: perhaps\n", "data_cleaner"),
        ("lithops:\n  log_level: LOUD\n", "log_level"),
        ("lithops:\n  include_modules: 5\n", "include_modules"),
        ("lithops:\n  monitoring_interval: -1\n", "monitoring_interval"),
        ("!!python/object/apply:os.system ['touch /tmp/e2e-hacked']", "line"),
    ],
)
def test_a_wrong_file_names_itself_and_what_is_wrong_in_it(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "the-file"
    path.write_text(text)
    with pytest.raises(LithopsError) as caught, lithops.FunctionExecutor(config_file=str(path)) as made:
        made.call_async(abs, -1).result(timeout=20)
    assert isinstance(caught.value, ConfigError)
    assert said in str(caught.value)
    if "/no/such" not in text:
        assert "the-file" in str(caught.value)
    assert not os.path.exists("/tmp/e2e-hacked")


def test_typing_errors_are_met_with_what_was_meant() -> None:
    with pytest.raises(ConfigError, match="did you mean 'worker_processes'"):
        lithops.FunctionExecutor(config={"localhost": {"worker_proceses": 2}})
    with pytest.raises(ConfigError, match="did you mean 'runtime_memory'"):
        lithops.FunctionExecutor(runtime_memmory=2)
    with pytest.raises(UnknownBackendError, match="did you mean 'localhost'"):
        lithops.FunctionExecutor(backend="localhos")


@pytest.mark.parametrize(
    "config",
    [
        [], "text", 5, {"lithops": []}, {1: {}}, {"lithops": {"backend": None, 5: 1}}, {"localhost": {"version": object()}},
        {"lithops": {"backend": b"localhost"}}, {"localhost": {"worker_processes": True}},
        {"localhost": {"worker_processes": "2"}}, {"localhost": {"storage_bucket": "../../etc"}},
        {"localhost": {"storage_root": "a\0b"}}, {"localhost": {"storage_bucket": "a/b"}},
    ],
    ids=str,
)  # fmt: skip
def test_a_wrong_dict_is_a_config_error_or_fits(config: Any) -> None:
    try:
        with lithops.FunctionExecutor(config=config, worker_processes=1) as made:
            assert made.call_async(abs, -1).result(timeout=20) == 1
            assert made.call_async(bytes, 8_000_000).result(timeout=20) == bytes(8_000_000)
    except ConfigError as exc:
        assert str(exc)  # noqa: PT017


@pytest.mark.parametrize(
    "config",
    [None, {}, {"lithops": {}}, {"lithops": None}, {"localhost": {}}, {"lithops": {"mode": "localhost"}},
     {"lithops": {"backend": "localhost", "storage": "localhost"}}, {"lithops": {"backend": None}},
     {"aws": {"access_key_id": "x", "secret_access_key": "y"}}],
    ids=str,
)  # fmt: skip
def test_little_is_enough(config: Any) -> None:
    with lithops.FunctionExecutor(config=config) as made:
        assert made.backend == "localhost"
        assert made.call_async(abs, -1).result(timeout=20) == 1


@pytest.mark.parametrize("content", [b"\xff\xfe\x00rubbish", b"\0\0\0", b"a: &x [*x]", b"a: b: c"])
def test_a_file_of_rubbish_is_a_config_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "rubbish").write_bytes(content)
    with pytest.raises(ConfigError, match="rubbish"):
        lithops.FunctionExecutor(config_file=str(tmp_path / "rubbish"))


def test_a_folder_or_an_unreadable_file_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        lithops.FunctionExecutor(config_file=str(tmp_path))
    if os.getuid() != 0:
        (tmp_path / "secret").touch(mode=0)
        with pytest.raises(ConfigError, match="secret"):
            lithops.FunctionExecutor(config_file=str(tmp_path / "secret"))


def test_an_empty_file_means_localhost(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    with lithops.FunctionExecutor(config_file=str(tmp_path / "empty")) as made:
        assert made.backend == "localhost"


@pytest.mark.parametrize(("kind", "mode"), [("ServerlessExecutor", "serverless"), ("StandaloneExecutor", "standalone")])
def test_modes_without_a_backend_say_what_to_install(run_client: RunClient, kind: str, mode: str) -> None:
    done = run_client(f"import lithops\nlithops.{kind}()\n", env={"LITHOPS_PLUGINS": "localhost"})
    assert done.returncode == 1
    assert "pip install" in done.stderr.splitlines()[-1]
    assert mode in done.stderr.splitlines()[-1]


def test_the_localhost_executor_runs_here_whatever_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITHOPS_CONFIG", "lithops:\n  backend: aws_lambda\n")
    with lithops.LocalhostExecutor() as made:
        assert (made.backend, made.mode) == ("localhost", "localhost")
        assert made.call_async(abs, -1).result(timeout=20) == 1


def test_a_backend_of_another_distribution_says_what_to_install() -> None:
    with pytest.raises(UnknownBackendError, match="pip install"):
        lithops.FunctionExecutor(backend="acme_functions")


def test_storage_in_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    config = {"localhost": {"storage_root": str(tmp_path / "file" / "below")}}
    with pytest.raises(LithopsError) as caught, lithops.FunctionExecutor(config=config) as made:
        made.call_async(len, (bytes(8_000_000),)).result(timeout=20)
    assert "file" in str(caught.value)


def test_worker_processes_is_the_number_of_workers() -> None:
    def worker(_: int) -> int:
        import time

        time.sleep(0.01)
        return os.getpid()

    for count in (1, 3):
        with lithops.FunctionExecutor(worker_processes=count) as made:
            assert len(set(made.map(worker, range(40)).get_result())) == count


def test_a_secret_is_not_shown_and_does_not_travel() -> None:
    secret = "pla" + "nted-secret"
    config = {"aws": {"secret_access_key": secret}, "localhost": {"worker_processes": 1}}
    with lithops.FunctionExecutor(config=config) as made:
        assert secret not in repr(made)
        assert secret not in repr(made.call_async(abs, -1))
        found = made.call_async(lambda: str(dict(os.environ)), ()).result()
        assert secret not in found
