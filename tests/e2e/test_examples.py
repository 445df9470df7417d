"""The programs of examples/ do what they say, as their readers run them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A home of its own, and no configuration."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("LITHOPS_")}
    return {**env, "HOME": str(tmp_path / "home")}


def run(environment: dict[str, str], folder: Path, name: str, *arguments: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, EXAMPLES / name, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def count(files: Iterable[Path]) -> Counter[str]:
    """Count in the plainest way: each file as a whole."""
    counts: Counter[str] = Counter()
    for file in files:
        text = file.read_bytes().decode(errors="replace").lower()
        counts.update(re.findall("[a-z]+", text))
    return counts


def shown(lines: list[str]) -> dict[str, int]:
    return {word: int(number.replace(",", "")) for number, word in map(str.split, lines)}


def calls_of(line: str) -> int:
    found = re.fullmatch(r"([\d,]+) calls in [\d.]+ s", line)
    assert found, line
    return int(found[1].replace(",", ""))


def test_hello(environment: dict[str, str], tmp_path: Path) -> None:
    assert run(environment, tmp_path, "hello.py") == ["Hello World!"]


def test_wordcount_of_the_library_agrees_with_a_plain_count(environment: dict[str, str], tmp_path: Path) -> None:
    *words, last = run(environment, tmp_path, "wordcount.py")
    library = Path(sysconfig.get_paths()["stdlib"])
    files = [*library.glob("*.py"), *library.glob("*/*.py")]
    assert len(words) == 10
    assert shown(words) == dict(count(files).most_common(10))
    parts = sum(max(1, -(-file.stat().st_size // (64 * 1024))) for file in files)
    assert calls_of(last) == parts + 1


def test_wordcount_of_a_folder_neither_loses_nor_doubles_a_line(environment: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    (folder / "deep" / "er").mkdir(parents=True)
    lines = [f"{'abcdefghijkl'[at % 11]}{'x' * (at % 700)} word\n" for at in range(3000)]
    (folder / "long.txt").write_text("".join(lines))
    (folder / "no last newline.txt").write_text("end word\nlast")
    (folder / "empty.txt").touch()
    (folder / "deep" / "er" / "not utf-8.bin").write_bytes(b"caf\xe9 word\r\n\xff\xfe word\n" * 2000)
    *words, last = run(environment, tmp_path, "wordcount.py", "texts", "--chunk-kib", "1", "--workers", "2")
    files = [path for path in folder.rglob("*") if path.is_file()]
    expected = count(files)
    assert len(words) == 10
    assert all(expected[word] == number for word, number in shown(words).items())
    assert list(shown(words).values()) == [number for _, number in expected.most_common(10)]
    assert calls_of(last) == 1 + sum(max(1, -(-file.stat().st_size // 1024)) for file in files)


def test_wordcount_says_what_is_wrong_with_its_folder(environment: dict[str, str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, EXAMPLES / "wordcount.py", "nowhere"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 1
    assert str(tmp_path / "nowhere") in done.stderr.splitlines()[-1]
