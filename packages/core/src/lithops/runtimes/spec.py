"""What is in a runtime, the name that follows from it, and how two of them differ."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

__all__ = ["Contents", "compare", "mismatches", "name_of", "update_command"]


@dataclass(frozen=True, slots=True)
class Contents:
    """What a runtime consists of.

    `python` is "3.11", `architecture` "x86_64" or "arm64", `wire` the major version that its worker speaks. `packages` are
    exact pins. `modules` say what our own code is (`bundle.digest_of_sources`), and whatever else a backend builds in.
    """

    python: str
    architecture: str
    wire: int
    packages: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()


def name_of(contents: Contents) -> str:
    """Name a runtime by what is in it, as `lithops-py311-x86_64-1a2b3c4d5e`: the same on every machine, in any order."""
    parts = [
        ("python", contents.python),
        ("architecture", contents.architecture),
        ("wire", str(contents.wire)),
        *(("package", pin) for pin in sorted(set(contents.packages))),
        *(("module", module) for module in sorted(set(contents.modules))),
    ]
    digest = sha256()
    for kind, value in parts:
        digest.update(f"{kind} {len(value.encode())} {value}\n".encode())
    return f"lithops-py{contents.python.replace('.', '')}-{contents.architecture}-{digest.hexdigest()[:10]}"


def compare(found: Contents, wanted: Contents, *, backend: str = "", runtime: str = "default") -> str:
    """Tell by a table how a runtime differs from what this client needs, and the command that mends it; "" if it fits."""
    rows = [
        ("Python", wanted.python, found.python),
        ("architecture", wanted.architecture, found.architecture),
        ("wire", str(wanted.wire), str(found.wire)),
    ]
    ours, theirs = _versions(wanted.packages), _versions(found.packages)
    rows += [(name, ours.get(name, "-"), theirs.get(name, "-")) for name in sorted(ours.keys() | theirs.keys())]
    if set(wanted.modules) != set(found.modules):
        rows.append(("code", _short(wanted.modules), _short(found.modules)))
    table = mismatches(rows)
    return f"{table}\n'{update_command(backend, runtime)}' mends it" if table else ""


def mismatches(rows: list[tuple[str, str, str]]) -> str:
    """Write a table of the rows (what, the client's, the worker's) whose two values differ; "" when none does."""
    rows = [row for row in rows if row[1] != row[2]]
    if not rows:
        return ""
    rows.insert(0, ("", "client", "worker"))
    first, second = (max(len(row[column]) for row in rows) for column in (0, 1))
    return "\n".join(f"  {what:{first}}  {ours:{second}}  {theirs}" for what, ours, theirs in rows)


def update_command(backend: str = "", runtime: str = "default") -> str:
    """Give the command that builds and deploys a runtime again for this client."""
    name = "" if runtime == "default" else f" {runtime}"
    return f"lithops runtime update{name}" + (f" -b {backend}" if backend else "")


def _versions(pins: tuple[str, ...]) -> dict[str, str]:
    return {name.strip(): version.strip() or "any" for name, _, version in (_split(pin) for pin in pins)}


def _split(pin: str) -> tuple[str, str, str]:
    return pin.partition("==") if "==" in pin else pin.partition("@")


def _short(modules: tuple[str, ...]) -> str:
    return ", ".join(module[:10] for module in sorted(modules)) or "-"
