"""Threads are joined, whether or not they have begun."""

from __future__ import annotations

import threading

import pytest

from lithops.worker.joining import join


def test_a_thread_that_runs_is_awaited() -> None:
    go = threading.Event()
    thread = threading.Thread(target=go.wait, args=(20,))
    thread.start()
    threading.Timer(0, go.set).start()
    join(thread)
    assert not thread.is_alive()
    join(thread)


def test_one_that_never_began_has_ended() -> None:
    join(threading.Thread())


def test_one_whose_start_was_interrupted_is_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = threading.Event()
    thread = threading.Thread(target=begun.set)

    def interrupted(*_: object) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(thread._started, "wait", interrupted)  # type: ignore[attr-defined]  # where `start` waits
        with pytest.raises(KeyboardInterrupt):
            thread.start()
    join(thread)
    assert begun.is_set()
    assert not thread.is_alive()
