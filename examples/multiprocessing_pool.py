"""A program for the standard library's `multiprocessing.Pool`: only its import was changed.

python examples/multiprocessing_pool.py [--processes 2] [--rows 24]
"""

import argparse

from lithops.multiprocessing import Pool  # was: from multiprocessing import Pool

COLUMNS = 60
SHADES = " .:-=+*#%@"


def shade(x: float, y: float) -> str:
    """Tell how fast a point leaves the Mandelbrot set."""
    c = complex(x, y)
    z = 0j
    for step in range(90):
        z = z * z + c
        if abs(z) > 2:
            return SHADES[step // 9]
    return SHADES[-1]


def row(y: float) -> str:
    """Draw one row of the picture."""
    return "".join(shade(-2.1 + 3 * column / COLUMNS, y) for column in range(COLUMNS)).rstrip()


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw the Mandelbrot set with a pool of processes.")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--rows", type=int, default=24)
    args = parser.parse_args()

    heights = [-1.2 + 2.4 * at / (args.rows - 1) for at in range(args.rows)]
    with Pool(args.processes) as pool:
        middle = pool.apply_async(shade, (0.0, 0.0))
        for line in pool.imap(row, heights, chunksize=4):
            print(line)
        print(
            f"the point 0 is '{middle.get(timeout=60)}'; {len(pool.starmap(shade, [(2, 2), (-1, 0)]))} more were tried"
        )


if __name__ == "__main__":
    main()
