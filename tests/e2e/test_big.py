"""Big and many: results and inputs of 100 MB, long maps, wide fans, in bounded memory."""

from __future__ import annotations

import array
import hashlib
import sys
from collections.abc import Callable
from subprocess import CompletedProcess

import pytest

import lithops

BIG = 100 * 1024 * 1024


def test_a_result_of_a_hundred_megabytes(executor: lithops.FunctionExecutor) -> None:
    result = executor.call_async(lambda size: b"0123456789abcdef" * (size // 16), BIG).result(timeout=40)
    assert len(result) == BIG
    assert result[-16:] == b"0123456789abcdef"


def test_an_input_of_a_hundred_megabytes(executor: lithops.FunctionExecutor) -> None:
    data = b"0123456789abcdef" * (BIG // 16)
    digest = executor.call_async(lambda data: hashlib.sha256(data).hexdigest(), data).result(timeout=40)
    assert digest == hashlib.sha256(data).hexdigest()


def test_arrays_and_views_of_big_results_can_be_written(executor: lithops.FunctionExecutor) -> None:
    result = executor.call_async(lambda n: array.array("d", [1.5]) * n, 1_000_000).result(timeout=20)
    assert len(result) == 1_000_000
    result[0] = 2.5
    changed = executor.call_async(lambda n: bytearray(n), 2_000_000).result(timeout=20)
    changed[0] = 1
    assert type(changed) is bytearray
    assert changed[:2] == b"\1\0"


def test_inputs_and_results_of_every_size_around_the_limits(executor: lithops.FunctionExecutor) -> None:
    sizes = [
        size + delta
        for size in (0, 1 << 10, 8 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20, 8 << 20)
        for delta in (-1, 0, 1)
    ]
    inputs = [bytes([size % 251]) * max(size, 0) for size in sizes]
    assert executor.map(lambda data: data[::-1], inputs).get_result(timeout=30) == [data[::-1] for data in inputs]


def test_many_calls_with_inputs_that_are_big_together(executor: lithops.FunctionExecutor) -> None:
    inputs = [bytes([x % 256]) * 300_000 for x in range(150)]
    assert executor.map(lambda data: (len(data), data[0]), inputs).get_result(timeout=30) == [
        (300_000, x % 256) for x in range(150)
    ]


def test_twenty_thousand_calls(executor: lithops.FunctionExecutor) -> None:
    assert executor.map(abs, range(-20_000, 0)).get_result(timeout=40) == list(range(20_000, 0, -1))


def test_a_reduce_over_five_thousand_results(executor: lithops.FunctionExecutor) -> None:
    assert executor.map_reduce(abs, range(-5000, 0), sum).get_result(timeout=40) == 5000 * 5001 // 2


def test_a_chain_of_fifty_maps(executor: lithops.FunctionExecutor) -> None:
    futures = executor.map(abs, [-1, -2])
    for _ in range(50):
        futures = futures.map(lambda x: x + 1)
    assert futures.get_result(timeout=40) == [51, 52]


def test_a_hundred_jobs_at_once(executor: lithops.FunctionExecutor) -> None:
    jobs = [executor.map(lambda x, y: x * y, range(5), extra_args=(number,)) for number in range(100)]
    for number, futures in enumerate(jobs):
        assert futures.get_result(timeout=40) == [x * number for x in range(5)]


def test_names_with_every_character(executor: lithops.FunctionExecutor) -> None:
    def größe_ω(x: int) -> int:
        return x

    future = executor.call_async(größe_ω, 1)
    assert future.result() == 1
    assert future.function_name == "größe_ω"
    renamed = lambda x: x  # noqa: E731
    renamed.__name__ = "../../x\0\n" + "y" * 10_000
    assert executor.call_async(renamed, 2).result(timeout=20) == 2


MEMORY = """
import lithops

with lithops.FunctionExecutor(worker_processes=2) as fexec:
    total = 0
    for result in fexec.imap(bytes, (1_000_000 for _ in range(300)), in_flight=8):
        total += len(result)
    print(total)
with open("/proc/self/status") as status:
    print([line.split()[1] for line in status if line.startswith("VmHWM")][0])
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="read from /proc")
def test_streaming_three_hundred_megabytes_takes_little_memory(
    run_client: Callable[..., CompletedProcess[str]],
) -> None:
    total, peak_kib = map(int, run_client(MEMORY).stdout.split())
    assert total == 300_000_000
    assert peak_kib < 100_000
