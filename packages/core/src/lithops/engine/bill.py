"""What the attempts of an executor's calls were billed for, and the limit that its user set."""

from __future__ import annotations

import threading
from typing import NamedTuple

from lithops.spi.compute import ComputeBackend, Cost, RuntimeSpec

__all__ = ["Bill", "Spent"]


class Spent(NamedTuple):
    """The cost of calls that have ended, by the backend's list of prices.

    `amount` is None where the backend has none. `billed_s` are seconds of all `attempts`; those whose platform did not
    tell, `measured`, are counted by what their workers measured. `as_of` is the date of the prices.
    """

    amount: float | None
    currency: str
    as_of: str
    attempts: int
    billed_s: float
    measured: int = 0
    source: str = ""


class Bill:
    """Adds up attempts by their runtime. Thread-safe. `is_kept` is False where the backend has no prices: nothing to add."""

    def __init__(self, backend: ComputeBackend, limit: float | None = None) -> None:
        self.limit = limit
        self._backend = backend
        self._lock = threading.Lock()
        self._used: dict[tuple[str, int | None], tuple[RuntimeSpec, int, float]] = {}
        self._measured = 0
        self.is_kept = type(backend).price is not ComputeBackend.price

    def add(self, runtime: RuntimeSpec, billed_s: float | None, worker_s: float | None) -> None:
        """Note an attempt that has ended; one that nobody measured counts as started only."""
        with self._lock:
            name = runtime.name, runtime.memory_mb
            _, attempts, seconds = self._used.get(name, (runtime, 0, 0.0))
            seconds += billed_s if billed_s is not None else worker_s or 0.0
            self._used[name] = runtime, attempts + 1, seconds
            self._measured += billed_s is None

    def spent(self) -> Spent:
        """Price all attempts so far."""
        with self._lock:
            used, measured = list(self._used.values()), self._measured
        costs = [self._backend.price(runtime, seconds, attempts) for runtime, attempts, seconds in used]
        known = [cost for cost in costs if cost is not None]
        some = known[0] if known else self._backend.price(RuntimeSpec(), 0.0, 0) or Cost(0.0, "", "")
        return Spent(
            None if len(known) < len(costs) or not some.currency else sum(cost.amount for cost in known),
            some.currency,
            some.as_of,
            sum(attempts for _, attempts, _ in used),
            sum(seconds for _, _, seconds in used),
            measured,
            some.source,
        )

    def refusal(self) -> str | None:
        """Say why nothing more may be started, or None."""
        if self.limit is None:
            return None
        spent = self.spent()
        if spent.amount is None or spent.amount < self.limit:
            return None
        return (
            f"the calls so far cost {spent.amount:.6f} {spent.currency}, and 'max_cost' is {self.limit:g}: raise it, or "
            "give less work"
        )
