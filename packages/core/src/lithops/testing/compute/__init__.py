"""The conformance kit of compute. `lithops.testing` exports its name."""
