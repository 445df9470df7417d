"""`lithops storage`: objects in and out, byte for byte, whatever they are called."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from lithops.cli.storage import storage

if TYPE_CHECKING:
    from tests.core.cli.conftest import Sandbox

BODY = bytes(range(256)) * 9000


def test_a_file_comes_back_as_it_was(sandbox: Sandbox) -> None:
    (sandbox.home / "in.bin").write_bytes(BODY)
    assert sandbox.ok("storage", "put", "in.bin", "storage") == "Wrote 'in.bin' to bucket 'storage', 2.3 MB.\n"
    assert sandbox.ok("storage", "get", "storage", "in.bin", "--out", "out/in.bin") == "Wrote 'out/in.bin'.\n"
    assert (sandbox.home / "out" / "in.bin").read_bytes() == BODY


def test_without_out_the_file_is_named_by_the_end_of_the_key(sandbox: Sandbox) -> None:
    sandbox.ok("storage", "put", "-", "storage", "--key", "a/b/../c.txt", stdin="text")
    assert sandbox.ok("storage", "get", "storage", "a/b/../c.txt") == "Wrote 'c.txt'.\n"
    assert (sandbox.home / "c.txt").read_text(encoding="utf-8") == "text"


def test_standard_streams_carry_bytes(sandbox: Sandbox) -> None:
    sandbox.ok("storage", "put", "-", "storage", "--key", "k", stdin=b"a\r\nb\0")
    assert sandbox.ok("storage", "get", "storage", "k", "--out", "-") == "a\r\nb\0"


def test_a_listing_shows_size_time_and_key_in_order(sandbox: Sandbox) -> None:
    for key in ("b", "a/x", "a/é"):
        sandbox.ok("storage", "put", "-", "storage", "--key", key, stdin=key)
    rows = [line.split() for line in sandbox.ok("storage", "list", "storage").splitlines()]
    assert [(row[0], row[-1]) for row in rows] == [("3", "a/x"), ("4", "a/é"), ("1", "b")]
    found = json.loads(sandbox.ok("storage", "list", "storage", "--prefix", "a/", "--json"))
    assert [(one["key"], one["size"]) for one in found] == [("a/x", 3), ("a/é", 4)]
    assert all(one["modified"].endswith("+00:00") and one["etag"] for one in found)
    assert json.loads(sandbox.ok("storage", "list", "storage", "--prefix", "z", "--json")) == []


def test_a_key_cannot_command_the_terminal(sandbox: Sandbox) -> None:
    key = "a\n\x1b[31mred"
    assert "\x1b" not in sandbox.ok("storage", "put", "-", "storage", "--key", key)
    (line,) = sandbox.ok("storage", "list", "storage").splitlines()
    assert line.endswith("a\\n\\x1b[31mred")
    assert [one["key"] for one in json.loads(sandbox.ok("storage", "list", "storage", "--json"))] == [key]


def test_delete_takes_one_key_or_a_prefix(sandbox: Sandbox) -> None:
    for key in ("a", "ab", "b"):
        sandbox.ok("storage", "put", "-", "storage", "--key", key)
    assert sandbox.ok("storage", "delete", "storage", "b") == "Deleted 'b' of bucket 'storage'.\n"
    assert sandbox.ok("storage", "delete", "storage", "--prefix", "a") == "Deleted 2 objects of bucket 'storage'.\n"
    assert sandbox.ok("storage", "list", "storage") == ""


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["put", "absent.txt", "storage"], "No such file or directory: 'absent.txt'"),
        (["put", ".lithops", "storage", "--key", "k"], "Is a directory: '.lithops'"),
        (["put", "-", "nowhere", "--key", "k"], "there is no bucket 'nowhere'"),
        (["get", "storage", "absent"], "there is no object 'absent' in bucket 'storage'"),
        (["get", "storage", "there", "--out", ".lithops"], "Is a directory"),
        (["get", "nowhere", "there"], "there is no bucket 'nowhere'"),
        (["list", "nowhere"], "there is no bucket 'nowhere'"),
        (["list", "nowhere", "--json"], "there is no bucket 'nowhere'"),
        (["list", "../other"], "there is no bucket '../other'"),
        (["delete", "storage", "absent"], "there is no object 'absent' in bucket 'storage'"),
        (["delete", "nowhere", "--prefix", "a"], "there is no bucket 'nowhere'"),
    ],
    ids=str,
)
def test_a_failure_is_a_sentence_and_exits_with_1(sandbox: Sandbox, arguments: list[str], reason: str) -> None:
    sandbox.ok("storage", "put", "-", "storage", "--key", "there")
    before = sorted(path for path in sandbox.home.rglob("*") if "%tmp" not in path.name)
    done = sandbox.run("storage", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"Error: {reason}")
    assert len(done.stderr.splitlines()) == 1
    assert sorted(path for path in sandbox.home.rglob("*") if "%tmp" not in path.name) == before


def test_the_storage_is_used_also_when_the_compute_backend_is_not_installed(sandbox: Sandbox) -> None:
    sandbox.configure("lithops: {backend: not_here, storage: localhost}\n")
    assert sandbox.ok("storage", "list", "storage") == ""


def test_a_folder_goes_up_and_comes_down(sandbox: Sandbox) -> None:
    for name in ("a.txt", "sub/b.txt"):
        (sandbox.home / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (sandbox.home / "in" / name).write_text(name, encoding="utf-8")
    done = sandbox.ok("storage", "put", "--recursive", "in", "storage", "--prefix", "data")
    assert done == "Wrote 2 objects to bucket 'storage', 14 B.\n"
    keys = [one["key"] for one in json.loads(sandbox.ok("storage", "list", "storage", "-p", "data/", "--json"))]
    assert keys == ["data/a.txt", "data/sub/b.txt"]
    done = sandbox.ok("storage", "get", "storage", "-p", "data", "out")
    assert done == "Wrote 2 files below 'out', 14 B.\n"
    assert (sandbox.home / "out" / "sub" / "b.txt").read_text(encoding="utf-8") == "sub/b.txt"
    sandbox.ok("storage", "put", "-R", "in", "storage")
    assert (
        sandbox.ok("storage", "get", "storage", "--prefix", "sub", "--out", "out") == "Wrote 1 file below 'out', 9 B.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["get", "storage", "--prefix", "absent", "out"], "there is no object 'absent/' in bucket 'storage'"),
        (["get", "storage", "--prefix", "bad", "out"], "cannot download object 'bad/../x' into"),
        (["put", "--recursive", "absent", "storage"], "No such file or directory"),
        (["put", "--recursive", "file", "storage"], "Not a directory"),
        (["put", "--recursive", "folder", "nowhere"], "there is no bucket 'nowhere'"),
    ],
    ids=str,
)
def test_a_failure_of_a_folder_is_a_sentence_too(sandbox: Sandbox, arguments: list[str], reason: str) -> None:
    (sandbox.home / "folder").mkdir()
    for name in ("file", "folder/file"):
        (sandbox.home / name).touch()
    sandbox.ok("storage", "put", "-", "storage", "--key", "bad/../x", stdin="x")
    done = sandbox.run("storage", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"Error: {reason}")
    assert len(done.stderr.splitlines()) == 1
    assert not (sandbox.home / "out").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["put", "--recursive", "in", "storage", "--key", "k"],
        ["put", "--recursive", "-", "storage"],
        ["put", "in", "storage", "--prefix", "p"],
        ["get", "storage"],
        ["get", "storage", "--prefix", "p"],
        ["get", "storage", "--prefix", "p", "folder", "--out", "other"],
        ["get", "storage", "--prefix", "p", "--out", "-"],
    ],
    ids=str,
)
def test_options_that_do_not_fit_are_wrong_usage(arguments: list[str]) -> None:
    done = CliRunner().invoke(storage, arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "Error: " in done.stderr


BUSY = """
import io, sys
from lithops.cli import storage_progress

class Terminal(io.StringIO):
    def isatty(self):
        return True

sys.stderr = Terminal() if "terminal" in sys.argv else io.StringIO()
with storage_progress.transfer_progress("a [bold] file", int(sys.argv[1])) as advance:
    if advance is not None:
        advance(int(sys.argv[1]))
print(advance is not None, "MB" in sys.stderr.getvalue(), "a [bold] file" in sys.stderr.getvalue())
"""


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        (["50000000", "terminal"], "True True True\n"),
        (["50000000", "file"], "False False False\n"),
        (["1000", "terminal"], "False False False\n"),
    ],
)
def test_progress_is_shown_for_what_is_big_at_a_terminal_only(
    sandbox: Sandbox, arguments: list[str], printed: str
) -> None:
    assert sandbox.python("-c", BUSY, *arguments, TERM="xterm", COLUMNS="120").stdout == printed
