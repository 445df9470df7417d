"""The first source that exists is taken whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from lithops.config.sources import Source, find_source
from lithops.errors import ConfigError

ORDER = ["config", "config_file", "LITHOPS_CONFIG", "LITHOPS_CONFIG_FILE", "folder", "home", "system"]


class Place:
    """A machine with all places where a configuration can be; each says in `lithops.backend` which it is."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.present: set[str] = set()

    def put(self, name: str) -> None:
        self.present.add(name)
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"lithops: {{backend: {name}}}", encoding="utf-8")

    def path(self, name: str) -> Path:
        paths = {"folder": "cwd/.lithops_config", "home": "home/.lithops/config"}
        return self.root / paths.get(name, name)

    def find(self) -> Source:
        environ = {"HOME": str(self.root / "home")}
        if "LITHOPS_CONFIG" in self.present:
            environ["LITHOPS_CONFIG"] = "lithops: {backend: LITHOPS_CONFIG}"
        if "LITHOPS_CONFIG_FILE" in self.present:
            environ["LITHOPS_CONFIG_FILE"] = str(self.path("LITHOPS_CONFIG_FILE"))
        return find_source(
            {"lithops": {"backend": "config"}} if "config" in self.present else None,
            self.path("config_file") if "config_file" in self.present else None,
            environ=environ,
            cwd=str(self.root / "cwd"),
            system_file=str(self.path("system")),
        )


@pytest.mark.parametrize("first", range(len(ORDER)))
def test_each_source_hides_those_after_it(tmp_path: Path, first: int) -> None:
    place = Place(tmp_path)
    for name in ORDER[first:]:
        place.put(name)
    assert place.find().sections == {"lithops": {"backend": ORDER[first]}}


def test_without_any_source_the_configuration_is_empty(tmp_path: Path) -> None:
    found = Place(tmp_path).find()
    assert found.sections == {}
    assert found.origin == "no configuration"


def test_a_file_is_named_as_the_origin(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.put("home")
    assert place.find().origin == str(tmp_path / "home/.lithops/config")


def test_a_named_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    with pytest.raises(ConfigError, match=missing):
        find_source(None, missing, environ={})
    with pytest.raises(ConfigError, match=missing):
        find_source(environ={"LITHOPS_CONFIG_FILE": missing})


@pytest.mark.parametrize("variable", ["LITHOPS_CONFIG", "LITHOPS_CONFIG_FILE"])
def test_an_empty_variable_is_as_good_as_none(tmp_path: Path, variable: str) -> None:
    environ = {variable: "", "HOME": str(tmp_path)}
    assert find_source(environ=environ, cwd=str(tmp_path), system_file=str(tmp_path / "x")).sections == {}


def test_an_empty_dict_is_a_configuration(tmp_path: Path) -> None:
    assert find_source({}, str(tmp_path / "missing")).sections == {}


def test_the_caller_may_change_its_dict_later() -> None:
    config = {"lithops": {"backend": "a"}}
    found = find_source(config)
    config["lithops"]["backend"] = "b"
    del config["lithops"]
    assert found.sections == {"lithops": {"backend": "a"}}


def test_a_section_without_keys_is_empty() -> None:
    assert find_source({"lithops": None}).sections == {"lithops": {}}


@pytest.mark.parametrize("config", [{"lithops": "aws"}, {"lithops": ["a"]}, {3: {}}, "path/to/config", ["a"]])
def test_what_has_no_sections_is_an_error(config: object) -> None:
    with pytest.raises(ConfigError, match="config"):
        find_source(config)  # type: ignore[arg-type]
