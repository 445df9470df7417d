"""The conformance kit of compute: subclass `ComputeContract` and override its fixtures `backend` and `store`."""

from __future__ import annotations

from lithops.testing.compute.calls import CallTests
from lithops.testing.compute.closing import ClosingTests
from lithops.testing.compute.deaths import DeathTests
from lithops.testing.compute.ends import EndTests
from lithops.testing.compute.output import OutputTests
from lithops.testing.compute.payloads import PayloadTests
from lithops.testing.compute.verbs import VerbTests

__all__ = ["ComputeContract"]


class ComputeContract(CallTests, PayloadTests, DeathTests, EndTests, OutputTests, VerbTests, ClosingTests):
    """Everything that `lithops.spi.compute` promises. `ComputeFixtures` has what can be overridden."""
