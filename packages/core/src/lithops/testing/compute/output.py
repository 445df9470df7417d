"""The compute kit: what calls print is reported under their names (`ComputeFeature.OUTPUT`), and disturbs nothing."""

from __future__ import annotations

from functools import partial

import pytest

from lithops.spi.compute import ComputeFeature
from lithops.testing.compute import functions
from lithops.testing.compute.client import Client, describe
from lithops.testing.compute.fixtures import ComputeFixtures
from lithops.types import CallEnd, CallMessage

__all__ = ["OutputTests"]

_LINES = "".join(f"line {number} \u00e4\u6587\U0001f600\n" for number in range(10_000))


class OutputTests(ComputeFixtures):
    """What calls print."""

    @pytest.mark.parametrize("text", ["a line\n", "no end of line", "", _LINES], ids=["line", "open", "none", "long"])
    def test_what_a_call_prints_is_reported_with_its_stream(self, client: Client, text: str) -> None:
        calls = client.calls(functions.say, (text, text.upper()))
        assert client.values(calls) == [None]
        if ComputeFeature.OUTPUT in client.backend.features:
            client.until(
                lambda: len(client.printed(calls[0])) >= 2 * len(text), "what a call printed is not all reported"
            )
            assert client.printed(calls[0], "stdout") == text
            assert client.printed(calls[0], "stderr") == text.upper()

    def test_what_is_written_below_python_is_reported_and_disturbs_nothing(self, client: Client) -> None:
        calls = client.calls(functions.say_below, ("LTH1 below\n",))
        assert client.values(calls) == [None]
        if ComputeFeature.OUTPUT in client.backend.features:
            client.until(lambda: client.printed(calls[0]).count("LTH1 below") == 2, "what was written is not reported")

    def test_what_calls_print_is_told_apart(self, client: Client) -> None:
        self.needs(client, ComputeFeature.OUTPUT)
        texts = [f"call {number}\n" * 3 for number in range(self.up_to(6, client))]
        calls = client.calls(functions.say, *[(text, "") for text in texts])
        client.values(calls)
        for call, text in zip(calls, texts, strict=True):
            client.until(partial(self._has_printed, client, call, text), "a call's output is not its own")

    def test_the_last_words_of_a_dead_worker_are_reported(self, client: Client) -> None:
        self.needs(client, ComputeFeature.OUTPUT)
        calls = client.calls(functions.say_and_die, ("last words",))
        (status,) = client.run(calls)
        assert status.end is CallEnd.LOST, describe(status)
        client.until(lambda: "last words" in client.printed(calls[0]), "the last words are not reported")

    def _has_printed(self, client: Client, call: CallMessage, text: str) -> bool:
        return client.printed(call) == text
