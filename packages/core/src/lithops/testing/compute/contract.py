"""The conformance kit of compute: subclass `ComputeContract` and override its fixtures `backend` and `store`.

A backend with `ComputeFeature.EVENTS` has a subclass of `ComputeEventContract` too.
"""

from __future__ import annotations

from typing import ClassVar

from lithops.testing.compute.calls import CallTests
from lithops.testing.compute.closing import ClosingTests
from lithops.testing.compute.deaths import DeathTests
from lithops.testing.compute.ends import EndTests
from lithops.testing.compute.events import EventTests
from lithops.testing.compute.output import OutputTests
from lithops.testing.compute.payloads import PayloadTests
from lithops.testing.compute.verbs import VerbTests

__all__ = ["ComputeContract", "ComputeEventContract"]


class ComputeContract(CallTests, PayloadTests, DeathTests, EndTests, OutputTests, VerbTests, ClosingTests):
    """Everything that `lithops.spi.compute` promises. `ComputeFixtures` has what can be overridden."""


class ComputeEventContract(CallTests, PayloadTests, DeathTests, EndTests, EventTests):
    """What of it concerns calls, with all calls started as events: their statuses come by the store."""

    by_events: ClassVar[bool] = True
