"""Images are built and pushed by a program named `docker` that does as it is told and notes what that was."""

from __future__ import annotations

import json
import os
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from lithops.errors import ConfigError
from lithops.runtimes import image

ENGINE = f"""#!{sys.executable}
import json, os, pathlib, sys
at = pathlib.Path(__file__).parent
arguments = sys.argv[1:]
noted = {{"arguments": arguments, "name": pathlib.Path(sys.argv[0]).name, "stdin": sys.stdin.read()}}
if arguments[0] == "build":
    context = pathlib.Path(arguments[-1])
    noted["files"] = {{str(f.relative_to(context)): oct(f.stat().st_mode & 0o777) for f in context.rglob("*")}}
    noted["dockerfile"] = pathlib.Path(arguments[arguments.index("--file") + 1]).read_text()
with open(at / "noted", "a") as file:
    file.write(json.dumps(noted) + chr(10))
print("working on it")
print("secret", noted["stdin"])
if (at / "fails").exists():
    print("no space left on device", file=sys.stderr)
    sys.exit(3)
"""


class Engine:
    """The folder of the program."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.add("docker")

    def add(self, name: str) -> None:
        path = self.folder / name
        path.write_text(ENGINE, "utf-8")
        path.chmod(0o755)

    def noted(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "noted").read_text("utf-8").splitlines()]


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    made = Engine(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(made.folder))
    monkeypatch.delenv("LITHOPS_DOCKER", raising=False)
    return made


@pytest.fixture
def worker(tmp_path: Path) -> Path:
    path = tmp_path / "worker.zip"
    with zipfile.ZipFile(path, "w") as made:
        info = zipfile.ZipInfo("lithops/__init__.py")
        info.external_attr = 0o100644 << 16
        made.writestr(info, "")
    return path


def test_a_worker_is_put_on_a_base_image(engine: Engine, worker: Path) -> None:
    before = os.umask(0o077)
    try:
        image.build("r/mine:1", worker, base="python:3.11", folder="/opt/w", entry=["run", "a b"], architecture="arm64")
    finally:
        os.umask(before)
    (noted,) = engine.noted()
    assert noted["arguments"][:5] == ["build", "--platform", "linux/arm64", "--tag", "r/mine:1"]
    assert noted["dockerfile"] == (
        'FROM python:3.11\nCOPY ["worker/", "/opt/w/"]\nENV PYTHONPATH=/opt/w${PYTHONPATH:+:$PYTHONPATH}\n'
        'CMD ["run", "a b"]\n'
    )
    modes = {name: mode for name, mode in noted["files"].items() if name.startswith("worker")}
    assert modes == {"worker": "0o755", "worker/lithops": "0o755", "worker/lithops/__init__.py": "0o644"}


def test_the_users_dockerfile_makes_the_environment_below_the_worker(
    engine: Engine, worker: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM debian\nCOPY data /data\n", "utf-8")
    (folder / "data").write_text("", "utf-8")
    file = str(folder / "Dockerfile")
    image.build("m", worker, file=file, folder="/w", entry=["e"], architecture="x86_64", pins=("six==1.0",))
    environment, whole = engine.noted()
    assert environment["arguments"] == [
        "build", "--platform", "linux/amd64", "--tag", "m-environment", "--file", file, str(folder),
    ]  # fmt: skip
    assert set(environment["files"]) == {"Dockerfile", "data"}
    assert whole["dockerfile"].startswith("FROM m-environment\nCOPY requirements.txt ")
    assert "python3 -m pip install" in whole["dockerfile"]
    assert not Path(whole["arguments"][-1]).exists()


def test_a_login_gives_the_password_by_standard_input_only(engine: Engine) -> None:
    image.login("registry.example", "AWS", "s3cret")
    (noted,) = engine.noted()
    assert noted["arguments"] == ["login", "--username", "AWS", "--password-stdin", "registry.example"]
    assert noted["stdin"] == "s3cret"
    (engine.folder / "fails").touch()
    with pytest.raises(ConfigError, match=r"logging in to .* failed") as raised:
        image.login("registry.example", "AWS", "s3cret")
    assert "s3cret" not in str(raised.value)


def test_a_failure_says_what_failed_and_quotes_the_engine(engine: Engine) -> None:
    (engine.folder / "fails").touch()
    with pytest.raises(
        ConfigError, match=r"pushing the image 'r/mine:1' failed with exit code 3: check the name"
    ) as raised:
        image.push("r/mine:1")
    assert "no space left on device" in str(raised.value)


@pytest.mark.usefixtures("engine")
def test_output_is_logged_as_it_comes(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG", "lithops.runtimes"):
        image.push("r/mine:1")
    assert "docker: working on it" in caplog.messages


def test_an_engine_that_does_not_end_is_ended(engine: Engine) -> None:
    (engine.folder / "docker").write_text(
        f"#!{sys.executable}\nimport time\nprint('hm', flush=True)\ntime.sleep(900)\n"
    )
    with pytest.raises(ConfigError, match="'docker' ran longer than 1 s and was ended"):
        image.push("r/mine:1", timeout_s=1.0)


def test_the_engine_is_docker_or_podman_or_the_one_that_is_named(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.add("podman")
    assert image.find_engine() == str(engine.folder / "docker")
    (engine.folder / "docker").unlink()
    assert image.find_engine() == str(engine.folder / "podman")
    monkeypatch.setenv("LITHOPS_DOCKER", "nerdctl")
    with pytest.raises(ConfigError, match="no program 'nerdctl', which LITHOPS_DOCKER names"):
        image.find_engine()
    monkeypatch.delenv("LITHOPS_DOCKER")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="neither docker nor podman is on PATH"):
        image.find_engine()


@pytest.mark.usefixtures("engine")
def test_what_is_to_be_built_is_checked_first(worker: Path) -> None:
    with pytest.raises(ConfigError, match="there is no file 'absent'"):
        image.build("m", worker, file="absent", folder="/w", entry=["e"], architecture="x86_64")
    with pytest.raises(ConfigError, match="either a base image or a Dockerfile"):
        image.build("m", worker, folder="/w", entry=["e"], architecture="x86_64")
    with pytest.raises(ConfigError, match="give x86_64 or arm64"):
        image.build("m", worker, base="b", folder="/w", entry=["e"], architecture="mips")
