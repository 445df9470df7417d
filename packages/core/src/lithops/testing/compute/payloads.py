"""The compute kit: how functions, inputs, needed results, modules and results travel: inline, or by reference."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from lithops.testing.compute import functions
from lithops.testing.compute.client import Client
from lithops.testing.compute.fixtures import ComputeFixtures
from lithops.types import Payload
from lithops.worker.pickles import dump, need

__all__ = ["PayloadTests"]

_PICKLE_BYTES = 256
"""More than what a pickle adds to the bytes in it."""


class PayloadTests(ComputeFixtures):
    """What travels."""

    def test_inputs_and_results_up_to_the_inline_limit_travel_inline(self, client: Client) -> None:
        value = functions.make_bytes(min(client.limits.max_inline_bytes, self.big_bytes) - _PICKLE_BYTES)
        (status,) = client.run(client.calls(functions.echo, (value,)))
        assert client.value(status) == value
        assert status.result is not None
        assert status.result.key is None

    def test_a_result_above_its_limit_goes_through_the_store(self, client: Client) -> None:
        self.needs_store(client)
        (big, small) = (
            client.run(client.calls(functions.make_bytes, (size,), results_inline_max=10_000))[0]
            for size in (200_000, 1000)
        )
        assert client.value(big) == functions.make_bytes(200_000)
        assert client.value(small) == functions.make_bytes(1000)
        assert big.result is not None
        assert big.result.key is not None
        assert small.result is not None
        assert small.result.key is None

    def test_functions_and_inputs_come_by_reference(self, client: Client) -> None:
        self.needs_store(client)
        job = client.job(functions.echo, is_stored=True)
        value = functions.make_bytes(100_000)
        calls = [client.call(job, number, number, is_stored=True) for number in range(self.up_to(3, client))]
        assert client.values(calls) == list(range(len(calls)))
        assert client.values([client.call(job, 9, value, is_stored=True)]) == [value]

    @pytest.mark.parametrize("is_stored", [False, True])
    def test_a_call_gets_the_results_that_it_needs(self, client: Client, is_stored: bool) -> None:
        if is_stored:
            self.needs_store(client)
        limit = 0 if is_stored else None
        first = client.run(
            client.calls(functions.add, (1, 2), (30, 4), results_inline_max=limit)[: self.up_to(2, client)]
        )
        needs = tuple(status.result for status in first if status.result is not None)
        job = client.job(functions.echo)
        call = client.call(job, 0, [_Need(at) for at in range(len(needs))], needs=needs)
        assert client.values([call]) == [[3, 34][: len(needs)]]
        assert {need.parts is None for need in needs} == {is_stored}

    def test_parts_of_one_object_are_told_apart(self, client: Client) -> None:
        self.needs_store(client)
        assert client.store is not None
        inputs = [dump(((number, 100), {}))[0] for number in range(self.up_to(3, client))]
        client.store.put(client.bucket, "inputs", inputs)
        job = client.job(functions.add)
        calls = []
        offset = 0
        for number, part in enumerate(inputs):
            call = client.call(job, number)
            call.data = Payload(key="inputs", offset=offset, sizes=(len(part),))
            offset += len(part)
            calls.append(call)
        assert client.values(calls) == [number + 100 for number in range(len(inputs))]

    def test_modules_travel_with_the_function(self, client: Client) -> None:
        for answer in (42, 43):
            bundle = io.BytesIO()
            with zipfile.ZipFile(bundle, "w") as archive:
                archive.writestr("lithops_contract_module.py", f"ANSWER = {answer}\n")
            calls = client.calls(functions.use_module, (), modules=bundle.getvalue())
            assert client.values(calls) == [answer]


class _Need:
    """Stands in an input for a result that the call needs."""

    def __init__(self, position: int) -> None:
        self._position = position

    def __reduce__(self) -> tuple[Callable[[int], Any], tuple[int]]:
        return need, (self._position,)
