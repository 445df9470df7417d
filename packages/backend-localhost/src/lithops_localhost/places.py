"""Where this backend keeps things when the user does not say."""

from __future__ import annotations

__all__ = ["DEFAULT_ROOT"]

DEFAULT_ROOT = "~/.lithops/storage"
