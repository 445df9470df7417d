"""How many calls a worker gets: never more than there are, everything in the end, and little behind a slow call."""

from __future__ import annotations

import itertools
from collections import deque

from hypothesis import given, settings
from hypothesis import strategies as st

from lithops_localhost.compute.batches import GROWTH, MOST_IN_HAND, PREFETCH_BELOW_S, Pace, room

durations = st.floats(0, 100, allow_subnormal=False)


@given(st.integers(1, 300), st.integers(0, 300), st.integers(1, 10_000), st.integers(1, 200))
def test_room_is_within_what_is_wanted_and_what_waits(wanted: int, in_hand: int, waiting: int, workers: int) -> None:
    count = room(wanted, in_hand, waiting, workers)
    assert 0 <= count <= waiting
    assert count == 0 or in_hand + count <= wanted
    assert count <= max(1, waiting // (2 * workers))
    if in_hand == 0:
        assert count >= 1


@given(st.lists(durations, max_size=30))
def test_what_is_wanted_is_within_its_bounds(seen: list[float]) -> None:
    pace = Pace()
    assert pace.wanted() == 1
    for call_s in seen:
        pace.saw(call_s)
        assert 1 <= pace.wanted() <= MOST_IN_HAND
        assert pace.wanted() <= max(2, GROWTH * pace.largest)
        assert pace.call_s is not None
        if pace.call_s > PREFETCH_BELOW_S:
            assert pace.wanted() == 1


@given(st.lists(durations, min_size=1, max_size=30))
def test_the_pace_lies_between_the_fastest_and_the_slowest(seen: list[float]) -> None:
    pace = Pace()
    for call_s in seen:
        pace.saw(call_s)
    assert pace.call_s is not None
    assert min(seen) * 0.999 <= pace.call_s <= max(seen) * 1.001


def test_one_slow_call_ends_the_prefetching() -> None:
    pace = Pace()
    for _ in range(100):
        pace.saw(0.0001)
    assert pace.wanted() > 1
    pace.saw(1.0)
    assert pace.wanted() == 1


def test_quick_calls_let_batches_grow_step_by_step() -> None:
    pace = Pace()
    pace.saw(0.00001)
    wanted = [pace.wanted()]
    while wanted[-1] < MOST_IN_HAND:
        pace.largest = max(pace.largest, pace.wanted())
        wanted.append(pace.wanted())
        assert wanted[-1] > wanted[-2]
    assert all(after <= GROWTH * before for before, after in itertools.pairwise(wanted))


@given(st.integers(0, 500), st.integers(1, 8), st.floats(0, 0.05, allow_subnormal=False), st.randoms())
@settings(max_examples=50, deadline=None)
def test_everything_is_sent_in_the_end(calls: int, workers: int, call_s: float, random: object) -> None:
    """Simulate: workers end their calls in any order, and get more by these rules."""
    waiting = calls
    hands = [deque[int]() for _ in range(workers)]
    pace = Pace()
    done = turns = 0
    while done < calls:
        turns += 1
        assert turns <= 2 * calls + 2
        for hand in sorted(hands, key=len):
            count = room(pace.wanted(), len(hand), waiting, workers) if waiting else 0
            pace.largest = max(pace.largest, count)
            waiting -= count
            hand.extend(range(count))
        busy = [hand for hand in hands if hand]
        assert busy
        random.choice(busy).popleft()  # type: ignore[attr-defined]
        pace.saw(call_s)
        done += 1
    assert waiting == 0
