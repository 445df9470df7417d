"""`lithops hello` and `lithops test`: real calls on the configured backend."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.core.cli.conftest import Sandbox

CHECKS = ["call_async", "map", "map_reduce", "error", "storage", "big result"]


def test_hello_prints_the_greeting_the_backend_and_the_time(sandbox: Sandbox) -> None:
    assert re.fullmatch(r"Hello World!\nIt ran on 'localhost', in \d+\.\d\d s\.\n", sandbox.ok("hello"))


def test_hello_on_a_backend_that_refuses_is_a_failure(acme: Sandbox) -> None:
    done = acme.run("hello")
    assert (done.returncode, done.stdout) == (1, "")
    assert "acme takes no calls: use another backend" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_trial_passes_and_leaves_nothing(sandbox: Sandbox) -> None:
    sandbox.configure("lithops: {data_cleaner: false}\nlocalhost: {worker_processes: 2}\n")
    first, *lines, last = sandbox.ok("test").splitlines()
    assert first == "Backend 'localhost', storage 'localhost':"
    assert [re.split(" {2,}", line)[:2] for line in lines] == [["ok", name] for name in CHECKS]
    assert last.startswith("All 6 checks are ok, in ")
    assert sandbox.ok("storage", "list", "storage") == ""


def test_the_trial_prints_json(sandbox: Sandbox) -> None:
    found = json.loads(sandbox.ok("test", "--json"))
    assert [(check["name"], check["ok"]) for check in found] == [(name, True) for name in CHECKS]


def test_a_trial_that_fails_says_what_and_how_much(acme: Sandbox) -> None:
    done = acme.run("test")
    assert done.returncode == 1
    _, *lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["failed"] * 6
    assert "acme takes no calls" in lines[0]
    assert done.stderr == "Error: 6 of 6 checks failed\n"


def test_a_trial_that_fails_prints_json_too(acme: Sandbox) -> None:
    done = acme.run("test", "--json")
    assert done.returncode == 1
    assert [check["ok"] for check in json.loads(done.stdout)] == [False] * 6
