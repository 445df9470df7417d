"""Container images: the user's environment, and our worker on top of it, built and pushed by docker or podman.

An image is made in two steps. The user's Dockerfile, if there is one, makes the environment and needs to know nothing of
Lithops. A second one, written here, puts the worker of a zip (`bundle.build_zip`) and the entry into it.
"""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from lithops.errors import ConfigError
from lithops.runtimes.programs import Ended, run

__all__ = ["build", "dockerfile", "find_engine", "login", "push"]

ENGINE_VARIABLE = "LITHOPS_DOCKER"
ENGINES = ("docker", "podman")
TIMEOUT_S = 1800.0

_WORKER = "worker"
_REQUIREMENTS = "requirements.txt"
_PLATFORMS = {"x86_64": "linux/amd64", "arm64": "linux/arm64"}
# Platforms of functions take no image index, which docker pushes when it attests.
_ENVIRON = {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}


def find_engine() -> str:
    """Find the program that builds images: that of LITHOPS_DOCKER, else docker or podman. Raises `ConfigError`."""
    named = os.environ.get(ENGINE_VARIABLE)
    for name in (named,) if named else ENGINES:
        if found := shutil.which(name):
            return found
    if named:
        raise ConfigError(
            f"there is no program '{named}', which {ENGINE_VARIABLE} names: give the path of docker or podman"
        )
    raise ConfigError(
        f"neither docker nor podman is on PATH, and one is needed to build an image: install it, or set {ENGINE_VARIABLE}"
    )


def dockerfile(
    base: str, *, folder: str, entry: Sequence[str], has_requirements: bool = False, python: str = "python3"
) -> str:
    """Write the Dockerfile that puts a worker into `folder` of a base image. `entry` is its command."""
    lines = [f"FROM {base}"]
    if has_requirements:
        lines.append(f"COPY {_REQUIREMENTS} /tmp/lithops-{_REQUIREMENTS}")
        lines.append(f"RUN {python} -m pip install --no-cache-dir -r /tmp/lithops-{_REQUIREMENTS}")
    lines.append(f"COPY {json.dumps([f'{_WORKER}/', folder.rstrip('/') + '/'])}")
    lines.append(f"ENV PYTHONPATH={folder}${{PYTHONPATH:+:$PYTHONPATH}}")
    lines.append(f"CMD {json.dumps(list(entry))}")
    return "".join(f"{line}\n" for line in lines)


def build(
    tag: str,
    worker: str | os.PathLike[str],
    *,
    folder: str,
    entry: Sequence[str],
    architecture: str,
    base: str | None = None,
    file: str | None = None,
    pins: Sequence[str] = (),
    timeout_s: float = TIMEOUT_S,
) -> None:
    """Build an image named `tag`: the worker of a zip in `folder`, over a `base` image or the one of a Dockerfile, `file`.

    The user's Dockerfile sees the files beside it. `pins` are installed by the image's pip. Output goes to the log as it
    comes. Raises `ConfigError`: no engine, no file, or the build failed.
    """
    if (base is None) == (file is None):
        raise ConfigError(f"the image '{tag}' needs either a base image or a Dockerfile: give one of them")
    if architecture not in _PLATFORMS:
        raise ConfigError(f"the architecture '{architecture}' is unknown: give x86_64 or arm64")
    engine = find_engine()
    platform = ["--platform", _PLATFORMS[architecture]]
    if file is not None:
        path = Path(file).expanduser()
        if not path.is_file():
            raise ConfigError(f"there is no file '{file}': give the path of a Dockerfile")
        base = f"{tag}-environment"
        command = [engine, "build", *platform, "--tag", base, "--file", str(path), str(path.parent)]
        _check(_run(command, timeout_s), f"building the image of '{file}'", "mend the Dockerfile")
    with TemporaryDirectory(prefix="lithops-image-") as made:
        context = Path(made)
        _unpack(worker, context / _WORKER)
        if pins:
            (context / _REQUIREMENTS).write_text("".join(f"{pin}\n" for pin in pins), "utf-8")
        text = dockerfile(str(base), folder=folder, entry=entry, has_requirements=bool(pins))
        (context / "Dockerfile").write_text(text, "utf-8")
        command = [engine, "build", *platform, "--tag", tag, "--file", str(context / "Dockerfile"), str(context)]
        _check(_run(command, timeout_s), f"building the image '{tag}'", "check the base image and 'requirements'")


def push(tag: str, *, timeout_s: float = TIMEOUT_S) -> None:
    """Push an image to the registry that its tag names. Raises `ConfigError`."""
    advice = "check the name, that its repository exists, and that you are logged in"
    _check(_run([find_engine(), "push", tag], timeout_s), f"pushing the image '{tag}'", advice)


def login(registry: str, user: str, password: str, *, timeout_s: float = 60.0) -> None:
    """Log in to a registry; the password goes by standard input, and into no message. Raises `ConfigError`."""
    command = [find_engine(), "login", "--username", user, "--password-stdin", registry]
    ended = run(command, timeout_s=timeout_s, stdin=password, environ=_ENVIRON)
    _check(ended, f"logging in to '{registry}'", "check the credentials and the engine", secret=password)


def _run(command: Sequence[str], timeout_s: float) -> Ended:
    return run(command, timeout_s=timeout_s, environ=_ENVIRON)


def _check(ended: Ended, what: str, advice: str, *, secret: str = "") -> None:
    if ended.code:
        said = "\n".join(f"  {line}" for line in ended.last(10).splitlines())
        said = said.replace(secret, "***") if secret else said
        raise ConfigError(f"{what} failed with exit code {ended.code}: {advice}; the end of its output:\n{said}")


def _unpack(worker: str | os.PathLike[str], folder: Path) -> None:
    with zipfile.ZipFile(worker) as source:
        for info in source.infolist():
            path = Path(source.extract(info, folder))
            path.chmod(info.external_attr >> 16 & 0o777)
    for inner in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        inner.chmod(0o755)  # the worker may run as another user
