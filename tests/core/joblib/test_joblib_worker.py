"""What is around a call in its worker: the user's modules, and how many threads libraries start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import joblib
import pytest
from joblib import Parallel, delayed

VARIABLE = "OMP_NUM_THREADS"

PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
import shop.prices
from shop.prices import Price, price
from joblib import Parallel, delayed
from lithops.util.joblib import register_lithops

def search(name):
    from shop.late import FACTOR
    return price(name) * FACTOR

if __name__ == "__main__":
    register_lithops(worker_processes=2)
    parallel = Parallel(n_jobs=2, backend="lithops")
    print(parallel(delayed(price)(name) for name in ("tea", "milk")))
    print(parallel(delayed(search)(name) for name in ("tea", "milk")))
    print(parallel(delayed(Price.double)(Price(number)) for number in range(2)))
    print(Parallel(n_jobs=2, backend="lithops")(delayed(lambda x: x.amount)(Price(number)) for number in range(2)))
"""
PRICES = """
def price(name): return len(name)
class Price:
    def __init__(self, amount): self.amount = amount
    def double(self): return 2 * self.amount
"""


def threads_of_libraries(_number: int) -> tuple[set[int], str | None]:
    """Tell how many threads numpy's library may start, whenever it was loaded."""
    import numpy as np
    from threadpoolctl import threadpool_info  # type: ignore[import-untyped, import-not-found, unused-ignore]

    assert np.ones((2, 2)).sum() == 4
    return {one["num_threads"] for one in threadpool_info()}, os.environ.get(VARIABLE)


def variable(_number: int) -> str | None:
    return os.environ.get(VARIABLE)


def test_modules_of_a_folder_that_only_the_client_knows_travel(tmp_path: Path) -> None:
    shop = tmp_path / "beside" / "shop"
    shop.mkdir(parents=True)
    (shop / "__init__.py").write_text("")
    (shop / "prices.py").write_text(PRICES)
    (shop / "late.py").write_text("FACTOR = 10\n")
    (tmp_path / "program.py").write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, "-W", "error", str(tmp_path / "program.py"), str(shop.parent)],
        env={**os.environ, "HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["[3, 4]", "[30, 40]", "[0, 2]", "[0, 1]"]


def test_workers_share_the_processors_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("threadpoolctl")
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    for _ in range(2):  # the library is loaded by the first call
        for threads, _env in Parallel(n_jobs=2, backend="lithops")(delayed(threads_of_libraries)(x) for x in range(4)):
            assert threads <= {max(1, joblib.cpu_count() // 2)}


def test_a_wish_for_threads_is_followed_and_ends_with_its_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("threadpoolctl")
    monkeypatch.delenv(VARIABLE, raising=False)
    with joblib.parallel_config("lithops", inner_max_num_threads=1):
        assert Parallel(n_jobs=2)(delayed(threads_of_libraries)(x) for x in range(2)) == [({1}, "1")] * 2
    monkeypatch.setenv(VARIABLE, "3")
    assert Parallel(n_jobs=2, backend="lithops")(delayed(variable)(x) for x in range(2)) == ["3", "3"]
    with joblib.parallel_config("lithops", inner_max_num_threads=1):
        assert Parallel(n_jobs=2)(delayed(variable)(x) for x in range(2)) == ["1", "1"]
