"""What is left behind: nothing in the temp folder, nothing in storage that `clean` or the data cleaner should take."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import TYPE_CHECKING, Any

import pytest

import lithops
from lithops.errors import LithopsError
from lithops.storage.utils import StorageNoSuchKeyError

if TYPE_CHECKING:
    from tests.e2e.conftest import Client

RunClient = Callable[..., CompletedProcess[str]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


@pytest.fixture
def own(root: Path) -> Iterator[lithops.FunctionExecutor]:
    """An executor whose storage is seen to be empty or not."""
    with lithops.FunctionExecutor(config={"localhost": {"storage_root": str(root), "worker_processes": 2}}) as made:
        yield made


def files_below(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def makes_big(x: int) -> bytes:
    return bytes([x]) * 8_000_000


def test_small_calls_write_nothing(own: lithops.FunctionExecutor, root: Path) -> None:
    assert own.map(abs, range(-100, 0)).get_result() == list(range(100, 0, -1))
    assert files_below(root) == []


def test_clean_takes_what_jobs_left_and_nothing_else(own: lithops.FunctionExecutor) -> None:
    bucket = own.storage.bucket or ""
    own.storage.put_object(bucket, "mine/stays", b"x")
    futures = own.map(makes_big, range(3))
    own.map(len, [(bytes(8_000_000),)]).get_result()
    assert len(futures.get_result()) == 3
    assert len(own.storage.list_keys(bucket)) > 3
    own.clean()
    assert [key for key in own.storage.list_keys(bucket) if "/functions/" not in key and "/modules/" not in key] == [
        "mine/stays"
    ]
    own.clean(clean_fn=True)
    assert own.storage.list_keys(bucket) == ["mine/stays"]
    assert own.map(makes_big, range(2)).get_result() == [makes_big(0), makes_big(1)]


def test_clean_of_some_futures_leaves_the_other_jobs(own: lithops.FunctionExecutor) -> None:
    first = own.call_async(makes_big, 1)
    second = own.call_async(makes_big, 2)
    own.wait([first, second])
    own.clean(fs=first)
    keys = own.storage.list_keys(own.storage.bucket or "")
    assert [key for key in keys if f"/{first.job_id}/" in key] == []
    assert [key for key in keys if f"/{second.job_id}/" in key]
    assert second.result() == makes_big(2)


def test_clean_does_not_touch_jobs_that_run(own: lithops.FunctionExecutor, tmp_path: Path) -> None:
    def waits(data: bytes, gate: str) -> int:
        import time

        limit = time.monotonic() + 20
        while not os.path.exists(gate) and time.monotonic() < limit:
            time.sleep(0.005)
        return len(data)

    futures = own.map(waits, [(bytes(8_000_000), str(tmp_path / "gate"))] * 6)
    own.clean()
    (tmp_path / "gate").touch()
    assert futures.get_result(timeout=30) == [8_000_000] * 6


def test_jobs_are_stored_where_users_look_for_them(own: lithops.FunctionExecutor) -> None:
    future = own.call_async(makes_big, 1)
    future.result()
    keys = own.storage.list_keys(own.storage.bucket or "", prefix=f"lithops.jobs/{own.executor_id}/")
    assert any(key.startswith(f"lithops.jobs/{own.executor_id}/{future.job_id}/") for key in keys)


def test_a_result_that_was_cleaned_before_it_was_fetched_is_told(own: lithops.FunctionExecutor) -> None:
    future = own.call_async(makes_big, 1)
    future.wait(20)
    own.clean()
    with pytest.raises(LithopsError):
        future.result()


def test_stored_files_are_the_users_own(own: lithops.FunctionExecutor, root: Path) -> None:
    own.call_async(makes_big, 1).result()
    for path in [root, *root.rglob("*")]:
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path


# Cloud objects


def test_cloud_objects_are_made_in_calls_read_and_deleted(own: lithops.FunctionExecutor) -> None:
    def make(x: int, storage: Any) -> Any:
        return storage.put_cloudobject(f"object {x}"), storage.put_cloudobject(b"\0" * x, key=f"named-{x}")

    def read(cloudobject: Any, storage: Any) -> bytes:
        found: bytes = storage.get_cloudobject(cloudobject)
        return found

    made = own.map(make, range(3)).get_result()
    assert [own.storage.get_cloudobject(one) for one, _ in made] == [b"object 0", b"object 1", b"object 2"]
    assert own.map(read, [(one,) for one, _ in made]).get_result() == [b"object 0", b"object 1", b"object 2"]
    assert [own.storage.get_cloudobject(named, stream=True).read() for _, named in made] == [b"", b"\0", b"\0\0"]
    own.storage.delete_cloudobject(made[0][0])
    with pytest.raises(StorageNoSuchKeyError):
        own.storage.get_cloudobject(made[0][0])
    own.clean(cs=[one for pair in made for one in pair])
    for one, named in made:
        for gone in (one, named):
            with pytest.raises((KeyError, FileNotFoundError)):
                own.storage.get_cloudobject(gone)


def test_clean_keeps_cloud_objects_when_told(own: lithops.FunctionExecutor) -> None:
    def make(storage: Any) -> Any:
        return storage.put_cloudobject("kept")

    kept = own.call_async(make, ()).result()
    own.clean(clean_cloudobjects=False)
    assert own.storage.get_cloudobject(kept) == b"kept"
    own.clean()
    with pytest.raises(StorageNoSuchKeyError):
        own.storage.get_cloudobject(kept)


# After the program has ended

EVERYTHING = """
import lithops
from pack import mod

def big(x, storage):
    storage.put_cloudobject(b"y" * 1000)
    print("printed by", x)
    return bytes(x) + mod.DATA

if __name__ == "__main__":
    fexec = lithops.FunctionExecutor(config={config!r})
    {body}
"""
RUNS = "print(len(fexec.map_reduce(big, [8_000_000] * 3, lambda results: b''.join(results)).get_result()))"
FAILS = "fexec.map(lambda x: 1 // x, [0] * 5); fexec.get_result()"
DIES = "import os; fexec.map(big, [8_000_000] * 3).get_result(); fexec.map(os._exit, [1] * 3).get_result()"
IS_LEFT = "fexec.map(big, [8_000_000] * 10)"
WORKERS_WRITE = "fexec.map(bytes, [8_000_000] * 3).get_result()"
CLOSES = RUNS + "; fexec.close()"
CLEANS = RUNS + "; fexec.clean(clean_fn=True)"


def project(client_home: Path, config: dict[str, Any], body: str) -> Path:
    (client_home / "pack").mkdir(parents=True)
    (client_home / "pack" / "__init__.py").touch()
    (client_home / "pack" / "mod.py").write_text("DATA = b'd' * 100_000\n")
    (client_home / "main.py").write_text(EVERYTHING.format(config=config, body=body))
    return client_home / "main.py"


@pytest.mark.parametrize(
    "body",
    [RUNS, FAILS, DIES, IS_LEFT, CLOSES, WORKERS_WRITE],
    ids=["runs", "fails", "dies", "left", "closes", "workers write"],
)
def test_the_data_cleaner_leaves_nothing_but_cloud_objects(
    start_client: Callable[..., Client], tmp_path: Path, body: str
) -> None:
    main = project(tmp_path / "project", {"lithops": {"data_cleaner": True}}, body)
    client = start_client(argv=[str(main)])
    done = client.finish()
    assert client.wait_until_no_process_is_left() == []
    assert client.temp_files() == []
    assert [name for name in client.stored_files() if "/cloudobjects" not in name] == [], done.stderr


def test_clean_leaves_nothing_but_what_was_not_the_jobs(start_client: Callable[..., Client], tmp_path: Path) -> None:
    main = project(tmp_path / "project", {"lithops": {"data_cleaner": False}}, CLEANS)
    client = start_client(argv=[str(main)])
    assert client.finish().stdout.splitlines()[-1] == "24300000"
    assert client.wait_until_no_process_is_left() == []
    assert client.temp_files() == []
    assert client.stored_files() == []


def test_without_the_data_cleaner_results_stay_and_temp_files_do_not(
    start_client: Callable[..., Client], tmp_path: Path
) -> None:
    main = project(tmp_path / "project", {"lithops": {"data_cleaner": False}}, RUNS)
    client = start_client(argv=[str(main)])
    client.finish()
    assert client.wait_until_no_process_is_left() == []
    assert client.temp_files() == []
    assert [name for name in client.stored_files() if ".run" in name] == []
    assert client.stored_files()


def test_what_a_killed_client_left_in_its_run_folder_is_removed_by_the_next(
    start_client: Callable[..., Client], tmp_path: Path
) -> None:
    slow = (
        "import time; "
        "fexec.map(lambda x: (mod.DATA, print('running', flush=True), time.sleep(60)), range(4)).get_result()"
    )
    main = project(tmp_path / "project", {}, slow)
    client = start_client(argv=[str(main)])
    assert "running" in client.line()
    runs = client.home / ".lithops" / "storage" / ".run"
    assert list(runs.iterdir()), "modules are unpacked there"
    client.process.kill()
    client.finish()
    assert client.wait_until_no_process_is_left() == []
    code = "import lithops; print(lithops.FunctionExecutor(worker_processes=1).call_async(abs, -1).result())"
    assert start_client(argv=["-c", code], env={"HOME": str(client.home)}).finish().stdout == "1\n"
    assert list(runs.glob("*")) == []


def test_the_temp_folder_of_this_process_is_as_before() -> None:
    before = set(os.listdir(tempfile.gettempdir()))
    with lithops.FunctionExecutor(worker_processes=2) as made:
        made.map(makes_big, range(3)).get_result()
    made_here = {name for name in set(os.listdir(tempfile.gettempdir())) - before if name.startswith("lithops")}
    assert made_here == set()
