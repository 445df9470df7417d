"""Data functions over local files, folders, patterns, storage objects, cloud objects and URLs: every line once."""

from __future__ import annotations

import hashlib
import http.server
import random
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lithops
from lithops.errors import LithopsError
from lithops.storage.utils import CloudObject

WORDS = ["alpha", "beta", "gamma", "delta", "ä", "a much longer word than the others"]


def text_of(lines: int, seed: int, *, end: str = "\n", last: str = "\n") -> bytes:
    chosen = random.Random(seed)
    return (end.join(f"{at} {' '.join(chosen.choices(WORDS, k=at % 9))}" for at in range(lines)) + last).encode()


FILES = {
    "plain.txt": text_of(400, 1),
    "no-end.txt": text_of(300, 2, last=""),
    "windows.txt": text_of(300, 3, end="\r\n", last="\r\n"),
    "empty.txt": b"",
    "one-byte.txt": b"x",
    "one-newline.txt": b"\n",
    "newlines.txt": b"\n" * 500,
    "long-line.txt": b"y" * 20_000 + b"\nshort\n" + b"z" * 3000,
    "sub/deep.txt": text_of(50, 4),
    "sub/deeper/deepest.log": text_of(20, 5),
    "sub/with space \xe4.txt": text_of(10, 6),
}


def lines_of(obj: Any) -> list[bytes]:
    return list(obj.data_stream)


def content_of(obj: Any) -> bytes:
    data: bytes = obj.data_stream.read()
    return data


def described(obj: Any) -> dict[str, Any]:
    names = (
        "bucket",
        "key",
        "url",
        "path",
        "backend",
        "part",
        "total_parts",
        "chunk_size",
        "data_byte_range",
        "newline",
    )
    return {name: getattr(obj, name, None) for name in names}


def split(data: bytes) -> Counter[bytes]:
    return Counter(
        data.splitlines(keepends=True) if b"\r" not in data else data.replace(b"\r\n", b"\n").splitlines(True)
    )


def normal(lines: list[bytes]) -> Counter[bytes]:
    return Counter(line.replace(b"\r\n", b"\n") for line in lines)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("data")
    for name, data in FILES.items():
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_bytes(data)
    return made


@pytest.fixture(scope="module")
def bucket(executor: lithops.FunctionExecutor) -> str:
    executor.storage.create_bucket("e2e-data")
    for name, data in FILES.items():
        executor.storage.put_object("e2e-data", f"files/{name}", data)
    return "e2e-data"


class Server(http.server.ThreadingHTTPServer):
    """Serves `FILES`, with byte ranges or without."""

    daemon_threads = True
    ranges = True


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""

    def _answer(self, *, body: bool) -> None:
        data = FILES.get(self.path.lstrip("/"))
        if data is None:
            self.send_error(404)
            return
        asked = self.headers.get("Range") if self.server.ranges else None
        total = len(data)
        if asked:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            if int(first) >= total:
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{total}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            end = min(int(last) + 1 if last else total, total)
            data = data[int(first) : end]
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{end - 1}/{total}")
        else:
            self.send_response(200)
        if self.server.ranges:
            self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body:
            self.wfile.write(data)


@pytest.fixture(params=[True, False], ids=["ranges", "no ranges"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    server = Server(("127.0.0.1", 0), Handler)
    server.ranges = request.param
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(10)


CUTS = [{}, {"obj_chunk_size": 1000}, {"obj_chunk_size": 1}, {"obj_chunk_number": 7}, {"obj_chunk_number": 1},
        {"obj_chunk_size": 10**9}, {"obj_chunk_number": 3, "obj_chunk_size": 10}]  # fmt: skip


@pytest.mark.parametrize("name", [name for name in FILES if "/" not in name])
@pytest.mark.parametrize("cut", [{}, {"obj_chunk_size": 997}, {"obj_chunk_number": 7}], ids=str)
def test_every_line_of_a_file_is_in_one_part(
    executor: lithops.FunctionExecutor, folder: Path, name: str, cut: dict[str, int]
) -> None:
    parts = executor.map(lines_of, str(folder / name), **cut).get_result()  # type: ignore[arg-type]
    assert normal([line for part in parts for line in part]) == split(FILES[name])
    contents = executor.map(content_of, [str(folder / name)], **cut).get_result()  # type: ignore[arg-type]
    assert b"".join(contents) == FILES[name]
    exact = executor.map(content_of, [str(folder / name)], obj_newline=None, **cut).get_result()  # type: ignore[arg-type]
    assert b"".join(exact) == FILES[name]
    if len(FILES[name]) >= 7:
        size = len(FILES[name])
        assert len(exact) == cut.get("obj_chunk_number", -(-size // cut.get("obj_chunk_size", size)))
        assert max(map(len, exact)) - min(map(len, exact[:-1] or exact)) <= 1


@pytest.mark.parametrize("separator", ["|", "\r\n", "end", "ä"])
def test_any_separator_ends_lines(executor: lithops.FunctionExecutor, tmp_path: Path, separator: str) -> None:
    words = [f"line {at} {'x' * (at % 40)}" for at in range(300)]
    (tmp_path / "data").write_bytes(separator.join(words).encode())
    parts = executor.map(lines_of, str(tmp_path / "data"), obj_chunk_size=500, obj_newline=separator).get_result()
    assert len(parts) > 5
    found = [line.decode().removesuffix(separator) for part in parts for line in part]
    assert found == words


def test_a_folder_gives_all_files_below_it(executor: lithops.FunctionExecutor, folder: Path) -> None:
    for reference in (str(folder), f"{folder}/"):
        found = executor.map(lambda obj: (obj.path, obj.data_stream.read()), reference).get_result()
        assert sorted(found) == sorted((str(folder / name), data) for name, data in FILES.items())


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("*.txt", [name for name in FILES if "/" not in name]),
        ("one-*", ["one-byte.txt", "one-newline.txt"]),
        ("?mpty.txt", ["empty.txt"]),
        ("sub/*.txt", ["sub/deep.txt", "sub/with space \xe4.txt"]),
        ("**/*.log", ["sub/deeper/deepest.log"]),
        ("**/deep*", ["sub/deep.txt", "sub/deeper/deepest.log"]),
        ("*/deep.txt", ["sub/deep.txt"]),
    ],
)
def test_patterns_mean_the_same_for_files_and_objects(
    executor: lithops.FunctionExecutor, folder: Path, bucket: str, pattern: str, wanted: list[str]
) -> None:
    files = executor.map(lambda obj: (obj.path, obj.data_stream.read()), f"{folder}/{pattern}").get_result()
    objects = executor.map(lambda obj: (obj.key, obj.data_stream.read()), f"{bucket}/files/{pattern}").get_result()
    matching = {name: FILES[name] for name in wanted}
    if pattern == "**/deep*":
        files = [one for one in files if Path(one[0]).is_file()]
    assert {str(Path(path).relative_to(folder)): data for path, data in files} == matching
    assert {key.removeprefix("files/"): data for key, data in objects} == matching


@pytest.mark.parametrize("scheme", ["", "localhost://"])
@pytest.mark.parametrize("cut", CUTS, ids=str)
def test_objects_are_cut_into_parts(
    executor: lithops.FunctionExecutor, bucket: str, scheme: str, cut: dict[str, int]
) -> None:
    for name in ("no-end.txt", "one-byte.txt", "empty.txt") if cut.get("obj_chunk_size") != 1 else ("one-byte.txt",):
        parts = executor.map(lines_of, f"{scheme}{bucket}/files/{name}", **cut).get_result()  # type: ignore[arg-type]
        assert normal([line for part in parts for line in part]) == split(FILES[name])


def test_a_bucket_and_a_prefix_give_their_objects(executor: lithops.FunctionExecutor, bucket: str) -> None:
    def keys(reference: Any) -> set[str]:
        return set(executor.map(lambda obj: obj.key, reference).get_result())

    everything = {f"files/{name}" for name in FILES}
    assert keys(bucket) == everything
    assert keys([bucket]) == everything
    assert keys(f"{bucket}/files/") == everything
    assert keys(f"{bucket}/files/sub/") == {name for name in everything if "/sub/" in name}
    assert keys([f"{bucket}/files/plain.txt", f"{bucket}/files/empty.txt"]) == {"files/plain.txt", "files/empty.txt"}


def test_cloud_objects_are_references(executor: lithops.FunctionExecutor) -> None:
    made = executor.storage.put_cloudobject(FILES["plain.txt"])
    assert isinstance(made, CloudObject)
    parts = executor.map(content_of, [made], obj_chunk_number=3).get_result()
    assert b"".join(parts) == FILES["plain.txt"]
    assert len(parts) == 3


def test_urls_are_cut_where_the_server_can(
    executor: lithops.FunctionExecutor, url: str, request: pytest.FixtureRequest
) -> None:
    has_ranges = "no ranges" not in request.node.name
    for name in ("plain.txt", "no-end.txt", "one-byte.txt", "empty.txt", "newlines.txt"):
        parts = executor.map(lines_of, f"{url}/{name}", obj_chunk_size=1000).get_result()
        assert normal([line for part in parts for line in part]) == split(FILES[name])
        assert len(parts) == 1 or has_ranges
    parts = executor.map(lines_of, [f"{url}/plain.txt", f"{url}/windows.txt"], obj_chunk_number=4).get_result()
    assert normal([line for part in parts for line in part]) == split(FILES["plain.txt"]) + split(FILES["windows.txt"])
    assert len(parts) == (8 if has_ranges else 2)
    seen = executor.map(described, f"{url}/plain.txt").get_result()[0]
    assert seen["url"] == f"{url}/plain.txt"


def test_a_missing_url_is_told(executor: lithops.FunctionExecutor, url: str) -> None:
    with pytest.raises((LithopsError, OSError), match="gone"):
        executor.map(lines_of, f"{url}/gone").get_result(timeout=20)


def test_an_obj_says_what_it_is(executor: lithops.FunctionExecutor, bucket: str, folder: Path) -> None:
    parts = executor.map(described, f"{bucket}/files/plain.txt", obj_chunk_number=3).get_result()
    size = len(FILES["plain.txt"])
    assert [part["part"] for part in parts] == [1, 2, 3]
    assert {part["total_parts"] for part in parts} == {3}
    assert {(part["bucket"], part["key"], part["backend"]) for part in parts} == {
        (bucket, "files/plain.txt", "localhost")
    }
    assert {part["newline"] for part in parts} == {"\n"}
    assert parts[0]["data_byte_range"][0] == 0
    assert size - 1 <= parts[-1]["data_byte_range"][1] <= size
    (whole,) = executor.map(described, str(folder / "plain.txt")).get_result()
    assert whole["path"] == str(folder / "plain.txt")
    assert (whole["part"], whole["total_parts"]) == (1, 1)


def test_a_data_function_takes_other_arguments_too(executor: lithops.FunctionExecutor, folder: Path) -> None:
    def work(obj: Any, factor: int, id: int, storage: Any) -> tuple[int, int, str]:  # noqa: A002
        return len(obj.data_stream.read()) * factor, id, storage.backend

    path = str(folder / "plain.txt")
    size = len(FILES["plain.txt"])
    assert executor.map(work, [path], extra_args=(2,)).get_result() == [(size * 2, 0, "localhost")]
    assert executor.map(work, [path], extra_args={"factor": 3}).get_result() == [(size * 3, 0, "localhost")]
    assert executor.map(work, [{"obj": path, "factor": 4}]).get_result() == [(size * 4, 0, "localhost")]
    assert executor.map(work, [(path, 5)]).get_result() == [(size * 5, 0, "localhost")]


def test_call_async_reads_one_reference(executor: lithops.FunctionExecutor, folder: Path) -> None:
    future = executor.call_async(content_of, str(folder / "plain.txt"))
    assert future.result() == FILES["plain.txt"]
    assert executor.call_async(content_of, {"obj": str(folder / "plain.txt")}).result() == FILES["plain.txt"]


def test_a_stream_is_read_by_pieces(executor: lithops.FunctionExecutor, folder: Path) -> None:
    def pieces(obj: Any) -> tuple[bytes, bytes, bytes, bytes]:
        stream = obj.data_stream
        return stream.read(10), stream.read(0), next(iter(stream)), stream.read()

    a, none, b, c = executor.map(pieces, str(folder / "plain.txt")).get_result()[0]
    data = FILES["plain.txt"]
    assert (len(a), none, a + b + c) == (10, b"", data)
    assert b.endswith(b"\n")
    assert b.count(b"\n") == 1


@pytest.mark.parametrize(
    "references",
    [
        ["{folder}/plain.txt", "{bucket}/files/plain.txt"],
        ["{folder}/plain.txt", "http://127.0.0.1:1/x"],
        ["{bucket}/files/plain.txt", "http://127.0.0.1:1/x"],
        ["{bucket}", "{bucket}/files/plain.txt"],
    ],
)
def test_mixed_kinds_are_a_value_error(
    executor: lithops.FunctionExecutor, folder: Path, bucket: str, references: list[str]
) -> None:
    given = [one.format(folder=folder, bucket=bucket) for one in references]
    with pytest.raises(ValueError, match=r"kind|mix"):
        executor.map(lines_of, given)


@pytest.mark.parametrize(
    "reference",
    ["{folder}/gone.txt", "{folder}/*.gone", "{folder}/gone/", "{bucket}/files/gone", "{bucket}/gone/", "{bucket}/gone-*",
     "no-such-bucket-at-all", "no-such-bucket-at-all/no-such-bucket-at-all", "nowhere://bucket/key"],
)  # fmt: skip
def test_a_reference_to_nothing_is_named(
    executor: lithops.FunctionExecutor, folder: Path, bucket: str, reference: str
) -> None:
    given = reference.format(folder=folder, bucket=bucket)
    before = len(executor.futures)
    with pytest.raises((LithopsError, OSError, ValueError)) as caught:
        executor.map(lines_of, given)
    name = given.split("://")[0] if "://" in given else given.split("/")[-1] or given.rstrip("/").split("/")[-1]
    assert name in str(caught.value)
    assert len(executor.futures) == before


@pytest.mark.parametrize("wrong", [5, None, b"x", object(), ""])
def test_what_is_no_reference_is_told(executor: lithops.FunctionExecutor, wrong: Any) -> None:
    with pytest.raises((TypeError, ValueError, LithopsError)):
        executor.map(lines_of, [wrong])


def test_the_parts_of_random_files_are_the_files(executor: lithops.FunctionExecutor, tmp_path: Path) -> None:
    """Every size of chunk over files whose lines have every length, also none."""
    chosen = random.Random(7)
    wanted = Counter[bytes]()
    for number in range(30):
        data = b"".join(b"x" * chosen.randrange(12) + b"\n" * chosen.randrange(2) for _ in range(chosen.randrange(60)))
        (tmp_path / f"{number:02d}").write_bytes(data)
        wanted += Counter(data.splitlines(keepends=True))
    for size in (1, 2, 3, 7, 50):
        parts = executor.map(lines_of, f"{tmp_path}/*", obj_chunk_size=size).get_result()
        assert Counter(line for part in parts for line in part) == wanted


def test_digests_of_big_files_are_right(executor: lithops.FunctionExecutor, tmp_path: Path) -> None:
    data = random.Random(1).randbytes(5_000_000)
    (tmp_path / "big").write_bytes(data)
    parts = executor.map(content_of, str(tmp_path / "big"), obj_chunk_size=1_000_000).get_result()
    assert hashlib.sha256(b"".join(parts)).digest() == hashlib.sha256(data).digest()
