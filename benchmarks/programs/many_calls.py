"""Make many calls that do nothing; tell the time, the peak memory, the most threads: `many_calls.py CALLS WORKERS`."""

import json
import resource
import sys
import threading
import time

from lithops import FunctionExecutor

LOOK_EVERY_S = 0.02
BYTES_PER_UNIT = 1 if sys.platform == "darwin" else 1024


def same(x: int) -> int:
    """Do nothing."""
    return x


def main(calls: int, workers: int) -> None:
    """Measure one job on warm workers."""
    counted = [0]
    is_over = threading.Event()

    def count_threads() -> None:
        while not is_over.wait(LOOK_EVERY_S):
            counted.append(threading.active_count() - 1)  # without this one

    with FunctionExecutor(worker_processes=workers) as fexec:
        fexec.get_result(fexec.map(same, range(1000)))
        watcher = threading.Thread(target=count_threads)
        watcher.start()
        counted.append(threading.active_count() - 1)
        start = time.perf_counter()
        results = fexec.get_result(fexec.map(same, range(calls)))
        seconds = time.perf_counter() - start
        is_over.set()
        watcher.join()
    assert results == list(range(calls))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * BYTES_PER_UNIT / 2**20
    print(json.dumps({"seconds": seconds, "peak_rss_mib": peak, "threads": max(counted)}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
