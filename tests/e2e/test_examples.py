"""The programs of examples/ do what they say, as their readers run them."""

from __future__ import annotations

import math
import os
import random
import re
import subprocess
import sys
import sysconfig
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_every_example_is_named_by_the_table_of_examples() -> None:
    table = (EXAMPLES / "README.md").read_text("utf-8")
    names = {path.name for path in EXAMPLES.iterdir() if path.suffix in {".py", ".ipynb"}}
    assert {name for name in names if f"examples/{name}" not in table} == set()


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


def test_pi_is_that_of_a_plain_loop(environment: dict[str, str], tmp_path: Path) -> None:
    (line,) = run(environment, tmp_path, "monte_carlo_pi.py", "--points", "60000", "--calls", "6", "--seed", "40")
    inside = 0
    for seed in range(40, 46):
        generator = random.Random(seed)
        for _ in range(10_000):
            x, y = generator.random(), generator.random()
            inside += x * x + y * y < 1
    pi = 4 * inside / 60_000
    assert line == f"pi is about {pi:.5f}, off by {abs(pi - math.pi):.5f}"


def texts_of(folder: Path) -> list[str]:
    """Report in the plainest way: each file as a whole."""
    lines = []
    for file in sorted(folder.iterdir()):
        text = file.read_text("utf-8")
        words = re.findall(r"\w+", text)
        longest = max(words, key=len, default="")
        lines.append(f"{file.name}: {len(text.splitlines()):,} lines, {len(words):,} words, the longest is '{longest}'")
    return lines


def test_texts_are_reported_as_if_each_were_read_as_a_whole(environment: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "a.txt").write_text("".join(f"line {at} {'x' * (at % 90)}\n" for at in range(900)))
    (folder / "b.txt").write_text("no last newline")
    (folder / "c.txt").write_text("caf\u00e9 na\u00efve\n" * 700, "utf-8")
    assert run(environment, tmp_path, "text_processing.py", "texts", "--chunk-kib", "1") == texts_of(folder)


def test_texts_of_its_own_are_reported(environment: dict[str, str], tmp_path: Path) -> None:
    lines = run(environment, tmp_path, "text_processing.py")
    assert [line.partition(":")[0] for line in lines] == ["bread.txt", "empty.txt", "rain.txt"]
    assert lines[0] == "bread.txt: 900 lines, 3,900 words, the longest is 'overnight'"


def test_thumbnails_are_the_means_of_the_pictures(environment: dict[str, str], tmp_path: Path) -> None:
    (line,) = run(
        environment, tmp_path, "image_batch.py", "--pictures", "5", "--size", "42", "--out", str(tmp_path / "small")
    )
    before, after = 5 * (len(b"P6 42 42 255\n") + 42 * 42 * 3), 5 * (len(b"P6 10 10 255\n") + 10 * 10 * 3)
    assert line == f"5 thumbnails: {before:,} bytes became {after:,}"
    files = sorted((tmp_path / "small").iterdir())
    assert [file.name for file in files] == [f"{number:03d}.ppm.small.ppm" for number in range(1, 6)]
    for number, file in enumerate(files, 1):
        header, pixels = file.read_bytes().split(b"\n", 1)
        assert header == b"P6 10 10 255"
        for x, y in ((0, 0), (9, 9), (3, 7)):
            square = [(4 * x + right, 4 * y + down) for right in range(4) for down in range(4)]
            mean = (
                sum((right * number) % 256 for right, _ in square) // 16,
                sum((down * number) % 256 for _, down in square) // 16,
                sum(255 * ((right + down) % 8 < 4) for right, down in square) // 16,
            )
            assert tuple(pixels[3 * (10 * y + x) :][:3]) == mean
    stored = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert [path for path in stored if "ppm" in path.name] == []


def test_chained_calls_find_the_primes(environment: dict[str, str], tmp_path: Path) -> None:
    composite = bytearray(10_000)
    for n in range(2, 100):
        composite[n * n :: n] = b"x" * len(composite[n * n :: n])
    primes = [n for n in range(2, 10_000) if not composite[n]]
    gap = max(b - a for a, b in zip(primes, primes[1:], strict=False) if a // 1000 == b // 1000)  # noqa: RUF007
    (line,) = run(environment, tmp_path, "chaining.py")
    assert line == f"{len(primes):,} primes below 10,000; the widest gap within a thousand is {gap}"


def test_the_store_gives_back_what_it_was_given(environment: dict[str, str], tmp_path: Path) -> None:
    rain = {
        city: sum(drop * (day % 3) for day in range(30)) for city, drop in (("bergen", 240), ("oslo", 79), ("rome", 28))
    }
    assert run(environment, tmp_path, "storage.py") == [
        "millimetres in 30 days",
        *(f"{city}.txt {amount}" for city, amount in rain.items()),
        "0 objects are left",
    ]
    left = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert [path for path in left if "rain" in str(path) or "cloudobjects" in str(path)] == []


def test_the_pool_prints_what_the_standard_librarys_pool_prints(environment: dict[str, str], tmp_path: Path) -> None:
    text = (EXAMPLES / "multiprocessing_pool.py").read_text("utf-8")
    standard, changed = re.subn(r"from lithops\.multiprocessing import", "from multiprocessing import", text)
    assert changed == 1
    (tmp_path / "standard.py").write_text(standard, "utf-8")
    plain = run(environment, tmp_path, str(tmp_path / "standard.py"), "--rows", "11")
    assert len(plain) == 12
    assert run(environment, tmp_path, "multiprocessing_pool.py", "--rows", "11") == plain


def test_the_search_finds_what_scikit_learn_finds_by_itself(environment: dict[str, str], tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    text = (EXAMPLES / "hyperparameter_search.py").read_text("utf-8")
    plain, changed = re.subn(
        r'with joblib\.parallel_config\("lithops"\):', 'with joblib.parallel_config("sequential"):', text
    )
    assert changed == 1
    (tmp_path / "plain.py").write_text(plain, "utf-8")
    (alone, _) = run(environment, tmp_path, str(tmp_path / "plain.py"))
    (ours, fits) = run(environment, tmp_path, "hyperparameter_search.py", "--workers", "2")
    assert ours == alone
    assert "54 fits" in fits
