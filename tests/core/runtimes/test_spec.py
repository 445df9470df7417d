"""The name of a runtime follows from its contents, and a table tells how two differ."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lithops.runtimes.spec import Contents, compare, name_of

CONTENTS = Contents("3.11", "x86_64", 1, ("attrs==1", "numpy==2.1.0"), ("abc",))


def test_the_name_is_the_same_on_every_machine_and_in_any_order() -> None:
    assert name_of(CONTENTS) == "lithops-py311-x86_64-e86293c725"
    assert name_of(replace(CONTENTS, packages=("numpy==2.1.0", "attrs==1", "attrs==1"))) == name_of(CONTENTS)


@pytest.mark.parametrize(
    "other",
    [
        {"python": "3.12"},
        {"architecture": "arm64"},
        {"wire": 2},
        {"packages": ("attrs==1", "numpy==2.1.1")},
        {"packages": ("attrs==1numpy==2.1.0",)},
        {"packages": ("attrs==1",)},
        {"modules": ("abd",)},
        {"packages": (), "modules": ("attrs==1", "numpy==2.1.0", "abc")},
    ],
    ids=str,
)
def test_other_contents_have_another_name(other: dict[str, object]) -> None:
    assert name_of(replace(CONTENTS, **other)) != name_of(CONTENTS)  # type: ignore[arg-type]


def test_a_table_shows_what_differs_and_the_command_that_mends_it() -> None:
    found = replace(CONTENTS, python="3.12", packages=("numpy==2.0.0", "six==1"))
    assert compare(found, CONTENTS, backend="acme", runtime="mine") == (
        "          client  worker\n"
        "  Python  3.11    3.12\n"
        "  attrs   1       -\n"
        "  numpy   2.1.0   2.0.0\n"
        "  six     -       1\n"
        "'lithops runtime update mine -b acme' mends it"
    )
    assert "code" in compare(replace(CONTENTS, modules=("other",)), CONTENTS)
    assert compare(CONTENTS, CONTENTS) == ""
