"""The zip of a runtime: built once on a machine, and kept below ~/.lithops/cache for this user only."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from threading import get_ident
from typing import TYPE_CHECKING

from lithops.errors import ConfigError
from lithops.spi.compute import RuntimeSpec
from lithops_aws.compute.functions_naming import GLIBC, PACKAGES, contents_of, pins_of, this_python

if TYPE_CHECKING:
    from lithops_aws.compute.config import LambdaConfig

__all__ = ["MAX_UNZIPPED_BYTES", "zip_of"]

MAX_UNZIPPED_BYTES = 262_144_000  # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_KEPT = 10
_FOLDER = Path("~/.lithops/cache/runtimes")


def zip_of(runtime: RuntimeSpec, options: LambdaConfig, *, is_fresh: bool = False, is_for_image: bool = False) -> Path:
    """Give the zip of a runtime, from the cache unless it should be `is_fresh`.

    Raises `ConfigError`: Lambda has no such Python, or does not take so much; a package has no wheel. An image's worker
    has neither limit.
    """
    from lithops.runtimes.bundle import build_zip, check_size
    from lithops.runtimes.requirements import options_of
    from lithops.runtimes.spec import name_of

    python = this_python()
    if python not in GLIBC and not is_for_image:
        raise ConfigError(
            f"AWS Lambda has no Python {python}: run the client with one of {', '.join(GLIBC)}, or use an image "
            "('lithops runtime build NAME -f Dockerfile')"
        )
    folder = _FOLDER.expanduser()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{name_of(contents_of(runtime, options))}{'-image' if is_for_image else ''}.zip"
    if path.exists() and not is_fresh:
        with suppress(OSError):
            path.touch()
        return path
    part = path.with_name(f"{path.name}.{os.getpid()}-{get_ident()}.part")
    try:
        info = build_zip(
            part,
            packages=PACKAGES,
            pins=() if is_for_image else pins_of(options),
            python=python,
            architecture=options.architecture,
            glibc=GLIBC.get(python, min(GLIBC.values())),
            pip_arguments=options_of(options.requirements),
        )
        if not is_for_image:
            check_size(info, MAX_UNZIPPED_BYTES)
        part.chmod(0o600)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    _forget_old(folder)
    return path


def _forget_old(folder: Path) -> None:
    """Keep those that were used last. Another process may delete them at the same time."""
    with suppress(OSError):
        found = sorted(folder.glob("*.zip"), key=lambda path: path.stat().st_mtime)
        for path in found[:-_KEPT]:
            path.unlink(missing_ok=True)
