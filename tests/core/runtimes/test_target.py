"""Which wheels a worker's machine takes."""

from __future__ import annotations

import pytest

from lithops.errors import ConfigError
from lithops.runtimes.target import Target


@pytest.mark.parametrize(
    ("tag", "is_taken"),
    [
        ("py3-none-any", True),
        ("py2.py3-none-any", True),
        ("py2-none-any", False),
        ("py311-none-any", True),
        ("py312-none-any", False),
        ("cp311-none-any", True),
        ("cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64", True),
        ("cp311-cp311-manylinux2014_x86_64", True),
        ("cp311-cp311-manylinux1_x86_64", True),
        ("cp311-cp311-manylinux_2_26_x86_64", True),
        ("cp311-cp311-manylinux_2_28_x86_64", False),
        ("cp311-cp311-manylinux_2_17_aarch64", False),
        ("cp311-cp311-musllinux_1_2_x86_64", False),
        ("cp311-cp311-linux_x86_64", False),
        ("cp312-cp312-manylinux_2_17_x86_64", False),
        ("cp38-abi3-manylinux_2_17_x86_64", True),
        ("cp312-abi3-manylinux_2_17_x86_64", False),
        ("py3-none-manylinux_2_17_x86_64", True),
        ("cp311-cp311-macosx_11_0_arm64", False),
        ("rubbish", False),
    ],
)
def test_a_wheel_is_taken_by_its_tag(tag: str, is_taken: bool) -> None:
    assert Target("3.11", "x86_64", 26).takes(tag) is is_taken


def test_arm_is_named_as_wheels_name_it() -> None:
    target = Target("3.12", "arm64")
    assert target.takes("cp312-cp312-manylinux_2_17_aarch64")
    assert target.platforms()[:2] == ["manylinux_2_17_aarch64", "manylinux2014_aarch64"]


def test_an_unknown_architecture_is_refused() -> None:
    with pytest.raises(ConfigError, match="give x86_64 or arm64"):
        Target("3.11", "riscv")
