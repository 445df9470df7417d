"""The version of the contract between the core and its backends."""

SPI_VERSION = 1
"""Raised when a backend written for the version before would no longer work."""
