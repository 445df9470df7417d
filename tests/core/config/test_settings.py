"""Settings as users see them: as a dict, as rows with origins, and as what a storage is opened from."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from lithops.config import (
    Secret,
    default_config,
    extract_storage_config,
    load_yaml_config,
    resolve,
    resolve_storage,
)
from lithops.errors import ConfigError, UnknownBackendError
from lithops.plugins import Registry
from lithops.spi.hooks import BackendInfo, hookimpl

PLANTED = "pl4nted-s3cret"


class RunConfig(Struct, frozen=True, kw_only=True):
    region: str | None = None
    token: Secret | None = None
    memory: int = 256


class KeepConfig(Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    token: Secret | None = None
    storage_bucket: str | None = None
    from_: str | None = None


class Acme:
    @hookimpl
    def lithops_compute_backends(self) -> list[BackendInfo]:
        run = BackendInfo("run", "a:B", f"{__name__}:RunConfig", provider="acme", default_storage="keep")
        return [run, BackendInfo("localhost", "a:B", f"{__name__}:RunConfig", mode="localhost")]

    @hookimpl
    def lithops_storage_backends(self) -> list[BackendInfo]:
        keep = BackendInfo("keep", "a:B", f"{__name__}:KeepConfig", provider="acme", scheme="kp", aliases=("k",))
        return [keep, BackendInfo("localhost", "a:B", f"{__name__}:KeepConfig", scheme="loc")]


PLUGINS = Registry()
PLUGINS.register(Acme(), "acme")
CONFIG: dict[str, Any] = {
    "lithops": {"backend": "run", "retries": 2},
    "acme": {"token": PLANTED},
    "run": {"region": "r"},
    "keep": {"from": "f", "storage_bucket": "b"},
    "rabbitmq": {"amqp_url": PLANTED},
}


def test_the_dict_has_the_sections_that_users_read() -> None:
    found = resolve(CONFIG, plugins=PLUGINS).as_dict()
    assert (found["lithops"]["backend"], found["lithops"]["storage"]) == ("run", "keep")
    assert found["run"] == {"region": "r", "token": Secret(PLANTED), "memory": 256}
    assert found["keep"] == {"token": Secret(PLANTED), "storage_bucket": "b", "from": "f"}
    assert PLANTED not in repr(found)


def test_the_dict_is_the_callers_own() -> None:
    settings = resolve(CONFIG, plugins=PLUGINS)
    settings.as_dict()["lithops"]["include_modules"].append("x")
    assert settings.as_dict()["lithops"]["include_modules"] == []


NAMES = st.none() | st.text(max_size=5)


@given(
    backend=st.sampled_from(["run", "localhost"]),
    storage=st.sampled_from([None, "keep", "localhost", "k"]),
    core=st.fixed_dictionaries(
        {},
        optional={
            "include_modules": st.none() | st.lists(st.text(max_size=5)),
            "execution_timeout": st.none() | st.floats(min_value=0.1, max_value=1e9),
            "data_limit": st.none() | st.just(False) | st.integers(1, 100),
            "log_level": st.sampled_from([None, False, 10, "INFO", "debug"]),
            "storage_bucket": NAMES,
        },
    ),
    keep=st.fixed_dictionaries({}, optional={"token": NAMES, "storage_bucket": NAMES, "from": NAMES}),
    run=st.fixed_dictionaries({}, optional={"token": NAMES, "region": NAMES, "memory": st.none() | st.integers()}),
)
def test_the_dict_resolves_to_the_same_settings(
    backend: str, storage: str | None, core: dict[str, Any], keep: dict[str, Any], run: dict[str, Any]
) -> None:
    config = {"lithops": {**core, "backend": backend, "storage": storage}, "keep": keep, "run": run}
    first = resolve(config, plugins=PLUGINS)
    again = resolve(first.as_dict(), plugins=PLUGINS)
    assert again == first
    assert copy.deepcopy(again.as_dict()) == first.as_dict()


def test_each_row_tells_where_its_value_came_from() -> None:
    settings = resolve(CONFIG, plugins=PLUGINS, overrides={"memory": 512})
    rows = {(section, key): (shown, origin) for section, key, shown, origin in settings.rows()}
    assert len(rows) == len(settings.rows())
    assert rows["lithops", "retries"] == ("2", "the argument 'config', section 'lithops'")
    assert rows["lithops", "backend"] == ("run", "the argument 'config', section 'lithops'")
    assert rows["lithops", "storage"] == ("keep", "default of backend 'run'")
    assert rows["lithops", "mode"] == ("serverless", "of backend 'run'")
    assert rows["lithops", "telemetry"] == ("false", "default")
    assert rows["run", "memory"] == ("512", "argument")
    assert rows["run", "token"] == rows["keep", "token"] == ("***", "the argument 'config', section 'acme'")
    assert rows["keep", "from"] == ("f", "the argument 'config', section 'keep'")
    assert rows["rabbitmq", "amqp_url"] == ("***", "the argument 'config', not used")
    assert PLANTED not in repr(settings.rows()) + repr(settings)


def test_a_storage_is_found_by_name_alias_and_scheme_with_its_options() -> None:
    settings = resolve(CONFIG, plugins=PLUGINS, storage="localhost")
    assert settings.storage_for("loc") == (settings.storage, settings.storage_options)
    for name in ("keep", "k", "kp"):
        info, options = settings.storage_for(name)
        assert info.name == "keep"
        assert options == KeepConfig(token=Secret(PLANTED), storage_bucket="b", from_="f")
    with pytest.raises(UnknownBackendError):
        settings.storage_for("zz")


def test_a_storage_is_opened_from_the_configuration() -> None:
    assert resolve_storage(CONFIG, plugins=PLUGINS)[0].name == "keep"
    assert resolve_storage(CONFIG, plugins=PLUGINS)[2] == "b"
    assert resolve_storage(CONFIG, "localhost", plugins=PLUGINS)[0].name == "localhost"
    assert resolve_storage({"lithops": {"storage": "keep", "storage_bucket": "x"}}, plugins=PLUGINS)[2] == "x"
    only_storage = {"lithops": {"backend": "not_installed", "storage": "keep"}}
    assert resolve_storage(only_storage, plugins=PLUGINS)[0].name == "keep"


def test_a_storage_is_opened_from_its_own_part_of_the_configuration() -> None:
    part = {"backend": "keep", "keep": {"token": PLANTED, "storage_bucket": "own"}, "bucket": "first"}
    info, options, bucket = resolve_storage(storage_config=part, plugins=PLUGINS)
    assert (info.name, bucket) == ("keep", "first")
    assert options == KeepConfig(token=Secret(PLANTED), storage_bucket="own")
    assert resolve_storage(storage_config={"backend": "keep"}, plugins=PLUGINS)[2] is None


@pytest.mark.parametrize("part", [{}, {"bucket": "b"}, {"backend": "keep", "bucket": 3}, {"backend": "keep", "x": 1}])
def test_a_part_that_is_malformed_is_an_error(part: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="storage_config"):
        resolve_storage(storage_config=part, plugins=PLUGINS)


# The dicts of programs written for Lithops 3, with the backend that is installed


def test_the_default_configuration_is_a_dict_of_sections(tmp_path: Path) -> None:
    config = default_config(config_data={"localhost": {"storage_root": str(tmp_path)}})
    assert config["lithops"]["backend"] == "localhost"
    assert config["localhost"]["storage_root"] == str(tmp_path)
    overwrite: dict[str, dict[str, Any]] = {
        "lithops": {"retries": 3, "backend": None},
        "backend": {"worker_processes": 2},
    }
    config = default_config(config_data={}, config_overwrite=overwrite, load_storage_config=False)
    assert (config["lithops"]["retries"], config["localhost"]["worker_processes"]) == (3, 2)


def test_the_part_for_the_storage_opens_the_same_storage(tmp_path: Path) -> None:
    config = default_config(config_data={"localhost": {"storage_root": str(tmp_path), "storage_bucket": "b"}})
    part = extract_storage_config(config)
    assert (part["backend"], part["bucket"]) == ("localhost", "b")
    assert resolve_storage(storage_config=part) == resolve_storage(config)


def test_a_file_is_read_as_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(json.dumps(CONFIG), encoding="utf-8")
    assert load_yaml_config(str(tmp_path / "config")) == CONFIG
    with pytest.raises(ConfigError, match="missing"):
        load_yaml_config(str(tmp_path / "missing"))


def test_the_names_of_the_package_are_those_it_lists() -> None:
    import lithops.config as package

    assert sorted(package.__all__) == sorted(package._HOMES)
    assert all(getattr(package, name).__name__ == name for name in package.__all__)
    with pytest.raises(AttributeError, match="absent"):
        package.absent  # noqa: B018
