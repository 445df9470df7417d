"""Find the longest words of each text, and how long its sentences are: one report of many files, made in parallel.

python examples/text_processing.py [FOLDER] [--chunk-kib 16] [--backend NAME]

Without a folder it writes some texts of its own.
"""

import argparse
import re
import tempfile
from pathlib import Path
from typing import NamedTuple

from lithops import FunctionExecutor
from lithops.worker.data import DataObject

TEXTS = {
    "bread.txt": "Mix flour and water.\nWait for an hour, or better overnight.\nBake it.\n" * 300,
    "rain.txt": "It rained in Bergen.\nIt rained extraordinarily much.\nThen the sun came out!\n" * 500,
    "empty.txt": "",
}


class Report(NamedTuple):
    """What was found in a text, or in a part of one."""

    name: str
    lines: int
    words: int
    longest: str


def read(obj: DataObject) -> Report:
    """Read one part of a file. Parts end where lines end."""
    lines = words = 0
    longest = ""
    for line in obj.data_stream:
        found = re.findall(r"\w+", line.decode(errors="replace"))
        lines, words = lines + 1, words + len(found)
        longest = max([longest, *found], key=len)
    return Report(Path(str(obj.path)).name, lines, words, longest)


def join(parts: list[Report]) -> Report:
    """Put the parts of one file together."""
    lines, words = sum(part.lines for part in parts), sum(part.words for part in parts)
    return Report(parts[0].name, lines, words, max((part.longest for part in parts), key=len))


def report(folder: Path, chunk_bytes: int, backend: str | None) -> list[Report]:
    """Map over the parts of all files, and reduce those of each file to one."""
    with FunctionExecutor(backend=backend) as fexec:
        futures = fexec.map_reduce(read, str(folder), join, obj_chunk_size=chunk_bytes, obj_reduce_by_key=True)
        return sorted(futures.get_result())


def main() -> None:
    parser = argparse.ArgumentParser(description="Report on the texts of a folder.")
    parser.add_argument("folder", nargs="?", type=Path, help="what to read; by default, some texts that it writes")
    parser.add_argument("--chunk-kib", type=int, default=16, help="how much of a file one call reads")
    parser.add_argument("--backend", help="where the calls run; they must see the folder")
    args = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        for name, text in TEXTS.items() if args.folder is None else ():
            Path(folder, name).write_text(text)
        found = report((args.folder or Path(folder)).resolve(), args.chunk_kib * 1024, args.backend)
    for one in found:
        print(f"{one.name}: {one.lines:,} lines, {one.words:,} words, the longest is '{one.longest}'")


if __name__ == "__main__":
    main()
