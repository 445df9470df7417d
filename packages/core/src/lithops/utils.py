"""Names that users' programs import from here; the code lives where its subject is."""

from lithops.futures import FuturesList
from lithops.log_setup import setup_lithops_logger

__all__ = ["FuturesList", "setup_lithops_logger"]
