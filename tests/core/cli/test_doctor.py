"""`lithops doctor` finds what is wrong, says what to do, and fails when anything is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.core.cli.conftest import Sandbox


def failures(sandbox: Sandbox, *arguments: str, **environ: str) -> dict[str, dict[str, str]]:
    """Run it where something is wrong, and give the checks that failed by their names."""
    done = sandbox.run("doctor", "--json", *arguments, **environ)
    assert done.returncode == 1
    checks = json.loads(done.stdout)
    failed = [check for check in checks if not check["ok"]]
    plural = "check" if len(checks) == 1 else "checks"
    assert done.stderr == f"Error: {len(failed)} of {len(checks)} {plural} failed\n"
    return {check["name"]: check for check in failed}


def test_a_sound_installation_is_ok(sandbox: Sandbox) -> None:
    *lines, last = sandbox.ok("doctor").splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["ok", name] for name in ("plugins", "configuration", "interpreter", "folder", "workers", "runtime", "storage")
    ]
    assert last.startswith("All 7 checks are ok, in ")
    assert sandbox.ok("storage", "list", "storage") == ""


def test_a_wrong_configuration_is_quoted(sandbox: Sandbox) -> None:
    sandbox.configure("localhost: {runtimes: python3}\n")
    found = failures(sandbox)
    assert list(found) == ["configuration"]
    assert "did you mean 'runtime'?" in found["configuration"]["detail"]


def test_a_broken_plugin_is_named_with_its_error_and_the_rest_is_checked(sandbox: Sandbox) -> None:
    sandbox.install("wreck", "import sdk_that_is_not_there\n")
    found = failures(sandbox)
    assert list(found) == ["plugins"]
    assert "No module named 'sdk_that_is_not_there'" in found["plugins"]["detail"]
    assert "pip uninstall wreck" in found["plugins"]["advice"]


def test_what_the_backend_finds_is_shown_with_its_advice(acme: Sandbox) -> None:
    found = failures(acme)
    assert list(found) == ["quota", "runtime"]
    assert found["quota"]["advice"] == "ask acme for more"
    assert "acme takes no calls" in found["runtime"]["detail"]
    text = acme.run("doctor").stdout
    assert "-> ask acme for more" in text
    assert "my-secret-token" not in text


def test_checks_of_a_backend_that_break_are_told_and_the_rest_goes_on(acme: Sandbox) -> None:
    module = acme.site / "acme.py"
    source = module.read_text(encoding="utf-8")
    module.write_text(source.replace("yield Check(", "1 / 0; yield Check("), encoding="utf-8")
    found = failures(acme)
    assert list(found) == ["backend", "runtime"]
    assert found["backend"]["detail"] == "its own checks failed: ZeroDivisionError: division by zero"


def test_an_sdk_that_is_missing_is_named(acme: Sandbox) -> None:
    source = (acme.site / "acme.py").read_text(encoding="utf-8")
    (acme.site / "acme_later.py").write_text("import sdk_that_is_not_there\n", encoding="utf-8")
    (acme.site / "acme.py").write_text(source.replace('"acme:Acme"', '"acme_later:Acme"'), encoding="utf-8")
    found = failures(acme)
    assert list(found) == ["backend", "runtime"]
    assert "'sdk_that_is_not_there', which is not installed" in found["backend"]["detail"]


def test_the_backend_can_be_chosen(acme: Sandbox) -> None:
    assert acme.ok("doctor", "-b", "localhost").splitlines()[-1].startswith("All 7 checks are ok")


def test_a_storage_that_cannot_be_written_is_found(sandbox: Sandbox) -> None:
    (sandbox.home / "file").write_text("in the way", encoding="utf-8")
    sandbox.configure("localhost: {storage_root: file/below}\n")
    assert "storage" in failures(sandbox)


def test_an_interpreter_that_is_none_is_found(sandbox: Sandbox) -> None:
    sandbox.configure("localhost: {runtime: /bin/false}\n")
    assert list(failures(sandbox)) == ["interpreter", "runtime"]


def test_a_wrong_choice_of_plugins_is_found(sandbox: Sandbox) -> None:
    found = failures(sandbox, LITHOPS_PLUGINS="a,-b")
    assert list(found) == ["plugins", "configuration"]
