"""examples/wordcount.py by hand, with the standard library's pool: `wordcount_pool.py FILE CHUNK_KIB WORKERS`."""

import os
import re
import sys
from collections import Counter
from multiprocessing import Pool


def count_words(part: tuple[str, int, int]) -> Counter[str]:
    """Count the words of the lines that begin in a range of a file."""
    path, start, end = part
    counts: Counter[str] = Counter()
    with open(path, "rb") as file:
        if start:
            file.seek(start - 1)
            file.readline()
        at = file.tell()
        while at < end and (line := file.readline()):
            at += len(line)
            counts.update(re.findall("[a-z]+", line.decode(errors="replace").lower()))
    return counts


def main(path: str, chunk: int, workers: int) -> None:
    """Count in parallel and print the ten commonest."""
    size = os.path.getsize(path)
    parts = [(path, start, min(size, start + chunk)) for start in range(0, size, chunk)]
    total: Counter[str] = Counter()
    with Pool(workers) as pool:
        for counts in pool.imap_unordered(count_words, parts):
            total.update(counts)
    for word, count in total.most_common(10):
        print(f"{count:>10,}  {word}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) * 1024, int(sys.argv[3]))
