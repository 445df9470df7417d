"""What the user wrote becomes typed settings; what is wrong is told with its place and what was meant."""

from __future__ import annotations

import json
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any, Literal

import pytest
from msgspec import Struct

from lithops.config import Secret, Settings, resolve
from lithops.errors import ConfigError, LithopsError, PluginError, UnknownBackendError
from lithops.plugins import Registry
from lithops.spi.hooks import BackendInfo, hookimpl

PLANTED = "pl4nted-s3cret"


class FunctionConfig(Struct, frozen=True, kw_only=True):
    region: str | None = None
    secret_key: Secret | None = None
    runtime_memory: int = 256
    timeout: float | None = None
    size: Literal["small", "large"] | None = None
    tags: dict[str, str] = {}
    max_workers: int = 1000

    def __post_init__(self) -> None:
        if self.runtime_memory < 128:
            raise ValueError(f"'runtime_memory' is {self.runtime_memory}: give 128 or more")


class ObjectConfig(Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    region: str = "nowhere"
    secret_key: Secret | None = None
    endpoint: str
    storage_bucket: str | None = None
    from_: str | None = None


class HomeConfig(Struct, frozen=True, kw_only=True):
    workers: int | None = None
    folder: str = "here"
    storage_bucket: str = "storage"


def info(name: str, config: type[Struct], **more: Any) -> BackendInfo:
    return BackendInfo(name, factory="absent:Absent", config=f"{__name__}:{config.__qualname__}", **more)


class Acme:
    @hookimpl
    def lithops_compute_backends(self) -> list[BackendInfo]:
        return [
            info("acme_fn", FunctionConfig, provider="acme", default_storage="acme_store", aliases=("fn",)),
            info("acme_batch", FunctionConfig, provider="acme"),
            info("localhost", HomeConfig, mode="localhost"),
            info("a_container", HomeConfig, mode="localhost", default_storage="localhost"),
        ]

    @hookimpl
    def lithops_storage_backends(self) -> list[BackendInfo]:
        return [
            info("acme_store", ObjectConfig, provider="acme", scheme="ac"),
            info("other_store", HomeConfig, scheme="ot"),
            info("localhost", HomeConfig, mode="localhost"),
        ]


@pytest.fixture
def plugins() -> Registry:
    registry = Registry()
    registry.register(Acme(), "acme")
    return registry


@pytest.fixture
def made(plugins: Registry) -> Any:
    """Resolve a configuration given as keyword arguments for its sections."""

    def made(config: dict[str, Any] | None = None, **arguments: Any) -> Settings:
        return resolve(config or {}, plugins=plugins, **arguments)

    return made


STORE: dict[str, Any] = {"acme_store": {"endpoint": "e"}}


# Which backends


@pytest.mark.parametrize("section", [{}, {"lithops": {}}, {"lithops": None}, {"lithops": {"backend": None}}])
def test_without_a_choice_the_backend_is_localhost(made: Any, section: dict[str, Any]) -> None:
    found = made(section)
    assert (found.compute.name, found.storage.name, found.mode) == ("localhost", "localhost", "localhost")


def test_the_argument_is_stronger_than_the_configuration(made: Any) -> None:
    found = made({"lithops": {"backend": "localhost", "mode": "localhost"}, **STORE}, backend="fn")
    assert (found.compute.name, found.storage.name, found.mode) == ("acme_fn", "acme_store", "serverless")
    assert made({"lithops": {"backend": "acme_fn", "storage": "localhost"}}, storage="other_store").storage.name == (
        "other_store"
    )


def test_a_mode_without_a_backend_takes_one_that_has_a_section(made: Any) -> None:
    assert made({"lithops": {"mode": "serverless", "storage": "localhost"}}).compute.name == "acme_batch"
    config = {"lithops": {"mode": "serverless"}, "acme_fn": {}, **STORE}
    assert made(config).compute.name == "acme_fn"
    assert made(STORE | {"acme_fn": {}}, mode="serverless").compute.name == "acme_fn"


def test_a_mode_that_is_asked_for_is_stronger_than_the_configured_backend(made: Any) -> None:
    config = {"lithops": {"backend": "acme_fn"}, **STORE}
    assert made(config, mode="localhost").compute.name == "localhost"
    assert made(config, mode="serverless").compute.name == "acme_fn"


def test_localhost_is_found_also_when_the_configured_backend_is_not_installed(made: Any) -> None:
    config = {"lithops": {"backend": "uninstalled"}}
    assert made(config, mode="localhost").compute.name == "localhost"
    for mode in (None, "serverless"):
        with pytest.raises(UnknownBackendError, match="uninstalled"):
            made(config, mode=mode)


def test_a_mode_that_nobody_provides_says_what_to_install(made: Any) -> None:
    with pytest.raises(UnknownBackendError, match=r"'standalone'.*pip install.*acme_fn \(serverless\)"):
        made(mode="standalone")


def test_no_plugin_at_all_says_what_to_install() -> None:
    with pytest.raises(UnknownBackendError, match="pip install lithops"):
        resolve({}, plugins=Registry())


def test_a_backend_of_another_mode_and_an_unknown_mode_are_errors(made: Any) -> None:
    with pytest.raises(ConfigError, match="'acme_fn' runs in mode 'serverless'"):
        made(mode="localhost", backend="acme_fn")
    with pytest.raises(ConfigError, match="did you mean 'serverless'"):
        made(mode="severless")


def test_a_backend_without_a_storage_asks_for_one(made: Any) -> None:
    with pytest.raises(ConfigError, match=r"'acme_batch'.*'storage'.*acme_store, localhost, other_store"):
        made(backend="acme_batch")


# What is written


def test_the_own_section_wins_over_the_providers_and_arguments_over_both(made: Any) -> None:
    provider = {"region": "p", "secret_key": PLANTED, "endpoint": "pe"}
    config = {"lithops": {"backend": "acme_fn"}, "acme": provider, "acme_fn": {"region": "own", "timeout": 3}}
    found = made(config, overrides={"runtime_memory": 512, "timeout": None})
    assert found.compute_options == FunctionConfig(
        region="own", secret_key=Secret(PLANTED), runtime_memory=512, timeout=3.0
    )
    assert found.storage_options == ObjectConfig(region="p", secret_key=Secret(PLANTED), endpoint="pe")


def test_a_key_without_a_value_has_its_default(made: Any) -> None:
    config = {"lithops": {"backend": "acme_fn", "chunksize": None}, "acme": {"region": "p"}, **STORE}
    found = made(config | {"acme_fn": {"region": None, "runtime_memory": None, "tags": None}})
    assert found.compute_options == FunctionConfig(region="p")


def test_null_is_a_value_where_the_type_has_it(made: Any) -> None:
    assert made({"lithops": {"include_modules": None}}).lithops.include_modules is None
    assert made({}).lithops.include_modules == []
    assert made({"lithops": {"execution_timeout": None}}).lithops.execution_timeout is None


def test_the_section_may_have_the_name_of_an_alias(made: Any) -> None:
    assert made({"fn": {"region": "x"}, **STORE}, backend="acme_fn").compute_options.region == "x"
    with pytest.raises(ConfigError, match="keep 'acme_fn'"):
        made({"fn": {}, "acme_fn": {}, **STORE}, backend="acme_fn")


def test_compute_and_storage_of_one_name_share_a_section_and_its_arguments(made: Any) -> None:
    found = made({"localhost": {"folder": "there"}}, overrides={"workers": 3})
    assert found.compute_options == found.storage_options == HomeConfig(workers=3, folder="there")


def test_the_bucket_of_the_core_section_is_for_a_storage_that_names_none(made: Any) -> None:
    core = {"lithops": {"storage_bucket": "mine"}}
    assert made(core).storage_options.storage_bucket == "mine"
    assert made({**core, "localhost": {"storage_bucket": "own"}}).storage_options.storage_bucket == "own"


def test_python_values_of_arguments_are_taken(made: Any) -> None:
    class Integer:
        def __index__(self) -> int:
            return 7

    found = made(overrides={"workers": Integer(), "folder": Path("/a")})
    assert found.compute_options == HomeConfig(workers=7, folder="/a")


def test_a_section_of_a_backend_that_is_not_installed_is_left_alone(made: Any) -> None:
    found = made({"uninstalled": {"any": ["thing"]}})
    assert found.section("uninstalled") == {"any": ["thing"]}
    assert found.section("absent") == {}
    assert ("uninstalled", "any", "***", "the argument 'config', not used") in found.rows()


# What is wrong


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"lithops": {"bakend": "x"}}, r"'bakend' of section 'lithops' is unknown: did you mean 'backend'\?"),
        ({"lithops": {"zzzzz": 1}}, "known are: backend, chunksize"),
        ({"lithops": {"mode": "serverles"}}, "did you mean 'serverless'"),
        ({"lithops": {"mode": 3}}, "'mode' of section 'lithops' has a wrong value"),
        ({"lithops": {"chunksize": "4"}}, "'chunksize'.*expected `int | null`, got `str`"),
        ({"lithops": {"chunksize": 0}}, "'chunksize'.*>= 1"),
        ({"lithops": {"retries": True}}, "'retries'.*expected `int`, got `bool`"),
        ({"lithops": {"monitoring_interval": float("nan")}}, "'monitoring_interval'.*> 0"),
        ({"lithops": {"include_modules": "name"}}, "'include_modules'.*expected `array"),
        ({"lithops": {"data_limit": True}}, "'data_limit' is True"),
        ({"lithops": {"data_limit": -1}}, "'data_limit' is -1"),
        ({"lithops": {"data_limit": 0}}, "'data_limit' is 0"),
        ({"lithops": {"data_limit": float("nan")}}, "'data_limit' is nan"),
        ({"lithops": {"log_level": "LOUD"}}, "'log_level' is 'LOUD'"),
        ({"lithops": {"customized_runtime": True}}, "'customized_runtime' is not supported"),
        ({"lithops": {3: 4}}, "is a int"),
        ({"Lithops": {}}, "section 'Lithops' is unknown: did you mean 'lithops'"),
        ({"acme_fm": {}}, "did you mean 'acme_fn'"),
        ({"locahost": {}}, "did you mean 'localhost'"),
        ({"acme": {"regoin": "x"}}, "'regoin' of section 'acme' is unknown: did you mean 'region'"),
        ({"acme": {"runtime_memory": "big"}}, "'runtime_memory' of section 'acme'"),
        ({"acme_fn": {"size": "larg"}}, "'size' of section 'acme_fn' is 'larg': did you mean 'large'"),
        ({"acme_fn": {"tags": {"a": 1}}}, "'tags' of section 'acme_fn'.*expected `str`, got `int`"),
        ({"acme_fn": {"endpoint": "x"}}, "'endpoint' of section 'acme_fn' is unknown"),
    ],
)
def test_a_mistake_is_told_with_its_place(made: Any, config: dict[Any, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        made(config)
    assert str(caught.value).startswith("the argument 'config'")
    assert "\n" not in str(caught.value)


def test_the_file_is_named(plugins: Registry, tmp_path: Path) -> None:
    file = tmp_path / "my config"
    file.write_text("lithops: {retries: many}", encoding="utf-8")
    with pytest.raises(ConfigError, match="my config: the key 'retries'"):
        resolve(config_file=str(file), plugins=plugins)


def test_the_own_check_and_a_missing_key_name_the_section(made: Any) -> None:
    with pytest.raises(ConfigError, match="section 'acme_fn': 'runtime_memory' is 5: give 128 or more"):
        made({**STORE, "acme_fn": {"runtime_memory": 5}}, backend="acme_fn")
    with pytest.raises(ConfigError, match="the section 'acme_store' needs the key 'endpoint'"):
        made(backend="acme_fn")


def test_a_section_that_is_not_used_is_checked_but_may_be_incomplete(made: Any) -> None:
    assert made({"acme_store": {"region": "r"}}).storage.name == "localhost"


def test_an_unknown_argument_tells_what_was_meant(made: Any) -> None:
    with pytest.raises(ConfigError, match=r"'wokers' of backend 'localhost' is unknown: did you mean 'workers'\?"):
        made(overrides={"wokers": 3})
    assert made(overrides={"wokers": None}).compute.name == "localhost"


def test_a_configuration_class_that_is_missing_or_none_is_a_plugin_error(plugins: Registry) -> None:
    class Broken:
        @hookimpl
        def lithops_compute_backends(self) -> list[BackendInfo]:
            absent = BackendInfo("absent", factory="a:B", config="no_such_package:Config", default_storage="localhost")
            no_struct = BackendInfo("no_struct", factory="a:B", config="pathlib:Path", default_storage="localhost")
            return [absent, no_struct]

    plugins.register(Broken(), "broken")
    config = {"absent": {"x": 1}, "no_struct": {"x": 1}}
    assert resolve(config, plugins=plugins).compute.name == "localhost"
    for name, said in {"absent": "no_such_package", "no_struct": "pathlib:Path"}.items():
        with pytest.raises(PluginError, match=said):
            resolve(config, backend=name, plugins=plugins)


@pytest.mark.parametrize(
    "config",
    [
        {"acme": {"secret_key": PLANTED, "region": 3}},
        {"acme": {"secret_key": [PLANTED]}},
        {"acme": {"secret_key": {PLANTED: PLANTED}}},
        {"acme": {"secret_key": PLANTED.encode()}},
        {"acme": {f"secret_key:{PLANTED}": None}},
        {"acme": PLANTED},
        {"acme": [PLANTED]},
        {f"secret_key:{PLANTED}": {}, "lithops": {"backend": "acme_fx"}},
        {"acme_fn": {"secret_key": PLANTED, "runtime_memory": 3}, "lithops": {"backend": "acme_fn"}},
        {"acme_fn": {"secret_key": PLANTED}, "acme_store": {}, "lithops": {"backend": "acme_fn"}},
    ],
)
def test_no_error_shows_a_secret(made: Any, config: dict[str, Any]) -> None:
    with pytest.raises(LithopsError) as caught:
        made(config)
    assert PLANTED not in "".join(traceback.format_exception(caught.value))


# Without a configuration


def test_without_a_configuration_nothing_heavy_is_loaded(tmp_path: Path) -> None:
    program = (
        "import sys, json, pluggy, msgspec; before = set(sys.modules); from lithops.config import resolve\n"
        f"resolve(environ={{'HOME': {str(tmp_path)!r}}}, cwd={str(tmp_path)!r}, system_file={str(tmp_path / 'x')!r})\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert not {"yaml", "importlib.metadata", "difflib", "hmac", "hashlib"} & set(json.loads(done.stdout))
