"""Code in a call can ask for it; outside of a call there is none."""

from __future__ import annotations

from lithops.spi import Artifact, CallMessage, JobMessage, Payload
from lithops.worker import context


def test_a_call_is_current_from_its_begin_to_its_end() -> None:
    call = CallMessage(JobMessage("e", "M000", Artifact("", Payload((b"",)))), "00000", Payload((b"",)))
    assert context.current() is None
    context.begin(call)
    try:
        assert context.current() is call
    finally:
        context.end()
    assert context.current() is None
    context.end()
    assert context.current() is None
