"""The page on Lambda is true: it names each key with its default, and what it says of permissions and Pythons."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec import structs

from lithops_aws.compute.config import LambdaConfig
from lithops_aws.compute.functions_naming import GLIBC

PAGE = (Path(__file__).parents[2] / "docs" / "compute" / "aws_lambda.md").read_text("utf-8")
KEYS = PAGE.partition("## Keys")[2].partition("\n## ")[0]
ROWS = [[cell.strip() for cell in row.split("|")] for row in re.findall(r"^\|( `.*)\|$", KEYS, flags=re.MULTILINE)]


def test_the_table_names_every_key() -> None:
    named = [name for row in ROWS for name in re.findall(r"`(\w+)`", row[0])]
    assert sorted(named) == sorted(field.name for field in structs.fields(LambdaConfig))


@pytest.mark.parametrize(
    "key", ["runtime_memory", "runtime_timeout", "max_workers", "ephemeral_storage", "architecture"]
)
def test_defaults_are_those_of_the_code(key: str) -> None:
    (row,) = [row for row in ROWS if row[0] == f"`{key}`"]
    assert row[1].strip("`") == str(getattr(LambdaConfig(), key))


def test_the_pythons_are_those_of_the_code() -> None:
    first, *_, last = GLIBC
    assert f"Python {first} to {last}" in PAGE
