"""What Lithops learns of this package at its start: names, and where the classes are. Imports no more."""

from lithops.spi.hooks import BackendInfo, hookimpl

CONFIG = "lithops_template.config:TemplateConfig"


@hookimpl
def lithops_compute_backends() -> list[BackendInfo]:
    return [BackendInfo("template", "lithops_template.compute:TemplateCompute", CONFIG, default_storage="template")]


@hookimpl
def lithops_storage_backends() -> list[BackendInfo]:
    return [BackendInfo("template", "lithops_template.storage:TemplateStorage", CONFIG)]
