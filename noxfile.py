"""Every task of the project: `nox -l` lists them, `nox -s NAME` runs one, from a fresh clone with nothing else installed."""

from __future__ import annotations

import os
from pathlib import Path

import nox

nox.needs_version = ">=2024.4.15"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "types", "layers", "tests"]

CORE = "packages/core"
LOCALHOST = "packages/backend-localhost"
TEMPLATE = "examples/backend-template"
PACKAGES = (".", CORE, LOCALHOST)
SOURCES = (f"{CORE}/src", f"{LOCALHOST}/src")
EXAMPLES = ("examples/hello.py", "examples/wordcount.py")


@nox.session
def hello(session: nox.Session) -> None:
    """Run the main job: the quick start, then a word count over real files."""
    _install_checkout(session, core_extras="cli")
    for example in EXAMPLES:
        session.run("python", example, *(session.posargs if example != EXAMPLES[0] else ()))


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests; arguments after `--` go to pytest."""
    _install_checkout(session, "-e", TEMPLATE, core_extras="cli,testing")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check format and style."""
    session.install("ruff>=0.9")
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check types: strictly in all that is not a test."""
    tools = ("mypy>=1.15", "types-PyYAML", "nox>=2024.4.15", "hatchling>=1.26")
    _install_checkout(session, *tools, core_extras="cli,testing")
    session.run("mypy", *SOURCES, f"{TEMPLATE}/src", *EXAMPLES, "benchmarks", "tests", "noxfile.py", "hatch_build.py")


@nox.session
def layers(session: nox.Session) -> None:
    """Check who imports whom: the contracts of docs/design.md, section 4, written in pyproject.toml."""
    session.install("import-linter>=2.3")
    session.run("lint-imports", "--no-cache", env={"PYTHONPATH": os.pathsep.join(SOURCES)})


@nox.session
def bench(session: nox.Session) -> None:
    """Measure against the peers and print the table; arguments after `--` go to benchmarks/run.py."""
    _install_checkout(session, "numpy>=1.26", "joblib>=1.4", "loky>=3.4", core_extras="cli")
    session.run("python", "benchmarks/run.py", *session.posargs)


@nox.session
def build(session: nox.Session) -> None:
    """Build sdists and wheels, install the wheels into a clean environment, and run hello there."""
    session.install("build>=1.2")
    work = Path(session.create_tmp()).resolve()
    dist = work / "dist"
    session.run("python", "-c", f"import shutil; shutil.rmtree({str(work)!r}); import os; os.makedirs({str(dist)!r})")
    for package in PACKAGES:
        session.run("python", "-m", "build", "--outdir", str(dist), package)
    clean = work / "clean"
    session.run("python", "-m", "venv", str(clean))
    wheels = sorted(str(wheel) for wheel in dist.glob("*.whl"))
    hello_py = Path(EXAMPLES[0]).resolve()
    scripts = clean / ("Scripts" if os.name == "nt" else "bin")
    python = str(scripts / "python")
    with session.chdir(work):  # not the checkout: what runs must come from the wheels
        session.run(python, "-m", "pip", "install", "--quiet", *wheels, external=True)
        session.run(python, "-I", str(hello_py), external=True)
        session.run(str(scripts / "lithops"), "hello", external=True)


def _install_checkout(session: nox.Session, *more: str, core_extras: str) -> None:
    """Install the packages of this checkout, and `more`, by one pip call."""
    session.install("-e", f"{CORE}[{core_extras}]", "-e", LOCALHOST, *more)
