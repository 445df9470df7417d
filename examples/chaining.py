"""Chain functions: futures are inputs, so that each call starts when what it needs is there, and nobody waits meanwhile.

python examples/chaining.py [--backend NAME]
"""

import argparse
from itertools import pairwise

from lithops import FunctionExecutor


def sieve(start: int, stop: int) -> list[int]:
    """Find the primes from `start` to before `stop`."""
    return [n for n in range(max(2, start), stop) if all(n % d for d in range(2, int(n**0.5) + 1))]


def gaps(primes: list[int]) -> list[int]:
    """Give the distances between neighbours."""
    return [after - before for before, after in pairwise(primes)]


def widest(found: list[list[int]]) -> int:
    """Give the widest gap of all."""
    return max(map(max, found))


def describe(count: int, gap: int) -> str:
    """Put two results together."""
    return f"{count:,} primes below 10,000; the widest gap within a thousand is {gap}"


def main() -> None:
    parser = argparse.ArgumentParser(description="Chain functions by their futures.")
    parser.add_argument("--backend", help="where the calls run; by default, as configured, else on this machine")
    args = parser.parse_args()

    with FunctionExecutor(backend=args.backend) as fexec:
        primes = fexec.map(sieve, [(start, start + 1000) for start in range(0, 10_000, 1000)])
        counts = primes.map(len)  # a map over the results of a map
        gap = primes.map_reduce(gaps, widest)[-1]  # the last future is that of the reducer
        count = fexec.call_async(sum, (counts,))  # a list of futures is an argument as well
        print(fexec.call_async(describe, (count, gap)).result())


if __name__ == "__main__":
    main()
