"""Adapters to the standard library's `concurrent` package."""
