"""Estimate pi by random points in a square: how many of them lie in the circle?

python examples/monte_carlo_pi.py [--points 2000000] [--calls 20] [--seed 1] [--backend NAME]
"""

import argparse
import math
import random

from lithops import FunctionExecutor


def count_inside(seed: int, points: int) -> int:
    """Throw points at the square; each call has its own seed, so that a run can be repeated."""
    draw = random.Random(seed).random
    return sum(draw() ** 2 + draw() ** 2 < 1 for _ in range(points))


def main() -> None:
    parser = argparse.ArgumentParser(description="Estimate pi by random points.")
    parser.add_argument("--points", type=int, default=2_000_000, help="how many points in all")
    parser.add_argument("--calls", type=int, default=20, help="how many calls share them")
    parser.add_argument("--seed", type=int, default=1, help="where the random numbers begin")
    parser.add_argument("--backend", help="where the calls run; by default, as configured, else on this machine")
    args = parser.parse_args()

    share = args.points // args.calls
    seeds = range(args.seed, args.seed + args.calls)
    with FunctionExecutor(backend=args.backend) as fexec:
        inside = fexec.map_reduce(count_inside, seeds, sum, extra_args={"points": share})
        pi = 4 * inside.get_result() / (share * args.calls)
    print(f"pi is about {pi:.5f}, off by {abs(pi - math.pi):.5f}")


if __name__ == "__main__":
    main()
