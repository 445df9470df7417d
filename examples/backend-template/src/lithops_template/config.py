"""The keys of the section `template` of the configuration. A wrong one is refused before anything is opened."""

from typing import Annotated

from msgspec import Meta, Struct


class TemplateConfig(Struct, frozen=True):
    max_workers: Annotated[int, Meta(ge=1)] = 4  # calls that run at the same time
    root: str = "~/.lithops/template"  # the folder of all buckets
    storage_bucket: str = "jobs"
