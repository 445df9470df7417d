"""`lithops clean` asks, deletes the data of jobs and nothing else, and says what it deleted."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.core.cli.conftest import Sandbox

OLD, TWIN, OTHER = "aaaaaa-0", "aaaaaa-01", "bbbbbb-0"
KEYS = [f"lithops.jobs/{name}/M000/results/00000/0-x" for name in (OLD, TWIN, OTHER)] + ["mine", "lithops.jobsmine"]


@pytest.fixture
def used(acme: Sandbox) -> Sandbox:
    """A store with the data of three executors, 10 bytes each, and of others."""
    for key in KEYS:
        acme.ok("storage", "put", "-", "storage", "--key", key, stdin="0123456789")
    return acme


def keys(sandbox: Sandbox) -> list[str]:
    return [line.split()[-1] for line in sandbox.ok("storage", "list", "storage").splitlines()]


def told(sandbox: Sandbox) -> list[str]:
    file = sandbox.home / "told"
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def test_all_data_of_jobs_goes_and_nothing_else(used: Sandbox) -> None:
    assert used.ok("clean", "--yes") == "Deleted 3 objects (30 B) from bucket 'storage' of 'localhost'.\n"
    assert keys(used) == ["lithops.jobsmine", "mine"]
    assert told(used) == [f"executor {name}" for name in (OLD, TWIN, OTHER)]
    assert used.ok("clean", "-y") == "There was nothing to delete in bucket 'storage' of 'localhost'.\n"


def test_only_the_named_executors_go(used: Sandbox) -> None:
    assert "Deleted 1 object (10 B)" in used.ok("clean", OLD, "--yes")
    assert keys(used) == sorted(KEYS[1:])
    assert told(used) == [f"executor {OLD}"]
    assert "Deleted 2 objects (20 B)" in used.ok("clean", TWIN, OTHER, TWIN, "--yes")


def test_all_takes_the_runtimes_too(used: Sandbox) -> None:
    assert used.ok("clean", "--all", "--yes").splitlines()[-1] == "Deleted 1 runtime of 'acme'."
    assert told(used)[-1] == "runtime blue"


def test_the_answer_yes_deletes(used: Sandbox) -> None:
    text = used.ok("clean", stdin="y\n")
    assert text.startswith("3 objects (30 B) of 3 executors in bucket 'storage' of 'localhost'.\n")
    assert keys(used) == ["lithops.jobsmine", "mine"]


@pytest.mark.parametrize(("answer", "reason"), [("n\n", "the answer was no"), ("\n", "no"), ("", "give --yes")])
def test_any_other_answer_deletes_nothing_and_exits_with_1(used: Sandbox, answer: str, reason: str) -> None:
    done = used.run("clean", "--all", stdin=answer)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: nothing was deleted")
    assert reason in done.stderr
    assert keys(used) == sorted(KEYS)
    assert told(used) == []


def test_ctrl_c_at_the_question_deletes_nothing_and_exits_with_130(used: Sandbox) -> None:
    with used.start("-u", "-m", "lithops.cli", "clean") as process:
        assert process.stdout is not None
        shown = b""
        while b"[y/N]" not in shown:
            piece = process.stdout.read1()  # type: ignore[attr-defined]  # typeshed calls it IO
            assert piece, shown
            shown += piece
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)  # closes its input: a read that began just after the signal would not end
    assert process.returncode == 130
    assert keys(used) == sorted(KEYS)


def test_a_bucket_that_is_not_there_has_nothing_to_delete(sandbox: Sandbox) -> None:
    sandbox.configure("localhost: {storage_bucket: absent}\n")
    assert sandbox.ok("clean") == "There was nothing to delete in bucket 'absent' of 'localhost'.\n"
    assert not (sandbox.home / ".lithops" / "storage" / "absent").exists()


def test_more_objects_than_one_request_takes_are_deleted(sandbox: Sandbox) -> None:
    program = (
        "from lithops import Storage\ns = Storage()\n"
        "for n in range(2100): s.put_object(s.bucket, f'lithops.jobs/a-0/{n}', b'')"
    )
    assert sandbox.python("-c", program).returncode == 0
    assert "Deleted 2,100 objects (0 B)" in sandbox.ok("clean", "--yes")
    assert keys(sandbox) == []


def test_what_a_program_left_is_cleaned_by_its_id(sandbox: Sandbox) -> None:
    sandbox.configure("lithops: {data_cleaner: false}\n")
    program = (
        "from lithops import FunctionExecutor\n"
        "with FunctionExecutor() as e: e.call_async(lambda n: bytes(n), 6_000_000).result(); print(e.executor_id)"
    )
    executor_id = sandbox.python("-c", program).stdout.strip()
    assert "Deleted 1 object (6.0 MB)" in sandbox.ok("clean", executor_id, "--yes")
    assert keys(sandbox) == []
