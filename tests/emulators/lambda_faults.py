"""What tests ask the server to do wrong, and what it counts. `Faults` has the names of the side door's JSON."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any

__all__ = ["Chaos", "Counts", "Faults"]


@dataclass(frozen=True, slots=True)
class Faults:
    """Chances are between 0 and 1, for each request that they concern."""

    throttle: float = 0.0  # an invoke is refused by 429
    retry_after_s: int = 1  # what a refused client is told
    kill: float = 0.0  # the runtime is killed while it runs, up to `kill_within_s` after its start
    kill_within_s: float = 0.05
    cut: float = 0.0  # the connection of an invoke is closed without an answer: half while it runs, half after
    duplicate: float = 0.0  # an event is run twice
    s3_slow_s: float = 0.0  # each request to S3 waits so long
    s3_throttle: float = 0.0  # a request to S3 is refused by 503 SlowDown
    pending_s: float = 0.0  # a function is Pending so long after it was created, InProgress after an update
    unassumable: int = 0  # so many more requests that name a role are told that Lambda cannot assume it yet
    init_limit_s: float = 10.0  # what AWS allows for the start of a runtime and the imports of the handler
    concurrency: int | None = None  # the account's limit
    seed: int = 0


class Chaos:
    """Decides what goes wrong, by one seeded source of chance. Thread-safe."""

    def __init__(self, counts: Counts) -> None:
        self.faults = Faults()
        self._counts = counts
        self._chance = random.Random(0)
        self._lock = Lock()

    def set(self, asked: Mapping[str, Any]) -> None:
        """Set all faults: those that are not named do not happen. Raises `TypeError` for a name that is none."""
        self.faults = replace(Faults(), **asked)
        self._chance.seed(self.faults.seed)

    def strikes(self, name: str) -> bool:
        """Draw whether a fault happens now; one that does is counted."""
        chance = float(getattr(self.faults, name))
        if not chance:
            return False
        with self._lock:
            is_struck = self._chance.random() < chance
        if is_struck:
            self._counts.add("faults", name)
        return is_struck

    def between(self, low: float, high: float) -> float:
        """Draw a number."""
        with self._lock:
            return self._chance.uniform(low, high)

    def takes_role(self) -> bool:
        """Tell whether Lambda can assume a role that a request names."""
        with self._lock:
            left = self.faults.unassumable
            if left:
                self.faults = replace(self.faults, unassumable=left - 1)
        return not left


class Counts:
    """Numbers by group and name, such as requests by operation. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counted: dict[str, Counter[str]] = {}

    def add(self, group: str, name: str, number: int = 1) -> None:
        """Count."""
        with self._lock:
            self._counted.setdefault(group, Counter())[name] += number

    def told(self) -> dict[str, dict[str, int]]:
        """Give all numbers."""
        with self._lock:
            return {group: dict(counter) for group, counter in self._counted.items()}

    def clear(self) -> None:
        """Begin at zero."""
        with self._lock:
            self._counted.clear()
