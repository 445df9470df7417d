"""The template of a third party's backend passes both kits: its own tests, collected here.

Without it these tests are skipped on a developer's machine, and fail in CI.
"""

from __future__ import annotations

import os
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

TEMPLATE = Path(__file__).parents[3] / "examples" / "backend-template"

if find_spec("lithops_template") is None:
    ADVICE = "the template is not installed: pip install -e examples/backend-template"
    if os.environ.get("CI"):
        pytest.fail(ADVICE)
    pytest.skip(ADVICE, allow_module_level=True)


def own_tests_of_template() -> ModuleType:
    spec = spec_from_file_location("lithops_template_tests", TEMPLATE / "tests" / "test_backends.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


own_tests = own_tests_of_template()
TestTemplateCompute = own_tests.TestTemplateCompute
TestTemplateStorage = own_tests.TestTemplateStorage
