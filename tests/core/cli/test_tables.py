"""`lithops plugins` and `lithops config`."""

from __future__ import annotations

import json
import pty
from contextlib import suppress
from io import FileIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.core.cli.conftest import Sandbox


def test_plugins_lists_each_with_its_status(acme: Sandbox) -> None:
    acme.install("wreck", "raise OSError('the disk is gone')\n")
    text = acme.ok("plugins")
    rows = [line.split() for line in text.splitlines()]
    assert rows[0] == ["name", "distribution", "version", "mode", "status"]
    assert ["acme", "acme", "1.0", "serverless", "ok"] in rows
    assert ["wreck", "wreck", "1.0", "broken"] in rows
    assert "wreck is broken: OSError: the disk is gone" in text


def test_plugins_prints_json(acme: Sandbox) -> None:
    acme.install("wreck", "raise OSError('the disk is gone')\n")
    found = {one["name"]: one for one in json.loads(acme.ok("plugins", "--json"))}
    assert found["acme"] == {
        "name": "acme", "distribution": "acme", "version": "1.0", "mode": "serverless", "status": "ok", "error": "",
        "backends": [{"kind": "compute", "name": "acme", "summary": ""}],
    }  # fmt: skip
    assert (found["wreck"]["status"], found["wreck"]["error"]) == ("broken", "OSError: the disk is gone")
    assert {"compute", "storage"} == {one["kind"] for one in found["localhost"]["backends"]}


def test_plugins_that_are_left_out_are_listed(sandbox: Sandbox) -> None:
    found = json.loads(sandbox.ok("plugins", "--json", LITHOPS_PLUGINS="none"))
    assert {one["status"] for one in found} == {"disabled"}


def test_config_shows_each_value_with_its_origin_and_no_secret(acme: Sandbox) -> None:
    text = acme.ok("config")
    rows = [line.split(maxsplit=3) for line in text.splitlines()]
    assert rows[0][-1] == "./.lithops_config"
    assert ["lithops", "backend", "acme", "section 'lithops'"] in [[cell.rstrip() for cell in row] for row in rows]
    assert ["acme", "token", "***", "section 'acme'"] in [[cell.rstrip() for cell in row] for row in rows]
    assert "my-secret-token" not in text


def test_config_prints_typed_json_without_secrets(acme: Sandbox) -> None:
    text = acme.ok("config", "--json", "-r", "mars")
    found = json.loads(text)
    assert found["source"] == "./.lithops_config"
    values = {(one["section"], one["key"]): (one["value"], one["origin"]) for one in found["values"]}
    assert values["acme", "token"] == ("***", "./.lithops_config, section 'acme'")
    assert values["acme", "region"] == ("mars", "argument")
    assert values["lithops", "retries"] == (0, "default")
    assert values["lithops", "telemetry"] == (False, "default")
    assert values["localhost", "storage_root"] == (None, "default")
    assert "my-secret-token" not in text


def test_what_no_backend_reads_is_listed_but_not_shown(sandbox: Sandbox) -> None:
    sandbox.configure("elsewhere: {password: hunter2}\n")
    text = sandbox.ok("config")
    assert "hunter2" not in text
    assert ["elsewhere", "password", "***", "not", "used"] in [line.split() for line in text.splitlines()]


def test_a_table_keeps_to_the_width_of_the_terminal_and_escapes_what_would_command_it(sandbox: Sandbox) -> None:
    sandbox.configure(f'localhost: {{storage_root: "{"long/" * 30}", storage_bucket: "a\\e[31mb"}}\n')
    ours, theirs = pty.openpty()
    environ = {"TERM": "dumb", "COLUMNS": "80"}
    with open(ours, "rb", buffering=0) as terminal, open(theirs, "wb") as stdout:
        with sandbox.start("-m", "lithops.cli", "config", stdout=stdout, environ=environ) as process:
            stdout.close()
            text = _until_closed(terminal).decode()
        assert process.returncode == 0
    assert "storage_root" in text
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b[31m" not in text
    assert "a\\x1b[31mb" in text


def _until_closed(terminal: FileIO) -> bytes:
    """Read a terminal until its other side is closed, which Linux tells by an error."""
    pieces = []
    with suppress(OSError):
        while piece := terminal.read(65536):
            pieces.append(piece)
    return b"".join(pieces)
