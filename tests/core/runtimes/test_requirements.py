"""What the user named becomes exact versions, by pip or by what is installed here."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lithops.errors import ConfigError
from lithops.runtimes.requirements import options_of, resolve

if TYPE_CHECKING:
    from tests.core.runtimes.conftest import Index

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
CPYTHON = f"cp{sys.version_info[0]}{sys.version_info[1]}"


def resolved(requirements: str | list[str] | None, environment: str | None = None, *exclude: str) -> tuple[str, ...]:
    return resolve(requirements, environment, PYTHON, "x86_64", exclude)


@pytest.mark.parametrize("nothing", [None, []])
def test_nothing_is_asked_for(nothing: list[str] | None) -> None:
    assert resolved(nothing) == ()


def test_versions_are_chosen_with_what_they_need(index: Index) -> None:
    index.add("alpha", "1.0")
    index.add("alpha", "1.5", needs=["Beta_Two>=1"])
    index.add("alpha", "2.0")
    index.add("beta_two", "3.0")
    assert resolved(["alpha<2  # not yet", "", "# no more", "lithops-core"]) == ("alpha==1.5", "beta-two==3.0")


def test_a_file_is_taken_with_the_files_that_it_names(index: Index, tmp_path: Path) -> None:
    index.add("alpha")
    index.add("gamma")
    (tmp_path / "requirements.txt").write_text("alpha\n-r more.txt\n", "utf-8")
    (tmp_path / "more.txt").write_text("gamma==1.0\n", "utf-8")
    assert resolved(str(tmp_path / "requirements.txt")) == ("alpha==1.0", "gamma==1.0")


def test_wheels_are_chosen_for_the_target_and_not_for_this_machine(index: Index) -> None:
    index.add("alpha", "2.0", tag=f"{CPYTHON}-{CPYTHON}-manylinux_2_17_x86_64")
    index.add("alpha", "1.0", tag=f"{CPYTHON}-{CPYTHON}-manylinux_2_17_aarch64")
    index.add("alpha", "3.0", tag=f"{CPYTHON}-{CPYTHON}-manylinux_2_28_x86_64")
    assert resolve(["alpha"], None, PYTHON, "x86_64", ()) == ("alpha==2.0",)
    assert resolve(["alpha"], None, PYTHON, "arm64", ()) == ("alpha==1.0",)
    assert resolve(["alpha"], None, PYTHON, "x86_64", (), glibc=28) == ("alpha==3.0",)


def test_a_package_without_a_wheel_is_named(index: Index) -> None:
    index.add("alpha", needs=["windy"])
    index.add("windy", tag=f"{CPYTHON}-{CPYTHON}-win_amd64")
    with pytest.raises(ConfigError, match=rf"no wheel of 'windy.*' for Python {PYTHON} on Linux x86_64: .* an image"):
        resolved(["alpha"])


def test_what_cannot_be_had_together_is_told_by_pip(index: Index) -> None:
    index.add("alpha", needs=["beta==1"])
    index.add("beta", "2")
    index.add("beta", "1")
    with pytest.raises(ConfigError, match=r"pip found no packages[\s\S]*conflict"):
        resolved(["alpha", "beta==2"])


def test_a_wheel_by_its_path_has_a_pin_with_its_hash(index: Index) -> None:
    wheel = index.add("alpha")
    (pin,) = resolved([str(wheel)])
    assert pin.startswith(f"alpha @ {wheel.as_uri()}#sha256=")


def test_what_the_platform_has_stays_out_unless_it_is_named_or_needed_in_certain_versions(index: Index) -> None:
    index.add("sdk", "2.0", needs=["sdk_core<3"])
    index.add("sdk_core", "2.5")
    index.add("loose", needs=["sdk"])
    index.add("strict", needs=["sdk_core>=2,<3"])
    index.add("optional", needs=['sdk_core<3; extra == "all"'])
    platform = ("sdk", "SDK_core")
    assert resolved(["loose", "optional", "sdk_core; python_version < '3'"], None, *platform) == (
        "loose==1.0",
        "optional==1.0",
    )
    assert resolved(["strict"], None, *platform) == ("sdk-core==2.5", "strict==1.0")
    assert resolved(["sdk"], None, *platform) == ("sdk==2.0", "sdk-core==2.5")


def test_local_takes_the_installed_versions_of_what_is_listed_and_what_that_needs(index: Index, site: Path) -> None:
    index.add("alpha", "1.0", needs=["beta>=1", 'gamma; extra == "more"', "absent; sys_platform == 'win32'"])
    index.add("beta", "2.0", needs=["alpha"])
    index.add("gamma", "3.0")
    for name in ("alpha", "beta", "gamma"):
        index.install(name, site)
    index.add("alpha", "9.0")
    assert resolved(["Alpha"], "local") == ("alpha==1.0", "beta==2.0")
    assert resolved(["alpha[More]"], "local") == ("alpha==1.0", "beta==2.0", "gamma==3.0")


def test_local_alone_takes_all_but_installers_lithops_and_what_the_platform_has(index: Index, site: Path) -> None:
    index.add("alpha")
    index.add("platform_sdk")
    index.install("alpha", site)
    index.install("platform_sdk", site)
    names = {pin.partition("==")[0] for pin in resolved(None, "local", "platform-sdk")}
    assert {"alpha", "cloudpickle", "pytest"} <= names
    assert {"pip", "setuptools", "wheel", "platform-sdk"} & names == set()
    assert [name for name in names if name.startswith("lithops")] == []


@pytest.mark.parametrize(
    ("requirements", "environment", "reason"),
    [
        (["not-here-at-all"], "local", "'not-here-at-all' of 'requirements' is not installed here: pip install"),
        (["pytest>=1"], "local", "names a version, and 'environment: local' takes those"),
        (["-r more.txt"], "local", "give names of packages alone"),
        ("absent.txt", None, "there is no file 'absent.txt'"),
        (None, "conda", "'environment' is 'conda': write 'local'"),
    ],
)
def test_a_mistake_is_told(requirements: str | list[str] | None, environment: str | None, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        resolved(requirements, environment)


def test_options_say_where_packages_are(tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    file = tmp_path / "r.txt"
    file.write_text("--extra-index-url https://a.example/simple\n-f wheels\n--no-index\nnumpy\n-r other.txt\n", "utf-8")
    assert options_of(str(file)) == (
        "--extra-index-url", "https://a.example/simple", "-f", str(tmp_path / "wheels"), "--no-index",
    )  # fmt: skip
    assert options_of(["-i=https://b.example", "numpy"]) == ("-i", "https://b.example")
    assert options_of(None) == ()
