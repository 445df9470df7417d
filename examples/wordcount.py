"""Count the words of real files in parallel: of Python's own library, or of all files below a folder.

python examples/wordcount.py [FOLDER] [--chunk-kib 64] [--workers N] [--backend NAME]
"""

import argparse
import re
import sysconfig
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from lithops import FunctionExecutor
from lithops.worker.data import DataObject


def count_words(obj: DataObject) -> Counter[str]:
    """Count in one part of a file. Parts end where lines end, so no word is cut or counted twice."""
    counts: Counter[str] = Counter()
    for line in obj.data_stream:
        counts.update(re.findall("[a-z]+", line.decode(errors="replace").lower()))
    return counts


def commonest(results: Iterable[Counter[str]]) -> list[tuple[str, int]]:
    """Add up the counts of all parts and give the ten commonest words."""
    total: Counter[str] = Counter()
    for counts in results:
        total.update(counts)
    return total.most_common(10)


def main() -> None:
    library = sysconfig.get_paths()["stdlib"]
    parser = argparse.ArgumentParser(description="Count the words of files in parallel.")
    parser.add_argument("folder", nargs="?", type=Path, help="what to read; by default, Python's own library")
    parser.add_argument("--chunk-kib", type=int, default=64, help="how much of a file one call reads")
    parser.add_argument("--workers", type=int, help="how many calls run at once; by default, one per processor")
    parser.add_argument("--backend", help="where the calls run; by default, as configured, else on this machine")
    args = parser.parse_args()
    data = [str(args.folder.resolve())] if args.folder else [f"{library}/*.py", f"{library}/*/*.py"]

    start = time.perf_counter()
    with FunctionExecutor(backend=args.backend, max_workers=args.workers) as fexec:
        futures = fexec.map_reduce(count_words, data, commonest, obj_chunk_size=args.chunk_kib * 1024)
        words = fexec.get_result()
    for word, count in words:
        print(f"{count:>10,}  {word}")
    print(f"{len(futures):,} calls in {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main()
