"""The keys of the section `template` of the configuration. A wrong one is refused before anything is opened."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

__all__ = ["TemplateConfig"]


class TemplateConfig(Struct, frozen=True, kw_only=True):
    """How calls run and where objects are. None means what the comment says."""

    max_workers: Annotated[int, Meta(ge=1)] | None = None  # as many as this machine has processors
    root: str = "~/.lithops/template"  # the folder of all buckets
    storage_bucket: str = "jobs"
