"""JSON and YAML are read safely, and no mistake in them makes an error that quotes the text."""

from __future__ import annotations

import json
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lithops.config.text import parse, read_file
from lithops.errors import ConfigError

PLANTED = "pl4nteds3cret"
SCALARS = st.none() | st.booleans() | st.integers() | st.text()
KEYS = st.from_regex(r"[a-z_]{1,12}", fullmatch=True)
CONFIGS = st.dictionaries(KEYS, st.dictionaries(KEYS, SCALARS | st.lists(SCALARS)))


@given(CONFIGS)
def test_json_and_yaml_of_a_configuration_are_read_as_they_are(config: dict[str, Any]) -> None:
    assert parse(json.dumps(config), "x") == config
    assert parse(yaml.safe_dump(config), "x") == config


@pytest.mark.parametrize("text", ["", " \n ", "# only a comment\n", "---\n", "null", "{}", "~"])
def test_nothing_is_an_empty_configuration(text: str) -> None:
    assert parse(text, "x") == {}


def test_yaml_that_looks_like_json_is_read() -> None:
    assert parse("{lithops: {backend: a, storage: b}}", "x") == {"lithops": {"backend": "a", "storage": "b"}}


MISTAKES = [
    f"aws:\n  key: *{PLANTED}\n",
    f"aws:\n  key: !{PLANTED} x\n",
    f"aws:\n  key: @{PLANTED}\n",
    f"aws:\n  key: %{PLANTED}\n",
    f"aws:\n  key: `{PLANTED}`\n",
    f'aws:\n  key: "{PLANTED}\n',
    f"aws:\n  key: '{PLANTED}\n",
    f"aws:\n  id: x\n  key:{PLANTED}\n",
    f"aws:\n\tkey: {PLANTED}\n",
    f"aws:\n  key: &{PLANTED} x\n  key2: &{PLANTED} [\n",
    f"aws: {{key: {PLANTED}\n",
    f"aws: [{PLANTED}: : ]}}\n",
    f"? [{PLANTED}]\n: {{a: b}}\n",
    f"aws: \x00{PLANTED}",
    f"aws: {{? {{a: {PLANTED}}} : b}}",
    f"!!python/object/apply:os.system ['echo {PLANTED}']",
    f"a: 2024-99-99\nb: {PLANTED}",
    f"a: {{x: 1}}\n--- \nb: {PLANTED}",
    f'{{"aws": {{"key": "{PLANTED}", }} ]',
    f'{{"aws": {{"{PLANTED}:x": 1, "{PLANTED}:x": 2}}}}',
    f"aws: {{'{PLANTED}:x': 1, '{PLANTED}:x': 2}}",
    f"{PLANTED}",
    f"- {PLANTED}",
    "[" * 20_000 + PLANTED,
    '{"a":' * 20_000 + f'"{PLANTED}"',
]


@pytest.mark.parametrize("text", MISTAKES, ids=lambda text: repr(text[:30]))
def test_a_mistake_is_an_error_that_does_not_quote_the_text(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, "/home/me/config")
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value.__context__)
    assert PLANTED not in told
    assert str(caught.value).startswith("/home/me/config")


def test_a_mistake_is_told_by_line_and_column() -> None:
    with pytest.raises(ConfigError, match="at line 3, column 8"):
        parse("aws:\n  id: x\n  key: @x\n", "x")


@pytest.mark.parametrize(
    "text",
    [
        "a: {x: 1}\na: {x: 2}\n",
        "a:\n  x: 1\n  y: 2\n  x: 3\n",
        "a: {x: {deep: 1, deep: 2}}",
        "a: [{deep: 1, deep: 2}]",
        '{"a": {"x": 1, "x": 1}}',
    ],
)
def test_a_key_that_is_there_twice_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="twice"):
        parse(text, "x")


def test_anchors_and_merge_keys_work() -> None:
    text = "base: &base {a: 1, deep: &deep {<<: {z: 1}, z: 2}}\nmore: {<<: *base, a: 2}\nlast: {<<: *deep, y: 1}\n"
    found = parse(text, "x")
    assert found["more"] == {"a": 2, "deep": {"z": 2}}
    assert found == yaml.safe_load(text)


def test_aliases_of_aliases_take_no_time() -> None:
    lines = ["a0: &a0 {x: 1}"] + [f"a{n}: &a{n} {{l: *a{n - 1}, r: *a{n - 1}}}" for n in range(1, 60)]
    assert len(parse("\n".join(lines), "x")) == 60


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "config").write_bytes(b"\xef\xbb\xbflithops: {backend: \xc3\xa9}")
    assert read_file(str(tmp_path / "config")) == {"lithops": {"backend": "\xe9"}}


@pytest.mark.parametrize("name", ["missing", "folder", "binary", "nul\0", "file/below", "x" * 5000])
def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "binary").write_bytes(b"\xff\xfe" + PLANTED.encode())
    with pytest.raises(ConfigError) as caught:
        read_file(str(tmp_path / name))
    assert PLANTED not in "".join(traceback.format_exception(caught.value))


def test_json_is_read_without_yaml() -> None:
    program = (
        "import sys; from lithops.config.text import parse; parse('{\"a\": {}}', 'x'); print('yaml' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == "False"
