"""The conformance kit of storage; `lithops.testing` exports its one class. The stores for tests are beside it."""
