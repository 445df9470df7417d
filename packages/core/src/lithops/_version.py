"""The version of every Lithops distribution; the one place where it is written."""

__version__ = "4.0.0.dev0"
