"""`lithops attach`: follows a detached job by its key, from another process, and tells how its calls ended."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.core.cli.conftest import Sandbox

KEY = "1f2e3d-0-M000"

# What a detached job and its workers leave in the store: a record, and a status for each call.
LEAVE = """
import json, sys, time
from lithops.storage import Storage
from lithops.types import CallEnd, CallStatus, ErrorInfo
from lithops.wire.keys import job_key, status_key
from lithops.wire.status import encode_status

ends = json.loads(sys.argv[1])
record = dict(version=1, function_name="f", calls=len(ends), created=time.time(), runtime="default", memory_mb=None,
              timeout_s=60.0, deadline_s=60.0)
storage = Storage()
storage.create_bucket("storage")
storage.put_object("storage", job_key("1f2e3d-0", "M000"), json.dumps(record).encode())
for number, end in enumerate(ends):
    if end is None:
        continue
    call_id = f"{number:05d}"
    error = None if end == "success" else ErrorInfo("ValueError", "it is\\nwrong")
    status = CallStatus("1f2e3d-0", "M000", call_id, 0, CallEnd(end), error=error)
    body = b"".join(encode_status(status, {}))
    storage.put_object("storage", status_key("1f2e3d-0", "M000", call_id, 0), body)
"""


def leave(sandbox: Sandbox, *ends: str | None) -> None:
    done = sandbox.python("-c", LEAVE, json.dumps(ends))
    assert done.returncode == 0, done.stderr


def test_a_job_that_went_well_is_told_in_a_line(sandbox: Sandbox) -> None:
    leave(sandbox, "success", "success")
    assert sandbox.ok("attach", KEY) == f"Job '{KEY}': 2 calls: 2 success.\n"
    assert "M000" in sandbox.ok("storage", "list", "storage", "--prefix", "lithops.jobs/1f2e3d-0/")  # its data is kept


def test_calls_that_failed_are_told_and_the_exit_code_says_so(sandbox: Sandbox) -> None:
    leave(sandbox, "success", "error", "timeout")
    done = sandbox.run("attach", KEY)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        f"Job '{KEY}': 3 calls: 1 success, 1 error, 1 timeout.",
        "  call 00001: ValueError: it is",
        "  call 00002: ValueError: it is",
    ]
    assert done.stderr == "Error: 2 of 3 calls failed\n"


def test_the_ends_are_json_too(sandbox: Sandbox) -> None:
    leave(sandbox, "success", "error")
    done = sandbox.run("attach", "--json", KEY)
    assert done.returncode == 1
    first, second = json.loads(done.stdout)
    assert (first["call_id"], first["end"], first["success"], first["error"]) == ("00000", "success", True, None)
    assert second["error"] == {"type": "ValueError", "message": "it is\nwrong"}


def test_following_ends_when_its_time_is_over(sandbox: Sandbox) -> None:
    leave(sandbox, "success", None)
    done = sandbox.run("attach", KEY, "--timeout", "0.5")
    assert done.returncode == 1
    assert done.stderr == "Error: 1 of 2 calls had not ended: they go on\n"


@pytest.mark.parametrize(("key", "code"), [("1f2e3d-9-M000", 1), ("nonsense", 2)])
def test_a_key_without_a_job_says_so(sandbox: Sandbox, key: str, code: int) -> None:
    done = sandbox.run("attach", key)
    assert (done.returncode, done.stdout) == (code, "")
    assert key in done.stderr
